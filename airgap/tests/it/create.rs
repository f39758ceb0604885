//! What goes into a bundle.

use std::fs;

use jiff::Timestamp;
use vouchsafe_airgap::Order;
use vouchsafe_airgap::bundle::write;
use vouchsafe_airgap::create::WhyLeftOut;
use vouchsafe_trust::Role;

use crate::support::*;

#[test]
fn the_same_store_name_number_and_time_are_the_same_file() {
    let connected = Connected::new();
    connected.hold("a", &app("a"));
    connected.hold("b", &later("b"));
    let bytes = |file: &str| {
        let gathered = connected.gather(&order(3), &["b", "a"]).unwrap();
        let path = connected.dir.path().join(file);
        write(&path, &gathered.contents, None).unwrap();
        fs::read(path).unwrap()
    };
    assert_eq!(bytes("one"), bytes("two"));
}

#[test]
fn what_cannot_be_in_it_is_left_out_with_the_reason() {
    let connected = Connected::new();
    connected.hold("good", &app("good"));
    connected.hold("gone", &app("gone"));
    connected
        .store
        .withdraw(&server(), &gun("gone"), now())
        .unwrap();
    let at: Timestamp = "2026-11-26T00:00:00Z".parse().unwrap();
    let expiring = app("expired").expires("snapshot", "2026-11-26T00:00:00Z");
    connected.hold("expired", &expiring);
    let later = Order {
        created_at: at + days(1),
        ..order(1)
    };
    let gathered = connected
        .gather(&later, &["good", "gone", "expired", "never"])
        .unwrap();
    let listed = gathered.manifest.repositories.iter();
    assert!(listed.map(|it| &it.gun).eq([&gun("good")]));
    let why = |name: &str| {
        let mut left_out = gathered.left_out.iter();
        left_out.find(|it| it.gun == gun(name)).unwrap().why.clone()
    };
    assert_eq!(why("gone"), WhyLeftOut::Withdrawn { at: now() });
    assert_eq!(why("never"), WhyLeftOut::NotStored);
    let role = Role::Snapshot;
    assert_eq!(why("expired"), WhyLeftOut::Expired { role, at });
}

#[test]
fn everything_has_to_last_but_timestamps_that_somebody_vouches_for() {
    let connected = Connected::new();
    for role in ["timestamp", "targets", "targets/releases"] {
        let name = role.replace('/', "-");
        connected.hold(&name, &app(&name).expires(role, "2026-11-26T00:00:00Z"));
    }
    let names = ["timestamp", "targets", "targets-releases"];
    let left_out = |refresh_by| {
        let order = Order {
            min_remaining: days(7),
            refresh_by,
            ..order(1)
        };
        let gathered = connected.gather(&order, &names).unwrap();
        let left_out = gathered.left_out.into_iter();
        let left_out = left_out.map(|it| {
            assert!(matches!(it.why, WhyLeftOut::ExpiresSoon { .. }), "{it:?}");
            it.gun
        });
        left_out.collect::<Vec<_>>()
    };
    let [timestamp, targets, releases] = names.map(gun);
    assert_eq!(
        left_out(None),
        [targets.clone(), releases.clone(), timestamp]
    );
    assert_eq!(left_out(Some(now() + days(30))), [targets, releases]);
}
