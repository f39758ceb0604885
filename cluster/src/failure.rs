//! What fails again and again: said once, tried ever more rarely.

use std::time::Duration;

/// Failures in a row.
#[derive(Debug)]
pub(crate) struct Failures {
    shortest: Duration,
    longest: Duration,
    delay: Duration,
    last: Option<String>,
}

impl Failures {
    /// None yet. What fails is tried again after `shortest`, then after twice that, and so on up to `longest`.
    pub(crate) const fn new(shortest: Duration, longest: Duration) -> Self {
        Self {
            shortest,
            longest,
            delay: shortest,
            last: None,
        }
    }

    /// Counts a failure: how long to wait now, and whether its words are other ones than the last time.
    pub(crate) fn add(&mut self, error: &str) -> (Duration, bool) {
        let is_news = self.last.as_deref() != Some(error);
        if is_news {
            self.last = Some(error.to_owned());
        }
        let delay = self.delay;
        self.delay = delay.saturating_mul(2).min(self.longest);
        (delay, is_news)
    }

    /// Notes that it worked; whether it had failed before.
    pub(crate) fn end(&mut self) -> bool {
        self.delay = self.shortest;
        self.last.take().is_some()
    }
}

/// Whether somebody else wrote first: the object is there already, is another version by now, or is gone.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    is_status(error, 404) || is_status(error, 409)
}

/// Whether the API server answered with this HTTP status. A group that is not there is answered by no `Status` of its own, and so
/// without a reason.
pub(crate) fn is_status(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_waited_longer_for_and_is_news_once() {
        let seconds = Duration::from_secs;
        let mut failures = Failures::new(seconds(2), seconds(5));
        assert_eq!(failures.add("a"), (seconds(2), true));
        assert_eq!(failures.add("a"), (seconds(4), false));
        assert_eq!(failures.add("b"), (seconds(5), true));
        assert_eq!(failures.add("b"), (seconds(5), false));
        assert!(failures.end());
        assert!(!failures.end());
        assert_eq!(failures.add("b"), (seconds(2), true));
    }
}
