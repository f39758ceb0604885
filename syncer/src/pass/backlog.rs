//! What failed in this process, and when it is worth another attempt.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use vouchsafe_trust::{Gun, Timestamp};

/// Repositories whose metadata is at fault are tried ever more rarely: the publisher has to do
/// something about it, and that shows in the changefeed.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    troubles: BTreeMap<Gun, Trouble>,
}

#[derive(Clone, Copy, Debug)]
struct Trouble {
    attempts: u32,
    next: Timestamp,
}

impl Backlog {
    /// Whether `gun` may be tried at `now`.
    pub(super) fn allows(&self, gun: &Gun, now: Timestamp) -> bool {
        self.troubles
            .get(gun)
            .is_none_or(|trouble| trouble.next <= now)
    }

    /// The repositories that may not be tried at `now`.
    pub(super) fn resting(&self, now: Timestamp) -> impl Iterator<Item = &Gun> {
        let troubles = self.troubles.iter();
        troubles.filter_map(move |(gun, trouble)| (trouble.next > now).then_some(gun))
    }

    pub(super) fn failed(&mut self, gun: &Gun, now: Timestamp) {
        if self.troubles.len() >= MAX_TROUBLES && !self.troubles.contains_key(gun) {
            return;
        }
        let attempts = self
            .troubles
            .get(gun)
            .map_or(0, |trouble| trouble.attempts.saturating_add(1));
        let pause = FIRST
            .checked_mul(1 << attempts.min(16))
            .unwrap_or(LONGEST)
            .min(LONGEST);
        let next = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        let trouble = Trouble { attempts, next };
        self.troubles.insert(gun.clone(), trouble);
    }

    pub(super) fn succeeded(&mut self, gun: &Gun) {
        self.troubles.remove(gun);
    }
}

/// Just below the usual schedule of five minutes, so that the next pass tries again.
const FIRST: SignedDuration = SignedDuration::from_mins(4);
const LONGEST: SignedDuration = SignedDuration::from_hours(6);
/// Beyond these, what fails is tried in every pass.
const MAX_TROUBLES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_failing_is_tried_ever_more_rarely() {
        let gun: Gun = "docker.io/library/nginx".parse().unwrap();
        let mut backlog = Backlog::default();
        let mut now = Timestamp::UNIX_EPOCH;
        assert!(backlog.allows(&gun, now));
        for minutes in [4, 8, 16, 32, 64, 128, 256, 360, 360] {
            backlog.failed(&gun, now);
            let next = now + SignedDuration::from_mins(minutes);
            assert!(!backlog.allows(&gun, next - SignedDuration::from_secs(1)));
            assert!(backlog.allows(&gun, next), "{minutes} minutes");
            now = next;
        }
        backlog.succeeded(&gun);
        assert!(backlog.allows(&gun, Timestamp::UNIX_EPOCH));
    }
}
