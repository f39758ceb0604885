//! Why an image was denied, and what to do about it.

mod next_step;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use vouchsafe_trust::evidence::NotSigned;
use vouchsafe_trust::image::{Algorithm, Reference, ReferenceError};
use vouchsafe_trust::repository::Validity;
use vouchsafe_trust::{Gun, Role, Server, Sha256};

use crate::config::Config;
use crate::deny::Listed;
use crate::rules::{Enforcement, Rule};

/// An image that may not run: which one, by which rule, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// The image as it was written.
    pub image: String,
    /// Its repository, by the name that it is signed under; `None` if the image could not be read.
    pub gun: Option<Gun>,
    /// The pattern of the rule that decided; `None` if none did.
    pub pattern: Option<String>,
    /// The validator that the rule asked; `None` if no rule decided.
    pub validator: Option<String>,
    /// What becomes of it: a rule may only warn.
    pub enforcement: Enforcement,
    /// Why.
    pub cause: Cause,
    /// What is to be known of its repository: that the glass is broken for it.
    pub glass: Option<String>,
    /// Where newer trust data would come from.
    pub source: Source,
}

/// Where newer trust data comes from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// Bundles: nothing is fetched here.
    Bundle,
    /// Notary servers.
    #[default]
    Server,
}

impl Source {
    pub(super) fn of(config: &Config) -> Self {
        if config.sync().is_off {
            Self::Bundle
        } else {
            Self::Server
        }
    }
}

impl Denial {
    pub(super) fn unread(image: &str, error: ReferenceError) -> Box<Self> {
        Box::new(Self {
            image: image.chars().take(MAX_SHOWN).collect(),
            gun: None,
            pattern: None,
            validator: None,
            enforcement: Enforcement::Deny,
            cause: Cause::BadReference(error),
            glass: None,
            source: Source::default(),
        })
    }

    pub(super) fn unmatched(reference: &Reference) -> Box<Self> {
        let canonical = reference.canonical();
        Self::of(None, reference, Cause::NoRule { canonical })
    }

    /// What is on the deny list is denied by whatever rule, one that only warns included.
    pub(super) fn listed(rule: Option<&Rule>, reference: &Reference, listed: Listed) -> Box<Self> {
        let Listed { what, reason } = listed;
        let mut denial = Self::of(rule, reference, Cause::Listed { what, reason });
        denial.enforcement = Enforcement::Deny;
        denial
    }

    pub(super) fn new(rule: &Rule, reference: &Reference, cause: Cause) -> Box<Self> {
        Self::of(Some(rule), reference, cause)
    }

    fn of(rule: Option<&Rule>, reference: &Reference, cause: Cause) -> Box<Self> {
        Box::new(Self {
            image: reference.as_written().to_owned(),
            gun: Some(reference.gun().clone()),
            pattern: rule.map(|rule| rule.pattern().as_str().to_owned()),
            validator: rule.map(|rule| rule.validator().to_owned()),
            enforcement: rule.map(Rule::enforcement).unwrap_or_default(),
            cause,
            glass: None,
            source: Source::default(),
        })
    }

