//! Notary's own code, as a process that answers one question after the other (`tests/reference`).

use std::collections::BTreeMap;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize, Serializer};

use super::HarnessError;
use super::process::run;
use crate::vector::Files;

/// The running process; it ends when the value is dropped.
#[derive(Debug)]
pub struct Reference {
    child: Child,
    // `None` once the process was told to end.
    questions: Option<BufWriter<ChildStdin>>,
    answers: BufReader<ChildStdout>,
}

/// One update of one repository, for [`Reference::update`].
#[derive(Clone, Debug, Serialize)]
pub struct Step<'a> {
    /// The repository.
    pub gun: &'a str,
    /// Key IDs of the root certificates that the client pins.
    pub pins: &'a [String],
    /// The trust directory, in which the client remembers a repository from step to step.
    pub cache: &'a Path,
    /// The base URL of a server; `None` to be answered out of `files` without a socket.
    pub server: Option<&'a str>,
    /// Role files as [`crate::vector::serve`] has them; not looked at where there is a server.
    #[serde(serialize_with = "in_base64")]
    pub files: &'a Files,
}

/// What the client library makes of a step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Whether it updated.
    pub accepted: bool,
    /// The Go type of its error, such as `signed.ErrExpired`; empty where it updated.
    #[serde(default)]
    pub error_type: String,
    /// The error's text; empty where it updated.
    #[serde(default)]
    pub error: String,
    /// The versions of all roles that it has a valid file of.
    #[serde(default)]
    pub versions: BTreeMap<String, u64>,
    /// What `notary list --roles ROLE` shows of the role itself, for every role.
    #[serde(default)]
    pub targets: Vec<Target>,
}

/// A target as the client lists it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Target {
    /// The role that it stands in.
    pub role: String,
    /// The tag.
    pub name: String,
    /// The digest in hexadecimal digits; empty where the target has no SHA-256.
    pub sha256: String,
    /// Size in bytes.
    pub length: i64,
}

impl Reference {
    /// A process that answers with canonical forms.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it cannot be built, [`HarnessError::Start`] if it does not run.
    pub fn canonical() -> Result<Self, HarnessError> {
        Self::start("canonical")
    }

    /// A process that is Notary's client.
    ///
    /// # Errors
    ///
    /// As [`Reference::canonical`].
    pub fn client() -> Result<Self, HarnessError> {
        Self::start("client")
    }

    /// The canonical form that Notary signs `value` in, which is any JSON, or Go's words for why there is none. For
    /// [`Reference::canonical`].
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] if the process is not there any more.
    pub fn canonical_form(
        &mut self,
        value: &[u8],
    ) -> Result<Result<Vec<u8>, String>, HarnessError> {
        let answer = self.ask(value)?;
        match answer.split_first() {
            Some((0, form)) => Ok(Ok(form.to_vec())),
            Some((1, words)) => Ok(Err(String::from_utf8_lossy(words).into_owned())),
            _ => Err(unexpected(format!("answered {answer:?}"))),
        }
    }

    /// Has the client update a repository. For [`Reference::client`].
    ///
    /// # Errors
    ///
    /// [`HarnessError::Unexpected`] if the process is not there any more.
    pub fn update(&mut self, step: &Step<'_>) -> Result<Outcome, HarnessError> {
        let question = serde_json::to_vec(step).map_err(unexpected)?;
        let answer = self.ask(&question)?;
        serde_json::from_slice(&answer).map_err(unexpected)
    }

    fn ask(&mut self, question: &[u8]) -> Result<Vec<u8>, HarnessError> {
        let length = u32::try_from(question.len()).map_err(unexpected)?;
        let input = self
            .questions
            .as_mut()
            .ok_or_else(|| unexpected("was told to end"))?;
        input
            .write_all(&length.to_be_bytes())
            .and_then(|()| input.write_all(question))
            .and_then(|()| input.flush())
            .map_err(unexpected)?;
        let mut length = [0; 4];
        self.answers.read_exact(&mut length).map_err(unexpected)?;
        let length = usize::try_from(u32::from_be_bytes(length)).map_err(unexpected)?;
        let mut answer = vec![0; length];
        self.answers.read_exact(&mut answer).map_err(unexpected)?;
        Ok(answer)
    }

    fn start(command: &str) -> Result<Self, HarnessError> {
        let program = program()?;
        let failed = |source| HarnessError::Start {
            program: program.display().to_string(),
            source,
        };
        let mut child = Command::new(&program)
            .arg(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (questions, answers) = pipes.ok_or_else(|| unexpected("has no pipes"))?;
        Ok(Self {
            child,
            questions: Some(BufWriter::new(questions)),
            answers: BufReader::new(answers),
        })
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.questions.take());
        drop(self.child.wait());
    }
}

/// The program, built where no built one is found.
///
/// # Errors
///
/// [`HarnessError::Command`] if it cannot be built.
pub fn program() -> Result<PathBuf, HarnessError> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/reference.sh");
    let program = run(Command::new(script).arg("build"))?;
    Ok(PathBuf::from(program.trim()))
}

fn in_base64<S: Serializer>(files: &Files, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        files
            .iter()
            .map(|(name, bytes)| (name, STANDARD.encode(bytes))),
    )
}

fn unexpected(detail: impl std::fmt::Display) -> HarnessError {
    HarnessError::unexpected("reference")(detail)
}
