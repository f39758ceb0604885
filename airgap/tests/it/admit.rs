//! Which bundles are looked at: whose, for whom, when, and after which.

use serde_json::json;
use vouchsafe_airgap::{Order, Refusal};
use vouchsafe_trust::{Denied, DeniedThing};

use crate::support::*;

#[test]
fn as_many_of_the_pinned_keys_as_have_to_must_sign() {
    let connected = Connected::new();
    connected.hold("a", &app("a"));
    let two_of_three = Gapped::with(json!({"threshold": 2}), &["x", "y", "z"]);
    let cases: [(&[&str], Option<&str>); 7] = [
        (&[], Some("unsigned")),
        (&["stranger"], Some("wrong_signer")),
        (&["x"], Some("wrong_signer")),
        (&["x", "x"], Some("wrong_signer")),
        (&["x", "stranger"], Some("wrong_signer")),
        (&["x", "z"], None),
        (&["x", "y", "z", "stranger"], None),
    ];
    for (number, (keys, expected)) in (1..).zip(cases) {
        let bundle = connected.bundle(&order(number), &["a"], keys);
        match expected {
            Some(label) => assert_eq!(
                two_of_three.refused(&bundle, now()).label(),
                label,
                "{keys:?}"
            ),
            None => assert!(two_of_three.import(&bundle).unwrap().vouched, "{keys:?}"),
        }
    }
}

#[test]
fn without_pinned_keys_nobody_vouches_whoever_signed() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a"));
    let report = gapped
        .import(&connected.bundle(&order(1), &["a"], &["stranger"]))
        .unwrap();
    assert!(!report.vouched && report.signers == 0, "{report:?}");
    let deny = Order {
        deny: vec![Denied {
            what: DeniedThing::Gun(gun("a")),
            reason: "because".to_owned(),
        }],
        ..order(2)
    };
    let refusal = gapped.refused(&connected.bundle(&deny, &[], &["stranger"]), now());
    assert_eq!(refusal, Refusal::NotVouchedFor);
}

#[test]
fn a_bundle_for_others_is_refused() {
    let connected = Connected::new();
    let for_sites = |sequence, sites: &[&str]| {
        let order = Order {
            audience: sites.iter().map(|name| name.parse().unwrap()).collect(),
            ..order(sequence)
        };
        connected.bundle(&order, &[], &[])
    };
    let (here, nameless) = (
        Gapped::with(json!({"audience": "site-a"}), &[]),
        Gapped::new(&[]),
    );
    for gapped in [&here, &nameless] {
        let refusal = gapped.refused(&for_sites(1, &["site-b", "site-c"]), now());
        assert_eq!(refusal.label(), "wrong_audience");
    }
    assert_eq!(
        nameless.refused(&for_sites(1, &["site-a"]), now()).label(),
        "wrong_audience"
    );
    here.import(&for_sites(1, &["site-a", "site-b"])).unwrap();
    here.import(&for_sites(2, &[])).unwrap();
    nameless.import(&for_sites(2, &[])).unwrap();
}

#[test]
fn a_number_never_goes_down_and_is_never_used_twice() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a"));
    let five = connected.bundle(&order(5), &["a"], &[]);
    gapped.import(&five).unwrap();
    let refusal = gapped.refused(&connected.bundle(&order(4), &["a"], &[]), now());
    assert_eq!(
        refusal,
        Refusal::OldSequence {
            offered: 4,
            last: 5
        }
    );
    let other = connected.bundle(&order(5), &[], &[]);
    let before = five.manifest_sha256();
    let expected = Refusal::SequenceReused {
        sequence: 5,
        before,
    };
    assert_eq!(gapped.refused(&other, now()), expected);
    // Another series counts for itself.
    let series = Order {
        name: "other".parse().unwrap(),
        ..order(1)
    };
    gapped
        .import(&connected.bundle(&series, &["a"], &[]))
        .unwrap();
    gapped
        .import(&connected.bundle(&order(9), &["a"], &[]))
        .unwrap();
}

#[test]
fn an_incremental_bundle_wants_what_it_adds_to() {
    let connected = Connected::new();
    connected.hold("a", &app("a"));
    let after = |sequence, base: &vouchsafe_airgap::Bundle| {
        let order = Order {
            base: Some((base.manifest(), base.manifest_sha256())),
            ..order(sequence)
        };
        connected.bundle(&order, &["a"], &[])
    };
    let one = connected.bundle(&order(1), &["a"], &[]);
    let two = after(2, &one);
    let three = after(3, &two);

    let gapped = Gapped::new(&[]);
    let missing = |base, last| Refusal::BaseMissing { base, last };
    assert_eq!(gapped.refused(&two, now()), missing(1, None));
    gapped.import(&one).unwrap();
    assert_eq!(gapped.refused(&three, now()), missing(2, Some(1)));
    gapped.import(&two).unwrap();
    gapped.import(&three).unwrap();
    assert!(gapped.import(&three).unwrap().known);

    // Another bundle of the same number is not what it adds to.
    let gapped = Gapped::new(&[]);
    gapped
        .import(&connected.bundle(&order(1), &[], &[]))
        .unwrap();
    assert_eq!(gapped.refused(&two, now()), missing(1, Some(1)));
    // A later one of the series holds all that it does.
    gapped
        .import(&connected.bundle(&order(2), &["a"], &[]))
        .unwrap();
    gapped.import(&three).unwrap_err();
    let gapped = Gapped::new(&[]);
    gapped
        .import(&connected.bundle(&order(2), &["a"], &[]))
        .unwrap();
    gapped.import(&after(4, &one)).unwrap();
}

#[test]
fn a_bundle_from_the_future_means_that_the_clock_is_behind() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a"));
    let bundle = connected.bundle(&order(1), &["a"], &[]);
    let minutes = jiff::SignedDuration::from_mins;
    let refusal = gapped.refused(&bundle, now() - minutes(6));
    assert_eq!(refusal.label(), "clock_behind");
    let terms = gapped.terms(now() - minutes(5));
    vouchsafe_airgap::import(&gapped.store, &bundle, terms).unwrap();
}
