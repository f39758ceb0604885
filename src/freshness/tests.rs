use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-11-23T12:00:00Z";
const LATER: &str = "2027-11-23T12:00:00Z";
const PAST: &str = "2026-11-23T11:59:59Z";

/// A repository of which nothing is amiss, after `change`.
fn word_of(change: impl FnOnce(&mut Value)) -> &'static str {
    word_under("", change)
}

/// The same, with this besides in the validator.
fn word_under(validator: &str, change: impl FnOnce(&mut Value)) -> &'static str {
    word_with(&configuration(validator), change)
}

/// The same, by another configuration.
fn word_with(configuration: &str, change: impl FnOnce(&mut Value)) -> &'static str {
    let config = Config::parse(configuration, "config.yaml").unwrap();
    word(&status(change), &config, NOW.parse().unwrap())
}

fn config(validator: &str) -> Config {
    Config::parse(&configuration(validator), "config.yaml").unwrap()
}

fn status(change: impl FnOnce(&mut Value)) -> RepositoryStatus {
    let digest = "ab".repeat(32);
    let role =
        json!({"version": 1, "expires": LATER, "sha256": digest, "targets": null, "keys": []});
    let mut status = json!({
        "server": "https://notary.example.com",
        "gun": "registry.example.com/team/app",
        "state": "active",
        "generation": 1,
        "verifiedAt": NOW,
        "tags": 1,
        "pins": digest,
        "anchors": [digest],
        "unproven": null,
        "certificateNamesGun": true,
        "certificateValidity": {"from": "2020-01-01T00:00:00Z", "until": LATER},
        "roles": {
            "root": role, "timestamp": role, "snapshot": role, "targets": role,
            "targets/releases": role,
        },
        "delegations": {"targets/releases": {"state": "accepted", "paths": [""]}},
        "lastSync": null,
    });
    change(&mut status);
    serde_json::from_value(status).unwrap()
}

fn configuration(validator: &str) -> String {
    format!(
        "validators:
- name: default
  type: notaryv1
  host: notary.example.com
  {validator}
  trustRoots:
  - name: default
    key: |
      -----BEGIN PUBLIC KEY-----
      MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAER/g38hsEqMWMNoN4iRF/AzfrUKzR
      JajR8L3cidQtTQBzWMch/5fFWCgKCCzPvAybOPfcGxzsL1uY3r9B5RdZIw==
      -----END PUBLIC KEY-----
policy:
- pattern: registry.example.com/*:*
  validator: default
freshness:
  maxStaleness: 1h
"
    )
}

fn set(pointer: &'static str, value: Value) -> impl FnOnce(&mut Value) {
    move |status| *status.pointer_mut(pointer).unwrap() = value
}

#[test]
fn what_has_nothing_amiss_is_fresh() {
    assert_eq!(word_of(|_| {}), "fresh");
}

#[test]
fn expired_roles_make_it_stale_or_expired() {
    let expires = |role: &str, at: &str| {
        let (pointer, at) = (format!("/roles/{role}/expires"), json!(at));
        word_of(move |status| *status.pointer_mut(&pointer).unwrap() = at)
    };
    assert_eq!(expires("timestamp", PAST), "stale");
    assert_eq!(expires("snapshot", "2026-11-23T10:59:59Z"), "expired");
    assert_eq!(expires("targets", PAST), "expired");
    assert_eq!(expires("root", PAST), "expired");
}

#[test]
fn what_only_counts_because_the_glass_is_broken_says_so() {
    let broken = |from: &str, pointer: &'static str, value: Value| {
        let glass = format!(
            "breakGlass:\n- gun: registry.example.com/team/app\n  from: {from}\n  until: 2026-11-30T00:00:00Z\n  reason: x\n"
        );
        word_with(&(configuration("") + &glass), set(pointer, value))
    };
    let open = "2026-11-20T00:00:00Z";
    assert_eq!(
        broken(open, "/roles/targets/expires", json!(PAST)),
        "glass-broken"
    );
    let releases = "/roles/targets~1releases/expires";
    assert_eq!(broken(open, releases, json!(PAST)), "glass-broken");
    assert_eq!(broken(open, "/tags", json!(2)), "fresh");
    assert_eq!(broken(open, "/anchors", json!([])), "unproven");
    let later = "2026-11-28T00:00:00Z";
    assert_eq!(
        broken(later, "/roles/targets/expires", json!(PAST)),
        "expired"
    );
}

#[test]
fn a_root_certificate_that_does_not_hold_shows_unless_nobody_asks() {
    let ended = || set("/certificateValidity/until", json!(PAST));
    assert_eq!(word_of(ended()), "invalid-certificate");
    let from = |at: &str| word_of(set("/certificateValidity/from", json!(at)));
    assert_eq!(from("2026-11-24T12:00:01Z"), "invalid-certificate");
    assert_eq!(from("2026-11-24T12:00:00Z"), "fresh");
    let other = || set("/certificateNamesGun", json!(false));
    assert_eq!(word_of(other()), "invalid-certificate");
    assert_eq!(
        word_under("insecureSkipCertificateValidity: true", ended()),
        "fresh"
    );
}

#[test]
fn releases_that_count_for_nothing_show() {
    let releases = |state| word_of(set("/delegations/targets~1releases", state));
    assert_eq!(
        releases(json!({"state": "underSigned", "needed": 2, "valid": 1})),
        "releases-dropped"
    );
    assert_eq!(releases(json!({"state": "vanished"})), "releases-dropped");
    // Then `targets` speaks.
    assert_eq!(releases(json!({"state": "unpublished"})), "fresh");
    assert_eq!(word_of(set("/delegations", json!({}))), "fresh");
    assert_eq!(
        word_of(set("/roles/targets~1releases/expires", json!(PAST))),
        "releases-dropped"
    );
}

#[test]
fn what_no_pin_holds_for_is_unproven() {
    assert_eq!(word_of(set("/anchors", json!([]))), "unproven");
    let why = json!({"at": NOW, "label": "not_pinned", "message": "none"});
    assert_eq!(word_of(set("/unproven", why)), "unproven");
}

#[test]
fn images_are_admitted_until_the_first_thing_ends_that_they_depend_on() {
    const SOON: &str = "2026-12-01T00:00:00Z";
    type Change = fn(&mut Value);
    let cases: [(&str, Change, &str); 6] = [
        ("", |_status| (), LATER),
        (
            "",
            |status| status["roles"]["root"]["expires"] = json!(SOON),
            SOON,
        ),
        (
            "",
            |status| status["roles"]["targets/releases"]["expires"] = json!(SOON),
            SOON,
        ),
        // It speaks for nothing.
        (
            "",
            |status| {
                status["roles"]["targets/alice"] = json!({
                    "version": 1, "expires": SOON, "sha256": "ab".repeat(32), "targets": null, "keys": [],
                });
            },
            LATER,
        ),
        (
            "",
            |status| status["certificateValidity"]["until"] = json!(SOON),
            SOON,
        ),
        (
            "insecureSkipCertificateValidity: true",
            |status| {
                status["certificateValidity"]["until"] = json!(SOON);
            },
            LATER,
        ),
    ];
    for (validator, change, expected) in cases {
        let until = admissible_until(
            &status(change),
            &config(validator),
            "fresh",
            NOW.parse().unwrap(),
        );
        assert_eq!(until, Some(expected.parse().unwrap()), "{validator}");
    }
    assert_eq!(
        admissible_until(
            &status(|_status| ()),
            &config(""),
            "expired",
            NOW.parse().unwrap()
        ),
        None
    );
}
