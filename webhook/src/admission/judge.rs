//! One image's verdict, and what the verdicts on all images of an object come to.

use std::collections::BTreeMap;
use std::time::Instant;

use vouchsafe_policy::{Allowed, Config, Decision, Purpose};
use vouchsafe_store::ReadError;
use vouchsafe_trust::evidence::Freshness;
use vouchsafe_trust::{Evidence, Query, Timestamp};

use super::{Webhook, message};
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
        lookup: impl FnOnce(&Query) -> Result<Evidence, ReadError>,
    ) -> Self {
        if image.len() > MAX_IMAGE {
            return Self::too_long(image);
        }
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
                line: printable(&format!("{denial}; {}", denial.next_step()), MAX_LINE),
                label: denial.label(),
            },
        }
    }

    /// Places where an image has to be and is not.
    fn missing(places: &[(Place<'_>, usize)]) -> Self {
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
        Self::Deny {
            line: format!("no image is named by {shown}{more}; name one"),
            label: "no_image",
        }
    }

    /// A text that is no image for its length alone; the policy would copy it into its answer.
    fn too_long(image: &str) -> Self {
        let (len, image) = (image.len(), printable(image, MAX_QUOTED));
        Self::Deny {
            line: format!(
                "image {image}: {len} bytes are no image reference; write the image as \
                 REGISTRY/REPOSITORY:TAG"
            ),
            label: "bad_reference",
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
            let index = *seen.entry(image).or_insert(next);
            if index == next {
                let verdict = match image {
                    // Said once about all of them, when they are known; that needs no time.
                    "" => Verdict::missing(&[]),
                    _ if Instant::now() >= deadline => Verdict::late(image),
                    _ => verdict(image),
                };
                judged.verdicts.push((image, verdict));
            }
            judged.places.push((place, index));
        }
        if let Some((_, verdict)) = seen.get("").and_then(|&at| judged.verdicts.get_mut(at)) {
            *verdict = Verdict::missing(&judged.places);
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
    pub(super) fn answer(mut self) -> Answer {
        let mut lines = Vec::new();
        let mut audit = Vec::new();
        let mut warnings = Vec::new();
        for (image, verdict) in &mut self.verdicts {
            match verdict {
                Verdict::Allow {
                    warnings: own,
                    audit: note,
                    ..
                } => {
                    warnings.append(own);
                    audit.push(std::mem::take(note));
                }
                Verdict::Deny { line, label } => {
                    lines.push(std::mem::take(line));
                    audit.push(format!("{} {label}", printable(image, MAX_NAME)));
                }
            }
        }
        let audit = message::list(audit);
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

/// How much of an image the log and the audit annotations keep.
const MAX_NAME: usize = 256;

/// Longer, in bytes, than any text that is worth being looked at as an image reference.
const MAX_IMAGE: usize = 4 * 1024;

/// How much is told of what is no image for its length.
const MAX_QUOTED: usize = 64;

/// More than any denial of a valid reference says.
const MAX_LINE: usize = 4 * 1024;

/// How many of the places that name no image are listed.
const MAX_SHOWN: usize = 16;

/// How much of a container's name is told; Kubernetes allows 63 characters.
const MAX_SHOWN_NAME: usize = 64;
