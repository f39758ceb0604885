//! Admission whose answers raise alerts, by what becomes of the receiver.
//!
//! Each case is a `vouchsafe serve` of its own; all are asked in turns. The same reviews are denied,
//! and admitted, once without any receiver; then with one that takes every alert (twice, which shows
//! how much two like cases differ), with one that nobody listens for, with one that never answers, and
//! with one for which as much waits as may.
//!
//! What alerting costs is a record in the store before the answer, and a wait for the disk. The
//! disk's own speed is measured beside it.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench asks localhost with a client of its own, prints its report, and stops where it cannot be set up"
)]

use std::cell::Cell;
use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use reqwest::{Certificate, Client, RequestBuilder};
use serde_json::json;
use tokio::runtime::Runtime;
use vouchsafe_tests::harness::port::PortLease;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{
    Certificates, Configuration, ScriptedServer, TempDir, Vouchsafe, admission,
};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

const GUN: &str = "registry.example.com/team/app";
/// Rounds and requests together raise fewer alerts than wait for one receiver at most.
const ROUNDS: usize = 21;
const REQUESTS: usize = 104;
const MOST_CONNECTIONS: usize = 8;
const CONNECTIONS: [usize; 2] = [1, MOST_CONNECTIONS];
/// More than wait for one receiver.
const FULL: usize = 5_200;
const PATIENCE: Duration = Duration::from_mins(1);

fn main() {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .unwrap();
    let around = Around {
        runtime: Arc::new(Runtime::new().unwrap()),
        server: server(),
        certificates: Certificates::new().unwrap(),
    };
    let taker = taker(&around.runtime);
    let (silent, down) = (silent(), PortLease::new().unwrap());
    let cases = [
        Case::new("there is none", None, Fate::None, &around),
        Case::new("takes all", Some(&taker), Fate::Delivered, &around),
        Case::new("takes all, again", Some(&taker), Fate::Delivered, &around),
        Case::new("is down", Some(&down), Fate::Waits, &around),
        Case::new("never answers", Some(&silent), Fate::Waits, &around),
        Case::new("is down, and full", Some(&down), Fate::Lost, &around),
    ];
    println!("admission that raises an alert; {ROUNDS} rounds of {REQUESTS} reviews each");
    println!("fdatasync of 300 bytes, p50 and p99: {}", disk());
    for (name, image) in [
        ("denied", format!("{GUN}:unsigned")),
        ("admitted", format!("{GUN}@{}", digest_of("signed"))),
    ] {
        let review = Arc::from(admission::pod_review(&[&image]).to_string());
        for full in cases.iter().filter(|case| case.fate == Fate::Lost) {
            ask(full, MOST_CONNECTIONS, FULL / MOST_CONNECTIONS, &review);
        }
        for connections in CONNECTIONS {
            table(name, &cases, connections, &review);
        }
    }
    for case in &cases {
        case.check();
    }
}

fn table(name: &str, cases: &[Case], connections: usize, review: &Arc<str>) {
    println!("\n{name}, connections: {connections}");
    println!(
        "{:<18}  {:>7}  {:>16}  {:>20}  {:>8}  {:>8}",
        "the receiver...", "req/s", "ratio to no one", "ratio to `takes all`", "p50", "p99"
    );
    let mut rates = vec![Vec::new(); cases.len()];
    let mut took = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for (case, (rates, took)) in cases.iter().zip(rates.iter_mut().zip(&mut took)) {
            let (each, all) = ask(case, connections, REQUESTS / connections, review);
            rates.push(f64::from(u32::try_from(each.len()).unwrap()) / all.as_secs_f64());
            took.extend(each);
            // What is delivered late must not cost whoever comes next.
            case.settle();
        }
    }
    for (case, (own, took)) in cases.iter().zip(rates.iter().zip(took)) {
        let ratio = |to: &[f64]| median(own.iter().zip(to).map(|(own, to)| own / to).collect());
        println!(
            "{:<18}  {:>7.0}  {:>16.2}  {:>20.2}  {}",
            case.name,
            median(own.clone()),
            ratio(&rates[0]),
            ratio(&rates[1]),
            percentiles(took)
        );
    }
}

/// What all cases share.
struct Around {
    runtime: Arc<Runtime>,
    server: ScriptedServer,
    certificates: Certificates,
}

/// What becomes of the alerts of a case.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    Delivered,
    Lost,
    None,
    Waits,
}

/// A running webhook.
struct Case {
    name: &'static str,
    fate: Fate,
    serving: Serving,
    _vouchsafe: Vouchsafe,
    runtime: Arc<Runtime>,
    /// One for each connection.
    clients: Vec<Client>,
    asked: Cell<usize>,
}

