//! Whether an image is signed as a rule demands.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use vouchsafe_trust::evidence::{Freshness, Known, NotSigned, Retained, Signed, Wanted};
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::{Evidence, Query, Role, Sha256};

use super::allowed::{Allowed, Grounds, Proof};
use super::{Cause, Purpose};
use crate::rules::{Mode, Rule, SignatureDemand};

/// A rule that demands a signature, the image in question, and the terms.
pub(super) struct Question<'a> {
    pub(super) rule: &'a Rule,
    pub(super) demand: &'a SignatureDemand,
    pub(super) reference: &'a Reference,
    pub(super) purpose: Purpose,
    pub(super) now: Timestamp,
    pub(super) max_staleness: SignedDuration,
    pub(super) retain: SignedDuration,
}

/// What came of a question.
pub(super) struct Decided {
    /// What is signed for the image, whoever anchors it and however old it is: enough to deny by, and
    /// not to admit.
    pub(super) stated: Option<Sha256>,
    pub(super) answer: Result<Allowed, Cause>,
}

impl Question<'_> {
    pub(super) fn decide<E: fmt::Display>(
        &self,
        evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
    ) -> Decided {
        match self.ask(evidence) {
            Ok((given, query, known)) => {
                let signed = known.signed(&query, self.now);
                Decided {
                    stated: signed.as_ref().ok().map(|signed| signed.digest),
                    answer: self.judge(given, &query, &known, signed),
                }
            }
            Err(cause) => Decided {
                stated: None,
                answer: Err(cause),
            },
        }
    }

    /// What is known of the repository, and what was asked.
    fn ask<E: fmt::Display>(
        &self,
        evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
    ) -> Result<(Option<Sha256>, Query, Box<Known>), Cause> {
        let given = self.given_digest()?;
        let query = self.query(given);
        match evidence(&query) {
            Ok(Evidence::Known(known)) => Ok((given, query, known)),
            Ok(Evidence::Unknown) => Err(Cause::NotSynced {
                server: query.server,
            }),
            Ok(Evidence::Withdrawn { at }) => {
                let server = query.server;
                Err(Cause::Withdrawn { server, at })
            }
            Err(error) => {
                let message = error.to_string();
                Err(Cause::StoreFailed { message })
            }
        }
    }

    fn judge(
        &self,
        given: Option<Sha256>,
        query: &Query,
        known: &Known,
        signed: Result<Signed, NotSigned>,
    ) -> Result<Allowed, Cause> {
        self.check_authority(known, query)?;
        let freshness = self.check_freshness(known)?;
        let signed = signed.map_err(Cause::NotSigned)?;
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
