//! One sync at a time for a cluster: a Notary server on a database may end of two.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use vouchsafe_tests::harness::TempDir;

use crate::cluster::{Cluster, until};

/// What the `CronJob` runs.
const SYNC: [&str; 3] = ["sync", "--publish", "kubernetes"];
const LEASE: &str = "vouchsafe-sync";

fn holder(cluster: &Cluster) -> String {
    let holder = "jsonpath={.spec.holderIdentity}";
    let get = ["get", "lease", LEASE, "-o", holder];
    cluster.api.succeed(&get).unwrap()
}

#[test]
fn a_sync_waits_while_another_one_asks_the_servers() {
    let cluster = Cluster::new();
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": LEASE},
        "spec": {"holderIdentity": "the-first-job", "leaseDurationSeconds": 60},
    });
    cluster.api.create(&lease).unwrap();
    let mut waiting = cluster.syncer.spawn(&SYNC).unwrap();
    until(
        || waiting.log(),
        |log| log.contains("waiting for the-first-job, which syncs"),
    );
    thread::sleep(Duration::from_secs(3));
    assert!(cluster.server.requests().is_empty(), "{}", waiting.log());

    // It is done.
    let given_back = r#"{"spec": {"holderIdentity": ""}}"#;
    let patch = ["patch", "lease", LEASE, "--type=merge", "-p", given_back];
    cluster.api.succeed(&patch).unwrap();
    let status = waiting.wait_for_exit(Duration::from_secs(30)).unwrap();
    assert!(status.success(), "{}", waiting.log());
    assert!(!cluster.server.requests().is_empty());
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
    let api = &cluster.api;
    let role = [
        "create",
        "role",
        "publisher",
        "--verb=get,list,create,update,delete",
        "--resource=trustrepositories.vouchsafe.dev,trustrepositoryparts.vouchsafe.dev",
    ];
    api.succeed(&role).unwrap();
    let binding = [
        "create",
        "rolebinding",
        "publisher",
        "--role=publisher",
        "--user=publisher",
    ];
    api.succeed(&binding).unwrap();
    let view = ["config", "view", "--raw", "--minify", "-o", "json"];
    let mut access: Value = serde_json::from_str(&api.succeed(&view).unwrap()).unwrap();
    access["users"][0]["user"]["as"] = json!("publisher");
    let directory = TempDir::new("access").unwrap();
    let file = directory.write("kubeconfig", access.to_string()).unwrap();
    let syncer = cluster
        .other_syncer()
        .under(&["env", &format!("KUBECONFIG={}", file.display())]);
    let done = syncer.run(&SYNC).unwrap();
    assert_eq!(done.code, Some(0), "{done:?}");
    for words in ["another sync may run beside this one", "create leases"] {
        assert!(done.stderr.contains(words), "{}", done.stderr);
    }
    assert_eq!(cluster.publish()["published"]["unchanged"], 1);
}
