//! What a pass did, while it runs and afterwards.

use std::fmt;

use serde::Serialize;
use vouchsafe_store::{SyncOutcome, SyncResult};
use vouchsafe_trust::{Gun, Role, Server, Timestamp};

use crate::collect::CollectError;

/// What one pass over all servers did.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PassReport {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// By server, in the order of the configuration.
    pub servers: Vec<ServerReport>,
    /// Repositories that were asked for, and which no server is configured for.
    pub unconfigured: Vec<Gun>,
    /// Why not all images that the cluster's objects name could be looked up, where they should have been.
    pub discovery: Option<String>,
}

/// What a pass did with one server.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerReport {
    /// The server.
    pub server: Server,
    /// Where the list of repositories came from.
    pub source: Source,
    /// Repositories that the server serves as they are stored.
    pub unchanged: u64,
    /// Repositories that were committed.
    pub updated: u64,
    /// Repositories that the server says are gone.
    pub withdrawn: u64,
    /// Repositories that failed.
    pub failed: u64,
    /// Repositories that were due and not tried, because the server could not be reached.
    pub skipped: u64,
    /// Repositories that the server does not have, and of which nothing was known but images that were sighted.
    pub absent: u64,
    /// Repositories of which images were sighted, and which were too many to ask for in one pass.
    pub left_out: u64,
    /// Requests made to the server, those for tokens not counted.
    pub requests: u64,
    /// Why repositories failed; at most the first thousand.
    pub failures: Vec<Failure>,
    /// What was wrong with the server as a whole.
    pub error: Option<Failure>,
    /// Why the changefeed was not used, where it should have been.
    pub changefeed: Option<String>,
    /// Whether the changefeed goes on: what else changed is found out by the next pass.
    #[serde(skip)]
    pub goes_on: bool,
}

/// Where a pass got its list of repositories from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The server's changefeed.
    Changefeed,
    /// Those whose timestamp has run out since the last pass.
    Expired,
    /// Every known one, since the changefeed is switched off or not to be had.
    Poll,
    /// Whoever asked named them.
    Requested,
    /// Every known one, as is done now and then whatever the changefeed says.
    Sweep,
}

impl Source {
    /// Its name, as in JSON and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changefeed => "changefeed",
            Self::Expired => "expired",
            Self::Poll => "poll",
            Self::Requested => "requested",
            Self::Sweep => "sweep",
        }
    }
}

/// Something that failed: where, why, and what can be done about it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The server.
    pub server: Server,
    /// The repository, if it is about one.
    pub gun: Option<Gun>,
    /// The role, if it is about one's file.
    pub role: Option<Role>,
    /// The stable, short name of the cause.
    pub label: &'static str,
    /// The cause in words.
    pub message: String,
    /// What an operator can do, where there is something.
    pub hint: Option<&'static str>,
    /// Whether verification refused what was served, rather than nothing being served.
    pub refused: bool,
}

impl Failure {
    pub(crate) fn of_collect(server: &Server, gun: &Gun, error: &CollectError) -> Self {
        Self {
            server: server.clone(),
            gun: Some(gun.clone()),
            role: error.role().cloned(),
            label: error.label(),
            message: error.to_string(),
            hint: error.hint(),
            refused: matches!(error, CollectError::Refused { .. }),
        }
    }

    pub(crate) fn of_server(
        server: &Server,
        label: &'static str,
        message: impl fmt::Display,
    ) -> Self {
        Self {
            server: server.clone(),
            gun: None,
            role: None,
            label,
            message: message.to_string(),
            hint: None,
            refused: false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ServerReport {
    pub(crate) const fn new(server: Server, source: Source) -> Self {
        Self {
            server,
            source,
            unchanged: 0,
            updated: 0,
            withdrawn: 0,
            failed: 0,
            skipped: 0,
            absent: 0,
            left_out: 0,
            requests: 0,
            failures: Vec::new(),
            error: None,
            changefeed: None,
            goes_on: false,
        }
    }

    /// Whether everything that was due is up to date.
    pub const fn is_complete(&self) -> bool {
        self.failed == 0 && self.skipped == 0 && self.error.is_none()
    }

    /// Logs what the pass did, as one event.
    pub(crate) fn log(&self) {
        let Self {
            server,
            unchanged,
            updated,
            withdrawn,
            failed,
            skipped,
            absent,
            requests,
            ..
        } = self;
        let source = self.source.name();
        match &self.error {
            None => tracing::info!(
                %server, source, unchanged, updated, withdrawn, failed, skipped, absent, requests,
                "pass finished"
            ),
            Some(error) => tracing::warn!(
                %server, source, unchanged, updated, withdrawn, failed, skipped, requests,
                reason = error.label, error = error.message,
                "pass cut short"
            ),
        }
    }

    pub(crate) fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Failed(failure) => {
                self.failed += 1;
                if self.failures.len() < MAX_FAILURES {
                    self.failures.push((**failure).clone());
                }
            }
            Outcome::Absent => self.absent += 1,
            Outcome::Unchanged => self.unchanged += 1,
            Outcome::Updated => self.updated += 1,
            Outcome::Withdrawn => self.withdrawn += 1,
        }
    }
}

impl PassReport {
    /// Whether everything that was due, everywhere, is up to date.
    pub fn is_complete(&self) -> bool {
        let is_asked = self.unconfigured.is_empty() && self.discovery.is_none();
        is_asked && self.servers.iter().all(ServerReport::is_complete)
    }
}

/// What became of one repository in a pass.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The server does not have it, and nobody said that it should.
    Absent,
    /// What is stored still stands.
    Failed(Box<Failure>),
    /// The server serves what is stored.
    Unchanged,
    /// Something new was committed.
    Updated,
    /// The server says that the repository is gone.
    Withdrawn,
}

impl Outcome {
    /// Whether it failed because the server has no trust data of it.
    pub(crate) fn is_of_no_trust_data(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.label == "no_trust_data",
            Self::Absent | Self::Unchanged | Self::Updated | Self::Withdrawn => false,
        }
    }

    /// Whether it failed because of the credentials, which are the server's and not the repository's.
    pub(crate) fn is_of_credentials(&self) -> bool {
        match self {
            Self::Failed(failure) => matches!(failure.label, "credentials" | "unauthorized"),
            Self::Absent | Self::Unchanged | Self::Updated | Self::Withdrawn => false,
        }
    }

    /// What the store remembers of it, which ended at that time.
    pub(crate) fn recorded(&self, at: Timestamp) -> SyncOutcome {
        let result = match self {
            Self::Failed(failure) => SyncResult::Err {
                label: failure.label.to_owned(),
                message: failure.message.clone(),
            },
            Self::Absent | Self::Unchanged | Self::Updated | Self::Withdrawn => SyncResult::Ok,
        };
        SyncOutcome { at, result }
    }
}

/// Something that happened during a pass.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A server's repositories are known; there are `total` of them.
    Planned {
        /// The server.
        server: &'a Server,
        /// How many repositories will be looked at.
        total: usize,
    },
    /// One repository is done.
    Done {
        /// The server.
        server: &'a Server,
        /// The repository.
        gun: &'a Gun,
        /// What became of it.
        outcome: &'a Outcome,
    },
}

/// Somebody who wants to see how a pass gets on, such as a progress bar.
pub trait Progress: fmt::Debug + Send + Sync {
    /// Takes note of an event; called from the pass, so it must not take long.
    fn event(&self, event: Event<'_>);
}

/// Nobody is watching.
impl Progress for () {
    fn event(&self, _event: Event<'_>) {}
}

/// The most failures that a report spells out: it is kept in memory.
const MAX_FAILURES: usize = 1000;
