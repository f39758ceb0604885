//! Points in time as people count them.

use jiff::{SignedDuration, Timestamp};

/// How long ago `at` was.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> String {
    format!("{} ago", span(now.duration_since(at)))
}

/// How long `at` is off, or how long ago it was.
pub(super) fn until(at: Timestamp, now: Timestamp) -> String {
    if at < now {
        ago(at, now)
    } else {
        format!("in {}", span(at.duration_since(now)))
    }
}

/// A duration in its largest unit.
fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        ..=119 => format!("{} s", seconds.max(0)),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_in_its_largest_unit() {
        let now = Timestamp::UNIX_EPOCH;
        let cases = [
            (0, "in 0 s"),
            (119, "in 119 s"),
            (3600, "in 60 min"),
            (86_400, "in 24 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(
                until(now + SignedDuration::from_secs(seconds), now),
                expected
            );
        }
        assert_eq!(
            until(now - SignedDuration::from_hours(72), now),
            "3 days ago"
        );
    }
}
