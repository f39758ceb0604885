//! What came of a bundle.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use vouchsafe_trust::{Denied, Gun, Server, Sha256};

use super::{Changes, Standing};
use crate::manifest::Manifest;

/// What came of a bundle. Its JSON form is stable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// The bundle's series.
    pub name: String,
    /// Its number.
    pub sequence: u64,
    /// The digest of its manifest.
    pub manifest: Sha256,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when those who signed it vouch for it.
    pub refresh_by: Option<Timestamp>,
    /// How many of the pinned keys signed it.
    pub signers: usize,
    /// Whether these are enough for their word to count.
    pub vouched: bool,
    /// Whether the same bundle was taken in before.
    pub known: bool,
    /// What the series denies now.
    pub deny: Vec<Denied>,
    /// What the series denied before, and does no longer.
    #[serde(default)]
    pub lifted: Vec<Denied>,
    /// What became of each of its repositories.
    pub repositories: Vec<RepositoryReport>,
}

/// What became of one repository.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryReport {
    /// The Notary server.
    pub server: Server,
    /// The repository.
    pub gun: Gun,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// What became of one repository.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "camelCase")]
pub enum Fate {
    /// It does not hold, or falls behind: it was left out, and what is stored of it stays.
    Failed {
        /// The stable, short name of the cause.
        label: String,
        /// The cause in words.
        message: String,
    },
    /// The bundle leaves it as it was, and so it is.
    Kept,
    /// It was not there before.
    New {
        /// How many tags it signs.
        tags: usize,
    },
    /// The series carries it no longer: what is stored of it stays, and nobody vouches for it any more.
    NotCarried,
    /// No rule of the policy asks about it here.
    NotAsked,
    /// The same files were there before.
    Unchanged,
    /// Newer files took the place of what was there.
    Updated {
        /// What that changes.
        changes: Box<Changes>,
    },
    /// Its server said that it is gone.
    Withdrawn,
}

impl Fate {
    pub(super) fn failed(label: &str, message: impl fmt::Display) -> Self {
        Self::Failed {
            label: label.to_owned(),
            message: message.to_string(),
        }
    }
}

impl ImportReport {
    pub(super) fn new(manifest: &Manifest, sha256: Sha256, standing: &Standing) -> Self {
        Self {
            name: manifest.name.to_string(),
            sequence: manifest.sequence,
            manifest: sha256,
            created_at: manifest.created_at,
            refresh_by: manifest.refresh_by,
            signers: standing.signers.len(),
            vouched: standing.is_vouched,
            known: standing.is_known,
            deny: standing.deny.clone(),
            lifted: standing.lifted.clone(),
            repositories: Vec::with_capacity(manifest.repositories.len()),
        }
    }

    pub(super) fn add(&mut self, server: &Server, gun: &Gun, fate: Fate) {
        self.repositories.push(RepositoryReport {
            server: server.clone(),
            gun: gun.clone(),
            fate,
        });
    }

    /// How many repositories were left out because something is wrong with them.
    pub fn failed(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Failed { .. }))
    }

    /// How many repositories have a fate like that.
    pub fn count(&self, like: impl Fn(&Fate) -> bool) -> usize {
        let repositories = self.repositories.iter();
        repositories.filter(|it| like(&it.fate)).count()
    }
}
