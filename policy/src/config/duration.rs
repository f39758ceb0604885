//! Durations as the configuration writes them.

use jiff::SignedDuration;

/// Reads a duration such as `0s`, `24h`, `7d` or `1h30m`: weeks, days (of 24 hours), hours,
/// minutes and seconds, each at most once and in this order.
///
/// # Errors
///
/// [`DurationError`] for anything else, a number without a unit among it.
pub fn parse_duration(text: &str) -> Result<SignedDuration, DurationError> {
    let error = || DurationError {
        text: text.chars().take(MAX_SHOWN).collect(),
    };
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total = SignedDuration::ZERO;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits).ok_or_else(error)?;
        let number: i64 = number.parse().map_err(|_error| error())?;
        let (seconds, after) = units
            .find_map(|(unit, seconds)| Some((seconds, after.strip_prefix(*unit)?)))
            .ok_or_else(error)?;
        let part = number.checked_mul(*seconds).ok_or_else(error)?;
        total = total
            .checked_add(SignedDuration::from_secs(part))
            .ok_or_else(error)?;
        if after.is_empty() {
            return Ok(total);
        }
        rest = after;
    }
}

/// Why a string is not a duration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{text}` is not a duration such as `0s`, `24h`, `7d` or `1h30m`")]
pub struct DurationError {
    /// The rejected text, cut at 64 characters.
    pub text: String,
}

const MAX_SHOWN: usize = 64;

const UNITS: [(&str, i64); 5] = [
    ("w", 7 * 86_400),
    ("d", 86_400),
    ("h", 3_600),
    ("m", 60),
    ("s", 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_numbers_with_units() {
        for (text, seconds) in [
            ("0s", 0),
            ("24h", 86_400),
            ("7d", 604_800),
            ("1h30m", 5_400),
            ("1w2d3h4m5s", 604_800 + 2 * 86_400 + 3 * 3_600 + 4 * 60 + 5),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, SignedDuration::from_secs(seconds), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "0",
            "s",
            "1",
            "-1s",
            "+1s",
            "1.5h",
            "1 h",
            "1H",
            "1m1h",
            "1s1s",
            "1ms",
            "1h ",
            "99999999999999999999s",
            "9999999999999999d",
        ] {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
    }
}