impl Case {
    fn new(name: &'static str, receiver: Option<&PortLease>, fate: Fate, around: &Around) -> Self {
        let Around {
            runtime,
            server,
            certificates,
        } = around;
        let key = Key::p256("root").public_key_pem();
        let mut configuration = Configuration::new()
            .notary(&server.url(), None, &key)
            .rule(&format!("{GUN}:*"));
        if let Some(receiver) = receiver {
            // Two receivers, since as much may wait for each.
            let to = |path: &str| {
                let url = format!("http://localhost:{}/{path}", receiver.number());
                json!({"receivers": [{"template": "slack", "receiverUrl": url}]})
            };
            let alerting = json!({"admitRequest": to("admitted"), "rejectRequest": to("denied")});
            configuration = configuration.setting("alerting", alerting);
        }
        let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
        vouchsafe.succeed(&["sync"]).unwrap();
        let authority = Certificate::from_pem(certificates.authority_pem().as_bytes()).unwrap();
        let client = || {
            let client = Client::builder().no_proxy();
            let client = client.tls_certs_only([authority.clone()]);
            client.build().unwrap()
        };
        Self {
            name,
            fate,
            serving: vouchsafe.serve(certificates).unwrap(),
            _vouchsafe: vouchsafe,
            runtime: Arc::clone(runtime),
            clients: (0..MOST_CONNECTIONS).map(|_| client()).collect(),
            asked: Cell::new(0),
        }
    }

    /// Returns when everything is delivered that can be.
    fn settle(&self) {
        let started = Instant::now();
        while self.fate == Fate::Delivered && self.metric("vouchsafe_alerts_waiting{") > 0.0 {
            assert!(started.elapsed() < PATIENCE, "{}: not delivered", self.name);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// That the case was what it says it is.
    fn check(&self) {
        let asked = f64::from(u32::try_from(self.asked.get()).unwrap());
        let waiting = self.metric("vouchsafe_alerts_waiting{");
        let lost = self.metric("vouchsafe_alerts_not_queued_total");
        let delivered = self.metric("result=\"delivered\"");
        let counted = (waiting, lost, delivered);
        match self.fate {
            Fate::Delivered => assert_eq!(counted, (0.0, 0.0, asked), "{}", self.name),
            Fate::Lost => assert_eq!((waiting + lost, delivered), (asked, 0.0), "{}", self.name),
            Fate::None => assert_eq!(counted, (0.0, 0.0, 0.0), "{}", self.name),
            Fate::Waits => assert_eq!(counted, (asked, 0.0, 0.0), "{}", self.name),
        }
    }

    /// The sum of the samples whose lines have `part`.
    fn metric(&self, part: &str) -> f64 {
        let (_, metrics) = self.serving.page("/metrics").unwrap();
        let lines = metrics.lines().filter(|line| line.contains(part));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}

/// Posts the review over so many connections at a time, `each` times over each; how long each took,
/// and all of them.
fn ask(
    case: &Case,
    connections: usize,
    each: usize,
    review: &Arc<str>,
) -> (Vec<Duration>, Duration) {
    let all = |times: usize| {
        let tasks: Vec<_> = case.clients[..connections]
            .iter()
            .map(|client| {
                let post = client
                    .post(format!("{}/validate", case.serving.url()))
                    .body(review.to_string());
                case.runtime.spawn(repeat(post, times))
            })
            .collect();
        case.asked.set(case.asked.get() + connections * times);
        let answered = tasks
            .into_iter()
            .map(|task| case.runtime.block_on(task).unwrap());
        answered.flatten().collect::<Vec<_>>()
    };
    // Opens the connections.
    all(1);
    let started = Instant::now();
    let took = all(each);
    (took, started.elapsed())
}

async fn repeat(post: RequestBuilder, times: usize) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..times {
        let post = post.try_clone().unwrap();
        let started = Instant::now();
        let answer = post.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
        took.push(started.elapsed());
    }
    took
}

/// A Notary server with one repository.
fn server() -> ScriptedServer {
    let server = ScriptedServer::plain().unwrap();
    let files = Repository::plain(GUN)
        .tag("targets", "signed", "signed")
        .files();
    server.serve(GUN, RoleFiles::new().with_files(files));
    server
}

/// A receiver that takes every alert at once.
fn taker(runtime: &Runtime) -> PortLease {
    let port = PortLease::new().unwrap();
    let app = Router::new().fallback(|| async { StatusCode::OK });
    let served = axum_server::bind(port.address()).serve(app.into_make_service());
    runtime.spawn(async { served.await.unwrap() });
    port
}

/// A receiver that takes every connection and never answers.
fn silent() -> PortLease {
    let port = PortLease::new().unwrap();
    let listener = port.listen().unwrap();
    thread::spawn(move || {
        let connections: Vec<_> = listener.incoming().collect();
        drop(connections);
    });
    port
}

/// How long it takes to have something on the disk.
fn disk() -> String {
    let directory = TempDir::new("disk").unwrap();
    let mut file = File::create(directory.path().join("file")).unwrap();
    let took = (0..500).map(|_| {
        file.write_all(&[b'x'; 300]).unwrap();
        let started = Instant::now();
        file.sync_data().unwrap();
        started.elapsed()
    });
    percentiles(took.collect())
}

fn percentiles(mut took: Vec<Duration>) -> String {
    took.sort();
    let of = |hundredth: usize| format!("{} µs", took[took.len() * hundredth / 100].as_micros());
    format!("{:>8}  {:>8}", of(50), of(99))
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
