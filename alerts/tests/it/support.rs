//! A store, a configuration, and delivery from the one by the other.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing_subscriber::fmt::MakeWriter;
use vouchsafe_alerts::{Counters, Delivery, Pace, Plan, ReceiverCounts};
use vouchsafe_policy::{Alerting, Config};
use vouchsafe_store::{Alert, AlertOutcome, Store};
use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::{Clock, Sha256};

/// Where one test keeps its store and its templates.
pub(crate) struct Scene {
    pub(crate) dir: TempDir,
    pub(crate) pace: Pace,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new("alerts").unwrap();
        let template = "{\"uid\": \"{{ request_id }}\", \"message\": \"{{ alert_message }}\"}";
        dir.write("templates/uids.json", template).unwrap();
        let pace = Pace {
            answer: Duration::from_millis(400),
            first: Duration::from_millis(10),
            longest: Duration::from_millis(50),
            keep: SignedDuration::from_hours(24),
            probe_after: 8,
            sweep: Duration::from_millis(50),
        };
        Self { dir, pace }
    }

    pub(crate) fn store(&self) -> Store {
        let opened = Store::open(&self.dir.path().join("store"), now()).unwrap();
        assert_eq!(opened.set_aside, None);
        opened.store
    }

    /// The alerting with these receivers of what was denied, as flow mappings.
    pub(crate) fn alerting(&self, receivers: &[String]) -> Alerting {
        let receivers: Vec<String> = receivers.iter().map(|text| format!("{{{text}}}")).collect();
        let receivers = receivers.join(", ");
        let text = format!(
            "validators: [{{name: allow, type: static, approve: true}}]
policy: [{{pattern: '*', validator: allow}}]
alerting:
  clusterIdentifier: test
  templateDirectory: {}
  rejectRequest:
    receivers: [{receivers}]
",
            self.dir.path().join("templates").display()
        );
        let config = Config::parse(&text, "config.yaml");
        let config = config.unwrap_or_else(|error| panic!("{error}\n{text}"));
        config.alerting().clone()
    }

    /// Starts delivery from `store`.
    pub(crate) fn deliver(&self, store: &Store, alerting: &Alerting) -> Running {
        let (plans, planned) = watch::channel(Arc::new(Plan::load(alerting).unwrap()));
        let counters = Arc::new(Counters::default());
        let delivery = Delivery {
            store: store.clone(),
            plans: planned,
            pod_id: "pod".to_owned(),
            counters: Arc::clone(&counters),
            clock: Arc::new(Fixed),
            pace: self.pace,
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(delivery.run(async move { drop(stopped.await) }));
        Running {
            plans,
            counters,
            stop,
            task,
        }
    }
}

/// Delivery that goes on.
pub(crate) struct Running {
    pub(crate) plans: watch::Sender<Arc<Plan>>,
    pub(crate) counters: Arc<Counters>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends delivery; nobody holds the store for it any more.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap();
    }

    pub(crate) fn counts(&self, receiver: &str) -> ReceiverCounts {
        let counts = self.counters.receivers();
        // Delivery counts from the moment on in which it knows of the receiver.
        counts.get(receiver).copied().unwrap_or_default()
    }

    pub(crate) fn reload(&self, alerting: &Alerting) {
        let plan = Plan::load(alerting).unwrap();
        self.plans.send_replace(Arc::new(plan));
    }
}

/// A receiver of the template that writes UIDs.
pub(crate) fn uids(url: &str) -> String {
    format!("template: uids, receiverUrl: '{url}'")
}

/// The fingerprints of all receivers.
pub(crate) fn ids(alerting: &Alerting) -> Vec<Sha256> {
    let receivers = alerting.receivers();
    receivers
        .map(|receiver| receiver.id.fingerprint())
        .collect()
}

/// Queues alerts with these UIDs for every receiver.
pub(crate) fn queue(store: &Store, alerting: &Alerting, uids: impl IntoIterator<Item = u32>) {
    for uid in uids {
        queue_at(store, alerting, uid, now());
    }
}

pub(crate) fn queue_at(store: &Store, alerting: &Alerting, uid: u32, at: Timestamp) {
    let alert = Alert {
        outcome: AlertOutcome::Rejected,
        message: "registry.example.com/app:1 is not signed".to_owned(),
        namespace: "shop".to_owned(),
        kind: "Pod".to_owned(),
        name: "app".to_owned(),
        images: "registry.example.com/app:1".to_owned(),
        uid: uid.to_string(),
        at,
    };
    store.queue_alert(&alert, &ids(alerting)).unwrap();
}

pub(crate) fn numbers(uids: impl IntoIterator<Item = u32>) -> Vec<String> {
    uids.into_iter().map(|uid| uid.to_string()).collect()
}

/// Waits until `condition` holds, with as much patience as a loaded machine needs.
#[track_caller]
pub(crate) fn until(condition: impl Fn() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < PATIENCE, "waited in vain at {caller}");
            sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Waits as long as it takes for something to happen that must not happen.
pub(crate) async fn a_while() {
    sleep(Duration::from_millis(200)).await;
}

pub(crate) fn link(target: &Path, link: &Path) {
    let new = link.with_extension("new");
    std::os::unix::fs::symlink(target, &new).unwrap();
    std::fs::rename(&new, link).unwrap();
}

pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// Everything that was logged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What all tests log: what one of them looks for in it, no other may log.
    pub(crate) fn of_all_tests() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Self::default();
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::DEBUG)
                .with_ansi(false)
                .with_writer(log.clone())
                .finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
            log
        });
        log.clone()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        now()
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
