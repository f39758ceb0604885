//! One repository: how many requests, and what comes of them.

use vouchsafe_syncer::collect::CollectError;
use vouchsafe_tests::harness::scripted_server::{Reply, Route};
use vouchsafe_tests::harness::{Certificates, ScriptedServer};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;

use crate::support::{Kept, asked, client, pins, publish, root_pin};

const GUN: &str = "example.com/team/app";

#[tokio::test]
async fn a_first_sync_takes_four_requests_and_one_for_each_delegation() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    for (name, repository, requests) in [
        (
            "example.com/plain",
            Repository::plain("example.com/plain"),
            4,
        ),
        (
            "example.com/delegated",
            Repository::delegated("example.com/delegated"),
            6,
        ),
    ] {
        publish(&server, name, &repository);
        server.forget_requests();
        let mut kept = Kept::default();
        assert_eq!(
            kept.collect(&client, name, &root_pin()).await.unwrap(),
            "updated"
        );
        assert_eq!(server.requests().len(), requests, "{:?}", asked(&server));

        server.forget_requests();
        assert_eq!(
            kept.collect(&client, name, &root_pin()).await.unwrap(),
            "unchanged"
        );
        assert_eq!(asked(&server), ["timestamp.json"]);
    }
}

#[tokio::test]
async fn only_what_changed_is_fetched() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    let mut kept = Kept::default();
    let first = Repository::delegated(GUN);
    publish(&server, GUN, &first);
    kept.collect(&client, GUN, &root_pin()).await.unwrap();

    let second = first.tag("targets/releases", "v2", "image 2").publish(&[
        "targets/releases",
        "snapshot",
        "timestamp",
    ]);
    publish(&server, GUN, &second);
    server.forget_requests();
    assert_eq!(
        kept.collect(&client, GUN, &root_pin()).await.unwrap(),
        "updated"
    );
    assert_eq!(
        asked(&server),
        ["timestamp.json", "snapshot", "targets/releases"]
    );

    publish(
        &server,
        GUN,
        &second.rotate_root(&Key::p256("root 2").certified(GUN)),
    );
    server.forget_requests();
    assert_eq!(
        kept.collect(&client, GUN, &root_pin()).await.unwrap(),
        "updated"
    );
    assert_eq!(asked(&server), ["timestamp.json", "snapshot", "root"]);
    assert_eq!(kept.stored.unwrap().metadata.roots.len(), 2);
}

#[tokio::test]
async fn a_root_chain_is_followed_forward() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    let mut kept = Kept::default();
    let mut repository = Repository::plain(GUN);
    publish(&server, GUN, &repository);
    kept.collect(&client, GUN, &root_pin()).await.unwrap();

    for n in 2..=5 {
        repository = repository.rotate_root(&Key::p256(&format!("root {n}")).certified(GUN));
    }
    publish(&server, GUN, &repository);
    server.forget_requests();
    assert_eq!(
        kept.collect(&client, GUN, &root_pin()).await.unwrap(),
        "updated"
    );
    assert_eq!(
        asked(&server),
        [
            "timestamp.json",
            "snapshot",
            "root",
            "2.root.json",
            "3.root.json",
            "4.root.json"
        ]
    );

    let rekeyed = repository
        .next_root()
        .keys("timestamp", &[Key::p256("timestamp 2")]);
    publish(&server, GUN, &rekeyed);
    server.forget_requests();
    assert_eq!(
        kept.collect(&client, GUN, &root_pin()).await.unwrap(),
        "updated"
    );
    assert_eq!(
        asked(&server),
        ["timestamp.json", "root.json", "snapshot"],
        "a timestamp by an unknown key is a reason to look for a new root"
    );
}

#[tokio::test]
async fn a_pin_on_an_old_key_is_found_by_walking_back() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    let repository = Repository::plain(GUN)
        .rotate_root(&Key::p256("root 2").certified(GUN))
        .rotate_root(&Key::p256("root 3").certified(GUN));
    publish(&server, GUN, &repository);

    let mut kept = Kept::default();
    kept.collect(&client, GUN, &root_pin()).await.unwrap();
    assert_eq!(
        asked(&server),
        [
            "timestamp.json",
            "root.json",
            "2.root.json",
            "1.root.json",
            "snapshot",
            "targets"
        ]
    );
    assert_eq!(kept.stored.as_ref().unwrap().metadata.roots.len(), 3);

    let newest = pins(&[Key::p256("root 3")]);
    server.forget_requests();
    let mut kept = Kept::default();
    kept.collect(&client, GUN, &newest).await.unwrap();
    assert_eq!(
        asked(&server),
        ["timestamp.json", "root.json", "snapshot", "targets"]
    );

    let both = pins(&[Key::p256("root 3"), Key::p256("root")]);
    server.forget_requests();
    assert_eq!(kept.collect(&client, GUN, &both).await.unwrap(), "updated");
    assert_eq!(
        asked(&server),
        ["timestamp.json", "2.root.json", "1.root.json"],
        "a new pin is looked for in older roots, and nothing else is fetched again"
    );
    assert_eq!(kept.stored.unwrap().facts.anchors.len(), 2);

    server.forget_requests();
    let strangers = pins(&[Key::p256("stranger")]);
    let error = Kept::default()
        .collect(&client, GUN, &strangers)
        .await
        .unwrap_err();
    assert_eq!(error.label(), "not_pinned");
    assert_eq!(
        asked(&server),
        ["timestamp.json", "root.json", "2.root.json", "1.root.json"]
    );
}

