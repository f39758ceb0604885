//! Passes over repositories of which images were sighted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use vouchsafe_policy::Config;
use vouchsafe_store::Store;
use vouchsafe_syncer::{Configured, Images, Scope, Sightings, Syncer};
use vouchsafe_tests::harness::{Configuration, ScriptedServer, TempDir};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::{Clock as _, Timestamp};

use crate::support::{SetClock, nobody, publish, quick};

fn images(namespaces: &[(&str, &[String])]) -> Images {
    let images = namespaces.iter().map(|(namespace, images)| {
        let images: BTreeSet<Arc<str>> = images.iter().map(|it| it.as_str().into()).collect();
        ((*namespace).into(), images)
    });
    images.collect::<BTreeMap<_, _>>()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_hostile_objects_name_costs_a_bounded_number_of_requests_and_no_record() {
    let server = ScriptedServer::plain().unwrap();
    let signed = "registry.example.com/team/app";
    publish(&server, signed, &Repository::plain(signed));
    let config = Configuration::new()
        .notary(&server.url(), None, &Key::p256("root").public_key_pem())
        .fixed("allow", true)
        .rule("registry.example.com/*:*")
        .rule_of(serde_json::json!({"pattern": "quay.io/*", "validator": "allow"}))
        .setting(
            "sync",
            serde_json::json!({"discover": {"changefeed": false, "cluster": true}}),
        )
        .to_string();
    let config = Config::parse(&config, "test.yaml").unwrap();
    let sightings = Sightings::default();
    let hostile: Vec<String> = (0..30_000)
        .flat_map(|it| {
            [
                format!("registry.example.com/x/app{it}"),
                format!("quay.io/x/app{it}"),
            ]
        })
        .collect();
    let good = [format!("{signed}:signed"), "Not A Reference".to_owned()];
    sightings.set(images(&[("hostile", &hostile), ("shop", &good)]));
    let directory = TempDir::new("sighted").unwrap();
    let now: Timestamp = Timestamp::now();
    let store = Store::open(&directory.path().join("store"), now)
        .unwrap()
        .store;
    let clock = Arc::new(SetClock::at(now));
    let mirror = Arc::new(Configured {
        config,
        secrets: PathBuf::new(),
        sightings: sightings.clone(),
    });
    let syncer = Syncer::new(
        store.clone(),
        mirror,
        Arc::<SetClock>::clone(&clock),
        quick(),
    );
    let pass = async || syncer.pass(&Scope::Due, &nobody()).await.servers.remove(0);

    let first = pass().await;
    assert_eq!(
        (first.updated, first.absent, first.left_out),
        (1, 999, 29_001),
        "{first:?}"
    );
    assert!(first.is_complete(), "{first:?}");
    assert!(
        server.requests().len() < 1010,
        "{}",
        server.requests().len()
    );
    assert_eq!(
        store.repositories().unwrap().len(),
        1,
        "nothing is kept of what is not there"
    );

    // What was not there is not asked for again at once; others have their turn.
    clock.advance(SignedDuration::from_mins(1));
    let second = pass().await;
    assert_eq!(
        (second.unchanged, second.absent, second.left_out),
        (1, 1000, 28_001)
    );

    // What nobody names any more is synced as long as it is stored.
    sightings.set(Images::new());
    clock.advance(SignedDuration::from_mins(1));
    let third = pass().await;
    assert_eq!((third.unchanged, third.absent, third.left_out), (1, 0, 0));
    assert!(clock.now() > now);
}
