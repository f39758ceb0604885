//! One image's verdict, and what the verdicts on all images of an object come to.

use std::collections::BTreeMap;
use std::time::Instant;

use vouchsafe_policy::{Allowed, Config, Decision, Purpose};
use vouchsafe_trust::Timestamp;
use vouchsafe_trust::evidence::Freshness;

use super::{Lookup, Webhook, message};
use crate::metrics::Outcome;
use crate::review::{Answer, Replace};
use crate::text::printable;
use crate::workload::Place;

/// What was decided about one image.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It may run.
    Allow {
        /// By what it is replaced, where it is not pinned yet.
        pinned: Option<String>,
        /// What the user should know.
        warnings: Vec<String>,
        /// A stable, short name of why.
        label: &'static str,
        /// The digest and its freshness, for the audit log.
        audit: String,
    },
    /// It may not.
    Deny {
        /// Why, and what to do next.
        line: String,
        /// A stable, short name of why.
        label: &'static str,
    },
}

impl Verdict {
    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::Allow { label, .. } => Outcome::allow(label),
            Self::Deny { label, .. } => Outcome::deny(label),
        }
    }

    /// The verdict of `config` on `image`.
    pub(super) fn of(
        config: &Config,
        webhook: Webhook,
        image: &str,
        namespace: Option<&str>,
        now: Timestamp,
        lookup: &Lookup,
    ) -> Self {
        let purpose = match webhook {
            Webhook::Mutate => Purpose::Mutate,
            Webhook::Validate => Purpose::Validate,
        };
        match config.decide(image, namespace, purpose, now, lookup) {
            Decision::Allow(allowed) => Self::Allow {
                label: match allowed.freshness {
                    None => "static_allow",
                    Some(Freshness::Stale { .. }) => "signed_stale",
                    Some(_) => "signed",
                },
                audit: note(&allowed),
                pinned: allowed.patched,
                warnings: allowed.warnings,
            },
            Decision::Deny(denial) => Self::Deny {
                line: format!("{denial}; {}", denial.next_step()),
                label: denial.label(),
            },
        }
    }

    /// A place where an image has to be and is not.
    fn missing(place: &Place<'_>) -> Self {
        let (list, name) = (place.list, printable(place.name, MAX_NAME));
        Self::Deny {
            line: format!("`{name}` in {list} names no image; name one"),
            label: "no_image",
        }
    }

    /// An image that nobody had time for.
    fn late(image: &str) -> Self {
        let image = printable(image, MAX_NAME);
        Self::Deny {
            line: format!("{image}: no time was left to judge it; try again"),
            label: "late",
        }
    }
}

/// Every place of an object, and the verdict on each distinct image.
#[derive(Debug, Default)]
pub(super) struct Judged<'o> {
    /// The verdicts in the order in which their images stand in the object.
    verdicts: Vec<(&'o str, Verdict)>,
    /// Each place with its verdict's index.
    places: Vec<(Place<'o>, usize)>,
}

impl<'o> Judged<'o> {
    /// Judges each distinct image of `places` once, for as long as there is time.
    pub(super) fn of(
        places: Vec<Place<'o>>,
        deadline: Instant,
        verdict: impl Fn(&'o str) -> Verdict,
    ) -> Self {
        let mut judged = Self::default();
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for place in places {
            let image = place.image;
            let next = judged.verdicts.len();
            // Each missing image is a fault of its own.
            let index = if image.is_empty() {
                next
            } else {
                *seen.entry(image).or_insert(next)
            };
            if index == next {
                let verdict = match image {
                    "" => Verdict::missing(&place),
                    _ if Instant::now() >= deadline => Verdict::late(image),
                    _ => verdict(image),
                };
                judged.verdicts.push((image, verdict));
            }
            judged.places.push((place, index));
        }
        judged
    }

    /// The verdicts, each with its image as it is written.
    pub(super) fn verdicts(&self) -> &[(&'o str, Verdict)] {
        &self.verdicts
    }

    /// The first denial's label, if there is any denial.
    pub(super) fn denied(&self) -> Option<&'static str> {
        self.verdicts.iter().find_map(|(_, verdict)| match verdict {
            Verdict::Allow { .. } => None,
            Verdict::Deny { label, .. } => Some(*label),
        })
    }

    /// What the API server is told: a patch where everything is well, otherwise every fault.
    pub(super) fn answer(self) -> Answer {
        let mut lines = Vec::new();
        let mut audit = Vec::new();
        let mut warnings = Vec::new();
        for (image, verdict) in &self.verdicts {
            match verdict {
                Verdict::Allow {
                    warnings: own,
                    audit: note,
                    ..
                } => {
                    warnings.extend_from_slice(own);
                    audit.push(note.clone());
                }
                Verdict::Deny { line, label } => {
                    lines.push(line.clone());
                    audit.push(format!("{} {label}", printable(image, MAX_NAME)));
                }
            }
        }
        let audit = message::list(&audit);
        if !lines.is_empty() {
            return Answer::denied(message::denial(&lines), audit);
        }
        let patch =
            self.places
                .iter()
                .filter_map(|(place, index)| match self.verdicts.get(*index)? {
                    (
                        _,
                        Verdict::Allow {
                            pinned: Some(pinned),
                            ..
                        },
                    ) => Some(Replace {
                        path: place.json_pointer(),
                        value: pinned.clone(),
                    }),
                    _ => None,
                });
        let patch = patch.collect();
        Answer {
            patch,
            warnings,
            ..Answer::allowed(audit)
        }
    }
}

/// What the audit log keeps of an image: what was proven, and how fresh the proof was.
fn note(allowed: &Allowed) -> String {
    let image = &allowed.image;
    let digest = allowed
        .digest
        .map_or_else(String::new, |digest| format!(" sha256:{digest}"));
    match &allowed.freshness {
        None => format!("{image} static_allow"),
        Some(Freshness::Fresh { until }) => format!("{image} signed{digest} fresh until {until}"),
        Some(Freshness::Stale { since, .. }) => {
            format!("{image} signed{digest} stale since {since}")
        }
        Some(Freshness::Expired { at, .. }) => format!("{image} signed{digest} expired at {at}"),
    }
}

/// Longer than any reference that is read.
const MAX_NAME: usize = 512;
