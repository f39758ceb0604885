//! Files that are no longer good, and ways to write the time.

use super::super::case::{Case, ROLES, delegated, plain, slug};
use super::super::json::Json;
use super::dropping;

pub(super) fn cases() -> Vec<Case> {
    let expired = ROLES.into_iter().map(|role| {
        let name = format!("expired-{}", slug(role));
        let case = Case::new(name, format!("expired in 2020: {role}"));
        let repository = delegated().expires(role, "2020-01-01T00:00:00Z");
        dropping(case, repository, role, "expired", "delegation_expired")
    });
    let good = [
        (
            "zone-offset",
            "2100-01-01T00:00:00-08:00",
            "a time with a zone, as publishers write it",
        ),
        (
            "fraction",
            "2100-01-01T00:00:00.123456789Z",
            "a time with nine digits of fraction",
        ),
    ];
    let good = good.map(|(name, time, shows)| {
        let repository = ROLES
            .iter()
            .fold(delegated(), |it, role| it.expires(role, time));
        Case::new(format!("expires-{name}"), shows)
            .accepted(repository)
            .signed("signed", &[], "image")
    });
    let bad = [
        ("lower-case", "2100-01-01t00:00:00z"),
        ("no-zone", "2100-01-01T00:00:00"),
        ("hour-24", "2100-01-01T24:00:00Z"),
        ("second-60", "2100-01-01T00:00:60Z"),
        ("day-30-of-february", "2100-02-30T00:00:00Z"),
        ("year-only", "2100"),
        ("empty", ""),
    ];
    let bad = bad.map(|(name, time)| {
        Case::new(
            format!("expires-{name}"),
            format!("`{time}` is not an RFC 3339 time"),
        )
        .refused(
            plain().expires("targets", time),
            "targets",
            "invalid_member",
        )
    });
    let absent = [("null", Some(Json::Null)), ("missing", None)].map(|(name, value)| {
        let repository = plain().edit("timestamp", move |signed| {
            signed.remove("expires");
            if let Some(value) = value.clone() {
                signed.push("expires", value);
            }
        });
        Case::new(format!("expires-{name}"), format!("`expires` is {name}")).refused(
            repository,
            "timestamp",
            "missing_member",
        )
    });
    expired.chain(good).chain(bad).chain(absent).collect()
}
