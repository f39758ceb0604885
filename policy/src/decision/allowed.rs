//! An image that may run, and on what grounds.

use jiff::Timestamp;
use vouchsafe_trust::evidence::Freshness;
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::{Gun, Role, Sha256};

use crate::break_glass::BreakGlass;
use crate::rules::Rule;

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
    /// The bundle whose signature vouches for its freshness, where the timestamp alone would not do:
    /// its series and number.
    pub vouched: Option<String>,
    /// The broken glass, where it only counts for that.
    pub glass: Option<Box<BreakGlass>>,
}

impl Allowed {
    /// What `rule` allows on these grounds.
    pub(super) fn by(rule: &Rule, reference: &Reference, grounds: Grounds) -> Self {
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
                _ if proof.glass.is_some() => "signed_break_glass",
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
