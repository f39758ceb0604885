//! What becomes of the repositories of a bundle.

use std::collections::BTreeSet;

use vouchsafe_airgap::import::{Fate, ImportAnswer};
use vouchsafe_airgap::{ImportError, ImportTerms, import};
use vouchsafe_store::{RepositoryState, SyncResult};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_trust::{Denied, DeniedThing, Role};

use crate::support::*;

#[test]
fn what_was_verified_here_is_verified_again_there_and_stored() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    connected.hold("a", &app("a"));
    connected.hold("b", &app("b"));
    let refresh_by = now() + days(35);
    let order = vouchsafe_airgap::Order {
        refresh_by: Some(refresh_by),
        ..order(1)
    };
    let report = gapped
        .import(&connected.bundle(&order, &["a", "b"], &["courier"]))
        .unwrap();
    assert!(report.vouched && !report.known, "{report:?}");
    assert_eq!(report.signers, 1);
    for name in ["a", "b"] {
        assert!(
            matches!(fate(&report, name), Fate::New { tags: 1 }),
            "{report:?}"
        );
        let here = gapped.store.metadata(&server(), &gun(name)).unwrap();
        let there = connected.store.metadata(&server(), &gun(name)).unwrap();
        assert_eq!(here, there);
        let status = gapped.store.status_of(server(), gun(name)).unwrap();
        let vouch = status.vouch().unwrap();
        assert_eq!((vouch.bundle.as_str(), vouch.sequence), ("site", 1));
        assert_eq!(vouch.refresh_by, Some(refresh_by));
        assert_eq!(status.last_sync.unwrap().result, SyncResult::Ok);
    }
    let bundle = gapped.store.bundle("site").unwrap().unwrap();
    assert_eq!(
        (bundle.sequence, bundle.repositories, bundle.refused),
        (1, 2, 0)
    );
}

#[test]
fn the_same_bundle_again_changes_nothing() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a"));
    let bundle = connected.bundle(&order(1), &["a"], &[]);
    gapped.import(&bundle).unwrap();
    let before = gapped.everything();
    let report = gapped.import(&bundle).unwrap();
    assert!(report.known);
    assert_eq!(*fate(&report, "a"), Fate::Unchanged);
    assert_eq!(gapped.everything(), before);
}

#[test]
fn a_later_bundle_says_what_it_changes() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a").tag("targets/releases", "old", "x"));
    gapped
        .import(&connected.bundle(&order(1), &["a"], &[]))
        .unwrap();
    let key = Key::p256("another");
    let changed = app("a")
        .tag("targets/releases", "signed", "re-pointed")
        .tag("targets/releases", "2.0", "new")
        .version("targets/releases", 9)
        .keys("targets/releases", std::slice::from_ref(&key))
        .signed_by("targets/releases", std::slice::from_ref(&key))
        .version("targets", 9)
        .version("snapshot", 9)
        .version("timestamp", 2);
    connected.hold("a", &changed);
    let report = gapped
        .import(&connected.bundle(&order(2), &["a"], &[]))
        .unwrap();
    let Fate::Updated { changes } = fate(&report, "a") else {
        panic!("{report:?}");
    };
    let names = |names: &[&str]| -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    };
    assert_eq!(changes.tags_added, names(&["2.0"]));
    assert_eq!(changes.tags_removed, names(&["old"]));
    assert!(changes.tags_repointed.keys().eq(["signed"].iter()));
    let releases: Role = "targets/releases".parse().unwrap();
    assert_eq!(changes.keys_rotated, [releases].into());
}

#[test]
fn a_repository_that_does_not_hold_is_left_out_unless_all_have_to() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a"));
    connected.hold("b", &app("b"));
    // Newer than what comes, so that this falls back.
    let other = Connected::new();
    other.hold("b", &later("b"));
    gapped
        .import(&other.bundle(&order(1), &["b"], &[]))
        .unwrap();

    let bundle = connected.bundle(&order(2), &["a", "b"], &[]);
    let before = gapped.everything();
    let strict = ImportTerms {
        strict: true,
        ..gapped.terms(now())
    };
    match import(&gapped.store, &bundle, strict) {
        Err(ImportError::Strict(report)) => assert_eq!(failure(&report, "b"), Some("rollback")),
        other => panic!("{other:?}"),
    }
    assert_eq!(gapped.everything(), before, "all or nothing");

    let report = gapped.import(&bundle).unwrap();
    assert_eq!(failure(&report, "a"), None);
    assert_eq!(failure(&report, "b"), Some("rollback"));
    assert_eq!(
        (gapped.version("a"), gapped.version("b")),
        (Some(1), Some(2))
    );
    let status = gapped.store.status_of(server(), gun("b")).unwrap();
    assert!(matches!(
        status.last_sync.unwrap().result,
        SyncResult::Err { .. }
    ));
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a"));
    let bundle = connected.bundle(&order(1), &["a"], &[]);
    let before = gapped.everything();
    let dry_run = ImportTerms {
        dry_run: true,
        ..gapped.terms(now())
    };
    let said = import(&gapped.store, &bundle, dry_run).unwrap();
    assert_eq!(gapped.everything(), before);
    assert_eq!(gapped.import(&bundle).unwrap(), said);
}

