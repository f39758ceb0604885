//! When a failed request is tried again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use super::Cause;

/// How often and how fast a request is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// The most attempts, the first included.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each.
    pub first: Duration,
    /// The longest pause, also where the server asks for one.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
        }
    }
}

impl Backoff {
    /// The pause after the failure of attempt number `attempt` (from 1); `None` if that was the
    /// last one.
    ///
    /// A `Retry-After` beyond the longest pause ends it: the next pass comes soon enough.
    pub fn pause(self, attempt: u32, cause: &Cause) -> Option<Duration> {
        if attempt >= self.attempts || !cause.is_transient() {
            return None;
        }
        let doubled = self.first.saturating_mul(1 << (attempt - 1).min(16));
        let pause = doubled.min(self.longest).mul_f64(jitter());
        match retry_after(cause) {
            Some(asked) if asked > self.longest => None,
            Some(asked) => Some(asked.max(pause)),
            None => Some(pause),
        }
    }
}

const fn retry_after(cause: &Cause) -> Option<Duration> {
    if let Cause::Status { retry_after, .. } = cause {
        *retry_after
    } else {
        None
    }
}

/// A factor from 0.5 to 1.0, so that many clients of one server do not come back at once.
fn jitter() -> f64 {
    // A fresh hasher has random keys; this needs no better randomness.
    let random = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(u32::MAX);
    0.5 + f64::from(random) / f64::from(u32::MAX) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> Cause {
        Cause::Status {
            status,
            code: None,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn pauses_double_within_bounds() {
        let backoff = Backoff::default();
        for (attempt, most) in [(1, 500), (2, 1000), (3, 2000)] {
            let most = Duration::from_millis(most);
            let pause = backoff.pause(attempt, &status(503, None)).unwrap();
            assert!(
                pause >= most / 2 && pause <= most,
                "attempt {attempt}: {pause:?}"
            );
        }
        assert_eq!(backoff.pause(4, &status(503, None)), None);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let backoff = Backoff::default();
        for refused in [400, 401, 403, 404] {
            assert_eq!(
                backoff.pause(1, &status(refused, None)),
                None,
                "status {refused}"
            );
        }
        for passing in [408, 429, 500, 502, 503] {
            assert!(
                backoff.pause(1, &status(passing, None)).is_some(),
                "status {passing}"
            );
        }
    }

    #[test]
    fn a_server_may_ask_for_a_pause_but_not_for_ever() {
        let backoff = Backoff::default();
        assert_eq!(
            backoff.pause(1, &status(429, Some(7))),
            Some(Duration::from_secs(7))
        );
        assert_eq!(backoff.pause(1, &status(429, Some(3600))), None);
    }
}
