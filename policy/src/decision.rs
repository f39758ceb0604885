//! What is answered about an image, and why.

mod denial;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use vouchsafe_trust::evidence::{Freshness, Known, Retained, Signed, Wanted};
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::{Evidence, Gun, Query, Role, Sha256};

pub use denial::{Cause, Denial};

use crate::config::Config;
use crate::deny::Listed;
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
    /// Its repository, by the name that it is signed under.
    pub gun: Gun,
    /// What the image has to be replaced by, if it is not pinned to its digest yet and is to be.
    pub patched: Option<String>,
    /// The pattern of the rule that decided.
    pub pattern: String,
    /// The validator that the rule asked.
    pub validator: String,
    /// On what grounds.
    pub grounds: Grounds,
    /// What whoever asked should be told nevertheless.
    pub warnings: Vec<String>,
}

/// On what grounds an image may run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Grounds {
    /// It needs no proof of its own here, as the configuration says.
    Approved(Approval),
    /// It is signed.
    Signed(Proof),
    /// A static validator says so.
    Static,
}

/// The proof that an image is signed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The signed digest.
    pub digest: Sha256,
    /// The roles that signed it.
    pub signers: Vec<Role>,
    /// How old the proof is.
    pub freshness: Freshness,
    /// Since when another digest is signed in its place, where this one was signed before and still
    /// counts.
    pub superseded: Option<Timestamp>,
}

impl Allowed {
    /// The proof, where there is one.
    pub const fn proof(&self) -> Option<&Proof> {
        match &self.grounds {
            Grounds::Signed(proof) => Some(proof),
            Grounds::Approved(_) | Grounds::Static => None,
        }
    }

    /// A stable, short name of the grounds, for metrics and audit annotations.
    pub const fn label(&self) -> &'static str {
        match &self.grounds {
            Grounds::Approved(approval) => approval.label(),
            Grounds::Signed(proof) => match proof.freshness {
                _ if proof.superseded.is_some() => "signed_superseded",
                Freshness::Stale { .. } => "signed_stale",
                Freshness::Fresh { .. } | Freshness::Expired { .. } => "signed",
            },
            Grounds::Static => "static_allow",
        }
    }
}

/// Why an image needs no proof of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Approval {
    /// The object's owner has it, byte for byte.
    Child,
    /// The object had it before, byte for byte.
    Unchanged,
}

impl Approval {
    /// A stable, short name.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Child => "child",
            Self::Unchanged => "unchanged",
        }
    }

    /// Why Connaisseur says that it skips such an image, in its metrics.
    pub const fn connaisseur_reason(self) -> &'static str {
        match self {
            Self::Child => "automatic approval of child image reference",
            Self::Unchanged => "unchanged image reference",
        }
    }
}

/// What a decision is wanted for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// The image is in a place that cannot change any more, and was there before: it stays as it is,
    /// tag or digest, as long as it is signed.
    Keep,
    /// The image may still be replaced: a tag is fine, and comes back with its digest.
    Mutate,
    /// The object is final: in `mutate` mode only an image that is pinned to its signed digest may
    /// run.
    Validate,
}

/// A question about one image.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The image as it was written.
    pub image: &'a str,
    /// The namespace of the object that names it; `None` for objects that have none.
    pub namespace: Option<&'a str>,
    /// What the decision is wanted for.
    pub purpose: Purpose,
    /// The time to judge by.
    pub now: Timestamp,
}

impl Config {
    /// Decides about one image.
    ///
    /// Where the rule demands a signature, `approval` is asked whether the image needs none of its
    /// own, and then `evidence`, each at most once. Anything unexpected in the evidence denies.
    pub fn decide<E: fmt::Display>(
        &self,
        asked: &Asked<'_>,
        evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
        approval: impl FnOnce() -> Option<Approval>,
    ) -> Decision {
        let decided = self.judge(asked, evidence, approval);
        match decided {
            Ok(allowed) => Decision::Allow(Box::new(allowed)),
            Err(denial) => Decision::Deny(denial),
        }
    }

