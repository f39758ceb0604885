//! What runs is judged again, and reported.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use vouchsafe_tests::harness::ApiServer;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use crate::published::{GUN, Published, image};
use crate::surroundings::{Surroundings, moved, pinned};

/// A kind of report, as far as an API server has to know it.
fn reports(group: &str, version: &str, kind: &str) -> Value {
    let plural = format!("{}s", kind.to_lowercase());
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
            "versions": [{"name": version, "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    })
}

fn policy_reports() -> Value {
    reports("wgpolicyk8s.io", "v1alpha2", "PolicyReport")
}

impl Surroundings {
    /// Makes a Pod that runs, as a kubelet would tell it.
    fn run(&self, name: &str, image: &str, running: Option<&str>) {
        run(&self.cluster, name, image, running);
    }

    /// How many images come to this; `None` if nobody says.
    fn images(&self, verdict: &str) -> Option<u32> {
        let name = format!("vouchsafe_running_images{{verdict=\"{verdict}\"}}");
        let value = self.serving.metric(&name).unwrap()?;
        format!("{value:.0}").parse().ok()
    }

    fn report(&self, kind: &str) -> Value {
        self.get(kind, "vouchsafe")
    }
}

/// Makes a Pod that is on a node, of which no kubelet has told anything yet.
fn make(cluster: &ApiServer, name: &str, image: &str) {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": "node", "containers": [{"name": "app", "image": image}]},
    });
    cluster.create(&pod).unwrap();
}

fn run(cluster: &ApiServer, name: &str, image: &str, running: Option<&str>) {
    make(cluster, name, image);
    let image_id = running.map_or_else(String::new, |running| {
        format!("{GUN}@{}", digest_of(running))
    });
    let container = json!({
        "name": "app", "image": image, "imageID": image_id, "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": "2026-11-26T00:00:00Z"}},
    });
    let status =
        json!({"status": {"phase": "Running", "containerStatuses": [container]}}).to_string();
    let patch = [
        "patch",
        "pod",
        name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    cluster.succeed(&patch).unwrap();
}

/// What a report says of a Pod.
fn result<'r>(report: &'r Value, pod: &str) -> &'r Value {
    let none = &Value::Null;
    let results = report["results"].as_array();
    let mut results = results.into_iter().flatten();
    let about = |it: &&Value| it["resources"][0]["name"] == pod;
    results.find(about).unwrap_or(none)
}

#[test]
fn what_was_withdrawn_shows_within_a_minute_in_whatever_reports_there_are() {
    let mut all = Surroundings::new(&[("kubernetes", json!({"reports": true}))]);
    all.cluster.create(&policy_reports()).unwrap();
    let signed = image("signed");
    all.run("pinned", &pinned(&signed, "image"), Some("image"));
    all.run("tagged", &signed, Some("image"));
    all.run("other", &signed, Some("other"));
    all.run("untold", &signed, None);
    make(&all.cluster, "pending", &image("unsigned"));
    all.wait("it runs", |it| {
        (
            it.images("trusted"),
            it.images("untrusted"),
            it.images("unknown"),
        ) == (Some(2), Some(1), Some(1))
    });
    let summary = json!({"pass": 2, "fail": 1, "error": 1, "warn": 0, "skip": 0});
    all.wait("it is reported", |it| {
        it.report("policyreport")["summary"] == summary
    });
    let report = all.report("policyreport");
    let first = &report["results"][0];
    assert_eq!(
        (&first["result"], &first["source"]),
        (&json!("fail"), &json!("vouchsafe"))
    );
    assert_eq!(first["properties"]["reason"], "digest_mismatch", "{report}");
    assert_eq!(
        result(&report, "untold")["properties"]["reason"],
        "digest_not_reported"
    );
    assert_eq!(result(&report, "pending"), &Value::Null);

    let withdrawn = Instant::now();
    all.publish(&moved(None));
    all.wait("it shows in the report", |it| {
        let report = it.report("policyreport");
        result(&report, "pinned")["result"] == "fail"
            && result(&report, "tagged")["result"] == "fail"
    });
    println!(
        "withdrawn images were reported after {:?}",
        withdrawn.elapsed()
    );
    assert!(withdrawn.elapsed() < Duration::from_mins(1));
    assert_eq!(all.images("untrusted"), Some(4), "{}", all.serving.log());

    // Somebody's hand is noticed at the next change; a better kind takes the place of the first.
    all.cluster
        .create(&reports("openreports.io", "v1alpha1", "Report"))
        .unwrap();
    let took = all.wait("the other kind is found", |it| {
        it.report("report")["summary"]["fail"] == 4
    });
    println!("the other kind of reports was found after {took:?}");
    all.wait("none is left of the first", |it| {
        it.report("policyreport").is_null()
    });
    assert_eq!(all.report("report")["source"], "vouchsafe");

    all.cluster
        .succeed(&["delete", "pods", "--all", "--force", "--grace-period=0"])
        .unwrap();
    all.wait("nothing runs", |it| {
        it.report("report").is_null() && it.images("untrusted") == Some(0)
    });
    all.run("again", &signed, Some("image"));
    all.wait("it is reported again", |it| {
        it.report("report")["summary"]["fail"] == 1
    });
    all.set("kubernetes", json!({"reports": false}));
    all.wait("nobody reports any more", |it| {
        it.report("report").is_null() && it.images("untrusted").is_none()
    });
}

#[test]
fn what_ages_shows_within_a_minute() {
    let published = Published::new();
    let configuration = published
        .configuration()
        .setting("kubernetes", json!({"reports": true}))
        .setting("freshness", json!({"maxStaleness": "40s"}));
    let cluster = ApiServer::start().unwrap();
    cluster.create(&policy_reports()).unwrap();
    run(
        &cluster,
        "pinned",
        &pinned(&image("signed"), "image"),
        Some("image"),
    );
    let at = Timestamp::now() + SignedDuration::from_secs(20);
    let ages = Repository::delegated(GUN).expires("timestamp", &format!("{at:.0}"));
    published
        .server
        .serve(GUN, RoleFiles::new().with_files(ages.files()));
    let all = Surroundings::with(cluster, published, configuration);
    all.wait("it is fresh", |it| it.images("trusted") == Some(1));
    let seen = |verdict: &str, result_is: &str| {
        all.wait(verdict, |it| {
            let report = it.report("policyreport");
            it.images(verdict) == Some(1) && result(&report, "pinned")["result"] == result_is
        });
        Timestamp::now()
    };
    let stale = seen("stale", "warn").duration_since(at);
    println!("stale trust was reported after {stale:#}");
    assert!((0..60).contains(&stale.as_secs()));
    let expired = seen("unknown", "error").duration_since(at + SignedDuration::from_secs(40));
    println!("expired trust was reported after {expired:#}");
    assert!((0..60).contains(&expired.as_secs()));
}
