//! Why a repository could not be brought up to date.

use vouchsafe_trust::{Fault, Gun, Role, Server, VerifyError};

use crate::notary::RequestError;

/// A repository that could not be brought up to date; what is stored of it stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The server says that the repository is gone, and anybody on the way could have said so.
    #[error("{server}: {gun}: the server no longer has it, which is not believed without TLS")]
    GoneWithoutTls {
        /// The server.
        server: Server,
        /// The repository.
        gun: Gun,
    },
    /// Nobody ever published trust data for it there.
    #[error("{server}: {gun}: the server has no trust data")]
    NoTrustData {
        /// The server.
        server: Server,
        /// The repository.
        gun: Gun,
    },
    /// What the server served does not verify.
    #[error("{server}: {error}")]
    Refused {
        /// The server.
        server: Server,
        /// Which check of which role failed.
        error: VerifyError,
    },
    /// The server did not serve it.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl CollectError {
    pub(super) fn refused(server: &Server, error: VerifyError) -> Self {
        Self::Refused {
            server: server.clone(),
            error,
        }
    }

    /// A stable, short name of the cause.
    pub fn label(&self) -> &'static str {
        match self {
            Self::GoneWithoutTls { .. } => "gone_without_tls",
            Self::NoTrustData { .. } => "no_trust_data",
            Self::Refused { error, .. } => error.label(),
            Self::Request(error) => error.label(),
        }
    }

    /// The role whose file it is about, if it is about one.
    pub const fn role(&self) -> Option<&Role> {
        match self {
            Self::GoneWithoutTls { .. } | Self::NoTrustData { .. } => None,
            Self::Refused { error, .. } => Some(&error.role),
            Self::Request(error) => error.role(),
        }
    }

    /// What an operator can do about it, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::GoneWithoutTls { .. } => {
                Some("if that is right, run `vouchsafe forget GUN`; better, give the server TLS")
            }
            Self::NoTrustData { .. } => Some(
                "check the name; if it is right, ask the publisher to sign: \
                 `docker trust sign GUN:TAG`",
            ),
            Self::Refused { error, .. } => error.fault.hint(),
            Self::Request(error) => error.hint(),
        }
    }

    /// Whether the server as a whole cannot be reached.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Request(error) if error.cause.is_unreachable())
    }

    /// Whether another attempt may well succeed, without a change of the repository.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Request(error) if error.cause.is_transient())
    }

    /// Whether a publish between two requests could be the cause.
    pub(super) fn may_be_a_race(&self) -> bool {
        let Self::Refused { error, .. } = self else {
            return false;
        };
        self.may_be_a_new_root()
            || matches!(
                *error.fault,
                Fault::FileMissing | Fault::WrongHash { .. } | Fault::WrongLength { .. }
            )
    }

    /// Whether a root that is not known yet could be the cause (TUF 5.3.11; notary client.go
    /// updates the root when any later step fails).
    pub(super) fn may_be_a_new_root(&self) -> bool {
        let Self::Refused { error, .. } = self else {
            return false;
        };
        let base = matches!(error.role, Role::Timestamp | Role::Snapshot | Role::Targets);
        base && matches!(
            *error.fault,
            Fault::RootMismatch { .. } | Fault::ThresholdNotMet { .. }
        )
    }
}
