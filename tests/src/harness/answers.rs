//! What the commands of `vouchsafe` answer, read from their JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::process::Finished;
use super::{HarnessError, Vouchsafe};

/// The answer about one image: the signed digest in hexadecimal digits, or the name of the cause for which it is denied.
pub type Verdict = Result<String, String>;

/// How a `vouchsafe sync` ended.
#[derive(Clone, Debug)]
pub struct Synced {
    /// The exit status.
    pub code: Option<i32>,
    /// The report of the pass, if there is one.
    pub report: Value,
    /// What it wrote to stderr.
    pub stderr: String,
}

impl Vouchsafe {
    /// Asks `vouchsafe check` about images in a namespace.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it cannot tell, [`HarnessError::Unexpected`] if the answer is not as documented.
    pub fn check(
        &self,
        namespace: &str,
        images: &[impl AsRef<str>],
    ) -> Result<Vec<Verdict>, HarnessError> {
        let mut arguments = vec!["check", "-o", "json", "--namespace", namespace];
        arguments.extend(images.iter().map(AsRef::as_ref));
        let answers = self.json(&arguments, &[0, 1])?;
        let verdicts = answers.as_array().into_iter().flatten().map(verdict);
        verdicts.collect()
    }

    /// Asks `vouchsafe check` about one image in namespace `default`.
    ///
    /// # Errors
    ///
    /// As [`Vouchsafe::check`].
    pub fn check_one(&self, image: &str) -> Result<Verdict, HarnessError> {
        let verdict = self.check("default", &[image])?.pop();
        verdict.ok_or_else(|| unexpected("check", "no answer"))
    }

    /// Runs `vouchsafe sync`, whatever becomes of it.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Start`] if the binary cannot be run.
    pub fn sync(&self, arguments: &[&str]) -> Result<Synced, HarnessError> {
        let Finished {
            code,
            stdout,
            stderr,
        } = self.run(&[&["sync", "-o", "json"], arguments].concat())?;
        Ok(Synced {
            code,
            report: serde_json::from_str(&stdout).unwrap_or_default(),
            stderr,
        })
    }

    /// The `vouchsafe status` of one repository on one server: its object in `repositories`.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if there is none, [`HarnessError::Unexpected`] if the answer is not as documented.
    pub fn status(&self, gun: &str) -> Result<Value, HarnessError> {
        let status = self.json(&["status", "-o", "json", gun], &[0])?;
        let repository = status.pointer("/repositories/0");
        repository
            .cloned()
            .ok_or_else(|| unexpected("status", &status.to_string()))
    }

    /// The versions of a repository's roles, as `vouchsafe status` shows them.
    ///
    /// # Errors
    ///
    /// As [`Vouchsafe::status`].
    pub fn versions(&self, gun: &str) -> Result<BTreeMap<String, u64>, HarnessError> {
        let status = self.status(gun)?;
        let roles = status.pointer("/roles").and_then(Value::as_object);
        let roles = roles.ok_or_else(|| unexpected("status", &status.to_string()))?;
        let version = |file: &Value| file.pointer("/version").and_then(Value::as_u64);
        let versions = roles
            .iter()
            .filter_map(|(role, file)| Some((role.clone(), version(file)?)));
        Ok(versions.collect())
    }

    /// Runs a command that has to end with one of these exit statuses and to print JSON.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] if it ends otherwise, [`HarnessError::Unexpected`] if it is no JSON.
    pub fn json(&self, arguments: &[&str], codes: &[i32]) -> Result<Value, HarnessError> {
        let finished = self.run(arguments)?;
        if !finished.code.is_some_and(|code| codes.contains(&code)) {
            return Err(HarnessError::Command {
                command: format!("vouchsafe {}", arguments.join(" ")),
                status: format!("exit status {:?}", finished.code),
                output: finished.stdout + &finished.stderr,
            });
        }
        serde_json::from_str(&finished.stdout)
            .map_err(HarnessError::unexpected(arguments.join(" ")))
    }
}

impl Synced {
    /// The labels of everything that failed, of servers and repositories.
    pub fn labels(&self) -> Vec<String> {
        let servers = self.report.pointer("/servers").and_then(Value::as_array);
        let failures = servers.into_iter().flatten().flat_map(|server| {
            let of_server = server.pointer("/error").filter(|error| !error.is_null());
            let of_guns = server.pointer("/failures").and_then(Value::as_array);
            of_server.into_iter().chain(of_guns.into_iter().flatten())
        });
        let label = |failure: &Value| Some(failure.pointer("/label")?.as_str()?.to_owned());
        failures.filter_map(label).collect()
    }
}

fn verdict(answer: &Value) -> Result<Verdict, HarnessError> {
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    let malformed = || unexpected("check", &answer.to_string());
    match answer.get("allowed").and_then(Value::as_bool) {
        Some(true) => {
            let digest = text("digest").unwrap_or_default();
            Ok(Ok(digest.trim_start_matches("sha256:").to_owned()))
        }
        Some(false) => text("reason").map(Err).ok_or_else(malformed),
        None => Err(malformed()),
    }
}

fn unexpected(what: &str, detail: &str) -> HarnessError {
    HarnessError::Unexpected {
        what: format!("vouchsafe {what} -o json"),
        detail: detail.to_owned(),
    }
}
