//! What whoever has old bundles, or can choose their order, must not come to.

use std::thread;
use std::time::Duration;

use vouchsafe_airgap::bundle::{Contents, write};
use vouchsafe_airgap::{Order, import};
use vouchsafe_trust::{Denied, DeniedThing};

use crate::support::*;

fn denies(name: &str) -> Vec<Denied> {
    let what = DeniedThing::Gun(gun(name));
    let reason = "bad".to_owned();
    vec![Denied { what, reason }]
}

/// Of which series and number the word is that stands for a repository.
fn vouched(gapped: &Gapped, name: &str) -> Option<(String, u64)> {
    let status = gapped.store.status_of(server(), gun(name)).unwrap();
    let vouch = status.vouch()?;
    Some((vouch.bundle.clone(), vouch.sequence))
}

#[test]
fn a_bundle_from_before_a_withdrawal_brings_nothing_back() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    connected.hold("a", &app("a"));
    let bundle = connected.bundle(&order(1), &["a"], &["courier"]);
    gapped.import(&bundle).unwrap();
    // Its server says that it is gone; then the process starts again, and finds the bundle in its folder.
    let gone_at = now() + days(1);
    gapped
        .store
        .withdraw(&server(), &gun("a"), gone_at)
        .unwrap();
    let report = import(&gapped.store, &bundle, gapped.terms(now() + days(2))).unwrap();
    assert_eq!(failure(&report, "a"), Some("withdrawn"));
    assert_eq!(gapped.version("a"), None);
}

#[test]
fn only_a_later_signed_bundle_brings_back_what_was_withdrawn() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    connected.hold("a", &app("a"));
    let other = Order {
        name: "other".parse().unwrap(),
        ..order(1)
    };
    let old = connected.bundle(&other, &["a"], &["courier"]);
    gapped
        .import(&connected.bundle(&order(1), &["a"], &["courier"]))
        .unwrap();
    connected
        .store
        .withdraw(&server(), &gun("a"), now() + days(1))
        .unwrap();
    let made = |sequence, created_at| Order {
        created_at,
        ..order(sequence)
    };
    let late = gapped.terms(now() + days(9));
    // A full bundle carries the news, too.
    let gathered = connected.gather(&made(2, now() + days(2)), &["a"]).unwrap();
    let mut contents = gathered.contents;
    contents.add(&signing("courier").sign(contents.manifest_bytes()));
    let path = connected.dir.path().join("gone.tar.zst");
    write(&path, &contents, None).unwrap();
    import(&gapped.store, &open(&path), late).unwrap();
    assert_eq!(gapped.version("a"), None);

    let report = import(&gapped.store, &old, late).unwrap();
    assert_eq!(failure(&report, "a"), Some("withdrawn"));
    assert_eq!(gapped.version("a"), None);
    // What was signed anew comes in, however late the news of its end came here.
    connected.hold("a", &app("a"));
    let anew = connected.bundle(&made(3, now() + days(3)), &["a"], &["courier"]);
    import(&gapped.store, &anew, late).unwrap();
    assert_eq!(gapped.version("a"), Some(1));
}

#[test]
fn what_had_expired_when_an_incremental_bundle_was_made_is_not_vouched_for() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    connected.hold("a", &app("a").expires("timestamp", "2026-11-25T00:00:00Z"));
    let base = connected.bundle(&order(1), &["a"], &["courier"]);
    gapped.import(&base).unwrap();
    let next = Order {
        base: Some((base.manifest(), base.manifest_sha256())),
        ..order(2)
    };
    // Whoever makes bundles otherwise may claim any time.
    let mut manifest = connected.gather(&next, &["a"]).unwrap().manifest;
    manifest.created_at = now() + days(9);
    manifest.refresh_by = Some(now() + days(365));
    let mut contents = Contents::new(&manifest, None).unwrap();
    contents.add(&signing("courier").sign(contents.manifest_bytes()));
    let path = connected.dir.path().join("late.tar.zst");
    write(&path, &contents, None).unwrap();
    let report = import(&gapped.store, &open(&path), gapped.terms(now() + days(9))).unwrap();
    assert_eq!(failure(&report, "a"), Some("expired_when_made"));
    assert_eq!(vouched(&gapped, "a").unwrap().1, 1);
}

#[test]
fn bundles_at_the_same_time_do_not_lead_back() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    let old = connected.bundle(&order(1), &[], &["courier"]);
    let new = Order {
        deny: denies("a"),
        ..order(2)
    };
    let new = connected.bundle(&new, &[], &["courier"]);
    // Whoever is first waits here for both.
    let busy = gapped.store.begin_import();
    thread::scope(|threads| {
        let spawn = |bundle| {
            let gapped = &gapped;
            let thread = threads.spawn(move || gapped.import(bundle));
            thread::sleep(Duration::from_millis(200));
            thread
        };
        let (new, old) = (spawn(&new), spawn(&old));
        drop(busy);
        new.join().unwrap().unwrap();
        drop(old.join().unwrap());
    });
    let last = gapped.store.bundle("site").unwrap().unwrap();
    assert_eq!((last.sequence, last.deny), (2, denies("a")));
}

#[test]
fn a_copy_with_fewer_signatures_takes_none_away() {
    let (connected, both) = (Connected::new(), Gapped::new(&["one", "two"]));
    let one = Gapped::new(&["one"]);
    let order = Order {
        deny: denies("a"),
        ..order(1)
    };
    both.import(&connected.bundle(&order, &[], &["one", "two"]))
        .unwrap();
    let stripped = connected.bundle(&order, &[], &["one"]);
    // The same site, after it demands less.
    import(&both.store, &stripped, one.terms(now())).unwrap();
    assert_eq!(both.store.bundle("site").unwrap().unwrap().signers.len(), 2);
}

#[test]
fn an_older_word_or_nobodys_does_not_take_the_place_of_a_later_one() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    let nobody = Gapped::new(&[]);
    connected.hold("a", &app("a"));
    let cases: [(&str, i64, i64, &[&str], &str); 4] = [
        ("site", 10, 7, &["courier"], "site"),
        ("older", 20, 700, &["courier"], "site"),
        ("unsigned", 1, 700, &[], "site"),
        ("later", 9, 3, &["courier"], "later"),
    ];
    for (name, ago, lasts, keys, expected) in cases {
        let order = Order {
            name: name.parse().unwrap(),
            created_at: now() - days(ago),
            refresh_by: Some(now() + days(lasts)),
            ..order(1)
        };
        let terms = if keys.is_empty() {
            nobody.terms(now())
        } else {
            gapped.terms(now())
        };
        import(
            &gapped.store,
            &connected.bundle(&order, &["a"], keys),
            terms,
        )
        .unwrap();
        assert_eq!(vouched(&gapped, "a").unwrap().0, expected, "{name}");
    }
}

#[test]
fn a_number_that_nobody_vouched_for_keeps_out_no_signed_bundle() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    let open = Gapped::new(&[]);
    let poison = connected.bundle(&order(u64::MAX), &[], &[]);
    import(&gapped.store, &poison, open.terms(now())).unwrap();
    gapped
        .import(&connected.bundle(&order(7), &[], &["courier"]))
        .unwrap();
    assert_eq!(gapped.store.bundle("site").unwrap().unwrap().sequence, 7);
}
