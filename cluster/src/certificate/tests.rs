//! Each boundary of what is due, by a clock that is set by hand.

#![expect(
    clippy::unchecked_time_subtraction,
    reason = "of constants; what would be negative fails the test"
)]

use jiff::Timestamp;

use super::authority::{earlier, later};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn start() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn names() -> Names {
    Names {
        service: "vouchsafe".to_owned(),
        namespace: "trust".to_owned(),
    }
}

fn made() -> Bundle {
    Bundle::make(&names(), start()).unwrap()
}

/// The bundle as it is worth later.
fn at(bundle: &Bundle, now: Timestamp) -> Bundle {
    Bundle::read(&bundle.contents(), &names(), now).unwrap()
}

/// What is due then, with everything announced or nothing.
fn due(bundle: &Bundle, now: Timestamp, announced_for: Option<Duration>) -> Plan {
    let read = Bundle::read(&bundle.contents(), &names(), now);
    plan(read.as_ref(), now, announced_for)
}

const LONG: Option<Duration> = Some(Duration::MAX);

/// Whether who is told of `authorities` would trust what is served by `bundle`.
fn trusts(told: &Bundle, bundle: &Bundle, now: Timestamp) -> bool {
    let contents = Contents {
        authorities: told.announced().into_bytes(),
        ..bundle.contents()
    };
    Bundle::read(&contents, &names(), now).is_ok_and(|read| read.serves().is_ok())
}

#[test]
fn what_is_made_is_kept_and_speaks_of_the_service_by_its_three_names() {
    let bundle = made();
    assert_eq!(due(&bundle, start(), None), Plan::Keep);
    assert_eq!(bundle.not_after(), Some(later(start(), LEAF_LIFE)));
    assert_eq!(
        names().all(),
        [
            "vouchsafe.trust.svc",
            "vouchsafe.trust.svc.cluster.local",
            "vouchsafe.trust"
        ]
    );
    // For a clock that is behind, too, but not for one that is too far behind.
    let earliest = earlier(start(), BACKDATED);
    assert_eq!(due(&bundle, earliest, None), Plan::Keep);
    assert_eq!(due(&bundle, earlier(earliest, SECOND), None), Plan::Make);
}

#[test]
fn a_leaf_is_renewed_after_two_thirds_of_its_life_and_by_the_same_authority() {
    let bundle = made();
    let two_thirds = later(start(), LEAF_LIFE / 3 * 2);
    let just_before = earlier(two_thirds, SECOND);
    assert_eq!(due(&bundle, just_before, LONG), Plan::Keep);
    assert_eq!(due(&bundle, two_thirds, None), Plan::RenewLeaf);
    let renewed = at(&bundle, two_thirds)
        .with_new_leaf(&names(), two_thirds)
        .unwrap();
    assert_eq!(due(&renewed, two_thirds, None), Plan::Keep);
    assert_eq!(renewed.announced(), bundle.announced());
    assert_ne!(renewed.contents().key, bundle.contents().key);
    assert!(trusts(&bundle, &renewed, two_thirds));
    // Nobody was there to renew it.
    let end = later(start(), LEAF_LIFE);
    assert!(at(&bundle, end).serves().is_ok());
    let gone = later(end, SECOND);
    assert!(at(&bundle, gone).serves().unwrap_err().contains("xpired"));
    assert_eq!(due(&bundle, gone, None), Plan::RenewLeaf);
}

#[test]
fn an_authority_is_replaced_while_two_leaves_still_fit_into_it() {
    let (bundle, first_due) = (made(), later(start(), AUTHORITY_LIFE - AUTHORITY_RESERVE));
    let leaf = |now| at(&bundle, now).with_new_leaf(&names(), now).unwrap();
    let just_before = earlier(first_due, SECOND);
    assert_eq!(due(&leaf(first_due), first_due, LONG), Plan::Keep);
    assert_eq!(due(&leaf(just_before), just_before, LONG), Plan::Keep);
    let then = later(first_due, SECOND);
    assert_eq!(due(&leaf(then), then, LONG), Plan::RotateAuthority);
    // However late that is done, no leaf outlives its authority.
    let late = later(start(), AUTHORITY_LIFE - LEAF_LIFE / 2);
    let end = later(start(), AUTHORITY_LIFE);
    assert_eq!(leaf(late).not_after(), Some(end));
    assert_eq!(due(&leaf(end), end, LONG), Plan::RotateAuthority);
    assert_eq!(due(&bundle, later(end, SECOND), LONG), Plan::Make);
}

