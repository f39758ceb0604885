use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::{Evidence, Gun, Pins, RepositoryFacts, TrustRoot};

use crate::testing::{gun, image, now, open, pins, server, signed, states, tag, verified};
use crate::{RepositoryState, Store};

fn pinned(label: &str) -> Pins {
    let pem = Key::p256(label).public_key_pem();
    Pins {
        roots: vec![TrustRoot::from_pem(&pem).unwrap()],
        ..Pins::default()
    }
}

fn facts(store: &Store, gun: &Gun) -> RepositoryFacts {
    match store.evidence(&tag(gun, "signed")).unwrap() {
        Evidence::Known(known) => known.facts,
        other @ (Evidence::Unknown | Evidence::Withdrawn { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn what_other_pins_do_not_hold_for_has_no_anchor() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let store = open(dir.path());
    store.commit(&server(), &states()[1]).unwrap();
    let same = store.reverify(&|_, gun| Some(pins(gun)), now()).unwrap();
    assert_eq!((same.proven, same.unproven.len()), (0, 0));

    let wrong = store.reverify(&|_, _| Some(pinned("x")), now()).unwrap();
    assert_eq!(wrong.unproven[0].1.label(), "not_pinned");
    let again = store.reverify(&|_, _| Some(pinned("x")), now()).unwrap();
    assert_eq!((again.proven, again.unproven.len()), (0, 0));
    drop(store);
    let store = open(dir.path());
    assert!(facts(&store, &gun).anchors.is_empty());
    let RepositoryState::Active(status) = store.status().unwrap().remove(0).state else {
        panic!("it is still stored");
    };
    assert_eq!(status.unproven.unwrap().label, "not_pinned");
    // Neither are the floors lost.
    store.commit(&server(), &states()[0]).unwrap_err();

    let right = store.reverify(&|_, gun| Some(pins(gun)), now()).unwrap();
    assert_eq!((right.proven, right.unproven.len()), (1, 0));
    assert_eq!(&facts(&store, &gun), states()[1].facts());
    assert_eq!(
        store.accepted(&server(), &gun).unwrap().as_ref(),
        Some(states()[1].accepted())
    );
    assert_eq!(
        signed(&store, &tag(&gun, "tag-1")),
        Some(image("image-1-2"))
    );
}

#[test]
fn a_pin_on_a_later_root_is_found_in_the_stored_chain() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let store = open(dir.path());
    let new = Key::p256("new-root").certified(gun.as_str());
    let rotated = Repository::plain(gun.as_str()).rotate_root(&new);
    store.commit(&server(), &verified(&gun, &rotated)).unwrap();
    let before = facts(&store, &gun).anchors;
    let later = store
        .reverify(&|_, _| Some(pinned("new-root")), now())
        .unwrap();
    assert_eq!(later.proven, 1);
    let after = facts(&store, &gun).anchors;
    assert!(after.is_disjoint(&before) && after.len() == 1);
    let none = store.reverify(&|_, _| None, now()).unwrap();
    assert_eq!((none.proven, none.unproven.len()), (0, 0));
    assert_eq!(facts(&store, &gun).anchors, after);
}

#[test]
fn metadata_that_expired_is_still_verified_again() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let store = open(dir.path());
    let soon = Repository::plain(gun.as_str()).expires("timestamp", "2026-12-01T00:00:00Z");
    store.commit(&server(), &verified(&gun, &soon)).unwrap();
    let later = "2027-01-01T00:00:00Z".parse().unwrap();
    let mut both = pins(&gun);
    both.roots.extend(pinned("x").roots);
    let result = store.reverify(&|_, _| Some(both.clone()), later).unwrap();
    assert_eq!((result.proven, result.unproven.len()), (1, 0));
    assert_eq!(facts(&store, &gun).verified_at, later);
}

#[test]
fn under_the_pins_of_before_and_after_both_hold_at_once() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let store = open(dir.path());
    store.commit(&server(), &states()[1]).unwrap();
    let anchors = facts(&store, &gun).anchors;
    // A new pin that does not hold takes nothing from the one that does.
    let both = store.reverify(&|_, gun| Some(pins(gun).or(pinned("x"))), now());
    assert_eq!(both.unwrap().unproven.len(), 0);
    assert_eq!(facts(&store, &gun).anchors, anchors);
    let after = store.reverify(&|_, _| Some(pinned("x")), now()).unwrap();
    assert_eq!(after.unproven.len(), 1);
    let both = store.reverify(&|_, gun| Some(pinned("x").or(pins(gun))), now());
    assert_eq!(both.unwrap().proven, 1);
    assert_eq!(facts(&store, &gun).anchors, anchors);
}
