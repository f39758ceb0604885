//! Why a bundle could not be pushed or pulled.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use vouchsafe_outbound::{Cause, SetupError};
use vouchsafe_trust::Sha256;

/// Why a bundle could not be pushed to, or pulled from, a registry. None of it repeats credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// What is to be pushed cannot be read.
    #[error("cannot read the contents of sha256:{digest}")]
    BlobUnreadable {
        /// Its digest.
        digest: Sha256,
        /// Why.
        source: io::Error,
    },
    /// The registry knows who asks, and does not let them.
    #[error("{what}: access is denied: {cause}")]
    Denied {
        /// What was asked for.
        what: String,
        /// How the registry said so.
        cause: Box<Cause>,
    },
    /// What came is something else than was asked for.
    #[error("{what}: it should be sha256:{stated}, and is sha256:{found}")]
    DigestMismatch {
        /// What was asked for.
        what: String,
        /// The digest that it was asked for by.
        stated: Sha256,
        /// The digest of what came.
        found: Sha256,
    },
    /// What was pulled cannot be written.
    #[error("cannot write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The registry has something else there.
    #[error("{what} is no bundle: {reason}")]
    NotABundle {
        /// What was asked for.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The registry has nothing there.
    #[error("{what}: not found: {cause}")]
    NotFound {
        /// What was asked for.
        what: String,
        /// How the registry said so.
        cause: Box<Cause>,
    },
    /// A request failed in some other way.
    #[error("{what}: {cause}")]
    Request {
        /// What was asked for.
        what: String,
        /// Why it failed.
        cause: Box<Cause>,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// What came, or is to be pushed, has another length than its manifest states.
    #[error("{what}: {stated} bytes are stated, and it has {found}")]
    SizeMismatch {
        /// What.
        what: String,
        /// The length that is stated.
        stated: u64,
        /// The length that it has, as far as that was read.
        found: u64,
    },
    /// It took longer than it may.
    #[error("{what}: not done within {} s", after.as_secs())]
    Timeout {
        /// What was asked for.
        what: String,
        /// The time allowed.
        after: Duration,
    },
    /// No connection that can be trusted.
    #[error("{what}: {cause}")]
    Tls {
        /// What was asked for.
        what: String,
        /// Why.
        cause: Box<Cause>,
    },
    /// More than is allowed.
    #[error("{what}: {size} bytes; at most {limit} are taken")]
    TooLarge {
        /// What.
        what: String,
        /// Its size, or what was counted until the limit.
        size: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// The registry wants credentials, or others.
    #[error("{what}: {cause}")]
    Unauthorized {
        /// What was asked for.
        what: String,
        /// What was tried.
        cause: Box<Cause>,
    },
    /// The registry does not answer.
    #[error("{what}: {cause}")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// Why.
        cause: Box<Cause>,
    },
}

impl RegistryError {
    /// A stable, short name of the cause, for JSON, logs and metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::BlobUnreadable { .. } => "blob_unreadable",
            Self::Denied { .. } => "denied",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::File { .. } => "file",
            Self::NotABundle { .. } => "not_a_bundle",
            Self::NotFound { .. } => "not_found",
            Self::Request { cause, .. } => cause.label(),
            Self::Setup(_) => "setup",
            Self::SizeMismatch { .. } => "size_mismatch",
            Self::Timeout { .. } => "timeout",
            Self::Tls { .. } => "tls",
            Self::TooLarge { .. } => "too_large",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    /// What an operator can do about it, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        let hint = match self {
            Self::Denied { .. } => "the account lacks the right to do this in the repository",
            Self::NotABundle { .. } => {
                "bundles are pushed by `vouchsafe bundle push`, or copied unchanged (skopeo, oras)"
            }
            Self::NotFound { .. } => {
                "compare the tag; some registries want the project or repository made before a push"
            }
            Self::Request { cause, .. } if is_status(cause, 413) => {
                "the registry, or a proxy before it, takes no body of that length: raise its limit \
                 (nginx: `client_max_body_size`)"
            }
            Self::Tls { cause, .. } if cause.is_unknown_authority() => {
                "name the authority that certifies the registry"
            }
            Self::Tls { cause, .. } if is_plain(cause) => {
                "no TLS is spoken there: write `http://` before the registry if that is meant"
            }
            Self::Unauthorized { .. } => {
                "give a user name and a password, or a Docker configuration file with an `auth` \
                 entry for the registry; credential helpers are not run"
            }
            Self::BlobUnreadable { .. }
            | Self::DigestMismatch { .. }
            | Self::File { .. }
            | Self::Request { .. }
            | Self::Setup(_)
            | Self::SizeMismatch { .. }
            | Self::Timeout { .. }
            | Self::Tls { .. }
            | Self::TooLarge { .. }
            | Self::Unreachable { .. } => return None,
        };
        Some(hint)
    }

    /// The error that a failed request for `what` is.
    pub(super) fn of(what: &str, cause: Cause) -> Self {
        let (what, cause) = (what.to_owned(), Box::new(cause));
        if is_status(&cause, 404) {
            Self::NotFound { what, cause }
        } else if is_status(&cause, 403) {
            Self::Denied { what, cause }
        } else if is_status(&cause, 401) || matches!(cause.innermost(), Cause::Unauthorized { .. })
        {
            Self::Unauthorized { what, cause }
        } else if is_tls(&cause) {
            Self::Tls { what, cause }
        } else if cause.is_unreachable() {
            Self::Unreachable { what, cause }
        } else {
            Self::Request { what, cause }
        }
    }

    /// The cause, where the same request may well succeed in a moment.
    pub(super) fn transient(&self) -> Option<&Cause> {
        match self {
            Self::Request { cause, .. } | Self::Unreachable { cause, .. } => {
                cause.is_transient().then_some(&**cause)
            }
            Self::BlobUnreadable { .. }
            | Self::Denied { .. }
            | Self::DigestMismatch { .. }
            | Self::File { .. }
            | Self::NotABundle { .. }
            | Self::NotFound { .. }
            | Self::Setup(_)
            | Self::SizeMismatch { .. }
            | Self::Timeout { .. }
            | Self::Tls { .. }
            | Self::TooLarge { .. }
            | Self::Unauthorized { .. } => None,
        }
    }
}

fn is_status(cause: &Cause, wanted: u16) -> bool {
    matches!(cause.innermost(), Cause::Status { status, .. } if *status == wanted)
}

/// Whether the connection failed in TLS, by rustls' own words.
fn is_tls(cause: &Cause) -> bool {
    let words = [
        "certificate",
        "corrupt message",
        "fatal alert",
        "peer is incompatible",
        "peer misbehaved",
    ];
    matches!(cause.innermost(), Cause::Connect { reason } if words.iter().any(|word| reason.contains(word)))
}

/// Whether something else than TLS answered.
fn is_plain(cause: &Cause) -> bool {
    matches!(cause.innermost(), Cause::Connect { reason } if reason.contains("InvalidContentType"))
}
