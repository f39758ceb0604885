//! What bundles of 10,000 repositories cost: file size, time and peak memory of making, verifying and taking one in, for
//! a full bundle and for one that adds what changed in 1 % of them; and what the same costs as objects of a real API server: publishing
//! them, and a replica that begins with an empty disk.
//!
//! A number after `--` is how many repositories there are: `cargo bench --bench air_gap -- 1000`. Every command is the
//! built `vouchsafe`, in a process of its own. The repositories have the shape that `docker trust sign` leaves, keys of
//! their own for every role but root, and 5 tags.

#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, which must stop at any surprise"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use vouchsafe_store::{ServerState, Store};
use vouchsafe_tests::harness::process::run;
use vouchsafe_tests::harness::{ApiServer, Certificates, Configuration, Vouchsafe, usage};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{
    DelegationName, Gun, Pins, RepositoryMetadata, Server, TrustRoot, VerifiedRepository, verify,
};

fn main() {
    let mut given = std::env::args().skip(1);
    let count = given.find_map(|it| it.parse().ok());
    let count = count.unwrap_or(REPOSITORIES);
    let (connected, gapped) = sites();
    fill(&connected, count, 1);
    println!("{count} repositories of {TAGS} tags, {} B each", size());
    println!("store on disk            {:>8.1} MB", disk(&connected));
    println!("\n                           seconds  peak MiB");
    let full = make(&connected, &[]);
    taken_in(&gapped, "full", &full);
    measure(
        "the same again",
        &gapped,
        &["bundle", "import", &text(&full)],
    );
    fill(&connected, count / 100, 2);
    let since = make(&connected, &["--since", &text(&full)]);
    taken_in(&gapped, "incremental", &since);
    through_serve(&gapped, &full, &since);
    through_objects(&full);
    println!("\nfull bundle              {:>8.2} MB", megabytes(&full));
    println!("incremental bundle       {:>8.2} MB", megabytes(&since));
}

/// Makes a signed bundle; returns its file.
fn make(connected: &Vouchsafe, more: &[&str]) -> PathBuf {
    let directory =
        connected
            .directory()
            .path()
            .join(if more.is_empty() { "full" } else { "since" });
    fs::create_dir(&directory).unwrap();
    let key = text(&connected.directory().path().join("courier.pem"));
    let create = ["bundle", "create", "--no-sync", "--refresh-by", "35d"];
    let into = ["--sign", &key, "--directory", &text(&directory)];
    let label = if more.is_empty() {
        "create, full"
    } else {
        "create, incremental"
    };
    measure(label, connected, &[&create[..], &into, more].concat());
    let mut files = fs::read_dir(directory).unwrap();
    files.next().unwrap().unwrap().path()
}

fn taken_in(gapped: &Vouchsafe, kind: &str, bundle: &Path) {
    let bundle = text(bundle);
    measure(
        &format!("verify, {kind}"),
        gapped,
        &["bundle", "verify", &bundle],
    );
    measure(
        &format!("import, {kind}"),
        gapped,
        &["bundle", "import", &bundle],
    );
}

/// Has a `vouchsafe serve` with an empty store take in both; prints the most memory that it had.
fn through_serve(gapped: &Vouchsafe, full: &Path, since: &Path) {
    let configuration = fs::read_to_string(gapped.config_file()).unwrap();
    let vouchsafe = Vouchsafe::new(&configuration).unwrap();
    let certificates = Certificates::new().unwrap();
    let mut serving = vouchsafe.serve_unready(&certificates).unwrap();
    let process = serving.process().id();
    let memory = |when: &str| {
        let peak = usage::peak(process).unwrap();
        println!("serve, {when:<27} {peak:>9.1}");
    };
    memory("at its start");
    for (kind, bundle) in [("full", full), ("incremental", since)] {
        vouchsafe
            .succeed(&["bundle", "import", &text(bundle)])
            .unwrap();
        memory(&format!("after import, {kind}"));
    }
}

/// Publishes the bundle to an API server, and has a replica with an empty disk take in what is there.
fn through_objects(full: &Path) {
    let api = ApiServer::start().unwrap();
    let kubeconfig = format!("KUBECONFIG={}", api.kubeconfig().display());
    let program = |configuration: Configuration| {
        let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
        vouchsafe.under(&["env", &kubeconfig])
    };
    let configuration = configuration();
    let publisher = program(configuration.clone());
    let definitions = publisher.succeed(&["cluster", "crds"]).unwrap();
    api.define(&definitions).unwrap();
    let publish = ["bundle", "import", &text(full), "--publish", "kubernetes"];
    measure("publish, all", &publisher, &publish);
    measure("publish, nothing new", &publisher, &publish);
    let replica = program(configuration.setting("kubernetes", json!({"feed": true})));
    let certificates = Certificates::new().unwrap();
    for disk in ["empty", "filled"] {
        let started = Instant::now();
        let mut serving = replica.serve_unready(&certificates).unwrap();
        let process = serving.process().id();
        let is_ready = || {
            serving
                .page("/ready")
                .is_ok_and(|(status, _)| status == 200)
        };
        while !is_ready() {
            thread::sleep(Duration::from_millis(10));
        }
        let spent = started.elapsed().as_secs_f64();
        let peak = usage::peak(process).unwrap();
        println!(
            "{:<24} {spent:>9.2} {peak:>9.1}",
            format!("replica, {disk} disk")
        );
    }
}

