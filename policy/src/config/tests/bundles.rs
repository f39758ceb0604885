//! Bundles, and whose word counts.

use std::path::Path;

use jiff::SignedDuration;
use vouchsafe_trust::TrustRoot;
use vouchsafe_trust::key::Fingerprint;

use super::*;
use crate::fixtures::{OTHER_KEY, now};

/// `bundles` with these keys, by name, and `more`.
fn bundles(keys: &[(&str, &str)], more: &str) -> String {
    let entry = |(name, pem): &(&str, &str)| {
        let pem = indent(pem, 6);
        format!("  - name: {name}\n    key: |\n{pem}\n")
    };
    let keys: String = keys.iter().map(entry).collect();
    format!("bundles:\n  keys:\n{keys}{more}")
}

fn fingerprint(pem: &str) -> Fingerprint {
    TrustRoot::from_pem(pem).unwrap().key().fingerprint()
}

const TWO: [(&str, &str); 2] = [("courier", KEY), ("auditor", OTHER_KEY)];
const P384_KEY: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEcbvQ4sR3h5kn4e+68EzA+pxPcJsCsi1r
nOg8dShQ9VRWM/GVz2bYH9lDT5XB3R8km6szjh5E/3YHTsdxieSdqBXlEtSTLorT
jcSnS2IkF6wQV5xsCag5sbxkcbk+qBXv
-----END PUBLIC KEY-----
";

const ED25519_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAkcV66w2lWme07cGC1r7JLh2nHFw3RgVQZRXF8MSBWoQ=
-----END PUBLIC KEY-----
";

#[test]
fn everything_about_bundles_is_read() {
    let text = bundles(
        &TWO,
        "  threshold: 2
  audience: site-a
  directory: /var/lib/bundles
  pull:
    reference: registry.internal/trust/bundle:latest
    schedule: '7 * * * 1-5'
    auth: {username: u, password: hunter2}
",
    );
    let config = parsed(&text);
    let settings = config.bundles();
    let names: Vec<&str> = settings
        .keys
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["courier", "auditor"]);
    assert_eq!(settings.threshold, 2);
    assert_eq!(settings.audience.as_deref(), Some("site-a"));
    let directory = settings.directory.as_deref();
    assert_eq!(directory, Some(Path::new("/var/lib/bundles")));
    let pull = settings.pull.as_ref().unwrap();
    assert_eq!(pull.reference, "registry.internal/trust/bundle:latest");
    assert_eq!(pull.schedule, "7 * * * 1-5");
    assert!(pull.reference_place.line > 32 && pull.schedule_place.line > 32);
    assert!(matches!(&pull.auth, Some(Auth::Basic { .. })));
    assert!(settings.is_fed() && !format!("{config:?}").contains("hunter2"));
}

#[test]
fn the_least_that_can_be_said_of_bundles_is_enough() {
    let nothing = parsed("");
    let settings = nothing.bundles();
    assert!(settings.keys.is_empty() && settings.audience.is_none());
    assert!(!settings.is_fed() && settings.threshold == 0);
    for (text, is_fed) in [
        ("bundles: {}", false),
        ("bundles: {audience: a}", false),
        ("bundles: {directory: /x}", true),
        ("bundles: {pull: {reference: r.internal/x}}", true),
    ] {
        let config = parsed(text);
        assert_eq!(config.bundles().is_fed(), is_fed, "{text}");
        if let Some(pull) = &config.bundles().pull {
            assert_eq!(pull.schedule, "*/15 * * * *");
            assert_eq!(pull.schedule_place, Place::default());
        }
    }
    // A single key needs no threshold.
    assert_eq!(parsed(&bundles(&TWO[..1], "")).bundles().threshold, 1);
    let certified = format!(
        "  pull:\n    reference: r/x\n    cert: |\n{}\n",
        indent(CERTIFICATE, 6)
    );
    let pull = parsed(&format!("bundles:\n{certified}"))
        .bundles()
        .pull
        .clone();
    assert_eq!(pull.unwrap().cert.as_deref(), Some(CERTIFICATE));
}

