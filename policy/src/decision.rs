//! What is answered about an image, and why.

mod denial;

use std::fmt;

use jiff::Timestamp;
use vouchsafe_trust::evidence::{Freshness, Known, Signed, Wanted};
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::{Evidence, Query, Role, Sha256};

pub use denial::{Cause, Denial};

use crate::config::Config;
use crate::rules::{Demand, Mode, Rule, SignatureDemand};

/// The answer about one image. There is no third case: whatever is not allowed is denied.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Decision {
    /// The policy lets the image run.
    Allow(Box<Allowed>),
    /// It does not.
    Deny(Box<Denial>),
}

impl Decision {
    /// What was allowed, if it was.
    pub fn allowed(&self) -> Option<&Allowed> {
        match self {
            Self::Allow(allowed) => Some(allowed),
            Self::Deny(_) => None,
        }
    }

    /// Why it was denied, if it was.
    pub fn denial(&self) -> Option<&Denial> {
        match self {
            Self::Allow(_) => None,
            Self::Deny(denial) => Some(denial),
        }
    }
}

/// An image that may run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Allowed {
    /// The image as it was written.
    pub image: String,
    /// The image as a runtime reads it.
    pub reference: Reference,
    /// The signed digest; `None` where a static validator answered.
    pub digest: Option<Sha256>,
    /// What the image has to be replaced by, if it is not pinned to its digest yet and is to be.
    pub patched: Option<String>,
    /// The pattern of the rule that decided.
    pub pattern: String,
    /// The validator that the rule asked.
    pub validator: String,
    /// The roles that signed; none where a static validator answered.
    pub signers: Vec<Role>,
    /// How old the proof is; `None` where a static validator answered.
    pub freshness: Option<Freshness>,
    /// What whoever asked should be told nevertheless.
    pub warnings: Vec<String>,
}

/// What a decision is wanted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// The image may still be replaced: a tag is fine, and comes back with its digest.
    Mutate,
    /// The object is final: in `mutate` mode only an image that is pinned to its signed digest may
    /// run.
    Validate,
}

impl Config {
    /// Decides about `image` in `namespace` at `now`.
    ///
    /// `evidence` is asked at most once, and only if the rule demands a signature. Anything
    /// unexpected in what it answers denies.
    pub fn decide<E: fmt::Display>(
        &self,
        image: &str,
        namespace: Option<&str>,
        purpose: Purpose,
        now: Timestamp,
        evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
    ) -> Decision {
        let reference: Reference = match image.parse() {
            Ok(reference) => reference,
            Err(error) => {
                return Decision::Deny(Box::new(Denial::unread(image, error)));
            }
        };
        let Some(rule) = self.rule(&reference, namespace) else {
            return Decision::Deny(Box::new(Denial::unmatched(&reference)));
        };
        let decided = match &rule.demand {
            Demand::Static { approve: true } => Ok(Allowed::by(rule, &reference)),
            Demand::Static { approve: false } => Err(Cause::StaticDeny),
            Demand::Signature(demand) => Question {
                rule,
                demand,
                reference: &reference,
                purpose,
                now,
                max_staleness: self.freshness().max_staleness,
            }
            .decide(evidence),
        };
        match decided {
            Ok(allowed) => Decision::Allow(Box::new(allowed)),
            Err(cause) => Decision::Deny(Box::new(Denial::new(rule, &reference, cause))),
        }
    }
}

impl Allowed {
    /// What `rule` allows without a signature.
    fn by(rule: &Rule, reference: &Reference) -> Self {
        Self {
            image: reference.as_written().to_owned(),
            reference: reference.clone(),
            digest: None,
            patched: None,
            pattern: rule.pattern().as_str().to_owned(),
            validator: rule.validator().to_owned(),
            signers: Vec::new(),
            freshness: None,
            warnings: Vec::new(),
        }
    }
}

/// A rule that demands a signature, the image in question, and the terms.
struct Question<'a> {
    rule: &'a Rule,
    demand: &'a SignatureDemand,
    reference: &'a Reference,
    purpose: Purpose,
    now: Timestamp,
    max_staleness: jiff::SignedDuration,
}

