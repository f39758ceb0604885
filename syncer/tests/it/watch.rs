//! Passes on a schedule.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use vouchsafe_store::Store;
use vouchsafe_syncer::{Options, Schedule, Source, Syncer, watch};
use vouchsafe_tests::harness::{ScriptedServer, TempDir};
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::{Clock, Timestamp};

use crate::support::{BACKOFF, Configuration, NOW, QUICK, nobody, publish};

/// A minute of it passes in a tenth of a second.
#[derive(Debug)]
struct FastClock {
    started: Instant,
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let start: Timestamp = NOW.parse().unwrap();
        let passed = SignedDuration::try_from(self.started.elapsed() * 600).unwrap();
        start + passed
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_makes_a_pass_at_once_and_then_on_schedule() {
    let server = ScriptedServer::plain().unwrap();
    let gun = "example.com/app";
    publish(&server, gun, &Repository::plain(gun));
    let directory = TempDir::new("watch").unwrap();
    let store = Store::open(&directory.path().join("store"), NOW.parse().unwrap())
        .unwrap()
        .store;
    let clock = Arc::new(FastClock {
        started: Instant::now(),
    });
    let options = Options {
        pace: QUICK,
        backoff: BACKOFF,
        ..Options::default()
    };
    let configuration = Configuration::of(&[&server], None).naming([gun.to_owned()]);
    let syncer = Syncer::new(
        store,
        Arc::new(configuration),
        Arc::<FastClock>::clone(&clock),
        options,
    );
    let schedule: Schedule = "*/5 * * * *".parse().unwrap();

    let reports = RefCell::new(Vec::new());
    let report = |report: vouchsafe_syncer::ServerReport| reports.borrow_mut().push(report);
    let shutdown = tokio::time::sleep(Duration::from_millis(3500));
    watch(&syncer, &schedule, &nobody(), report, shutdown).await;

    let reports = reports.into_inner();
    // 35 minutes: one pass at once, and seven on schedule at most; how many of them a busy machine
    // gets to make, it decides.
    assert!((3..=8).contains(&reports.len()), "{}", reports.len());
    assert_eq!(reports[0].updated, 1);
    assert!(
        reports[1..]
            .iter()
            .all(|r| r.source == Source::Poll || r.unchanged == 0)
    );
}
