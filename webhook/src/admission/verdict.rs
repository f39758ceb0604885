//! What was decided about one image.

use vouchsafe_policy::{Allowed, Decision, Denial, Enforcement};
use vouchsafe_trust::evidence::Freshness;

use crate::metrics::Outcome;
use crate::text::printable;
use crate::workload::Place;

/// What was decided about one image.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It may run.
    Allow(Box<Allowed>),
    /// It may not.
    Deny(Box<Denied>),
}

/// An image that may not run.
#[derive(Debug)]
pub(super) struct Denied {
    /// Why, and what to do next.
    pub(super) line: String,
    /// A stable, short name of why.
    pub(super) label: &'static str,
    /// What the policy said, where it was asked.
    pub(super) denial: Option<Box<Denial>>,
}

impl From<Decision> for Verdict {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow(allowed) => Self::Allow(allowed),
            Decision::Deny(denial) => Self::Deny(Box::new(Denied {
                line: printable(&format!("{denial}; {}", denial.next_step()), MAX_LINE),
                label: denial.label(),
                denial: Some(denial),
            })),
        }
    }
}

impl Verdict {
    /// An image that the policy is not asked about.
    fn refused(line: String, label: &'static str) -> Self {
        Self::Deny(Box::new(Denied {
            line,
            label,
            denial: None,
        }))
    }

    /// Places where an image has to be and is not.
    pub(super) fn missing(places: &[(Place<'_>, usize)]) -> Self {
        let nameless: Vec<&Place<'_>> = places
            .iter()
            .map(|(place, _)| place)
            .filter(|place| place.image.is_empty())
            .collect();
        let shown = nameless.iter().take(MAX_SHOWN).map(|place| {
            let name = printable(place.name, MAX_SHOWN_NAME);
            format!("`{name}` in {}", place.list)
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = match nameless.len().saturating_sub(MAX_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let line = format!("no image is named by {shown}{more}; name one");
        Self::refused(line, "no_image")
    }

    /// A text that is no image for its length alone; the policy would copy it into its answer.
    pub(super) fn too_long(image: &str) -> Self {
        let (len, image) = (image.len(), printable(image, MAX_QUOTED));
        let line = format!(
            "image {image}: {len} bytes are no image reference; write the image as \
             REGISTRY/REPOSITORY:TAG"
        );
        Self::refused(line, "bad_reference")
    }

    /// An image that nobody had time for.
    pub(super) fn late(image: &str) -> Self {
        let image = printable(image, MAX_NAME);
        let line = format!("{image}: no time was left to judge it; try again");
        Self::refused(line, LATE)
    }
}

impl Denied {
    /// The rule that denied it and only warns, by its pattern.
    pub(super) fn warning_rule(&self) -> Option<&str> {
        let denial = self.denial.as_ref()?;
        let pattern = denial.pattern.as_deref()?;
        (denial.enforcement == Enforcement::Warn).then_some(pattern)
    }
}

/// What became of an image that is allowed.
pub(super) const fn allowed_outcome(allowed: &Allowed) -> Outcome {
    Outcome::allow(allowed.label())
}

/// What the audit log keeps of an image: what was proven, and how fresh the proof was.
pub(super) fn note(allowed: &Allowed) -> String {
    let image = &allowed.image;
    let Some(proof) = allowed.proof() else {
        return format!("{image} {}", allowed.label());
    };
    let digest = proof.digest;
    let mut note = match &proof.freshness {
        Freshness::Fresh { until } => {
            format!("{image} signed sha256:{digest} fresh until {until}")
        }
        Freshness::Stale { since, .. } => {
            format!("{image} signed sha256:{digest} stale since {since}")
        }
        Freshness::Expired { at, .. } => format!("{image} signed sha256:{digest} expired at {at}"),
    };
    if let Some(bundle) = &proof.vouched {
        note = format!("{note} on the word of bundle {bundle}");
    }
    if let Some(glass) = &proof.glass {
        note = format!("{note} break-glass until {}", glass.until);
    }
    note
}

/// The label of what there was no time for.
pub(super) const LATE: &str = "late";

/// How much of an image the log and the audit annotations keep.
pub(super) const MAX_NAME: usize = 256;

/// How much is told of what is no image for its length.
const MAX_QUOTED: usize = 64;

/// More than any denial of a valid reference says.
const MAX_LINE: usize = 4 * 1024;

/// How many of the places that name no image are listed.
const MAX_SHOWN: usize = 16;

/// How much of a container's name is told; Kubernetes allows 63 characters.
const MAX_SHOWN_NAME: usize = 64;