#[test]
fn what_nobody_asks_about_here_is_passed_over() {
    let gapped = Gapped::new(&[]);
    let connected = Connected::new();
    connected.hold("a", &app("a"));
    let bundle = connected.bundle(&order(1), &["a"], &[]);
    let other = serde_json::json!({
        "validators": [{"name": "default", "type": "static", "approve": false}],
        "policy": [{"pattern": "registry.example.com/*:*"}],
    });
    let config = vouchsafe_policy::Config::parse(&other.to_string(), "config.yaml").unwrap();
    let terms = ImportTerms {
        config: &config,
        ..gapped.terms(now())
    };
    let report = import(&gapped.store, &bundle, terms).unwrap();
    assert_eq!(*fate(&report, "a"), Fate::NotAsked);
    assert_eq!(gapped.version("a"), None);
}

#[test]
fn freshness_may_run_out_on_the_way_and_authority_may_not() {
    let soon = now() + days(3);
    let expiring = |role: &str| app("a").expires(role, "2026-11-26T00:00:00Z");
    for (role, holds) in [
        ("timestamp", true),
        ("snapshot", true),
        ("targets", false),
        ("root", false),
        // One that has expired drops itself, at each decision.
        ("targets/releases", true),
    ] {
        let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
        connected.hold("a", &expiring(role));
        let bundle = connected.bundle(&order(1), &["a"], &[]);
        let report = import(&gapped.store, &bundle, gapped.terms(soon)).unwrap();
        let expected = if holds { None } else { Some("expired") };
        assert_eq!(failure(&report, "a"), expected, "{role}");
    }
}

#[test]
fn what_had_expired_before_the_bundle_was_made_is_left_out() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a").expires("timestamp", "2026-11-26T00:00:00Z"));
    // Whoever makes bundles otherwise may claim any time.
    let gathered = connected.gather(&order(1), &["a"]).unwrap();
    let mut manifest = gathered.manifest;
    manifest.created_at = now() + days(3);
    let metadata = connected
        .store
        .metadata(&server(), &gun("a"))
        .unwrap()
        .unwrap();
    let mut pack = vouchsafe_airgap::bundle::PackWriter::new(connected.dir.path()).unwrap();
    pack.add(&metadata).unwrap();
    let contents = vouchsafe_airgap::bundle::Contents::new(&manifest, pack.finish().unwrap());
    let path = connected.dir.path().join("late.tar.zst");
    vouchsafe_airgap::bundle::write(&path, &contents.unwrap(), None).unwrap();
    let report = import(&gapped.store, &open(&path), gapped.terms(now() + days(3))).unwrap();
    assert_eq!(failure(&report, "a"), Some("expired_when_made"));
}

#[test]
fn an_incremental_bundle_says_the_same_of_what_it_leaves_out() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    for name in ["a", "b", "c"] {
        connected.hold(name, &app(name));
    }
    let names = ["a", "b", "c"];
    let base = connected.bundle(&order(1), &names, &["courier"]);
    gapped.import(&base).unwrap();
    connected.hold("b", &later("b"));
    connected
        .store
        .withdraw(&server(), &gun("c"), now())
        .unwrap();
    let refresh_by = Some(now() + days(30));
    let next = vouchsafe_airgap::Order {
        base: Some((base.manifest(), base.manifest_sha256())),
        refresh_by,
        ..order(2)
    };
    let bundle = connected.bundle(&next, &["a", "b"], &["courier"]);
    let carried = bundle.manifest().repositories.iter();
    let carried: Vec<_> = carried.filter(|it| it.is_carried()).collect();
    assert_eq!(carried.len(), 1, "{carried:?}");
    let report = gapped.import(&bundle).unwrap();
    assert_eq!(*fate(&report, "a"), Fate::Kept);
    assert!(matches!(fate(&report, "b"), Fate::Updated { .. }));
    assert_eq!(*fate(&report, "c"), Fate::Withdrawn);
    for name in ["a", "b"] {
        let status = gapped.store.status_of(server(), gun(name)).unwrap();
        assert_eq!(status.vouch().unwrap().refresh_by, refresh_by, "{name}");
    }
    let gone = gapped.store.status_of(server(), gun("c")).unwrap();
    assert!(matches!(gone.state, RepositoryState::Withdrawn { .. }));
}

