//! Repositories that are synced since objects of the cluster name their images.

use serde_json::{Value, json};
use vouchsafe_tests::harness::{ApiServer, Configuration, Vouchsafe};

use crate::published::{GUN, Published, root_key};
use crate::surroundings::{reaching, template};

/// A policy that spells no repository out, for a server that has no changefeed.
fn configuration(published: &Published) -> Configuration {
    let discover = json!({"changefeed": false, "cluster": true});
    Configuration::new()
        .notary(&published.server.url(), None, &root_key())
        .fixed("allow", true)
        .rule("registry.example.com/*:*")
        .rule_of(json!({"pattern": "quay.io/*", "validator": "allow"}))
        .setting(
            "mirrors",
            json!([{"from": "cache.internal", "to": "registry.example.com"}]),
        )
        .setting(
            "sync",
            json!({"schedule": "0 0 1 1 *", "discover": discover}),
        )
}

fn deployment(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "app"}}, "template": template(image)},
    })
}

fn tags(vouchsafe: &Vouchsafe) -> usize {
    let status = vouchsafe.succeed(&["status", "-o", "json"]).unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    let repositories = status["repositories"].as_array().unwrap().iter();
    repositories
        .filter(|it| it["gun"] == GUN && it["state"] == "active")
        .count()
}

#[test]
fn a_pass_finds_what_the_objects_of_the_cluster_name() {
    let published = Published::new();
    let cluster = ApiServer::start().unwrap();
    for (name, image) in [
        // By the name that the cluster pulls it under.
        ("mirrored", "cache.internal/team/app:signed"),
        ("unsigned", "registry.example.com/team/never-signed:1"),
        ("allowed", "quay.io/other/app:1"),
        ("unmatched", "docker.io/library/nginx:1"),
    ] {
        cluster.create(&deployment(name, image)).unwrap();
    }
    let vouchsafe = Vouchsafe::new(&configuration(&published).to_string()).unwrap();
    let vouchsafe = reaching(vouchsafe, &cluster);
    let report = vouchsafe.succeed(&["sync", "-o", "json"]).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    let server = &report["servers"][0];
    assert_eq!(
        (&server["updated"], &server["absent"]),
        (&json!(1), &json!(1)),
        "{report}"
    );
    assert_eq!(
        (&server["failed"], &report["discovery"]),
        (&json!(0), &Value::Null),
        "{report}"
    );
    assert_eq!(tags(&vouchsafe), 1);
    let asked: Vec<String> = published
        .server
        .requests()
        .into_iter()
        .map(|it| it.path().to_owned())
        .collect();
    let is_meant = |path: &String| path.contains("registry.example.com/team/");
    assert!(asked.iter().all(is_meant), "{asked:?}");

    // Nothing is remembered of what is not there, and nothing is wrong with it.
    let again = vouchsafe.succeed(&["sync"]).unwrap();
    assert!(
        again.contains("1 unchanged") && again.contains("1 without trust data"),
        "{again}"
    );
    let status = vouchsafe.succeed(&["status", "-o", "json"]).unwrap();
    assert!(!status.contains("never-signed"), "{status}");
}

#[test]
fn a_list_that_fails_is_told_and_stops_nothing() {
    let published = Published::new();
    let configuration = configuration(&published).rule(&format!("{GUN}:*"));
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "x", "user": {"token": "none"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    });
    let file = vouchsafe
        .directory()
        .write("kubeconfig", kubeconfig.to_string())
        .unwrap();
    let vouchsafe = vouchsafe.under(&["env", &format!("KUBECONFIG={}", file.display())]);
    let finished = vouchsafe.run(&["sync", "-o", "json"]).unwrap();
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    let why = report["discovery"].as_str().unwrap();
    assert!(why.contains("pods cannot be listed"), "{why}");
    assert_eq!(report["servers"][0]["updated"], 1, "{report}");
    let finished = vouchsafe.run(&["sync"]).unwrap();
    assert!(
        finished
            .stderr
            .contains("not all images of the cluster are known"),
        "{finished:?}"
    );
}

#[test]
fn what_serves_finds_it_too() {
    let published = Published::new();
    let cluster = ApiServer::start().unwrap();
    cluster
        .create(&deployment("mirrored", "cache.internal/team/app:signed"))
        .unwrap();
    let configuration = configuration(&published);
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let vouchsafe = reaching(vouchsafe, &cluster);
    let certificates = vouchsafe_tests::harness::Certificates::new().unwrap();
    let mut serving = vouchsafe.serve(&certificates).unwrap();
    let (_, ready) = serving.page("/ready").unwrap();
    assert_eq!(tags(&vouchsafe), 1, "{ready} {}", serving.log());
    serving.process().kill().unwrap();
}
