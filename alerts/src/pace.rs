//! How patient delivery is.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use jiff::SignedDuration;

/// How long a receiver may take, how fast it is tried again, and for how long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// How long a receiver may take to answer, connecting included. 10 seconds.
    pub answer: Duration,
    /// The pause after a failure; it doubles with each. One second.
    pub first: Duration,
    /// The longest pause, also where a receiver asks for one. 5 minutes.
    pub longest: Duration,
    /// How old an alert may become before a failure is its last. 24 hours.
    pub keep: SignedDuration,
    /// How often a receiver may answer one alert with an error before those after it are tried, to
    /// tell whether the receiver or the alert is at fault. 8.
    pub probe_after: u32,
    /// How long a receiver has to be missing from the configuration before what waits for it is
    /// dropped, at least; twice as long at most. One minute.
    pub sweep: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(10),
            first: Duration::from_secs(1),
            longest: Duration::from_mins(5),
            keep: SignedDuration::from_hours(24),
            probe_after: 8,
            sweep: Duration::from_mins(1),
        }
    }
}

impl Pace {
    /// The pause after so many failures in a row, where the receiver asked for `asked`.
    pub(crate) fn pause(self, failures: u32, asked: Option<Duration>) -> Duration {
        let exponent = failures.saturating_sub(1).min(16);
        let doubled = self.first.saturating_mul(1 << exponent);
        let pause = doubled.min(self.longest).mul_f64(jitter());
        asked.map_or(pause, |asked| asked.min(self.longest).max(pause))
    }
}

/// A factor from 0.5 to 1.0, so that many replicas do not come back at once.
fn jitter() -> f64 {
    // A fresh hasher has random keys; this needs no better randomness.
    let random = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(u32::MAX);
    0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pace = Pace::default();
        for (failures, most) in [
            (1, 1),
            (2, 2),
            (3, 4),
            (9, 256),
            (10, 300),
            (4_000_000, 300),
        ] {
            let most = Duration::from_secs(most);
            let pause = pace.pause(failures, None);
            assert!(pause >= most / 2 && pause <= most, "{failures}: {pause:?}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_a_pause_but_not_for_ever() {
        let pace = Pace::default();
        let asked = |seconds| pace.pause(1, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(86_400), pace.longest);
        assert!(asked(0) >= pace.first / 2);
    }
}
