//! Why an update was refused.

use crate::json::JsonError;
use crate::key::CertificateFault;
use crate::metadata::{MetadataError, Mismatch};
use crate::name::{Gun, Role, Version};
use crate::time::Timestamp;

/// An update that was refused: which repository, which role, which check.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{gun}: {role}: {fault}")]
pub struct VerifyError {
    /// The repository.
    pub gun: Gun,
    /// The role whose file failed.
    pub role: Role,
    /// The check that failed. Boxed, since it is the rare case and by far the largest.
    pub fault: Box<Fault>,
}

impl VerifyError {
    /// The refusal of `gun` because the file of `role` has `fault`.
    pub fn new(gun: &Gun, role: &Role, fault: impl Into<Fault>) -> Self {
        Self {
            gun: gun.clone(),
            role: role.clone(),
            fault: Box::new(fault.into()),
        }
    }

    /// A stable, short name of the cause, for metrics and audit annotations.
    pub fn label(&self) -> &'static str {
        self.fault.label()
    }
}

/// A check that failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The root certificate does not let the key speak for the GUN.
    #[error(transparent)]
    Certificate(#[from] CertificateFault),
    /// The version that was accepted before, with other contents.
    #[error("version {version} was accepted before with other contents")]
    Equivocation {
        /// The version.
        version: Version,
    },
    /// It was valid once and no longer is: somebody holds back updates, or nobody signs any more.
    #[error("expired at {at:.0}")]
    Expired {
        /// When it did.
        at: Timestamp,
    },
    /// The snapshot states a file that is not there.
    #[error("the snapshot states this file, but it is missing")]
    FileMissing,
    /// Signatures are good or were not looked at, and the contents cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The root role lists no key in a certificate.
    #[error("no root key is in a certificate, so nothing ties the metadata to the repository")]
    NoCertificate,
    /// Nobody signed.
    #[error("there is no signature")]
    NoSignatures,
    /// None of the pinned keys is listed in a root and signed it.
    #[error("{}", not_pinned(*.listed))]
    NotPinned {
        /// Whether one of the pinned keys is at least listed.
        listed: bool,
    },
    /// An older version than one accepted before.
    #[error("version {offered} is older than version {accepted}, which was accepted before")]
    Rollback {
        /// The version accepted before.
        accepted: Version,
        /// The version offered now.
        offered: Version,
    },
    /// The snapshot states another root than the newest known one.
    #[error("the snapshot states another root than version {known}")]
    RootMismatch {
        /// Version of the newest known root.
        known: Version,
    },
    /// A new root that the keys of the one before did not sign.
    #[error(
        "version {version} has {valid} valid signatures by the root keys of the version before; \
         {needed} are needed"
    )]
    RootNotChained {
        /// Version of the new root.
        version: Version,
        /// Threshold of the root before.
        needed: u64,
        /// Distinct keys of the root before that signed.
        valid: u64,
    },
    /// A root version is left out.
    #[error("version {expected} is needed next, not version {found}")]
    RootVersionGap {
        /// The version that has to follow.
        expected: Version,
        /// The version found.
        found: Version,
    },
    /// Too few of the role's keys signed.
    #[error("{valid} valid signatures; {needed} are needed")]
    ThresholdNotMet {
        /// The role's threshold.
        needed: u64,
        /// Distinct keys with a good signature.
        valid: u64,
    },
    /// Larger than is allowed.
    #[error("{length} bytes long; at most {limit} are allowed")]
    TooLarge {
        /// Length, as stated or found.
        length: u64,
        /// The limit.
        limit: u64,
    },
    /// More delegated roles, or more levels of them, than are allowed.
    #[error(
        "more than {} delegated roles, or {} levels of them",
        super::MAX_DELEGATIONS,
        super::MAX_DEPTH
    )]
    TooManyDelegations,
    /// The bytes have another hash than the parent states.
    #[error("its {algorithm} is not the one stated for it")]
    WrongHash {
        /// Which hash.
        algorithm: &'static str,
    },
    /// The bytes have another length than the parent states.
    #[error("{found} bytes long; {stated} are stated for it")]
    WrongLength {
        /// Stated length in bytes.
        stated: u64,
        /// Length found in bytes.
        found: u64,
    },
}

impl Fault {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Certificate(CertificateFault::Name { .. }) => "certificate_name",
            Self::Certificate(CertificateFault::Validity { .. }) => "certificate_validity",
            Self::Certificate(CertificateFault::Weak) => "certificate_weak",
            Self::Equivocation { .. } => "equivocation",
            Self::Expired { .. } => "expired",
            Self::FileMissing => "file_missing",
            Self::Metadata(error) => error.label(),
            Self::NoCertificate => "no_certificate",
            Self::NoSignatures => "no_signatures",
            Self::NotPinned { .. } => "not_pinned",
            Self::Rollback { .. } => "rollback",
            Self::RootMismatch { .. } => "root_mismatch",
            Self::RootNotChained { .. } => "root_not_chained",
            Self::RootVersionGap { .. } => "root_version_gap",
            Self::ThresholdNotMet { .. } => "threshold_not_met",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyDelegations => "too_many",
            Self::WrongHash { .. } => "wrong_hash",
            Self::WrongLength { .. } => "wrong_length",
        }
    }

    /// What an operator can do about it, where there is something.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Certificate(CertificateFault::Name { .. }) => {
                "another repository's trust data is served under this name, or the publisher \
                 signed under another one"
            }
            Self::Certificate(_) | Self::NoCertificate => {
                "ask the publisher to rotate the root key: `notary key rotate GUN root`"
            }
            Self::Equivocation { .. } | Self::Rollback { .. } | Self::RootVersionGap { .. } => {
                "if the publisher confirms that the repository was deleted and made anew, \
                 run `vouchsafe forget GUN` and sync again"
            }
            Self::Expired { .. } => "ask the publisher to sign again",
            Self::NotPinned { .. } => {
                "compare `vouchsafe root-key GUN --server URL` with the publisher's key, \
                 and pin that"
            }
            Self::RootNotChained { .. } => {
                "the root key was replaced without the old one: ask the publisher; if that is \
                 confirmed, pin the new key, run `vouchsafe forget GUN` and sync again"
            }
            Self::FileMissing
            | Self::Metadata(_)
            | Self::NoSignatures
            | Self::RootMismatch { .. }
            | Self::ThresholdNotMet { .. }
            | Self::TooLarge { .. }
            | Self::TooManyDelegations
            | Self::WrongHash { .. }
            | Self::WrongLength { .. } => return None,
        })
    }
}

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        Self::Metadata(MetadataError::Json(error))
    }
}

impl From<Mismatch> for Fault {
    fn from(mismatch: Mismatch) -> Self {
        match mismatch {
            Mismatch::Hash { algorithm } => Self::WrongHash { algorithm },
            Mismatch::Length { stated, found } => Self::WrongLength { stated, found },
        }
    }
}

const fn not_pinned(listed: bool) -> &'static str {
    if listed {
        "a pinned key is listed in the root role, but did not sign the root"
    } else {
        "none of the pinned keys is listed in the root role"
    }
}
