//! Notary's client, whose trust directory can be put back to what it was.

use std::fs;
use std::path::{Path, PathBuf};

use vouchsafe_tests::harness::reference::{Outcome, Step};
use vouchsafe_tests::harness::{Reference, TempDir};
use vouchsafe_tests::vector::Files;

/// The client, and what it remembers.
#[derive(Debug)]
pub(crate) struct Client {
    reference: Reference,
    directory: TempDir,
}

/// A trust directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Memory {
    /// The client's own, from step to step.
    Own,
    /// As it was when the client and Vouchsafe last accepted the same.
    Agreed,
    /// As it was before the present step.
    Before,
}

/// A question to the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    pub(crate) gun: &'a str,
    pub(crate) pins: &'a [String],
    pub(crate) server: Option<&'a str>,
    pub(crate) files: &'a Files,
}

impl Client {
    pub(crate) fn new() -> Self {
        Self {
            reference: Reference::client().unwrap(),
            directory: TempDir::new("differential").unwrap(),
        }
    }

    /// Has the client update, with its own memory.
    pub(crate) fn update(&mut self, question: Question<'_>) -> Outcome {
        let Question {
            gun,
            pins,
            server,
            files,
        } = question;
        let cache = self.path(Memory::Own);
        let step = Step {
            gun,
            pins,
            cache: &cache,
            server,
            files,
        };
        self.reference.update(&step).unwrap()
    }

    /// Makes `to` what `from` is.
    pub(crate) fn copy(&self, from: Memory, to: Memory) {
        self.forget(to);
        copy(&self.path(from), &self.path(to));
    }

    /// Empties a memory.
    pub(crate) fn forget(&self, memory: Memory) {
        let path = self.path(memory);
        if path.exists() {
            fs::remove_dir_all(path).unwrap();
        }
    }

    /// The file of `role` that a memory holds.
    pub(crate) fn file(&self, memory: Memory, gun: &str, role: &str) -> Option<Vec<u8>> {
        let file = format!("tuf/{gun}/metadata/{role}.json");
        fs::read(self.path(memory).join(file)).ok()
    }

    fn path(&self, memory: Memory) -> PathBuf {
        self.directory.path().join(format!("{memory:?}"))
    }
}

fn copy(from: &Path, to: &Path) {
    if !from.exists() {
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