#[test]
fn what_an_incremental_bundle_leaves_out_must_be_here_as_it_was() {
    let connected = Connected::new();
    connected.hold("a", &app("a"));
    let base = connected.bundle(&order(1), &["a"], &[]);
    let next = vouchsafe_airgap::Order {
        base: Some((base.manifest(), base.manifest_sha256())),
        ..order(2)
    };
    let bundle = connected.bundle(&next, &["a"], &[]);

    let gapped = Gapped::new(&[]);
    gapped.import(&base).unwrap();
    gapped.store.forget(None, &gun("a")).unwrap();
    let report = gapped.import(&bundle).unwrap();
    assert_eq!(failure(&report, "a"), Some("base_missing"));

    let gapped = Gapped::new(&[]);
    gapped.import(&base).unwrap();
    let other = Connected::new();
    other.hold("a", &later("a"));
    let newer = vouchsafe_airgap::Order {
        name: "other".parse().unwrap(),
        ..order(1)
    };
    let report = gapped.import(&other.bundle(&newer, &["a"], &[])).unwrap();
    assert_eq!(failure(&report, "a"), None);
    let report = gapped.import(&bundle).unwrap();
    assert_eq!(failure(&report, "a"), Some("base_differs"));
    assert_eq!(gapped.version("a"), Some(2), "the newer one stays");
}

#[test]
fn that_a_repository_is_gone_counts_only_from_who_vouches() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&[]));
    connected.hold("a", &app("a"));
    let base = connected.bundle(&order(1), &["a"], &[]);
    gapped.import(&base).unwrap();
    connected
        .store
        .withdraw(&server(), &gun("a"), now())
        .unwrap();
    let next = vouchsafe_airgap::Order {
        base: Some((base.manifest(), base.manifest_sha256())),
        ..order(2)
    };
    let report = gapped.import(&connected.bundle(&next, &[], &[])).unwrap();
    assert_eq!(failure(&report, "a"), Some("not_vouched_for"));
    assert_eq!(gapped.version("a"), Some(1));
}

#[test]
fn what_is_denied_adds_up_until_it_is_lifted_by_name() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    let denied = |name: &str, reason: &str| Denied {
        what: DeniedThing::Gun(gun(name)),
        reason: reason.to_owned(),
    };
    let cases = [
        (
            vec![denied("a", "stolen")],
            vec![],
            vec![denied("a", "stolen")],
        ),
        (
            vec![denied("b", "broken")],
            vec![],
            vec![denied("a", "stolen"), denied("b", "broken")],
        ),
        // What says nothing of it lifts nothing.
        (
            vec![],
            vec![],
            vec![denied("a", "stolen"), denied("b", "broken")],
        ),
        (
            vec![denied("b", "worse")],
            vec![DeniedThing::Gun(gun("a"))],
            vec![denied("b", "worse")],
        ),
    ];
    for (sequence, (deny, lift, expected)) in (1..).zip(cases) {
        let order = vouchsafe_airgap::Order {
            deny,
            lift: lift.clone(),
            ..order(sequence)
        };
        let bundle = connected.bundle(&order, &[], &["courier"]);
        let report = gapped.import(&bundle).unwrap();
        assert_eq!(report.deny, expected);
        assert!(report.lifted.iter().map(|it| &it.what).eq(&lift));
        assert_eq!(gapped.store.bundle("site").unwrap().unwrap().deny, expected);
        assert_eq!(gapped.import(&bundle).unwrap().deny, expected, "again");
    }
}

#[test]
fn nobody_vouches_any_more_for_what_a_series_carries_no_longer() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    for name in ["a", "b"] {
        connected.hold(name, &app(name));
    }
    let signed = |sequence, names: &[&str]| {
        gapped
            .import(&connected.bundle(&order(sequence), names, &["courier"]))
            .unwrap()
    };
    let vouched = |name: &str| {
        let status = gapped.store.status_of(server(), gun(name)).unwrap();
        status.vouch().map(|vouch| vouch.sequence)
    };
    signed(1, &["a", "b"]);
    // News alone says nothing of what there is.
    let news = vouchsafe_airgap::Order {
        deny: vec![Denied {
            what: DeniedThing::Gun(gun("c")),
            reason: "bad".to_owned(),
        }],
        ..order(2)
    };
    gapped
        .import(&connected.bundle(&news, &[], &["courier"]))
        .unwrap();
    assert_eq!((vouched("a"), vouched("b")), (Some(1), Some(1)));
    let report = signed(3, &["a"]);
    assert_eq!(*fate(&report, "b"), Fate::NotCarried);
    assert_eq!((vouched("a"), vouched("b")), (Some(3), None));
    assert_eq!(gapped.version("b"), Some(1), "what is stored stays");
}

#[test]
fn an_answer_is_the_same_in_json() {
    let (connected, gapped) = (Connected::new(), Gapped::new(&["courier"]));
    connected.hold("a", &app("a"));
    let unsigned = connected.bundle(&order(1), &["a"], &[]);
    let signed = connected.bundle(&order(1), &["a"], &["courier"]);
    for (bundle, outcome) in [(&unsigned, "refused"), (&signed, "done")] {
        let answer = ImportAnswer::new(gapped.import(bundle)).unwrap();
        let value = serde_json::to_value(&answer).unwrap();
        assert_eq!(value["outcome"], outcome);
        assert_eq!(
            serde_json::from_value::<ImportAnswer>(value).unwrap(),
            answer
        );
    }
}
