//! Leases on a real API server: one leads, another takes over, and never two at once.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test, and figures are shown"
)]

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use vouchsafe_cluster::lease::Timing;
use vouchsafe_cluster::{Connection, Lease};
use vouchsafe_tests::harness::ApiServer;

use connected::{SystemClock, connect};

#[path = "support/connected.rs"]
mod connected;

/// A replica that would lead.
struct Replica {
    leads: watch::Receiver<bool>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(connection: &Connection) -> Self {
        let (lease, leads) = Lease::new(connection, NAME, "replica", Arc::new(SystemClock));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(lease.run(async {
            drop(stopped.await);
        }));
        let stop = Some(stop);
        Self { leads, stop, task }
    }

    fn leads(&self) -> bool {
        *self.leads.borrow()
    }

    /// Waits until it leads, or does not; how long that took.
    async fn until(&mut self, leads: bool) -> Duration {
        let started = Instant::now();
        let wait = self.leads.wait_for(|led| *led == leads);
        timeout(PATIENCE, wait).await.unwrap().unwrap();
        started.elapsed()
    }
}

/// Looks at two replicas all the time; panics where both lead.
fn never_both(one: &Replica, other: &Replica) -> JoinHandle<()> {
    let (one, other) = (one.leads.clone(), other.leads.clone());
    tokio::spawn(async move {
        loop {
            assert!(!(*one.borrow() && *other.borrow()), "both lead");
            sleep(Duration::from_millis(1)).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_takes_over_in_the_time_of_the_lease_and_never_do_both_lead() {
    let cluster = ApiServer::start().unwrap();
    let connection = connect(&cluster).await;
    let timing = Timing::default();

    let mut first = Replica::start(&connection);
    first.until(true).await;
    let mut second = Replica::start(&connection);
    let sampled = never_both(&first, &second);
    // Renewed, so that it stays where it is for longer than it would without.
    sleep(timing.duration + timing.retry).await;
    assert!(first.leads() && !second.leads());

    // Killed: nothing is handed back.
    first.task.abort();
    let took = second.until(true).await;
    assert!(!first.leads());
    let latest = timing.duration + timing.retry * 2;
    assert!(took <= latest, "{took:?}");
    assert!(took >= timing.renew_deadline, "{took:?}");
    println!("taken over after a kill within {took:?}");

    // Told to stop: handed back.
    let mut third = Replica::start(&connection);
    let sampled_later = never_both(&second, &third);
    sleep(timing.retry).await;
    drop(second.stop.take());
    let took = third.until(true).await;
    assert!(took <= timing.retry * 2, "{took:?}");
    println!("taken over after a stop within {took:?}");
    second.task.await.unwrap();
    let transitions = [
        "get",
        "lease",
        NAME,
        "-o",
        "jsonpath={.spec.leaseTransitions}",
    ];
    assert_eq!(cluster.succeed(&transitions).unwrap(), "2");

    // Taken away by hand: whoever finds nothing takes it anew.
    cluster.succeed(&["delete", "lease", NAME]).unwrap();
    sleep(timing.retry * 2).await;
    assert!(third.leads());
    for sampled in [sampled, sampled_later] {
        assert!(!sampled.is_finished(), "{:?}", sampled.await);
        sampled.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_api_server_gives_up_before_another_one_could_lead() {
    let cluster = ApiServer::start().unwrap();
    let connection = connect(&cluster).await;
    let mut replica = Replica::start(&connection);
    replica.until(true).await;
    drop(cluster);
    let gone = replica.until(false).await;
    let timing = Timing::default();
    assert!(
        gone <= timing.renew_deadline + Duration::from_secs(1),
        "{gone:?}"
    );
    // It goes on trying, and ends when it is told to.
    sleep(timing.retry).await;
    assert!(!replica.task.is_finished());
    drop(replica.stop.take());
    timeout(PATIENCE, replica.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn without_an_api_server_nobody_leads_and_nothing_fails() {
    let cluster = ApiServer::start().unwrap();
    let connection = connect(&cluster).await;
    drop(cluster);
    let (lease, leads) = Lease::new(&connection, NAME, "replica", Arc::new(SystemClock));
    assert!(lease.identity().starts_with("replica_"));
    assert!(
        timeout(Duration::from_secs(3), lease.run(pending()))
            .await
            .is_err()
    );
    assert!(!*leads.borrow());
}

const NAME: &str = "vouchsafe-leader";
const PATIENCE: Duration = Duration::from_secs(40);