#[test]
fn a_word_counts_that_enough_of_the_pinned_keys_gave_where_it_is_to_count() {
    let signed = |pems: &[&str]| Vouch {
        bundle: "site".to_owned(),
        sequence: 1,
        created_at: now(),
        refresh_by: Some(now()),
        signers: pems.iter().map(|pem| fingerprint(pem)).collect(),
    };
    for (threshold, signers, counts) in [
        (1, &[][..], false),
        (1, &[KEY], true),
        (1, &[OTHER_KEY], true),
        (2, &[KEY], false),
        (2, &[KEY, OTHER_KEY], true),
    ] {
        for from in ["bundle", "timestamp"] {
            let text = bundles(&TWO, &format!("  threshold: {threshold}\n"));
            let config = parsed(&format!(
                "{text}freshness: {{freshnessFrom: {from}, maxStaleness: 2h}}\n"
            ));
            let vouch = signed(signers);
            assert_eq!(config.bundles().count(&vouch.signers), signers.len());
            assert_eq!(config.bundles().is_vouched(&vouch.signers), counts);
            let counts = counts && from == "bundle";
            let counted = config.counted(Some(&vouch)).is_some();
            assert_eq!(counted, counts, "{threshold} {signers:?} {from}");
            let tolerance = Tolerance {
                max_staleness: SignedDuration::from_hours(2),
                vouched_until: counts.then(now),
            };
            assert_eq!(config.tolerance(Some(&vouch)), tolerance);
            assert_eq!(config.tolerance(None).vouched_until, None);
        }
    }
    let others = parsed(&bundles(&TWO[..1], "")).bundles().clone();
    assert!(!others.is_vouched(&signed(&[OTHER_KEY]).signers));
    // Nobody's word is enough where nobody is pinned.
    assert!(!parsed("").bundles().is_vouched(&signed(&[KEY]).signers));
}

#[test]
fn a_fault_in_what_is_said_of_bundles_names_its_place() {
    for (text, expected) in [
        (
            "bundles: {audence: x}",
            "config.yaml:32:11: unknown key `audence`; did you mean `audience`?",
        ),
        (
            "bundles: {audience: Site_A}",
            "config.yaml:32:21: `audience` cannot be `Site_A`; write a name of lower-case letters, \
             digits and inner hyphens: `site-a`",
        ),
        (
            "bundles: {keys: []}",
            "config.yaml:32:17: `bundles.keys` must have at least one entry",
        ),
        (
            "bundles: {threshold: 1}",
            "config.yaml:32:22: `bundles.threshold` needs `bundles.keys`",
        ),
        (
            "bundles: {keys: [{name: a, key: x}]}",
            "config.yaml:32:33: the key `a` for bundles cannot be used: \
             line 1 is not part of a PEM block",
        ),
        (
            "bundles: {keys: [{name: a}]}",
            "config.yaml:32:19: the key `key` is missing",
        ),
        (
            "bundles: {pull: {schedule: '*/5 * * * *'}}",
            "config.yaml:32:18: the key `reference` is missing",
        ),
        (
            "bundles: {pull: {reference: r/x, cert: x}}",
            "config.yaml:32:40: `cert` holds no usable PEM certificates: line 1 is not part of a PEM \
             block",
        ),
        (
            "freshness: {freshnessFrom: bundel}",
            "config.yaml:32:28: `freshnessFrom` cannot be `bundel`; did you mean `bundle`?",
        ),
        (
            "freshness: {freshnessFrom: server}",
            "config.yaml:32:28: `freshnessFrom` cannot be `server`; write `timestamp` or `bundle`",
        ),
        (
            "freshness: {freshnessFrom: bundle}",
            "config.yaml:32:28: `freshnessFrom: bundle` needs `bundles.keys`",
        ),
        (
            "freshness: {freshnesFrom: bundle}",
            "config.yaml:32:13: unknown key `freshnesFrom`; did you mean `freshnessFrom`?",
        ),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
    for name in ["", "-a", "a-", "a.b", "a b", &"a".repeat(64)] {
        let message = fault(&format!("bundles: {{audience: '{name}'}}"));
        assert!(message.contains("`audience` cannot be"), "{message}");
    }
    assert_eq!(
        parsed(&format!("bundles: {{audience: {}}}", "a".repeat(63)))
            .bundles()
            .audience
            .as_ref()
            .map(String::len),
        Some(63)
    );
}

#[test]
fn a_fault_in_the_keys_of_bundles_names_the_key() {
    let two = |more: &str| fault(bundles(&TWO, more).trim_end());
    assert_eq!(two(""), "config.yaml:34:5: the key `threshold` is missing");
    for threshold in ["0", "3"] {
        assert_eq!(
            two(&format!("  threshold: {threshold}\n")),
            "config.yaml:46:14: expected a number from 1 to 2, which is how many `keys` there are"
        );
    }
    for (keys, expected) in [
        (
            [("courier", KEY), ("auditor", KEY)],
            "`auditor` has the name or the key of `courier`",
        ),
        (
            [("courier", KEY), ("courier", OTHER_KEY)],
            "`courier` has the name or the key of `courier`",
        ),
    ] {
        let message = fault(bundles(&keys, "  threshold: 2\n").trim_end());
        assert_eq!(message, format!("config.yaml:40:11: {expected}"));
    }
    assert_eq!(
        fault(bundles(&[("courier", P384_KEY)], "").trim_end()),
        "config.yaml:36:7: the key `courier` is ECDSA P-384; bundles are signed with ECDSA P-256 or Ed25519"
    );
    let other = parsed(&bundles(&[("courier", ED25519_KEY)], ""));
    assert_eq!(other.bundles().threshold, 1);
}
