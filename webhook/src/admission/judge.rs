//! What the verdicts on all images of an object come to.

use std::collections::BTreeMap;
use std::time::Instant;

use super::leniency::Leniency;
use super::message;
use super::verdict::{Denied, MAX_NAME, Verdict, allowed_outcome, note};
use crate::metrics::Outcome;
use crate::review::{Answer, Replace};
use crate::text::printable;
use crate::workload::Place;

/// Every place of an object, and the verdict on each distinct image.
#[derive(Debug)]
pub(super) struct Judged<'o> {
    /// The verdicts in the order in which their images stand in the object.
    verdicts: Vec<(&'o str, Verdict)>,
    /// Each place with its verdict's index.
    places: Vec<(Place<'o>, usize)>,
    /// What admits the object whatever they are.
    leniency: Option<Leniency>,
}

impl<'o> Judged<'o> {
    /// Judges each distinct image of `places` once, for as long as there is time.
    pub(super) fn of(
        places: Vec<Place<'o>>,
        leniency: Option<Leniency>,
        deadline: Instant,
        verdict: impl Fn(&'o str) -> Verdict,
    ) -> Self {
        let mut judged = Self {
            verdicts: Vec::new(),
            places: Vec::with_capacity(places.len()),
            leniency,
        };
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for place in places {
            let image = place.image;
            let next = judged.verdicts.len();
            let index = *seen.entry(image).or_insert(next);
            if index == next {
                let verdict = match image {
                    // Said once about all of them, when they are known; that needs no time.
                    "" => Verdict::missing(&[]),
                    _ if image.len() > MAX_IMAGE => Verdict::too_long(image),
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

    /// What became of one image.
    pub(super) fn outcome_of(&self, verdict: &Verdict) -> Outcome {
        match verdict {
            Verdict::Allow(allowed) => allowed_outcome(allowed),
            Verdict::Deny(denied) if self.lets_pass(denied) => Outcome::warn(denied.label),
            Verdict::Deny(denied) => Outcome::deny(denied.label),
        }
    }

    /// The images that an alert is about: those that are denied or warned of, or else all.
    pub(super) fn images_in_question(&self) -> String {
        let denied = |(_, verdict): &&(&str, Verdict)| matches!(verdict, Verdict::Deny(_));
        let name = |(image, _): &(&str, Verdict)| printable(image, MAX_NAME);
        let bad: Vec<String> = self.verdicts.iter().filter(denied).map(name).collect();
        if bad.is_empty() {
            message::list(self.verdicts.iter().map(name))
        } else {
            message::list(bad)
        }
    }

    /// What became of the object: denied for the first image that is, or else warned of the first
    /// that would be.
    pub(super) fn outcome(&self) -> Outcome {
        let denied = self
            .verdicts
            .iter()
            .filter_map(|(_, verdict)| match verdict {
                Verdict::Allow(_) => None,
                Verdict::Deny(denied) => Some(denied),
            });
        let mut warned = None;
        for denied in denied {
            if !self.lets_pass(denied) {
                return Outcome::deny(denied.label);
            }
            warned.get_or_insert_with(|| Outcome::warn(denied.label));
        }
        warned.unwrap_or(Outcome::JUDGED)
    }

    /// What the API server is told: a patch where everything is well, otherwise every fault.
    pub(super) fn answer(&self) -> Answer {
        let mut lines = Vec::new();
        let mut audit = Vec::new();
        let mut warnings = Vec::new();
        for (image, verdict) in &self.verdicts {
            match verdict {
                Verdict::Allow(allowed) => {
                    warnings.extend(allowed.warnings.iter().cloned());
                    audit.push(note(allowed));
                }
                Verdict::Deny(denied) => {
                    audit.push(format!("{} {}", printable(image, MAX_NAME), denied.label));
                    match self.excuse(denied) {
                        Some(excuse) => warnings.push(format!("{excuse}: {}", denied.line)),
                        None => lines.push(denied.line.as_str()),
                    }
                }
            }
        }
        let audit = message::list(audit);
        let warnings = message::warnings(warnings);
        if !lines.is_empty() {
            return Answer {
                warnings,
                ..Answer::denied(message::denial(&lines), audit)
            };
        }
        let patch = if Leniency::patches(self.leniency) {
            self.patch()
        } else {
            Vec::new()
        };
        Answer {
            patch,
            warnings,
            ..Answer::admitted(self.outcome().decision(), audit)
        }
    }

    fn patch(&self) -> Vec<Replace> {
        let replace = |(place, index): &(Place<'_>, usize)| match self.verdicts.get(*index)? {
            (_, Verdict::Allow(allowed)) => Some(Replace {
                path: place.json_pointer(),
                value: allowed.patched.clone()?,
            }),
            (_, Verdict::Deny(_)) => None,
        };
        self.places.iter().filter_map(replace).collect()
    }

    fn lets_pass(&self, denied: &Denied) -> bool {
        self.leniency.is_some() || denied.warning_rule().is_some()
    }

    /// Why an image that may not run is let pass, if it is.
    fn excuse(&self, denied: &Denied) -> Option<String> {
        match (self.leniency, denied.warning_rule()) {
            (Some(leniency), _) => Some(leniency.words().to_owned()),
            (None, Some(pattern)) => Some(format!("the rule `{pattern}` only warns")),
            (None, None) => None,
        }
    }
}

/// Longer, in bytes, than any text that is worth being looked at as an image reference.
const MAX_IMAGE: usize = 4 * 1024;
