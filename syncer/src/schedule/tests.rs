use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn schedule(text: &str) -> Schedule {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// 2026-11-23 is a Monday.
#[test]
fn the_next_moment_is_the_one_that_crontab_means() {
    let monday_noon = "2026-11-23T12:00:00Z";
    let cases = [
        ("*/5 * * * *", monday_noon, "2026-11-23T12:05:00Z"),
        (
            "*/5 * * * *",
            "2026-11-23T12:04:59.9Z",
            "2026-11-23T12:05:00Z",
        ),
        ("7-59/20 * * * *", monday_noon, "2026-11-23T12:07:00Z"),
        ("0 0 * * *", monday_noon, "2026-11-24T00:00:00Z"),
        ("30 4 1,15 * *", monday_noon, "2026-12-01T04:30:00Z"),
        // Weekdays: Sunday is 0, 7 and SUN; Monday is 1.
        ("0 0 * * 1", monday_noon, "2026-11-30T00:00:00Z"),
        ("0 0 * * 0", monday_noon, "2026-11-29T00:00:00Z"),
        ("0 0 * * 7", monday_noon, "2026-11-29T00:00:00Z"),
        ("0 0 * * sun", monday_noon, "2026-11-29T00:00:00Z"),
        ("0 0 * * 6-7", monday_noon, "2026-11-28T00:00:00Z"),
        ("0 0 * * Tue-Thu", monday_noon, "2026-11-24T00:00:00Z"),
        ("0 0 * * */2", monday_noon, "2026-11-24T00:00:00Z"),
        // Both days restricted: either matches.
        ("0 0 13 * 5", monday_noon, "2026-11-27T00:00:00Z"),
        ("0 0 24 * 5", monday_noon, "2026-11-24T00:00:00Z"),
        // One day field starts with a star: both must match.
        ("0 0 */2 * 5", monday_noon, "2026-11-27T00:00:00Z"),
        ("0 0 13 * */1", monday_noon, "2026-12-13T00:00:00Z"),
        // Months, leap years.
        ("0 0 1 jan,JUL *", monday_noon, "2027-01-01T00:00:00Z"),
        ("0 0 29 2 *", monday_noon, "2028-02-29T00:00:00Z"),
        ("0 0 31 * *", "2026-11-30T12:00:00Z", "2026-12-31T00:00:00Z"),
        (
            "59 23 31 12 *",
            "2026-12-31T23:59:00Z",
            "2027-12-31T23:59:00Z",
        ),
        ("  0   0 * * *  ", monday_noon, "2026-11-24T00:00:00Z"),
    ];
    for (text, now, expected) in cases {
        assert_eq!(
            schedule(text).next_after(at(now)),
            Some(at(expected)),
            "`{text}` after {now}"
        );
    }
}

type Matches = fn(jiff::civil::DateTime) -> bool;

#[test]
fn a_schedule_fires_exactly_when_its_fields_match() {
    let start = at("2028-02-27T00:00:00Z");
    let quarter_hours =
        || (0..4 * 24 * 40).map(|n| start + jiff::SignedDuration::from_mins(15 * n));
    let cases: [(&str, Matches); 5] = [
        ("*/30 * * * *", |t| t.minute() % 30 == 0),
        ("15 2-20/6 * * *", |t| {
            t.minute() == 15 && matches!(t.hour(), 2 | 8 | 14 | 20)
        }),
        ("0 12 10-12 * 1", |t| {
            t.minute() == 0
                && t.hour() == 12
                && ((10..=12).contains(&t.day()) || t.weekday() == jiff::civil::Weekday::Monday)
        }),
        ("45 * * 3 6,0", |t| {
            t.minute() == 45 && t.month() == 3 && t.weekday().to_sunday_zero_offset() % 6 == 0
        }),
        ("0 0 29 2 *", |t| {
            t.minute() == 0 && t.hour() == 0 && t.month() == 2 && t.day() == 29
        }),
    ];
    for (text, matches) in cases {
        let schedule = schedule(text);
        let expected: Vec<Timestamp> = quarter_hours()
            .skip(1)
            .filter(|t| matches(jiff::tz::Offset::UTC.to_datetime(*t)))
            .collect();
        let end = quarter_hours().next_back().unwrap();
        let mut found = Vec::new();
        let mut now = start;
        while let Some(next) = schedule.next_after(now).filter(|next| *next <= end) {
            found.push(next);
            now = next;
        }
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn what_is_no_schedule_is_refused_in_words() {
    let cases = [
        ("", "0 fields instead of five"),
        ("* * * *", "4 fields instead of five"),
        ("0 0 0 * * 1", "6 fields instead of five"),
        ("@hourly", "1 fields instead of five"),
        ("60 * * * *", "`60` is no minute; those are from 0 to 59"),
        ("* 24 * * *", "`24` is no hour"),
        ("* * 0 * *", "`0` is no day of month"),
        ("* * * 13 *", "`13` is no month"),
        ("* * * * 8", "`8` is no day of week"),
        ("* * * * monday", "`monday` is no day of week"),
        ("+5 * * * *", "`+5` is no minute"),
        ("5- * * * *", "`` is no minute"),
        ("1,,2 * * * *", "`` is no minute"),
        ("*/0 * * * *", "`*/0` is not a step"),
        ("5/10 * * * *", "`5/10` is not a step"),
        ("*/ * * * *", "`*/` is not a step"),
        ("30-10 * * * *", "runs backwards"),
        ("* * * * 6-1", "runs backwards"),
        ("0 0 31 2 *", "it never comes"),
        ("0 0 31 4,6,9,11 *", "it never comes"),
    ];
    for (text, expected) in cases {
        let error = text.parse::<Schedule>().unwrap_err().to_string();
        assert!(error.contains(expected), "`{text}`: {error}");
    }
}

#[test]
fn a_schedule_is_shown_as_it_was_written() {
    assert_eq!(schedule(" */5  * * * mon ").to_string(), "*/5 * * * mon");
}
