//! What is answered about an image, and why.

mod allowed;
mod denial;
mod question;

use std::fmt;

use jiff::Timestamp;
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::{Evidence, Query};

pub use allowed::{Allowed, Approval, Grounds, Proof};
pub use denial::{Cause, Denial, Source};
use question::{Decided, Question};

use crate::break_glass::BreakGlass;
use crate::config::Config;
use crate::deny::Listed;
use crate::rules::Demand;

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
    /// own, and then `evidence`, each at most once: also about a tag that needs none, where it may be
    /// signed for what is on the deny list. Anything unexpected in the evidence denies.
    pub fn decide<E: fmt::Display>(
        &self,
        asked: &Asked<'_>,
        evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
        approval: impl FnOnce() -> Option<Approval>,
    ) -> Decision {
        let decided = self.judge(asked, evidence, approval);
        match decided {
            Ok(mut allowed) => {
                let broken = self.broken_glass(&allowed.gun, asked.now);
                allowed.warnings.extend(broken.map(BreakGlass::warning));
                Decision::Allow(Box::new(allowed))
            }
            Err(mut denial) => {
                let gun = denial.gun.as_ref();
                let broken = gun.and_then(|gun| self.broken_glass(gun, asked.now));
                denial.glass = broken.map(BreakGlass::warning);
                denial.source = Source::of(self);
                Decision::Deny(denial)
            }
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
        let question = Question {
            config: self,
            rule,
            demand,
            reference: &reference,
            purpose: asked.purpose,
            now: asked.now,
            glass: self.broken_glass(reference.gun(), asked.now),
        };
        let approval = approval();
        let list = self.deny_list();
        let needs_no_evidence = |approval: &Approval| {
            // A digest that is written was looked for on the list, and needs nothing else, unless a key
            // is on it: who signed the image is in the store.
            (reference.digest().is_some() && !list.has_keys())
                // A tag may be signed for what is on the list, and a child's is pinned where that can be.
                || (*approval == Approval::Unchanged && !list.needs_evidence())
        };
        if let Some(approval) = approval.filter(needs_no_evidence) {
            return Ok(Allowed::by(rule, &reference, Grounds::Approved(approval)));
        }
        let Decided { listed, answer } = question.decide(evidence);
        if let Some(listed) = listed {
            return Err(Denial::listed(Some(rule), &reference, listed));
        }
        match (approval, answer) {
            (None, answer) => answer.map_err(|cause| Denial::new(rule, &reference, cause)),
            // A child's tag is pinned where that can be: its owner may have been left unpinned.
            (Some(Approval::Child), Ok(allowed)) => Ok(allowed),
            // What the list says about a tag cannot be told without the store.
            (Some(_), Err(cause @ Cause::StoreFailed { .. }))
                if self.deny_list().needs_evidence() =>
            {
                Err(Denial::new(rule, &reference, cause))
            }
            (Some(approval), _) => Ok(Allowed::by(rule, &reference, Grounds::Approved(approval))),
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

#[cfg(test)]
mod tests;
