//! That admission reaches out to nobody, shown by the kernel's counts and by what `strace` saw: 100,000 reviews are
//! answered in a namespace that has a way out, and nothing takes it.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::namespace::Departures;
use vouchsafe_tests::harness::notary_client::digest;
use vouchsafe_tests::harness::process::run;
use vouchsafe_tests::harness::{Namespace, TempDir};

use super::sites::{APP, Connected, Gapped};

/// Whoever asks is in a namespace of its own at the other end of a cable, so that all that is counted on this side is
/// the webhook's. Its default route leads over the cable: what it tried would be sent, and counted, wherever it leads.
#[test]
fn a_hundred_thousand_reviews_open_no_connection() {
    let connected = Connected::new();
    let (inside, asking) = (Namespace::new().unwrap(), Namespace::new().unwrap());
    inside.connect(&asking, (WEBHOOK, ASKING)).unwrap();
    let traced = TempDir::new("strace").unwrap();
    let log = traced.path().join("serve");
    let log = log.display().to_string();
    let wrapper: Vec<&str> = STRACE.iter().copied().chain(["-o", &log]).collect();
    let gapped = Gapped::start(&connected, inside, |vouchsafe| {
        vouchsafe.under(&wrapper).listening_everywhere()
    });
    let first = connected.bundle(&[]);
    gapped.lay(&first, "first.tar.zst");
    gapped.wait_for_result("done", 1);
    gapped.admits(APP, "1.0", "one");
    connected.sign(APP, "1.0", "two");
    let second = connected.bundle(&[]);

    // From here on nobody but `vouchsafe serve` is in its namespace.
    let before = gapped.namespace.departures().unwrap();
    let load = Load::new();
    let url = format!("https://{WEBHOOK}:{}", gapped.serving.port());
    let started = Instant::now();
    let mut answered = asking.inside(|| load.run(&url, Duration::from_secs(2)));
    gapped.lay(&second, "second.tar.zst");
    while answered < REVIEWS {
        answered += asking.inside(|| load.run(&url, Duration::from_secs(5)));
    }
    println!("{answered} reviews in {:?}", started.elapsed());
    let after = gapped.namespace.departures().unwrap();
    assert!(
        after.accepts > before.accepts,
        "nothing came over the cable"
    );
    let before = Departures {
        accepts: after.accepts,
        ..before
    };
    assert_eq!(after, before);

    // They were answered, from what the second bundle brought meanwhile.
    gapped.wait_for_result("done", 2);
    gapped.admits(APP, "1.0", "two");
    for decision in ["allow", "deny"] {
        let judged = counted(&gapped.page("/metrics").1, decision);
        assert!(judged > REVIEWS / 4, "{decision}: {judged}");
    }
    let calls = calls(&log);
    let listening = calls.iter().filter(|call| call.contains("AF_INET")).count();
    assert_eq!(listening, 2, "more than the two ports: {calls:#?}");
    let connects = |call: &&String| call.starts_with("connect(");
    assert_eq!(calls.iter().filter(connects).count(), 0, "{calls:#?}");

    both_measures_notice_a_sync(&gapped, &traced);
}

/// The same binary in the same namespace under the same `strace`, made to reach for its Notary server.
fn both_measures_notice_a_sync(gapped: &Gapped, traced: &TempDir) {
    let log = traced.path().join("sync");
    let before = gapped.namespace.departures().unwrap();
    let store = traced.path().join("store").display().to_string();
    let mut command = Command::new(STRACE[0]);
    command.args(&STRACE[1..]).arg("-o").arg(&log);
    command.arg(gapped.vouchsafe.binary()).args(["sync", APP]);
    command.args(["--store", &store, "--config"]);
    command.arg(gapped.vouchsafe.config_file());
    let failed = gapped.namespace.inside(|| run(&mut command));
    assert!(failed.is_err(), "there is no server");
    let after = gapped.namespace.departures().unwrap();
    assert!(after.connects > before.connects, "{before:?}, {after:?}");
    let calls = calls(log);
    let connects = |call: &&String| call.starts_with("connect(") && call.contains("AF_INET");
    assert!(calls.iter().any(|call| connects(&call)), "{calls:#?}");
}

/// What `wrk` sends, in turns: a tag that is signed, one that is not, a digest, and a repository that nobody knows.
struct Load {
    directory: TempDir,
}

impl Load {
    fn new() -> Self {
        let directory = TempDir::new("load").unwrap();
        let pinned = format!("{APP}:1.0@sha256:{}", digest("one"));
        let reviews = [
            ("/mutate", format!("{APP}:1.0")),
            ("/mutate", format!("{APP}:unsigned")),
            ("/validate", pinned),
            ("/validate", "registry.example.com/team/none:1.0".to_owned()),
        ];
        let requests = reviews.map(|(path, image)| {
            let review = pod_review(&[&image]);
            format!("wrk.format('POST', '{path}', headers, [==[{review}]==])")
        });
        // `wrk` calls `init` once it knows the host.
        let lua = format!(
            "local requests, n = {{}}, 0\n\
             function init(args)\n\
             local headers = {{['Content-Type'] = 'application/json'}}\n\
             requests = {{\n{}\n}}\nend\n\
             function request()\nn = n % #requests + 1\nreturn requests[n]\nend\n",
            requests.join(",\n")
        );
        directory.write("reviews.lua", lua).unwrap();
        Self { directory }
    }

    /// Asks for so long; returns how many answers came, all of them with status 200.
    fn run(&self, url: &str, duration: Duration) -> u64 {
        let script = self.directory.path().join("reviews.lua");
        let duration = format!("{}s", duration.as_secs());
        let report = run(Command::new("wrk")
            .args(["-t", "1", "-c", "16", "-d", &duration, "-s"])
            .arg(script)
            .arg(url))
        .unwrap();
        assert!(!report.contains("Non-2xx"), "{report}");
        assert!(!report.contains("Socket errors"), "{report}");
        let mut words = report.split_whitespace();
        let total = words.clone().position(|word| word == "requests").unwrap();
        words.nth(total - 1).unwrap().parse().unwrap()
    }
}

/// How many reviews came to this.
fn counted(metrics: &str, decision: &str) -> u64 {
    let name = "vouchsafe_admission_requests_total{";
    let decision = format!("decision=\"{decision}\"");
    let lines = metrics
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(&decision));
    let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
    let counts = lines.filter_map(value);
    counts
        .map(|count| count.round().to_string().parse::<u64>().unwrap())
        .sum()
}

/// The calls that `strace` noted, without who made them.
fn calls(log: impl AsRef<Path>) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    let call = |line: &str| Some(line.split_once(char::is_whitespace)?.1.trim().to_owned());
    text.lines().filter_map(call).collect()
}

/// Sockets that are made, and connections that are opened; the filter in the kernel lets everything else go by at full
/// speed.
const STRACE: [&str; 7] = [
    "strace",
    "-f",
    "--seccomp-bpf",
    "-qq",
    "-e",
    "trace=socket,connect",
    "--signal=none",
];
const REVIEWS: u64 = 100_000;
const WEBHOOK: &str = "10.111.0.1";
const ASKING: &str = "10.111.0.2";
