//! One sync at a time for a cluster: a Notary server on a database may end of two.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe_tests::harness::Vouchsafe;
use vouchsafe_tests::harness::process::{Process, Signal};
use vouchsafe_tests::harness::scripted_server::{Answer, Route};

use crate::cluster::{Cluster, until};

/// What the `CronJob` runs.
const SYNC: [&str; 3] = ["sync", "--publish", "kubernetes"];
const LEASE: &str = "vouchsafe-sync";

fn holder(cluster: &Cluster) -> String {
    let holder = "jsonpath={.spec.holderIdentity}";
    let get = ["get", "lease", LEASE, "-o", holder];
    cluster.api.succeed(&get).unwrap()
}

/// Has another one hold the Lease.
fn taken(cluster: &Cluster) {
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": LEASE},
        "spec": {"holderIdentity": "the-first-job", "leaseDurationSeconds": 60},
    });
    cluster.api.create(&lease).unwrap();
}

/// Has it hold the Lease no more.
fn given_back(cluster: &Cluster) {
    let given_back = r#"{"spec": {"holderIdentity": ""}}"#;
    let patch = ["patch", "lease", LEASE, "--type=merge", "-p", given_back];
    cluster.api.succeed(&patch).unwrap();
}

/// A sync that waits for the other one.
fn waiting(cluster: &Cluster) -> Process {
    let waiting = cluster.syncer.spawn(&SYNC).unwrap();
    until(
        || waiting.log(),
        |log| log.contains("waiting for the-first-job, which syncs"),
    );
    waiting
}

#[test]
fn a_sync_waits_while_another_one_asks_the_servers() {
    let cluster = Cluster::new();
    taken(&cluster);
    let mut waiting = waiting(&cluster);
    thread::sleep(Duration::from_secs(3));
    assert!(cluster.server.requests().is_empty(), "{}", waiting.log());

    // It is done.
    given_back(&cluster);
    let status = waiting.wait_for_exit(Duration::from_secs(30)).unwrap();
    assert!(status.success(), "{}", waiting.log());
    assert!(!cluster.server.requests().is_empty());
    assert_eq!(holder(&cluster), "", "handed back");
}

#[test]
fn a_sync_that_waited_does_not_go_by_a_configuration_of_before() {
    let cluster = Cluster::new();
    taken(&cluster);
    let mut waiting = waiting(&cluster);
    let another = cluster
        .configuration()
        .setting("sync", json!({"perServer": 2}));
    cluster.syncer.configure(&another.to_string()).unwrap();
    given_back(&cluster);
    let status = waiting.wait_for_exit(Duration::from_secs(30)).unwrap();
    assert_eq!(status.code(), Some(2), "{}", waiting.log());
    assert!(waiting.log().contains("changed while this waited"));
    assert!(cluster.server.requests().is_empty(), "{}", waiting.log());
    assert_eq!(holder(&cluster), "", "handed back");
}

#[test]
fn of_two_that_begin_at_once_the_second_finds_what_the_first_published() {
    let cluster = Cluster::new();
    let syncers = [cluster.other_syncer(), cluster.other_syncer()];
    let reports: Vec<Value> = thread::scope(|scope| {
        let running = syncers.each_ref().map(|syncer| {
            let sync = [&SYNC[..], &["-o", "json"]].concat();
            scope.spawn(move || syncer.json(&sync, &[0]).unwrap())
        });
        running.map(|it| it.join().unwrap()).into()
    });
    let published = |key: &str| {
        let of = |report: &Value| report["published"][key].as_u64().unwrap();
        reports.iter().map(of).sum::<u64>()
    };
    assert_eq!(published("written"), 1, "{reports:#?}");
    assert_eq!(published("unchanged"), 1, "{reports:#?}");
    let updated = |report: &Value| report["servers"][0]["updated"].as_u64().unwrap();
    assert_eq!(reports.iter().map(updated).sum::<u64>(), 1, "{reports:#?}");
}

