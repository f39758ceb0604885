//! What came of publishing.

use std::fmt;

use serde::Serialize;

/// What came of publishing. Its JSON form is stable.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishReport {
    /// Objects that were written.
    pub written: u64,
    /// Objects that say what is stored.
    pub unchanged: u64,
    /// Objects that were taken away, since no rule asks about their repositories.
    pub removed: u64,
    /// Parts that were taken away, since no object names them.
    pub swept: u64,
    /// Objects that make no sense, which were left.
    pub foreign: u64,
    /// What failed; at most the first thousand.
    pub failures: Vec<PublishFailure>,
    /// How much failed.
    pub failed: u64,
}

/// A repository that could not be published.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PublishFailure {
    /// The repository.
    pub gun: String,
    /// Why.
    pub message: String,
}

impl PublishReport {
    pub(super) fn fail(&mut self, gun: &str, error: &dyn fmt::Display) {
        self.failed += 1;
        if self.failures.len() < MAX_FAILURES {
            self.failures.push(PublishFailure {
                gun: gun.to_owned(),
                message: error.to_string(),
            });
        }
    }
}

/// The most failures that a report spells out: it is kept in memory.
const MAX_FAILURES: usize = 1000;
