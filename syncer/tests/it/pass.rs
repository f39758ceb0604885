//! Passes over whole servers.

use std::time::{Duration, Instant};

use futures_util::future::join;
use jiff::SignedDuration;
use tokio::time::sleep;
use vouchsafe_store::SyncResult;
use vouchsafe_syncer::notary::Pace;
use vouchsafe_syncer::{Options, Scope, Source};
use vouchsafe_tests::harness::scripted_server::{Answer, FeedRecord, Reply, Route};
use vouchsafe_tests::harness::{Certificates, ScriptedServer};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::{Evidence, Query, Server};

use crate::support::{Bench, Configuration, gun, pins, publish};

fn name(number: usize) -> String {
    format!("example.com/app{number:02}")
}

/// Publishes `count` repositories, and the feed that tells of them.
fn publish_many(server: &ScriptedServer, count: usize) -> Vec<FeedRecord> {
    let mut feed = Vec::new();
    for number in 0..count {
        let name = name(number);
        let hash = publish(server, &name, &Repository::plain(&name));
        let id = i64::try_from(number).unwrap() + 1;
        feed.push(FeedRecord::update(id, &name, 1, &hash.to_string()));
    }
    server.set_feed(feed.clone());
    feed
}

fn evidence(bench: &Bench, server: &ScriptedServer, name: &str) -> Evidence {
    let query = Query {
        server: server.url().parse().unwrap(),
        gun: gun(name),
        signers: vouchsafe_trust::evidence::Signers::Default,
        wanted: vouchsafe_trust::evidence::Wanted::Tag("signed".to_owned()),
        retained: None,
    };
    bench.store.evidence(&query).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_nothing_changed_a_pass_takes_one_request() {
    let server = ScriptedServer::plain().unwrap();
    publish_many(&server, 30);
    let bench = Bench::new(Configuration::of(&[&server], None));
    let first = bench.pass().await;
    let report = &first.servers[0];
    assert!(first.is_complete(), "{first:?}");
    assert_eq!((report.source, report.updated), (Source::Sweep, 30));
    assert_eq!(report.requests, 1 + 30 * 4);
    // More are in hand meanwhile, of which the server sees nothing.
    assert!(server.most_in_flight() <= 4, "{}", server.most_in_flight());
    assert!(matches!(
        evidence(&bench, &server, &name(7)),
        Evidence::Known(_)
    ));

    for _ in 0..3 {
        bench.clock.advance(SignedDuration::from_mins(5));
        server.forget_requests();
        let report = bench.pass().await;
        assert!(report.is_complete());
        assert_eq!(report.servers[0].source, Source::Changefeed);
        assert_eq!(server.requests().len(), 1);
    }

    bench.clock.advance(SignedDuration::from_hours(24));
    server.forget_requests();
    let report = bench.pass().await;
    assert_eq!(report.servers[0].source, Source::Sweep);
    assert_eq!(report.servers[0].unchanged, 30);
    assert_eq!(server.requests().len(), 31);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_the_changefeed_names_is_fetched() {
    let server = ScriptedServer::plain().unwrap();
    let mut feed = publish_many(&server, 10);
    let bench = Bench::new(Configuration::of(&[&server], None));
    bench.pass().await;

    let changed = Repository::plain(&name(3))
        .tag("targets", "v2", "2")
        .publish(&["targets", "snapshot", "timestamp"]);
    let hash = publish(&server, &name(3), &changed).to_string();
    feed.push(FeedRecord::update(11, &name(3), 2, &hash));
    feed.push(FeedRecord::update(12, "other.example.com/x", 1, &hash));
    server.set_feed(feed.clone());
    server.forget_requests();
    let report = bench.pass().await;
    assert_eq!(
        (report.servers[0].updated, report.servers[0].unchanged),
        (1, 0)
    );
    assert_eq!(server.requests().len(), 1 + 3);

    server.set_feed(feed[..2].to_vec());
    let report = bench.pass().await;
    assert_eq!(
        (report.servers[0].source, report.servers[0].unchanged),
        (Source::Sweep, 10),
        "a feed that lost the cursor says nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_changefeed_every_known_repository_is_asked_for() {
    let server = ScriptedServer::plain().unwrap();
    publish_many(&server, 5);
    server.script(Route::Feed, Reply::error(401, "UNAUTHORIZED").into());
    let named = || (0..5).map(name);
    let bench = Bench::new(Configuration::of(&[&server], None).naming(named()));
    let report = bench.pass().await;
    assert_eq!(
        (report.servers[0].source, report.servers[0].updated),
        (Source::Poll, 5)
    );
    assert!(report.servers[0].changefeed.is_some());

    let off = |options| Options {
        changefeed: false,
        ..options
    };
    server.forget_requests();
    let bench = Bench::with(Configuration::of(&[&server], None).naming(named()), off);
    bench.pass().await;
    let report = bench.pass().await;
    assert_eq!(
        (report.servers[0].source, report.servers[0].unchanged),
        (Source::Poll, 5)
    );
    assert_eq!(server.count(&Route::Feed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_failure_stops_nothing_else() {
    let good = ScriptedServer::plain().unwrap();
    let bad = ScriptedServer::plain().unwrap();
    publish_many(&good, 6);
    publish_many(&bad, 3);
    bad.script(Route::Any, Answer::Closed);
    let forged = Repository::plain(&name(2)).signed_by("targets", &[Key::p256("thief")]);
    publish(&good, &name(2), &forged);
    let slow = Answer::Trickled {
        size: 1,
        pause: Duration::from_millis(50),
    };
    good.script(Route::Repository(name(4)), slow);

    let bench = Bench::new(Configuration::of(&[&bad, &good], None));
    let report = bench.pass().await;
    let failed = &report.servers[0];
    assert_eq!(failed.error.as_ref().unwrap().label, "connect");
    let report = &report.servers[1];
    assert_eq!((report.updated, report.failed), (4, 2));
    let labels: Vec<_> = report
        .failures
        .iter()
        .map(|f| (f.gun.as_ref().unwrap().to_string(), f.label))
        .collect();
    assert!(
        labels.contains(&(name(2), "threshold_not_met")),
        "{labels:?}"
    );
    assert!(labels.contains(&(name(4), "too_slow")), "{labels:?}");
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json["failures"][0]["server"], good.url().as_str());

    let server: Server = good.url().parse().unwrap();
    let outcome = bench
        .store
        .last_sync(&server, &gun(&name(2)))
        .unwrap()
        .unwrap();
    assert!(
        matches!(outcome.result, SyncResult::Err { label, .. } if label == "threshold_not_met")
    );

    // What failed is tried again without a word of the changefeed, once its time has come.
    good.clear_script();
    publish(&good, &name(2), &Repository::plain(&name(2)));
    bench.clock.advance(SignedDuration::from_mins(5));
    let again = bench.pass_over(&Scope::Due).await;
    assert_eq!(again.servers[1].updated, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_outcome_is_recorded_and_none_waits_for_a_slow_repository() {
    let server = ScriptedServer::plain().unwrap();
    publish_many(&server, 150);
    let patient = |options| Options {
        pace: Pace::default(),
        ..options
    };
    let bench = Bench::with(Configuration::of(&[&server], None), patient);
    // The last by name, in each of its four answers.
    let slow = Answer::Delayed(Duration::from_secs(2));
    server.script(Route::Repository(name(99)), slow);
    let url: Server = server.url().parse().unwrap();
    let recorded = || {
        let names = (0..150).map(name);
        let last = |name: String| bench.store.last_sync(&url, &gun(&name)).unwrap();
        names.filter_map(last).count()
    };
    let watched = async {
        let started = Instant::now();
        // Two that are in hand with the slow one wait for their turns.
        while recorded() < 147 {
            assert!(started.elapsed() < Duration::from_mins(1));
            sleep(Duration::from_millis(20)).await;
        }
        recorded()
    };
    let (report, meanwhile) = join(bench.pass(), watched).await;
    assert!(report.is_complete(), "{report:?}");
    assert!(meanwhile < 150, "the slow one was done");
    assert_eq!(recorded(), 150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answering_is_left_alone() {
    let server = ScriptedServer::plain().unwrap();
    publish_many(&server, 40);
    let bench = Bench::new(Configuration::of(&[&server], None));
    for number in 0..40 {
        server.script(Route::Repository(name(number)), Answer::Closed);
    }
    let report = bench.pass().await;
    let first = &report.servers[0];
    assert!(
        first.failed < 20 && first.failed + first.skipped == 40,
        "{first:?}"
    );
    assert_eq!(first.error.as_ref().unwrap().label, "unreachable");

    server.clear_script();
    let report = bench.pass().await;
    assert_eq!(
        report.servers[0].updated, 40,
        "nothing of the changefeed was lost"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_answered_nothing_was_not_reached() {
    let server = ScriptedServer::plain().unwrap();
    publish_many(&server, 2);
    let bench = Bench::new(Configuration::of(&[&server], None));
    for number in 0..2 {
        server.script(Route::Repository(name(number)), Answer::Closed);
    }
    let report = bench.pass().await;
    let first = &report.servers[0];
    assert_eq!((first.failed, first.skipped), (2, 0));
    assert_eq!(first.error.as_ref().unwrap().label, "unreachable");
    let state = bench.store.server_state(&first.server).unwrap().unwrap();
    assert_eq!(state.last_pass, None);
    assert!(state.last_error.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_repository_is_asked_about_and_withdrawn() {
    let certificates = Certificates::new().unwrap();
    let server = ScriptedServer::tls(&certificates).unwrap();
    let mut feed = publish_many(&server, 3);
    let bench = Bench::new(Configuration::of(&[&server], Some(&certificates)));
    bench.pass().await;

    feed.push(FeedRecord::deletion(4, &name(0)));
    feed.push(FeedRecord::deletion(5, &name(1)));
    server.set_feed(feed);
    server.withdraw(&name(1));
    let report = bench.pass().await;
    assert_eq!(
        (report.servers[0].withdrawn, report.servers[0].unchanged),
        (1, 1)
    );
    assert!(matches!(
        evidence(&bench, &server, &name(0)),
        Evidence::Known(_)
    ));
    assert!(matches!(
        evidence(&bench, &server, &name(1)),
        Evidence::Withdrawn { .. }
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timestamp_is_asked_for_when_it_has_run_out() {
    let server = ScriptedServer::plain().unwrap();
    let gun = "example.com/short";
    let short = Repository::plain(gun).expires("timestamp", "2026-11-24T01:00:00Z");
    publish(&server, gun, &short);
    let bench = Bench::new(Configuration::of(&[&server], None).naming([gun.to_owned()]));
    bench.pass().await;

    bench.clock.advance(SignedDuration::from_mins(59));
    server.forget_requests();
    assert_eq!(
        bench.pass_over(&Scope::Expired).await.servers[0].requests,
        0
    );
    let renewed = short
        .expires("timestamp", "2026-12-08T01:00:00Z")
        .publish(&["timestamp"]);
    publish(&server, gun, &renewed);
    bench.clock.advance(SignedDuration::from_mins(2));
    let report = bench.pass_over(&Scope::Expired).await;
    assert_eq!(
        (report.servers[0].updated, report.servers[0].requests),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requested_repositories_are_synced_and_others_are_named() {
    let server = ScriptedServer::plain().unwrap();
    publish_many(&server, 3);
    let bench = Bench::new(Configuration::of(&[&server], None));
    let guns = vec![
        gun(&name(1)),
        gun("other.example.com/x"),
        gun("example.com/unsigned"),
    ];
    let report = bench.pass_over(&Scope::Only(guns)).await;
    assert_eq!(report.unconfigured, [gun("other.example.com/x")]);
    let report = &report.servers[0];
    assert_eq!((report.updated, report.failed), (1, 1));
    assert_eq!(report.failures[0].label, "no_trust_data");
    assert_eq!(server.count(&Route::Feed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_pins_are_noticed_without_a_change() {
    let server = ScriptedServer::plain().unwrap();
    publish_many(&server, 2);
    let bench = Bench::new(Configuration::of(&[&server], None));
    bench.pass().await;
    let mut configuration = Configuration::of(&[&server], None);
    configuration.pins = pins(&[Key::p256("root"), Key::p256("another")]);
    let bench = bench.reconfigured(configuration);
    let report = bench.pass().await;
    assert_eq!(report.servers[0].updated, 2);
    assert_eq!(report.servers[0].requests, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wanted_anew_is_found_though_nothing_was_published_since() {
    let server = ScriptedServer::plain().unwrap();
    let mut feed = publish_many(&server, 3);
    // So many that the three are not among those that are read again in any case.
    let others = (4..=200).map(|id| FeedRecord::deletion(id, "other.example.com/x"));
    feed.extend(others);
    server.set_feed(feed);
    let mut few = Configuration::of(&[&server], None);
    few.prefix = "example.com/app00";
    let bench = Bench::new(few);
    assert_eq!(bench.pass().await.servers[0].updated, 1);

    let bench = bench.reconfigured(Configuration::of(&[&server], None));
    let report = bench.pass().await;
    assert_eq!(report.servers[0].source, Source::Changefeed);
    assert_eq!(report.servers[0].updated, 2);
    let report = bench.pass().await;
    assert_eq!(
        (report.servers[0].updated, report.servers[0].requests),
        (0, 1)
    );

    // Known from the changefeed alone.
    assert_eq!(bench.store.forget(None, &gun(&name(1))).unwrap(), 1);
    assert_eq!(bench.pass().await.servers[0].updated, 1);
    assert_eq!(bench.pass().await.servers[0].updated, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_longer_mirrored_leaves_no_record() {
    let server = ScriptedServer::plain().unwrap();
    let unsigned = "example.com/app99";
    publish_many(&server, 2);
    let named = Configuration::of(&[&server], None).naming([unsigned.to_owned()]);
    let bench = Bench::new(named);
    assert_eq!(bench.pass().await.servers[0].failed, 1);
    let url: Server = server.url().parse().unwrap();
    let has_record = |bench: &Bench, name: &str| {
        let last = bench.store.last_sync(&url, &gun(name));
        last.unwrap().is_some()
    };
    assert!(has_record(&bench, unsigned) && has_record(&bench, &name(1)));

    let mut few = Configuration::of(&[&server], None);
    few.prefix = "example.com/app00";
    let bench = bench.reconfigured(few);
    bench.pass().await;
    assert!(!has_record(&bench, unsigned) && !has_record(&bench, &name(1)));
    assert!(has_record(&bench, &name(0)));
    assert_eq!(
        bench.store.repositories().unwrap().len(),
        2,
        "what is stored stays"
    );
}
