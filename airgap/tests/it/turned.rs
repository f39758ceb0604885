//! Rules that could be turned against each other: what is older, what another series says, what was
//! signed by keys that are pinned no longer.

use serde_json::json;
use vouchsafe_airgap::import::Fate;
use vouchsafe_airgap::{Bundle, Order, import};
use vouchsafe_store::RepositoryState;
use vouchsafe_trust::{Denied, DeniedThing};

use crate::support::*;

fn thing(name: &str) -> DeniedThing {
    DeniedThing::Gun(gun(name))
}

fn denied(name: &str) -> Denied {
    Denied {
        what: thing(name),
        reason: "stolen".to_owned(),
    }
}

/// The same store by a configuration that pins these keys.
fn repinned(mut gapped: Gapped, keys: &[&str]) -> Gapped {
    gapped.config = Gapped::new(keys).config;
    gapped
}

fn vouched(gapped: &Gapped, name: &str) -> Option<(String, u64)> {
    let status = gapped.store.status_of(server(), gun(name)).unwrap();
    let vouch = status.vouch();
    vouch.map(|vouch| (vouch.bundle.clone(), vouch.sequence))
}

#[test]
fn an_older_list_lifts_nothing_once_a_key_of_the_latest_is_taken_out() {
    let connected = Connected::new();
    let gapped = Gapped::with(json!({"threshold": 1}), &["x", "y"]);
    let lift = Order {
        lift: vec![thing("a")],
        ..Order::new("site".parse().unwrap(), 5, now() - days(2), now())
    };
    let lift = connected.bundle(&lift, &[], &["x", "y"]);
    let first = Order::new("site".parse().unwrap(), 4, now() - days(3), now());
    let first = connected.bundle(&first, &[], &["y"]);
    let deny = Order {
        deny: vec![denied("a")],
        ..Order::new("site".parse().unwrap(), 6, now() - days(1), now())
    };
    gapped.import(&lift).unwrap();
    gapped
        .import(&connected.bundle(&deny, &[], &["x"]))
        .unwrap();
    // The old files lie in the watched folder, which is looked at again.
    let gapped = repinned(gapped, &["y"]);
    gapped.import(&first).unwrap();
    gapped.import(&lift).unwrap();
    let deny = gapped.store.bundle("site").unwrap().unwrap().deny;
    assert_eq!(deny, [denied("a")]);
}

#[test]
fn an_incremental_bundle_that_another_key_signs_is_known_still() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["x"]));
    connected.hold("a", &app("a"));
    let one = connected.bundle(&order(1), &["a"], &["x"]);
    let two = Order {
        base: Some((one.manifest(), one.manifest_sha256())),
        ..order(2)
    };
    gapped.import(&one).unwrap();
    gapped
        .import(&connected.bundle(&two, &["a"], &["x"]))
        .unwrap();
    // The old key is stolen and taken out; the new one signs the latest bundle.
    let gapped = repinned(gapped, &["y"]);
    let again: Bundle = connected.bundle(&two, &["a"], &["x", "y"]);
    let report = gapped.import(&again).unwrap();
    assert!(report.known, "{report:?}");
    let status = gapped.store.status_of(server(), gun("a")).unwrap();
    let config = gapped.config.bundles();
    assert!(config.is_vouched(&status.vouch().unwrap().signers));
}

#[test]
fn an_older_word_withdraws_nothing_that_a_later_one_lists() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    connected.hold("a", &app("a"));
    let base = connected.bundle(&order(1), &["a"], &["courier"]);
    let gone = Connected::new();
    gone.hold("a", &app("a"));
    gone.store
        .withdraw(&server(), &gun("a"), now() - days(2))
        .unwrap();
    let older = Order {
        base: Some((base.manifest(), base.manifest_sha256())),
        ..Order::new("site".parse().unwrap(), 2, now() - days(1), now())
    };
    let older = gone.bundle(&older, &[], &["courier"]);
    assert_eq!(older.manifest().withdrawn.len(), 1);
    let later = Order {
        name: "other".parse().unwrap(),
        ..order(1)
    };
    let later = connected.bundle(&later, &["a"], &["courier"]);
    gapped.import(&base).unwrap();
    gapped.import(&later).unwrap();
    gapped.import(&older).unwrap();
    let status = gapped.store.status_of(server(), gun("a")).unwrap();
    assert!(
        matches!(status.state, RepositoryState::Active(_)),
        "{status:?}"
    );
}

#[test]
fn an_older_bundle_takes_no_word_from_what_a_later_one_lists() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    for name in ["a", "b"] {
        connected.hold(name, &app(name));
    }
    let older = Order::new("site".parse().unwrap(), 1, now() - days(1), now());
    let older = connected.bundle(&older, &["a"], &["courier"]);
    gapped
        .import(&connected.bundle(&order(2), &["a", "b"], &["courier"]))
        .unwrap();
    gapped.store.forget_bundle("site").unwrap();
    gapped.import(&older).unwrap();
    for name in ["a", "b"] {
        assert_eq!(vouched(&gapped, name), Some(("site".to_owned(), 2)));
    }
}

#[test]
fn a_word_that_counts_no_longer_does_not_stand_in_the_way_of_one_that_does() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["thief"]));
    connected.hold("a", &app("a"));
    let right = Order::new("site".parse().unwrap(), 2, now() - days(1), now());
    let right = connected.bundle(&right, &["a"], &["y"]);
    gapped
        .import(&connected.bundle(&order(9), &["a"], &["thief"]))
        .unwrap();
    let gapped = repinned(gapped, &["y"]);
    let report = import(&gapped.store, &right, gapped.terms(now())).unwrap();
    assert_eq!(*fate(&report, "a"), Fate::Unchanged);
    assert_eq!(vouched(&gapped, "a"), Some(("site".to_owned(), 2)));
}
