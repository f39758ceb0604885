//! Break-glass entries: from what is written to what holds.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use vouchsafe_trust::image::Reference;
use vouchsafe_trust::time::parse_rfc3339;

use super::error::Problem;
use super::raw::RawBreakGlass;
use super::yaml::At;
use crate::break_glass::BreakGlass;

/// Reads `breakGlass`.
pub(super) fn break_glass(raw: Vec<At<RawBreakGlass>>) -> Result<Vec<BreakGlass>, At<Problem>> {
    // One after the other, they would last for ever.
    let mut lines = BTreeMap::new();
    for At { value, .. } in &raw {
        let name = value.gun.value.clone();
        if let Some(line) = lines.insert(name.clone(), value.gun.place.line) {
            let what = "entry of `breakGlass`";
            let problem = Problem::DuplicateName { what, name, line };
            return Err(value.gun.fault(problem));
        }
    }
    raw.into_iter()
        .map(|At { value, .. }| {
            let RawBreakGlass {
                gun,
                from,
                until,
                reason,
            } = value;
            let (start, end) = (time(&from, "from")?, time(&until, "until")?);
            let lasts = end.duration_since(start);
            if lasts <= SignedDuration::ZERO || lasts > LONGEST {
                return Err(until.fault(Problem::BreakGlassSpan));
            }
            if reason.value.trim().is_empty() {
                return Err(reason.fault(Problem::NoReason));
            }
            let name: Result<Reference, _> = gun.value.parse();
            let name = name.ok().filter(|name| name.gun().as_str() == gun.value);
            let name = name.ok_or_else(|| {
                gun.fault(Problem::Value {
                    key: "gun",
                    value: gun.value.clone(),
                    nearest: None,
                    expected: "one repository, spelled out: `docker.io/library/nginx`",
                })
            })?;
            Ok(BreakGlass {
                gun: name.gun().clone(),
                from: start,
                until: end,
                reason: reason.value,
            })
        })
        .collect()
}

fn time(written: &At<String>, key: &'static str) -> Result<Timestamp, At<Problem>> {
    parse_rfc3339(&written.value).map_err(|_error| {
        written.fault(Problem::Value {
            key,
            value: written.value.chars().take(MAX_SHOWN).collect(),
            nearest: None,
            expected: "a moment such as `2026-11-25T14:00:00Z`",
        })
    })
}

/// How long the glass may be broken: what lasts longer is no emergency any more.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);
const MAX_SHOWN: usize = 64;