#[test]
fn a_new_authority_is_announced_before_it_is_served_by_and_the_old_one_after() {
    let now = later(start(), LEAF_LIFE / 2);
    let old = made();
    let both = at(&old, now).with_new_authority(now).unwrap();
    // The leaf stays; both are announced.
    assert_eq!(both.contents().chain, old.contents().chain);
    assert!(trusts(&both, &old, now) && trusts(&old, &both, now));
    for not_yet in [None, Some(Duration::ZERO), Some(ANNOUNCED - SECOND)] {
        assert_eq!(due(&both, now, not_yet), Plan::Keep, "{not_yet:?}");
        // Not even where the leaf is due.
        let later = later(start(), LEAF_LIFE - SECOND);
        assert_eq!(due(&both, later, not_yet), Plan::Keep, "{not_yet:?}");
    }
    assert_eq!(due(&both, now, Some(ANNOUNCED)), Plan::RenewLeaf);
    // A leaf that serves nobody any more has nothing to wait for.
    let expired = later(start(), LEAF_LIFE + SECOND);
    assert_eq!(due(&both, expired, None), Plan::RenewLeaf);

    let new = at(&both, now).with_new_leaf(&names(), now).unwrap();
    assert_eq!(new.announced(), both.announced());
    assert!(trusts(&both, &new, now) && !trusts(&old, &new, now));
    // The old leaf may be served somewhere until it expires, and the last one may be as young as the new authority.
    let end = later(now, LEAF_LIFE);
    let fresh = |now| at(&new, now).with_new_leaf(&names(), now).unwrap();
    assert_eq!(due(&fresh(end), end, LONG), Plan::Keep);
    let after = later(end, SECOND);
    assert_eq!(due(&fresh(after), after, LONG), Plan::DropAuthorities);
    let alone = at(&fresh(after), after).without_old_authorities(after);
    assert!(!alone.announced().contains(old.announced().trim()));
    assert!(trusts(&alone, &fresh(after), after) && alone.serves().is_ok());
    assert_eq!(due(&alone, after, LONG), Plan::Keep);
}

#[test]
fn the_key_of_an_authority_is_gone_once_there_is_another_one() {
    let now = later(start(), SECOND);
    let old = made();
    let both = at(&old, now).with_new_authority(now).unwrap();
    assert_ne!(both.contents().authority_key, old.contents().authority_key);
    let back = Contents {
        authority_key: old.contents().authority_key,
        ..both.contents()
    };
    let read = Bundle::read(&back, &names(), now);
    assert_eq!(plan(read.as_ref(), now, LONG), Plan::RotateAuthority);
}

#[test]
fn authorities_never_grow_beyond_what_is_read_and_the_served_one_stays() {
    let now = later(start(), SECOND);
    let mut bundle = made();
    for _ in 0..MAX_AUTHORITIES * 2 {
        bundle = at(&bundle, now).with_new_authority(now).unwrap();
        assert!(at(&bundle, now).serves().is_ok());
    }
    assert_eq!(bundle.authorities.len(), MAX_AUTHORITIES);
    assert!(trusts(&bundle, &made_first(&bundle), now));
}

/// The bundle before any of its further authorities.
fn made_first(bundle: &Bundle) -> Bundle {
    Bundle {
        authorities: bundle.authorities.iter().take(1).cloned().collect(),
        ..bundle.clone()
    }
}