#[test]
fn an_account_that_may_not_have_the_lease_syncs_all_the_same_and_is_told() {
    let cluster = Cluster::new();
    let syncer = limited(&cluster);
    let done = syncer.run(&SYNC).unwrap();
    assert_eq!(done.code, Some(0), "{done:?}");
    for words in [BESIDE, "create leases"] {
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }
    assert_eq!(cluster.publish()["published"]["unchanged"], 1);

    // One that may make it and not keep it has it for as long as a Lease holds.
    cluster.api.succeed(&["delete", "lease", LEASE]).unwrap();
    may(
        &cluster,
        "--verb=get,create",
        "--resource=leases.coordination.k8s.io",
    );
    let done = syncer.run(&SYNC).unwrap();
    assert_eq!(done.code, Some(0), "{done:?}");
    // It is another one's now, and cannot be had, not even once that has run out.
    let done = syncer.run(&SYNC).unwrap();
    assert_eq!(done.code, Some(0), "{done:?}");
    for words in ["waiting for ", BESIDE] {
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }
}

#[test]
fn a_namespace_that_is_not_there_is_nothing_to_wait_in() {
    let cluster = Cluster::new();
    let elsewhere = json!({"namespace": "nowhere"});
    let configuration = cluster.configuration().setting("kubernetes", elsewhere);
    let syncer = cluster.other_syncer();
    syncer.configure(&configuration.to_string()).unwrap();
    let done = syncer.run(&SYNC).unwrap();
    assert_eq!(done.code, Some(2), "{done:?}");
    for words in [BESIDE, "\"nowhere\" not found"] {
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }
}

#[test]
fn a_sync_that_is_told_to_stop_ends_and_hands_back_what_it_has() {
    let cluster = Cluster::new();
    // In the middle of a pass.
    cluster.server.script(Route::Any, Answer::Silent);
    let mut syncing = cluster.syncer.spawn(&SYNC).unwrap();
    until(|| cluster.server.requests().len(), |requests| *requests > 0);
    let other = cluster.other_syncer();
    let mut waiting = other.spawn(&SYNC).unwrap();
    until(|| waiting.log(), |log| log.contains("waiting for "));
    let stopped = |process: &mut Process| {
        process.signal(Signal::Term).unwrap();
        let status = process.wait_for_exit(Duration::from_secs(20)).unwrap();
        assert_eq!(status.code(), Some(2), "{}", process.log());
        assert!(process.log().contains("interrupted"), "{}", process.log());
    };
    stopped(&mut waiting);
    assert!(!holder(&cluster).is_empty());
    stopped(&mut syncing);
    assert_eq!(holder(&cluster), "");

    // One that is killed is waited for no longer than its Lease holds.
    let mut killed = other.spawn(&SYNC).unwrap();
    until(|| holder(&cluster), |holder| !holder.is_empty());
    killed.kill().unwrap();
    cluster.server.clear_script();
    let started = Instant::now();
    assert_eq!(cluster.publish()["published"]["written"], 1);
    let waited = started.elapsed();
    let least = Duration::from_secs(10);
    assert!(waited > least && waited < 3 * least, "{waited:?}");
}

/// A syncer whose account may do what publishing takes, and nothing with Leases.
fn limited(cluster: &Cluster) -> Vouchsafe {
    let objects = "--resource=trustrepositories.vouchsafe.dev,trustrepositoryparts.vouchsafe.dev";
    may(cluster, "--verb=get,list,create,update,delete", objects);
    let view = ["config", "view", "--raw", "--minify", "-o", "json"];
    let access = cluster.api.succeed(&view).unwrap();
    let mut access: Value = serde_json::from_str(&access).unwrap();
    access["users"][0]["user"]["as"] = json!(ACCOUNT);
    let syncer = cluster.other_syncer();
    let file = syncer.directory().write("kubeconfig", access.to_string());
    let access = format!("KUBECONFIG={}", file.unwrap().display());
    syncer.under(&["env", &access])
}

/// Lets the account do something more.
fn may(cluster: &Cluster, verbs: &str, resources: &str) {
    let name = format!("may-{}", verbs.len());
    let role = ["create", "role", &name, verbs, resources];
    cluster.api.succeed(&role).unwrap();
    let (role, user) = (format!("--role={name}"), format!("--user={ACCOUNT}"));
    let binding = ["create", "rolebinding", &name, &role, &user];
    cluster.api.succeed(&binding).unwrap();
    // The API server learns of it a moment later.
    let (verb, resource) = (
        verbs.split(['=', ',']).nth(1),
        resources.split(['=', ',']).nth(1),
    );
    let can = [
        "auth",
        "can-i",
        verb.unwrap(),
        resource.unwrap(),
        "--as",
        ACCOUNT,
    ];
    until(
        || cluster.api.kubectl(&can).unwrap().code,
        |code| *code == Some(0),
    );
}

const ACCOUNT: &str = "publisher";
const BESIDE: &str = "another sync may run beside this one";
