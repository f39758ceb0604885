//! The attack vectors: signed Notary v1 metadata, right and wrong, with the answer that each must
//! get.
//!
//! Everything here is independent of the `trust` crate: another JSON writer, other certificates,
//! other signatures. So what the two agree on was thought of twice. [`load_all`] reads
//! `tests/vectors/`; `cargo run -p vouchsafe-tests --bin vectors` writes it anew from the cases.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a case that cannot be built is a mistake in the generator, which must stop there"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod case;
mod cases;
mod der;
pub mod json;
pub mod key;
pub mod repository;
mod write;

pub use repository::Files;
pub use write::tree;

/// One vector: what a server serves in one step or several, and what must come of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// The folder's name.
    #[serde(skip)]
    pub name: String,
    /// What it shows.
    pub description: String,
    /// The GUN under which the files are served.
    pub gun: String,
    /// The PEM files of the pinned public keys.
    pub trust_roots: Vec<String>,
    /// The same pins as the Notary client wants them: key IDs of root certificates.
    pub client_pins: Vec<String>,
    /// The time at which all steps are verified. The Notary client has the real clock instead, so
    /// nothing expires between 2020 and 2100.
    pub now: String,
    /// What is served, in order; each step is judged with what was accepted before it.
    pub steps: Vec<Step>,
    /// What is then asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<Query>,
}

/// What a server serves at one time.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The folder with the files.
    pub dir: String,
    /// What Vouchsafe must answer.
    pub expect: Expect,
    /// What the Notary client answers.
    pub client: Client,
    /// Why the two differ, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_reason: Option<String>,
}

/// The outcome of an update.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Expect {
    /// Everything holds.
    Accepted {
        /// The version of each role that a server publishes, dropped delegations included.
        versions: BTreeMap<String, u64>,
        /// The PEM files of those trust roots that anchor the root.
        anchors: Vec<String>,
    },
    /// The update stops.
    Refused {
        /// The role whose file is at fault.
        role: String,
        /// The stable name of the cause.
        label: String,
    },
}

/// The Notary client's answer to an update.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Client {
    /// It updates.
    Accepts,
    /// It cannot be asked the same.
    CannotBeAsked,
    /// It reports an error.
    Refuses,
}

/// A question to what was accepted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The tag.
    pub tag: String,
    /// The delegations that must have signed it, without `targets/`; with none named,
    /// `targets/releases` where it is published, otherwise `targets`.
    pub signers: Vec<String>,
    /// `signed <digest>`, or the stable name of the denial.
    pub answer: String,
    /// The digest that the Notary client lists for the tag in each of the roles, if it does.
    pub client: BTreeMap<String, Option<String>>,
    /// Why the two differ, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_reason: Option<String>,
}

impl Vector {
    /// The files of a step by path: `root.json`, `1.root.json`, `targets/releases.json`.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn step_files(&self, step: usize) -> io::Result<Files> {
        let step = self.steps.get(step).ok_or(io::ErrorKind::NotFound)?;
        read_tree(&root().join(&self.name).join(&step.dir))
    }

    /// The pinned public keys.
    ///
    /// # Errors
    ///
    /// If a file cannot be read.
    pub fn trust_root_pems(&self) -> io::Result<Vec<String>> {
        let folder = root().join(&self.name);
        self.trust_roots
            .iter()
            .map(|file| fs::read_to_string(folder.join(file)))
            .collect()
    }
}

/// The folder that holds the vectors.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// All vectors on disk, by name.
///
/// # Errors
///
/// If one cannot be read.
pub fn load_all() -> io::Result<Vec<Vector>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let load = |name: String| {
        let text = fs::read(root().join(&name).join("vector.json"))?;
        let vector: Vector = serde_json::from_slice(&text)?;
        Ok(Vector { name, ..vector })
    };
    names.into_iter().map(load).collect()
}

/// What a server answers to a request for `file` (`root.json`, `2.root.json`,
/// `targets.<sha256>.json`): by hash the file that has it, or else, so that a client sees the lie,
/// the newest file of the role.
pub fn serve<'a>(files: &'a Files, file: &str) -> Option<&'a Vec<u8>> {
    if let Some(found) = files.get(file) {
        return Some(found);
    }
    let (role, hash) = file.strip_suffix(".json")?.rsplit_once('.')?;
    if hash.len() != 64 {
        return None;
    }
    let newest = format!("{role}.json");
    files
        .iter()
        .filter(|(name, _)| **name == newest || name.ends_with(&format!(".{newest}")))
        .map(|(_, bytes)| bytes)
        .find(|bytes| key::hex(&Sha256::digest(bytes)) == hash)
        .or_else(|| files.get(&newest))
}

/// All files below `folder`, by their path with slashes.
///
/// # Errors
///
/// If one cannot be read.
pub fn read_tree(folder: &std::path::Path) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            let below = read_tree(&entry.path())?;
            files.extend(
                below
                    .into_iter()
                    .map(|(path, bytes)| (format!("{name}/{path}"), bytes)),
            );
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(files)
}