    fn judge<E: fmt::Display>(
        &self,
        asked: &Asked<'_>,
        evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
        approval: impl FnOnce() -> Option<Approval>,
    ) -> Result<Allowed, Box<Denial>> {
        let unread = |error| Denial::unread(asked.image, error);
        let pulled: Reference = asked.image.parse().map_err(unread)?;
        let reference = self.signed_image(&pulled).map_err(unread)?;
        let rule = self.rule(&reference, asked.namespace);
        // Before any rule, so that none of them lets it in.
        if let Some(listed) = self.listed(&pulled, &reference) {
            return Err(Denial::listed(rule, &reference, listed));
        }
        let rule = rule.ok_or_else(|| Denial::unmatched(&reference))?;
        let demand = match &rule.demand {
            Demand::Static { approve: true } => {
                return Ok(Allowed::by(rule, &reference, Grounds::Static));
            }
            Demand::Static { approve: false } => {
                return Err(Denial::new(rule, &reference, Cause::StaticDeny));
            }
            Demand::Signature(demand) => demand,
        };
        if let Some(approval) = approval() {
            let grounds = Grounds::Approved(approval);
            return Ok(Allowed::by(rule, &reference, grounds));
        }
        let question = Question {
            rule,
            demand,
            reference: &reference,
            purpose: asked.purpose,
            now: asked.now,
            max_staleness: self.freshness().max_staleness,
            retain: self.history().retain,
        };
        let allowed = question
            .decide(evidence)
            .map_err(|cause| Denial::new(rule, &reference, cause))?;
        let signed = allowed.proof().map(|proof| proof.digest);
        match signed.and_then(|digest| self.deny_list().sha256(digest)) {
            Some(listed) => Err(Denial::listed(Some(rule), &reference, listed)),
            None => Ok(allowed),
        }
    }

    /// What of an image, as it is written, is on the deny list, in words.
    pub fn on_deny_list(&self, pulled: &Reference) -> Option<String> {
        let signed = self.signed_image(pulled).ok()?;
        let Listed { what, reason } = self.listed(pulled, &signed)?;
        Some(Cause::Listed { what, reason }.to_string())
    }

    /// What of an image, as it is written, is on the deny list.
    fn listed(&self, pulled: &Reference, signed: &Reference) -> Option<Listed> {
        let deny = self.deny_list();
        let mirrored = (pulled.gun() != signed.gun()).then(|| pulled.gun());
        deny.repository(signed.gun())
            .or_else(|| deny.repository(mirrored?))
            .or_else(|| deny.digest(pulled.digest()?))
    }
}

impl Allowed {
    /// What `rule` allows on these grounds.
    fn by(rule: &Rule, reference: &Reference, grounds: Grounds) -> Self {
        Self {
            image: reference.as_written().to_owned(),
            gun: reference.gun().clone(),
            patched: None,
            pattern: rule.pattern().as_str().to_owned(),
            validator: rule.validator().to_owned(),
            grounds,
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
    max_staleness: SignedDuration,
    retain: SignedDuration,
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
            retained: given.and_then(|digest| self.retained(digest)),
        }
    }

    /// What was signed before, where that still counts.
    fn retained(&self, digest: Sha256) -> Option<Retained> {
        let since = self.now.checked_sub(self.retain);
        self.retain.is_positive().then(|| Retained {
            digest,
            since: since.unwrap_or(Timestamp::MIN),
        })
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
        let mut warnings = Vec::new();
        if let Freshness::Stale { since, until } = &freshness {
            warnings.push(format!(
                "{}: the trust data of {} has been stale since {since:.0}; it is tolerated \
                 until {until:.0}",
                self.reference,
                self.reference.gun()
            ));
        }
        if let Some(since) = signed.superseded {
            let until = since.checked_add(self.retain).unwrap_or(Timestamp::MAX);
            warnings.push(format!(
                "{}: another digest has been signed in its place since {since:.0}; this one is \
                 admitted until {until:.0}",
                self.reference
            ));
        }
        let proof = Proof {
            digest: signed.digest,
            signers: signed.signers,
            freshness,
            superseded: signed.superseded,
        };
        Allowed {
            patched,
            warnings,
            ..Allowed::by(self.rule, self.reference, Grounds::Signed(proof))
        }
    }
}

#[cfg(test)]
mod tests;