/// What somebody else may have written into the Secret, and what is due then.
#[expect(clippy::too_many_lines, reason = "a table")]
fn damaged() -> Vec<(&'static str, Contents, Plan)> {
    let (own, foreign) = (made().contents(), made().contents());
    let elsewhere = Names {
        namespace: "other".to_owned(),
        ..names()
    };
    let elsewhere = Bundle::make(&elsewhere, start()).unwrap().contents();
    let garbage = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
    let leaf_as_authority = own.chain.clone();
    let twice: Vec<u8> = own.authorities.repeat(MAX_AUTHORITIES + 1);
    let with = |change: &dyn Fn(&mut Contents)| {
        let mut contents = own.clone();
        change(&mut contents);
        contents
    };
    vec![
        ("nothing", Contents::default(), Plan::Make),
        (
            "no authority",
            with(&|it| it.authorities.clear()),
            Plan::Make,
        ),
        (
            "a garbled authority",
            with(&|it| it.authorities.clone_from(&garbage)),
            Plan::Make,
        ),
        (
            "too many authorities",
            with(&|it| it.authorities.clone_from(&twice)),
            Plan::Make,
        ),
        (
            "no text",
            with(&|it| it.authorities = vec![0xff; 64]),
            Plan::Make,
        ),
        (
            "only authorities",
            with(&|it| {
                it.authority_key.clear();
                it.key.clear();
            }),
            Plan::Make,
        ),
        ("no leaf", with(&|it| it.chain.clear()), Plan::RenewLeaf),
        (
            "a garbled leaf",
            with(&|it| it.chain.clone_from(&garbage)),
            Plan::RenewLeaf,
        ),
        ("no key", with(&|it| it.key.clear()), Plan::RenewLeaf),
        (
            "a garbled key",
            with(&|it| it.key = b"key".to_vec().into()),
            Plan::RenewLeaf,
        ),
        (
            "another leaf's key",
            with(&|it| it.key.clone_from(&foreign.key)),
            Plan::RenewLeaf,
        ),
        (
            "another authority's leaf",
            with(&|it| {
                it.chain.clone_from(&foreign.chain);
                it.key.clone_from(&foreign.key);
            }),
            Plan::RenewLeaf,
        ),
        (
            "an authority as leaf",
            with(&|it| {
                it.chain.clone_from(&it.authorities);
                it.key.clone_from(&it.authority_key);
            }),
            Plan::RenewLeaf,
        ),
        (
            "no authority's key",
            with(&|it| it.authority_key.clear()),
            Plan::RotateAuthority,
        ),
        (
            "another authority's key",
            with(&|it| it.authority_key.clone_from(&foreign.authority_key)),
            Plan::RotateAuthority,
        ),
        (
            "a foreign authority",
            with(&|it| it.authorities.clone_from(&foreign.authorities)),
            Plan::Make,
        ),
        (
            "a leaf as authority",
            with(&|it| it.authorities.clone_from(&leaf_as_authority)),
            Plan::Make,
        ),
        ("other names", elsewhere, Plan::RenewLeaf),
    ]
}

#[test]
fn what_is_broken_or_foreign_is_made_anew_as_far_as_it_has_to_be() {
    for (what, contents, wanted) in damaged() {
        let read = Bundle::read(&contents, &names(), start());
        let found = plan(read.as_ref(), start(), None);
        assert_eq!(found, wanted, "{what}");
        let done = found.carried_out(read.as_ref().ok(), &names(), start());
        let done = at(&done.unwrap().unwrap(), start());
        assert!(done.serves().is_ok(), "{what}: {done:?}");
        assert_eq!(due(&done, start(), None), Plan::Keep, "{what}");
    }
    assert_eq!(plan(Err(&Fault::Missing), start(), None), Plan::Make);
}

#[test]
fn no_key_is_ever_shown() {
    let bundle = made();
    for shown in [format!("{bundle:?}"), format!("{:?}", bundle.contents())] {
        assert!(!shown.contains("PRIVATE"), "{shown}");
        let key = bundle.contents().key.clone();
        let line = String::from_utf8(key.to_vec()).unwrap();
        let line = line.lines().nth(1).unwrap().to_owned();
        assert!(!shown.contains(&line), "{shown}");
    }
}

#[test]
fn a_secret_keeps_its_version_and_type_and_only_what_is_known() {
    use k8s_openapi::api::core::v1::Secret;
    let contents = made().contents();
    let mut secret = KeptIn::default().with("tls", &contents);
    assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
    secret.metadata.resource_version = Some("7".to_owned());
    secret.type_ = Some("Opaque".to_owned());
    let (kept, read) = KeptIn::take(secret);
    assert!(!kept.is_new() && read == contents);
    let again = kept.with("tls", &contents);
    assert_eq!(again.metadata.resource_version.as_deref(), Some("7"));
    assert_eq!(again.type_.as_deref(), Some("Opaque"));
    let (kept, read) = KeptIn::take(Secret::default());
    assert!(kept.is_new() && read == Contents::default());
}
