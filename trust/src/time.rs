//! Points in time as role files write them.

pub use jiff::Timestamp;

/// Where a process takes the time from. The binary has the only one that reads the system's clock;
/// tests bring their own.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// Reads `expires` as Go's RFC 3339 does: `T` and `Z` in upper case, a zone always, up to nine
/// digits of a second, any numeric offset.
///
/// # Errors
///
/// [`TimeError`] for anything else, a leap second among it.
pub fn parse_rfc3339(text: &str) -> Result<Timestamp, TimeError> {
    let error = || TimeError {
        text: text.chars().take(64).collect(),
    };
    // jiff reads a superset (lower case, blanks, zone names), so the shape is fixed first.
    if !has_rfc3339_shape(text.as_bytes()) {
        return Err(error());
    }
    text.parse().map_err(|_error: jiff::Error| error())
}

/// Writes a [`Timestamp`] as RFC 3339 where people may read it, and as two integers where only a
/// store does: reading those is part of every decision.
pub(crate) mod compact {
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::Timestamp;

    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            time.serialize(to)
        } else {
            (time.as_second(), time.subsec_nanosecond()).serialize(to)
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        if from.is_human_readable() {
            Timestamp::deserialize(from)
        } else {
            let (second, nanosecond) = <(i64, i32)>::deserialize(from)?;
            Timestamp::new(second, nanosecond).map_err(D::Error::custom)
        }
    }
}

fn has_rfc3339_shape(text: &[u8]) -> bool {
    let Some((date, rest)) = text.split_at_checked(PATTERN.len()) else {
        return false;
    };
    let fits = date
        .iter()
        .zip(PATTERN)
        .all(|(byte, pattern)| match pattern {
            b'0' => byte.is_ascii_digit(),
            literal => byte == literal,
        });
    // jiff reads a leap second as the second before it; Go refuses it.
    let leap = date.ends_with(b":60");
    let zone = match rest.split_first() {
        Some((b'.', fraction)) => {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits == 0 || digits > 9 {
                return false;
            }
            fraction.get(digits..).unwrap_or_default()
        }
        _ => rest,
    };
    fits && !leap
        && match zone {
            [b'Z'] => true,
            [b'+' | b'-', h1, h2, b':', m1, m2] => {
                [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        }
}

/// A string that is no RFC 3339 time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is not an RFC 3339 time")]
pub struct TimeError {
    /// The rejected text, cut at 64 characters.
    pub text: String,
}

const PATTERN: &[u8] = b"0000-00-00T00:00:00";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_writes() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for text in [
            "2026-11-23T12:00:00Z",
            "2026-11-23T04:00:00-08:00",
            "2026-11-23T12:00:00.000000000Z",
        ] {
            assert_eq!(parse_rfc3339(text), Ok(noon), "{text}");
        }
        assert!(parse_rfc3339("2026-11-23T12:00:00.5Z").unwrap() > noon);
    }

    #[test]
    fn refuses_what_go_refuses() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T12:00:00",
            "2026-11-23t12:00:00Z",
            "2026-11-23T12:00:00z",
            "2026-11-23 12:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T12:00:60Z",
            "2026-13-23T12:00:00Z",
            "2026-11-23T12:00:00.Z",
            "2026-11-23T12:00:00Z[UTC]",
            "2026-11-23T12:00:00+0000",
        ] {
            assert!(parse_rfc3339(text).is_err(), "{text}");
        }
    }
}