#[tokio::test]
async fn a_missing_root_between_is_a_gap() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    let mut kept = Kept::default();
    let first = Repository::plain(GUN);
    publish(&server, GUN, &first);
    kept.collect(&client, GUN, &root_pin()).await.unwrap();
    let third = first
        .rotate_root(&Key::p256("root 2").certified(GUN))
        .rotate_root(&Key::p256("root 3").certified(GUN))
        .without_root(2);
    publish(&server, GUN, &third);
    let error = kept.collect(&client, GUN, &root_pin()).await.unwrap_err();
    assert_eq!(error.label(), "root_version_gap", "{error}");
    assert_eq!(error.role().unwrap().as_str(), "root");
}

#[tokio::test]
async fn a_repository_is_withdrawn_only_on_an_authenticated_word() {
    let certificates = Certificates::new().unwrap();
    let tls = ScriptedServer::tls(&certificates).unwrap();
    let plain = ScriptedServer::plain().unwrap();
    for (server, expected) in [(&tls, Ok("withdrawn")), (&plain, Err("gone_without_tls"))] {
        let client = client(server, Some(&certificates), None);
        let mut kept = Kept::default();
        let unknown = kept.collect(&client, GUN, &root_pin()).await.unwrap_err();
        assert_eq!(unknown.label(), "no_trust_data");

        publish(server, GUN, &Repository::plain(GUN));
        kept.collect(&client, GUN, &root_pin()).await.unwrap();
        server.withdraw(GUN);
        let outcome = kept.collect(&client, GUN, &root_pin()).await;
        assert_eq!(outcome.map_err(|error| error.label()), expected);
    }
    // A proxy's 404 is not Notary's.
    let client = client(&tls, Some(&certificates), None);
    let mut kept = Kept::default();
    publish(&tls, GUN, &Repository::plain(GUN));
    kept.collect(&client, GUN, &root_pin()).await.unwrap();
    let proxy = Reply {
        status: 404,
        ..Reply::ok("<html>no route</html>")
    };
    tls.script(Route::Repository(GUN.to_owned()), proxy.into());
    let error = kept.collect(&client, GUN, &root_pin()).await.unwrap_err();
    assert_eq!(error.label(), "not_found");
}

#[tokio::test]
async fn a_file_that_the_snapshot_states_and_nobody_has_is_missing() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    publish(
        &server,
        GUN,
        &Repository::delegated(GUN).withheld("targets/alice.json"),
    );
    for status in [404, 500] {
        let route = Route::role(GUN, "targets/alice");
        server.script(route, Reply::error(status, "UNKNOWN").into());
        let error = Kept::default()
            .collect(&client, GUN, &root_pin())
            .await
            .unwrap_err();
        assert_eq!(error.label(), "file_missing", "status {status}");
        assert_eq!(error.role().unwrap().as_str(), "targets/alice");
    }
}

#[tokio::test]
async fn a_root_far_larger_than_any_genuine_one_is_not_read() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    publish(&server, GUN, &Repository::plain(GUN));
    let large = Reply::ok("x".repeat((4 << 20) + 1));
    server.script(Route::role(GUN, "root"), large.into());
    let error = Kept::default()
        .collect(&client, GUN, &root_pin())
        .await
        .unwrap_err();
    assert!(matches!(error, CollectError::Request(_)), "{error}");
    assert_eq!(error.label(), "too_large");
}

#[tokio::test]
async fn a_publish_between_two_requests_is_no_error() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    let first = Repository::plain(GUN);
    let second =
        first
            .clone()
            .tag("targets", "v2", "2")
            .publish(&["targets", "snapshot", "timestamp"]);
    publish(&server, GUN, &second);
    let timestamp = format!("/v2/{GUN}/_trust/tuf/timestamp.json");
    let before = Reply::ok(first.files()["timestamp.json"].clone());
    server.script_times(1, Route::Path(timestamp), before.into());
    let mut kept = Kept::default();
    assert_eq!(
        kept.collect(&client, GUN, &root_pin()).await.unwrap(),
        "updated"
    );
    assert_eq!(
        asked(&server),
        [
            "timestamp.json",
            "root.json",
            "snapshot",
            "timestamp.json",
            "root.json",
            "snapshot",
            "targets"
        ]
    );
}

#[tokio::test]
async fn a_repository_that_was_made_anew_is_refused() {
    let server = ScriptedServer::plain().unwrap();
    let client = client(&server, None, None);
    let mut kept = Kept::default();
    let first = Repository::plain(GUN).rotate_root(&Key::p256("root 2").certified(GUN));
    publish(&server, GUN, &first);
    kept.collect(&client, GUN, &root_pin()).await.unwrap();
    let anew = Repository::plain(GUN).keys("timestamp", &[Key::p256("timestamp anew")]);
    publish(&server, GUN, &anew);
    let error = kept.collect(&client, GUN, &root_pin()).await.unwrap_err();
    assert_eq!(error.label(), "rollback", "{error}");
    assert!(error.hint().unwrap().contains("vouchsafe forget"));
}
