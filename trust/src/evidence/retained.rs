//! Digests that were signed before.
//!
//! An operator may let a digest run on for a while after its tag has moved on. That widens *when* a
//! role's word counts, and nothing else: each role has to be alive now, and its present paths have
//! to cover the tag for which it stated the digest.

use serde::{Deserialize, Serialize};

use super::{Known, Query, Signed, Statement, Wanted};
use crate::name::Sha256;
use crate::time::Timestamp;

/// A digest that counts for the wanted image even if it was signed for it before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Retained {
    /// The digest that the image names.
    pub digest: Sha256,
    /// A role that stopped stating it before this moment does not speak for it.
    pub since: Timestamp,
}

/// A tag for which a role stated the digest in question, and no longer does.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Former {
    /// The tag.
    pub tag: String,
    /// When the metadata was verified that states it no longer.
    #[serde(with = "crate::time::compact")]
    pub replaced_at: Timestamp,
}

impl Known {
    /// The retained digest, if every role that has to speak states it now or did so before; `None`
    /// too if none of them only did so before.
    pub(super) fn signed_before(
        &self,
        query: &Query,
        retained: &Retained,
        now: Timestamp,
    ) -> Option<Signed> {
        let mut superseded: Option<Timestamp> = None;
        for statement in &self.statements {
            if self.stated_digest(statement, query, now) == Ok(retained.digest) {
                continue;
            }
            let replaced_at = self.replaced_at(statement, query, retained, now)?;
            superseded = Some(superseded.map_or(replaced_at, |first| first.min(replaced_at)));
        }
        Some(Signed {
            digest: retained.digest,
            signers: self.signers(),
            superseded: Some(superseded?),
        })
    }

    /// When the role last stopped stating the retained digest for the wanted image, if that is
    /// within the window and the role may speak for it still.
    fn replaced_at(
        &self,
        statement: &Statement,
        query: &Query,
        retained: &Retained,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let role = &statement.role;
        self.check_alive(role, now).ok()?;
        let is_wanted = |tag: &str| match &query.wanted {
            Wanted::Tag(wanted) => tag == wanted,
            Wanted::Digest(wanted) => *wanted == retained.digest,
        };
        let former = statement.former.iter().filter(|former| {
            former.replaced_at >= retained.since
                && is_wanted(&former.tag)
                && self.facts.covers(role, &former.tag)
        });
        former.map(|former| former.replaced_at).max()
    }
}
