//! Everything that is done to the files of repositories, as one list.

use vouchsafe_syncer::Failure;
use vouchsafe_tests::harness::ScriptedServer;
use vouchsafe_tests::harness::scripted_server::{Answer, Reply};

use super::{answers, mixed, redirects, wire};

/// All misdeeds of the server; `elsewhere` is where it sends to.
pub(crate) fn catalogue(server: &ScriptedServer, elsewhere: &ScriptedServer) -> Vec<Misdeed> {
    [
        answers::statuses(),
        answers::no_statuses(),
        answers::contents(),
        redirects::redirects(server, elsewhere),
        wire::lengths(),
        wire::encodings(),
        wire::endless(),
        wire::endless_heads(),
        wire::broken_off(),
        mixed::other_files(),
        mixed::other_generations(),
    ]
    .concat()
}

/// Something that is done to each role's file in turn.
#[derive(Clone)]
pub(crate) struct Misdeed {
    pub(crate) case: String,
    /// What comes instead of each role's file, in the order of [`ROLES`].
    pub(crate) answers: [Answer; 6],
    /// What is said about it, in the order of [`ROLES`].
    labels: [&'static str; 6],
}

impl Misdeed {
    /// The same instead of every role's file.
    pub(crate) fn new(
        case: impl Into<String>,
        answer: impl Into<Answer>,
        labels: [&'static str; 6],
    ) -> Self {
        let answer = answer.into();
        Self::each(case, std::array::from_fn(|_| answer.clone()), labels)
    }

    /// Something else instead of each role's file.
    pub(crate) fn each(
        case: impl Into<String>,
        answers: [Answer; 6],
        labels: [&'static str; 6],
    ) -> Self {
        Self {
            case: case.into(),
            answers,
            labels,
        }
    }

    /// How many roles are complained about.
    pub(crate) fn failures(&self) -> usize {
        self.labels
            .iter()
            .filter(|label| **label != NOTHING)
            .count()
    }

    /// What is wrong with how a failure names the cause, the server, the repository and the role.
    pub(crate) fn misnamed(&self, server: &ScriptedServer, failure: &Failure) -> Option<String> {
        let gun = failure.gun.as_ref()?.as_str();
        let at = ROLES.iter().position(|role| gun_of(role) == gun)?;
        let (case, words) = (&self.case, failure.to_string());
        if failure.label != self.labels[at] {
            let expected = self.labels[at];
            return Some(format!(
                "{case}, {gun}: {} and not {expected}: {words}",
                failure.label
            ));
        }
        // Where the newest root cannot be had, the snapshot that states it is at fault.
        let role = match failure.label {
            "root_mismatch" => "snapshot",
            _ => ROLES[at],
        };
        let parts = [server.url(), gun.to_owned(), role.to_owned()];
        let missing = parts.iter().find(|part| !words.contains(part.as_str()))?;
        Some(format!("{case}: no {missing} in: {words}"))
    }
}

/// An answer with this status that is none.
pub(crate) fn status(status: u16) -> Reply {
    Reply {
        status,
        ..Reply::ok("It works!")
    }
}

/// A file that a parent states is held to what is stated; nobody states the newest timestamp and root.
pub(crate) fn unstated(label: &'static str, stated: &'static str) -> [&'static str; 6] {
    let mut labels = [stated; 6];
    labels[..2].fill(label);
    labels
}

/// One repository for each role, so that one pass shows a misdeed on all of them.
pub(crate) fn gun_of(role: &str) -> String {
    format!("registry.example.com/{}", role.replace('/', "-"))
}

/// The label where there is nothing to complain about.
pub(crate) const NOTHING: &str = "";

pub(crate) const ROLES: [&str; 6] = [
    "timestamp",
    "root",
    "snapshot",
    "targets",
    "targets/releases",
    "targets/alice",
];
