//! Whether an image is signed as a rule demands.

use std::fmt;

use jiff::Timestamp;
use vouchsafe_trust::evidence::{Freshness, Known, Retained, Signed, Tolerance, Vouch, Wanted};
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::{Evidence, Query, Role, Sha256};

use super::allowed::{Allowed, Grounds, Proof};
use super::{Cause, Purpose};
use crate::break_glass::BreakGlass;
use crate::config::Config;
use crate::deny::Listed;
use crate::rules::{Mode, Rule, SignatureDemand};

/// A rule that demands a signature, the image in question, and the terms.
pub(super) struct Question<'a> {
    pub(super) config: &'a Config,
    pub(super) rule: &'a Rule,
    pub(super) demand: &'a SignatureDemand,
    pub(super) reference: &'a Reference,
    pub(super) purpose: Purpose,
    pub(super) now: Timestamp,
    /// The entry that breaks the glass for the repository, if one does.
    pub(super) glass: Option<&'a BreakGlass>,
}

/// How fresh something is, and on whose word.
struct Fresh<'k> {
    freshness: Freshness,
    /// Who vouches for it, where the timestamp alone would not do.
    vouch: Option<&'k Vouch>,
    /// The entry that breaks the glass, where nothing else would do.
    glass: Option<&'k BreakGlass>,
}

/// What came of a question.
pub(super) struct Decided {
    /// What of it is on the deny list: the digest that is signed for the image, whoever anchors it and
    /// however old it is, or a key that this depends on.
    pub(super) listed: Option<Listed>,
    pub(super) answer: Result<Allowed, Cause>,
}

impl Question<'_> {
    pub(super) fn decide<E: fmt::Display>(
        &self,
        evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
    ) -> Decided {
        let listed = self.listed_root();
        match self.ask(evidence) {
            Ok((given, query, known)) => Decided {
                listed: self
                    .stated(&query, &known)
                    .or(listed)
                    .or_else(|| self.config.deny_list().key(&known.facts, &query.signers)),
                answer: self.judge(given, &query, &known),
            },
            Err(cause) => Decided {
                listed,
                answer: Err(cause),
            },
        }
    }

    /// The digest on the deny list that is signed for the image, by roles that have expired too.
    fn stated(&self, query: &Query, known: &Known) -> Option<Listed> {
        // Looked for in whatever is admitted, and in most policies nothing is listed.
        let list = self.config.deny_list();
        let signed = list
            .has_digests()
            .then(|| known.signed(query, Timestamp::MIN))?;
        list.digest(&signed.ok()?.digest.into())
    }

    /// A trust root on the deny list that the rule demands: nothing can meet the rule, whatever is
    /// stored.
    fn listed_root(&self) -> Option<Listed> {
        let mut roots = self.demand.roots.iter();
        roots.find_map(|root| self.config.deny_list().trust_root(&root.name, &root.id))
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

    fn judge(&self, given: Option<Sha256>, query: &Query, known: &Known) -> Result<Allowed, Cause> {
        self.check_authority(known, query)?;
        let fresh = self.check_freshness(known);
        let signed = known.signed(query, self.now).map_err(Cause::NotSigned);
        let (signed, proof) = match (fresh, signed, self.glass) {
            (Ok(fresh), Ok(signed), _) => (signed, fresh),
            // Only expiry is looked past: whoever has to sign must have, and it must be this image.
            (fresh, _, Some(glass)) => {
                let signed = known.signed(query, Timestamp::MIN);
                let broken = Fresh {
                    glass: Some(glass),
                    ..fresh.unwrap_or_else(|_expired| self.fresh(known))
                };
                (signed.map_err(Cause::NotSigned)?, broken)
            }
            (Err(cause), _, None) | (Ok(_), Err(cause), None) => return Err(cause),
        };
        let signed = self.check_digest(given, signed)?;
        Ok(self.allow(given, signed, proof))
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
        let since = self.now.checked_sub(self.config.history().retain);
        self.config
            .history()
            .retain
            .is_positive()
            .then(|| Retained {
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

    fn check_freshness<'k>(&self, known: &'k Known) -> Result<Fresh<'k>, Cause> {
        let fresh = self.fresh(known);
        let Freshness::Expired { role, at } = &fresh.freshness else {
            return Ok(fresh);
        };
        let (role, at) = (role.clone(), *at);
        let max_staleness = self.config.freshness().max_staleness;
        // The bundle's word is the last to lapse where it outlasted the timestamp.
        if let Some(vouch) = fresh.vouch.filter(|_| role == Role::Timestamp) {
            return Err(Cause::VouchLapsed {
                bundle: vouch.bundle.clone(),
                sequence: vouch.sequence,
                at,
                max_staleness,
            });
        }
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

    /// How fresh what is known is, and on whose word.
    fn fresh<'k>(&self, known: &'k Known) -> Fresh<'k> {
        let vouch = self.config.counted(known.vouch.as_ref());
        let vouched_until = vouch.and_then(|vouch| vouch.refresh_by);
        let tolerance = Tolerance {
            max_staleness: self.config.freshness().max_staleness,
            vouched_until,
        };
        let timestamp = known.facts.roles.get(&Role::Timestamp);
        let expires = timestamp.map_or(Timestamp::MIN, |timestamp| timestamp.expires);
        Fresh {
            freshness: known.facts.freshness(self.now, tolerance),
            vouch: vouch.filter(|_| expires < self.now && vouched_until > Some(expires)),
            glass: None,
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

    fn allow(&self, given: Option<Sha256>, signed: Signed, fresh: Fresh<'_>) -> Allowed {
        let Fresh {
            freshness,
            vouch,
            glass,
        } = fresh;
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
            let until = since
                .checked_add(self.config.history().retain)
                .unwrap_or(Timestamp::MAX);
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
            vouched: vouch.map(|vouch| format!("{} {}", vouch.bundle, vouch.sequence)),
            glass: glass.cloned().map(Box::new),
        };
        Allowed {
            patched,
            warnings,
            ..Allowed::by(self.rule, self.reference, Grounds::Signed(proof))
        }
    }
}