    /// A stable, short name of the cause, for metrics and audit annotations.
    pub const fn label(&self) -> &'static str {
        self.cause.label()
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gun {
            Some(gun) => write!(f, "image {} ({gun}): {}", self.image, self.cause)?,
            None => write!(f, "image {:?}: {}", self.image, self.cause)?,
        }
        match &self.glass {
            Some(glass) => write!(f, " ({glass})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Denial {}

/// Why an image was denied.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// No image reference.
    #[error("it is not an image reference: {0}")]
    BadReference(ReferenceError),
    /// The root certificate is made out to another repository.
    #[error("the root certificate is made out to another repository")]
    CertificateName,
    /// The root certificate is not in its validity.
    #[error("the root certificate is valid from {} until {} only", .0.from, .0.until)]
    CertificateValidity(Validity),
    /// The image's digest is another one than the signed one.
    #[error("its digest is sha256:{given}, but sha256:{signed} is signed")]
    DigestMismatch {
        /// The digest that the image gives.
        given: Sha256,
        /// The digest that is signed for its tag.
        signed: Sha256,
    },
    /// The trust data has expired.
    #[error("its trust data has expired: `{role}` did at {at:.0}")]
    Expired {
        /// The first role to count.
        role: Role,
        /// When it expired.
        at: Timestamp,
    },
    /// It is on the deny list.
    #[error("{what} is on the deny list{}", because(reason.as_deref()))]
    Listed {
        /// The repository or digest that is on it.
        what: String,
        /// Why, in the operator's words.
        reason: Option<String>,
    },
    /// No rule of the policy is about the image.
    #[error("no rule of the policy matches {canonical}")]
    NoRule {
        /// The image with everything spelled out, as patterns are matched against it.
        canonical: String,
    },
    /// The repository is not anchored by every trust root that the rule demands.
    #[error(
        "its root metadata is not signed by the pinned trust root{} {}",
        if roots.len() == 1 { "" } else { "s" },
        quoted(roots)
    )]
    NotAnchored {
        /// The names of the trust roots that are missing.
        roots: Vec<String>,
        /// The Notary server that the root metadata came from.
        server: Server,
    },
    /// A final object with a tag, where only digests run.
    #[error("it is signed, but not pinned to its digest")]
    NotPinned {
        /// The image as it may run.
        pinned: String,
    },
    /// The repository is known, and nobody signed this image.
    #[error("it is not signed: {0}")]
    NotSigned(NotSigned),
    /// Nothing was ever stored about the repository.
    #[error("no trust data from {server} is stored for its repository")]
    NotSynced {
        /// The Notary server that would have it.
        server: Server,
    },
    /// A static validator says no.
    #[error("the policy denies it")]
    StaticDeny,
    /// The evidence could not be read.
    #[error("its trust data could not be read: {message}")]
    StoreFailed {
        /// What went wrong.
        message: String,
    },
    /// Timestamp or snapshot expired longer ago than the operator tolerates.
    #[error(
        "its trust data is too old: `{role}` expired at {at:.0}, and {max_staleness:#} is tolerated"
    )]
    TooStale {
        /// The role.
        role: Role,
        /// When it expired.
        at: Timestamp,
        /// How long ago it may have.
        max_staleness: SignedDuration,
    },
    /// A digest that no signature names.
    #[error("its digest is a {algorithm}, and only sha256 digests are signed")]
    UnsupportedDigest {
        /// The digest's hash function.
        algorithm: Algorithm,
    },
    /// The time is over for which a bundle's signature vouches for freshness.
    #[error(
        "its trust data is too old: bundle `{bundle}` {sequence} vouches for it until {at:.0}, and \
         {max_staleness:#} more is tolerated"
    )]
    VouchLapsed {
        /// The bundle's series.
        bundle: String,
        /// Its number.
        sequence: u64,
        /// When it should have been refreshed.
        at: Timestamp,
        /// How long ago that may have been.
        max_staleness: SignedDuration,
    },
    /// The Notary server no longer has the repository.
    #[error("{server} said at {at:.0} that it no longer has its repository")]
    Withdrawn {
        /// The Notary server.
        server: Server,
        /// When it said so.
        at: Timestamp,
    },
}

impl Cause {
    /// A stable, short name of the cause.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::BadReference(_) => "bad_reference",
            Self::CertificateName => "certificate_name",
            Self::CertificateValidity(_) => "certificate_validity",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::Expired { .. } => "expired",
            Self::Listed { .. } => "deny_list",
            Self::NoRule { .. } => "no_rule",
            Self::NotAnchored { .. } => "not_anchored",
            Self::NotPinned { .. } => "not_pinned",
            Self::NotSigned(reason) => reason.label(),
            Self::NotSynced { .. } => "not_synced",
            Self::StaticDeny => "static_deny",
            Self::StoreFailed { .. } => "store_failed",
            Self::TooStale { .. } => "too_stale",
            Self::UnsupportedDigest { .. } => "unsupported_digest",
            Self::VouchLapsed { .. } => "vouch_lapsed",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(" ({reason})"))
}

fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// How much of what is no reference is repeated.
const MAX_SHOWN: usize = 256;
