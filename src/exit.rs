//! Exit status: a contract, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Outcome {
    /// Yes, or done.
    Yes,
    /// No: not trusted, or there are findings.
    No,
    /// Refused by verification.
    Refused,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Yes => Self::SUCCESS,
            Outcome::No => Self::from(1),
            Outcome::Refused => Self::from(3),
        }
    }
}

/// Status of a command that could not tell: wrong usage, or something it needs is out of reach.
pub(crate) const COULD_NOT_TELL: u8 = 2;

/// Why a command could not do its work.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