/// Runs a command, and prints how long it took and how much memory it had at most.
fn measure(label: &str, vouchsafe: &Vouchsafe, arguments: &[&str]) {
    let started = Instant::now();
    let mut process = vouchsafe.spawn(arguments).unwrap();
    let id = process.id();
    let watched = thread::spawn(move || {
        let mut peak = 0.0;
        while let Ok(now) = usage::peak(id) {
            peak = now;
            thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    let ended = process.wait_for_exit(Duration::from_mins(30)).unwrap();
    let spent = started.elapsed();
    assert!(ended.success(), "{arguments:?}: {}", process.log());
    let peak = watched.join().unwrap();
    println!("{label:<24} {:>9.2} {peak:>9.1}", spent.as_secs_f64());
}

/// A site with a network, and one without.
fn sites() -> (Vouchsafe, Vouchsafe) {
    let configuration = configuration();
    let connected = Vouchsafe::new(&configuration.to_string()).unwrap();
    let private = connected.directory().path().join("courier.pem");
    let mut generate = Command::new("openssl");
    generate.args(["genpkey", "-algorithm", "ed25519", "-out"]);
    run(generate.arg(&private)).unwrap();
    let mut public = Command::new("openssl");
    let public = run(public.args(["pkey", "-pubout", "-in"]).arg(&private)).unwrap();
    let keys: Value = json!([{"name": "courier", "key": public}]);
    let configuration = configuration
        .setting("sync", json!({"schedule": "never"}))
        .setting("freshness", json!({"freshnessFrom": "bundle"}))
        .setting("bundles", json!({"keys": keys}));
    let gapped = Vouchsafe::new(&configuration.to_string()).unwrap();
    (connected, gapped)
}

fn configuration() -> Configuration {
    Configuration::new()
        .notary(SERVER, None, &Key::p256("root").public_key_pem())
        .rule("registry.example.com/*:*")
}

/// Stores so many repositories as they are at this version.
fn fill(vouchsafe: &Vouchsafe, count: usize, version: u64) {
    let store = Store::open(&vouchsafe.store(), Timestamp::now())
        .unwrap()
        .store;
    let server: Server = SERVER.parse().unwrap();
    let cores = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        for core in 0..cores {
            let (store, server) = (&store, &server);
            scope.spawn(move || {
                for number in (core..count).step_by(cores) {
                    let repository = verified(&gun(number), version);
                    store.commit(server, &repository).unwrap();
                }
            });
        }
    });
    // Without a pass that reached the server, nobody makes a bundle of what is stored.
    let reached = ServerState {
        last_pass: Some(Timestamp::now()),
        ..ServerState::default()
    };
    store.set_server_state(&server, &reached).unwrap();
}

fn verified(gun: &Gun, version: u64) -> VerifiedRepository {
    let pem = Key::p256("root").public_key_pem();
    let terms = Terms {
        pins: &Pins {
            roots: vec![TrustRoot::from_pem(&pem).unwrap()],
            ..Pins::default()
        },
        accepted: None,
        now: Timestamp::now(),
        expiry: Expiry::Enforce,
        limits: Limits::default(),
    };
    verify(&metadata(gun, version), terms).unwrap()
}

fn metadata(gun: &Gun, version: u64) -> RepositoryMetadata {
    let mut files = published(gun, version).files();
    let mut take = |name: &str| files.remove(name).unwrap();
    let delegation = |name: &str| -> DelegationName { name.parse().unwrap() };
    RepositoryMetadata {
        gun: gun.clone(),
        roots: vec![take("root.json")],
        timestamp: take("timestamp.json"),
        snapshot: take("snapshot.json"),
        targets: take("targets.json"),
        delegations: ["targets/releases", "targets/alice"]
            .map(|name| (delegation(name), take(&format!("{name}.json"))))
            .into(),
    }
}

/// As `docker trust sign` leaves a repository.
fn published(gun: &Gun, version: u64) -> Repository {
    let key = |role: &str| [Key::p256(&format!("{role} of {gun}"))];
    let mut repository = Repository::with_root_key(Key::p256("root").certified(gun.as_str()));
    for role in ["targets", "snapshot", "timestamp"] {
        repository = repository.keys(role, &key(role));
    }
    for role in ["targets/releases", "targets/alice"] {
        repository = repository.delegate(role, &key("alice"), &[""]);
        for tag in 0..TAGS {
            let image = format!("{gun} {tag} {version}");
            repository = repository.tag(role, &format!("v{tag}"), &image);
        }
        repository = repository.version(role, version);
    }
    repository
        .version("snapshot", version + 1)
        .version("timestamp", version)
}

/// The size of one repository's role files.
fn size() -> usize {
    let RepositoryMetadata {
        roots,
        timestamp,
        snapshot,
        targets,
        delegations,
        ..
    } = metadata(&gun(0), 1);
    let files = roots.iter().chain(delegations.values());
    let files = files.chain([&timestamp, &snapshot, &targets]);
    files.map(Vec::len).sum()
}

fn disk(vouchsafe: &Vouchsafe) -> f64 {
    let files = fs::read_dir(vouchsafe.store().join("db")).unwrap();
    let files = files.map(|entry| entry.unwrap().metadata().unwrap());
    let bytes: u64 = files.filter(fs::Metadata::is_file).map(|it| it.len()).sum();
    bytes as f64 / 1e6
}

fn megabytes(file: &Path) -> f64 {
    fs::metadata(file).unwrap().len() as f64 / 1e6
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn gun(number: usize) -> Gun {
    let gun = format!("registry.example.com/team-{}/app-{number}", number % 50);
    gun.parse().unwrap()
}

const REPOSITORIES: usize = 10_000;
const TAGS: usize = 5;
const SERVER: &str = "https://notary.example.com";
