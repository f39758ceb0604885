//! Times in nanoseconds from 1970 on, by the calendar and nothing else.

/// Reads RFC 3339 as Go does: upper-case letters, a zone always, at most nine digits of a second.
pub(super) fn rfc3339(text: &str) -> Option<i128> {
    if !text.is_ascii() {
        return None;
    }
    let (date, clock) = text.split_once('T')?;
    let zone = clock.find(['Z', '+', '-'])?;
    let (clock, zone) = clock.split_at(zone);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, nanoseconds(fraction)?),
        None => (clock, 0),
    };
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let offset = match zone.split_at(1) {
        ("Z", "") => 0,
        (sign, zone) => {
            let [hours, minutes] = numbers(zone, ':', [2, 2])?;
            let seconds = (hours * 60 + minutes) * 60;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let seconds = civil([year, month, day, hour, minute, second])? - offset;
    Some(i128::from(seconds) * 1_000_000_000 + i128::from(fraction))
}

/// Reads the time of a certificate: `UTCTime` has two digits of the year, `GeneralizedTime` four.
pub(super) fn certificate(digits_of_year: usize, text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = text.split_at_checked(digits_of_year)?;
    let year = number(year)?;
    // RFC 5280 §4.1.2.5.1.
    let year = match digits_of_year {
        2 if year >= 50 => 1900 + year,
        2 => 2000 + year,
        _ => year,
    };
    let mut parts = [year, 0, 0, 0, 0, 0];
    let mut rest = rest;
    for part in parts.iter_mut().skip(1) {
        let (digits, after) = rest.split_at_checked(2)?;
        *part = number(digits)?;
        rest = after;
    }
    let seconds = civil(parts).filter(|_| rest.is_empty())?;
    Some(i128::from(seconds) * 1_000_000_000)
}

fn numbers<const N: usize>(text: &str, between: char, widths: [usize; N]) -> Option<[i64; N]> {
    let parts: Vec<&str> = text.split(between).collect();
    let fits = parts.len() == N
        && parts
            .iter()
            .zip(widths)
            .all(|(part, width)| part.len() == width);
    let numbers: Option<Vec<i64>> = parts.into_iter().map(number).collect();
    numbers.filter(|_| fits)?.try_into().ok()
}

fn number(digits: &str) -> Option<i64> {
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| all)
}

fn nanoseconds(fraction: &str) -> Option<i64> {
    number(fraction)?;
    (fraction.len() <= 9).then(|| number(&format!("{fraction:0<9}")))?
}

/// Seconds from 1970 on, counted year by year and month by month.
fn civil([year, month, day, hour, minute, second]: [i64; 6]) -> Option<i64> {
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = |month: i64| match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let fits = (1..=12).contains(&month)
        && (1..=length(month)).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !fits {
        return None;
    }
    let year_length = |year: i64| if leap(year) { 366 } else { 365 };
    let years: i64 = if year >= 1970 {
        (1970..year).map(year_length).sum()
    } else {
        -(year..1970).map(year_length).sum::<i64>()
    };
    let months: i64 = (1..month).map(length).sum();
    Some((((years + months + day - 1) * 24 + hour) * 60 + minute) * 60 + second)
}
