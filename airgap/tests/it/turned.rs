//! Rules that could be turned against each other: what is older, what another series says, what was
//! signed by keys that are pinned no longer.

use serde_json::json;
use vouchsafe_airgap::{Bundle, Order};
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