impl Question<'_> {
    fn decide<E: fmt::Display>(
        &self,
        evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
    ) -> Result<Allowed, Cause> {
        let given = self.given_digest()?;
        let query = self.query(given);
        let known = match evidence(&query) {
            Ok(Evidence::Known(known)) => known,
            Ok(Evidence::Unknown) => {
                return Err(Cause::NotSynced {
                    server: query.server,
                });
            }
            Ok(Evidence::Withdrawn { at }) => {
                let server = query.server;
                return Err(Cause::Withdrawn { server, at });
            }
            Err(error) => {
                let message = error.to_string();
                return Err(Cause::StoreFailed { message });
            }
        };
        self.check_authority(&known, &query)?;
        let freshness = self.check_freshness(&known)?;
        let signed = known.signed(&query, self.now).map_err(Cause::NotSigned)?;
        let signed = self.check_digest(given, signed)?;
        Ok(self.allow(given, signed, freshness))
    }

    /// The digest that the reference gives, which must be one that can be signed.
    fn given_digest(&self) -> Result<Option<Sha256>, Cause> {
        let Some(digest) = self.reference.digest() else {
            return Ok(None);
        };
        let algorithm = digest.algorithm();
        let sha256 = digest.sha256();
        sha256
            .map(Some)
            .ok_or(Cause::UnsupportedDigest { algorithm })
    }

    fn query(&self, given: Option<Sha256>) -> Query {
        let wanted = match (self.reference.tag(), given) {
            (None, Some(digest)) => Wanted::Digest(digest),
            // A tag beside the digest must be signed with that digest.
            (tag, _) => Wanted::Tag(tag.unwrap_or_default().to_owned()),
        };
        Query {
            server: self.demand.server.clone(),
            gun: self.reference.gun().clone(),
            signers: self.demand.signers.clone(),
            wanted,
            retained: None,
        }
    }

    /// Who anchors the repository, and whether the root certificate speaks for it.
    fn check_authority(&self, known: &Known, query: &Query) -> Result<(), Cause> {
        let facts = &known.facts;
        let speakers = facts.speakers(&query.signers);
        let spoken = known.statements.iter().map(|statement| &statement.role);
        if facts.gun != query.gun || !speakers.iter().eq(spoken) {
            return Err(Cause::StoreFailed {
                message: "the stored evidence answers another question".to_owned(),
            });
        }
        let missing = self.demand.missing_roots(facts);
        if !missing.is_empty() || self.demand.roots.is_empty() {
            return Err(Cause::NotAnchored {
                roots: missing,
                server: self.demand.server.clone(),
            });
        }
        if !facts.certificate_names_gun && self.demand.certificate_name == Check::Enforce {
            return Err(Cause::CertificateName);
        }
        if !self.demand.accepts_validity(facts, self.now) {
            return Err(Cause::CertificateValidity(facts.certificate_validity));
        }
        Ok(())
    }

    fn check_freshness(&self, known: &Known) -> Result<Freshness, Cause> {
        match known.facts.freshness(self.now, self.max_staleness) {
            Freshness::Expired { role, at } => {
                let max_staleness = self.max_staleness;
                let may_be_stale = matches!(role, Role::Timestamp | Role::Snapshot);
                Err(if may_be_stale && max_staleness.is_positive() {
                    Cause::TooStale {
                        role,
                        at,
                        max_staleness,
                    }
                } else {
                    Cause::Expired { role, at }
                })
            }
            freshness @ (Freshness::Fresh { .. } | Freshness::Stale { .. }) => Ok(freshness),
        }
    }

    fn check_digest(&self, given: Option<Sha256>, signed: Signed) -> Result<Signed, Cause> {
        match given {
            Some(given) if given != signed.digest => Err(Cause::DigestMismatch {
                given,
                signed: signed.digest,
            }),
            None if self.purpose == Purpose::Validate && self.demand.mode == Mode::Mutate => {
                Err(Cause::NotPinned {
                    pinned: self.reference.pinned(&signed.digest),
                })
            }
            Some(_) | None => Ok(signed),
        }
    }

    fn allow(&self, given: Option<Sha256>, signed: Signed, freshness: Freshness) -> Allowed {
        let pins = self.purpose == Purpose::Mutate && self.demand.mode == Mode::Mutate;
        let patched = match given {
            None if pins => Some(self.reference.pinned(&signed.digest)),
            Some(_) | None => None,
        };
        let mut allowed = Allowed::by(self.rule, self.reference);
        if let Freshness::Stale { since, until } = &freshness {
            allowed.warnings.push(format!(
                "{}: the trust data of {} has been stale since {since:.0}; it is tolerated \
                 until {until:.0}",
                self.reference,
                self.reference.gun()
            ));
        }
        Allowed {
            digest: Some(signed.digest),
            patched,
            signers: signed.signers,
            freshness: Some(freshness),
            ..allowed
        }
    }
}

#[cfg(test)]
mod tests;
