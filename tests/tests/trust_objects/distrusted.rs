//! What proves nothing changes nothing, and says why.

use serde_json::{Value, json};
use vouchsafe_tests::harness::Certificates;
use vouchsafe_tests::harness::webhook::Webhook;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use crate::cluster::{Cluster, condition, newer, until, written};
use crate::published::{GUN, image};

fn admits(replica: &Webhook, what: &str) {
    let answer = replica.ask("/mutate", "default", &image("signed")).unwrap();
    let answer = format!("{answer:?}");
    assert!(answer.contains(&digest_of(what)), "{answer}");
}

/// The object, once its condition `Verified` says why it changes nothing.
fn refused(cluster: &Cluster, reason: &str) {
    let object = until(
        || cluster.object(),
        |object| condition(object, "Verified") == ("False".to_owned(), reason.to_owned()),
    );
    assert_eq!(object["status"]["state"], "Refused", "{object:#}");
    assert_eq!(condition(&object, "Ready").0, "True", "{object:#}");
}

#[test]
fn a_forged_damaged_or_old_object_changes_nothing_and_says_so() {
    let cluster = Cluster::new();
    cluster.publish();
    let old = written(&cluster.object());
    cluster.serve_files(&newer());
    cluster.publish();
    let good = written(&cluster.object());
    let replica = cluster.serving();
    admits(&replica, "newer");

    cluster.apply("replace", &old);
    refused(&cluster, "Rollback");
    admits(&replica, "newer");

    // Signed by somebody, who is not pinned.
    let stranger = Key::p256("forger").certified(GUN);
    let forged = Repository::with_root_key(stranger).tag("targets", "signed", "forged");
    let syncer = cluster.other_syncer();
    let pinned = cluster.configuration().to_string();
    let other = pinned.replace(
        &json!(Key::p256("root").public_key_pem()).to_string(),
        &json!(Key::p256("forger").public_key_pem()).to_string(),
    );
    assert_ne!(pinned, other);
    syncer.configure(&other).unwrap();
    cluster.serve_files(&forged);
    syncer
        .succeed(&["sync", "--publish", "kubernetes"])
        .unwrap();
    let object = until(
        || cluster.object(),
        |object| condition(object, "Verified").0 == "False",
    );
    assert_ne!(condition(&object, "Verified").1, "Rollback", "{object:#}");
    admits(&replica, "newer");

    let mut damaged = good.clone();
    damaged["spec"]["files"][1]["data"] = damaged["spec"]["files"][0]["data"].clone();
    cluster.apply("replace", &damaged);
    refused(&cluster, "Damaged");
    let mut missing = good.clone();
    let files = missing["spec"]["files"].as_array_mut().unwrap();
    let file = files.last_mut().unwrap().as_object_mut().unwrap();
    file.remove("data");
    file.insert("parts".to_owned(), json!(["0".repeat(64)]));
    cluster.apply("replace", &missing);
    refused(&cluster, "PartMissing");
    let mut huge = good.clone();
    huge["spec"]["files"][0]["size"] = json!(i64::MAX);
    cluster.apply("replace", &huge);
    refused(&cluster, "TooLarge");
    let mut nowhere = good;
    nowhere["spec"]["gun"] = json!("not a repository");
    cluster.apply("replace", &nowhere);
    until(
        || cluster.list()["items"][0].clone(),
        |object| condition(object, "Verified").1 == "Malformed",
    );
    admits(&replica, "newer");

    // Whoever deletes it takes no proof away; the next sync writes it again.
    cluster.api.succeed(&["delete", "trust", "--all"]).unwrap();
    let metric = "vouchsafe_trust_repository_objects{result=\"stored\"}";
    until(|| replica.metric(metric).unwrap(), Option::is_none);
    admits(&replica, "newer");
    cluster.serve_files(&newer());
    cluster.publish();
    until(
        || replica.metric(metric).unwrap(),
        |count| *count == Some(1.0),
    );
}

#[test]
fn a_syncer_that_begins_with_nothing_follows_no_server_that_went_back() {
    let cluster = Cluster::new();
    cluster.serve_files(&newer());
    cluster.publish();
    let published = cluster.object()["spec"].clone();
    cluster.serve_files(&Repository::delegated(GUN));
    let restored = cluster.other_syncer();
    let sync = ["sync", "--publish", "kubernetes", "-o", "json"];
    let done = restored.json(&sync, &[3]).unwrap();
    let failure = &done["servers"][0]["failures"][0];
    assert_eq!(failure["label"], "rollback", "{done:#}");
    assert_eq!(done["published"]["unchanged"], 1, "{done:#}");
    assert_eq!(cluster.object()["spec"], published);
}

#[test]
fn a_server_that_has_it_gone_for_a_while_leads_nobody_back() {
    let cluster = Cluster::new();
    cluster.serve_files(&newer());
    cluster.publish();
    cluster.server.withdraw(GUN);
    cluster.publish();
    let gone = cluster.object();
    assert!(gone["spec"]["withdrawnAt"].is_string(), "{gone:#}");
    // Neither a replica nor a syncer has anything else to go by.
    let replica = cluster.replica();
    let certificates = Certificates::new().unwrap();
    let serving = replica.serve(&certificates).unwrap();
    let status = replica.json(&["status", GUN, "-o", "json"], &[0]).unwrap();
    assert_eq!(
        status["repositories"][0]["state"], "withdrawn",
        "{status:#}"
    );
    cluster.serve_files(&Repository::delegated(GUN));
    let sync = ["sync", "--publish", "kubernetes", "-o", "json"];
    let done = cluster.other_syncer().json(&sync, &[3]).unwrap();
    let failure = &done["servers"][0]["failures"][0];
    assert_eq!(failure["label"], "rollback", "{done:#}");
    // What is newer comes back.
    cluster.serve_files(&newer());
    cluster.other_syncer().json(&sync, &[0]).unwrap();
    let metric = "vouchsafe_trust_repository_objects{result=\"stored\"}";
    until(
        || serving.metric(metric).unwrap(),
        |count| *count == Some(1.0),
    );
    let object = until(
        || cluster.object(),
        |object| object["status"]["state"] == "Fresh",
    );
    assert!(object["spec"]["withdrawnAt"].is_null(), "{object:#}");
}

#[test]
fn what_says_to_be_of_the_future_outlives_no_withdrawal() {
    let cluster = Cluster::new();
    cluster.publish();
    let replica = cluster.serving();
    admits(&replica, "image");
    let future = r#"{"spec":{"syncedAt":"2099-01-01T00:00:00Z"}}"#;
    let name = cluster.object()["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let patch = ["patch", "trust", &name, "--type=merge", "--patch", future];
    cluster.api.succeed(&patch).unwrap();
    let seen = || cluster.object()["status"]["observedGeneration"].clone();
    until(seen, |generation| *generation == json!(2));
    cluster.server.withdraw(GUN);
    cluster.publish();
    let object = until(
        || cluster.object(),
        |object| object["status"]["state"] == "Withdrawn",
    );
    // What was said before is no longer said.
    assert!(object["status"]["expires"].is_null(), "{object:#}");
    let answer = replica.ask("/mutate", "default", &image("signed")).unwrap();
    assert!(format!("{answer:?}").contains("403"), "{answer:?}");
    // Somebody who only denies is put right by the next run, whatever else is new.
    cluster.serve_files(&newer());
    cluster
        .other_syncer()
        .json(&["sync", "--publish", "kubernetes", "-o", "json"], &[0])
        .unwrap();
    until(
        || {
            format!(
                "{:?}",
                replica.ask("/mutate", "default", &image("signed")).unwrap()
            )
        },
        |answer| answer.contains(&digest_of("newer")),
    );
}

#[test]
fn thousands_of_foreign_objects_harm_nobody() {
    let cluster = Cluster::new();
    cluster.publish();
    let good = written(&cluster.object());
    let replica = cluster.serving();
    let foreign = |at: usize| {
        let mut object = good.clone();
        object["metadata"]["name"] = json!(format!("foreign-{at}"));
        object
    };
    let list = |objects: Vec<Value>| json!({"apiVersion": "v1", "kind": "List", "items": objects});
    for some in 0..10 {
        let objects = (some * 200..(some + 1) * 200).map(foreign).collect();
        cluster.apply("create", &list(objects));
    }
    let metric = "vouchsafe_trust_repository_objects{result=\"foreign_name\"}";
    until(
        || replica.metric(metric).unwrap(),
        |count| *count == Some(2000.0),
    );
    admits(&replica, "image");
    // A replica that comes later finds the one that holds.
    admits(&cluster.serving(), "image");
    let one = until(
        || {
            let object = cluster
                .api
                .succeed(&["get", "trust", "foreign-0", "-o", "json"])
                .unwrap();
            serde_json::from_str::<Value>(&object).unwrap()
        },
        |object| condition(object, "Verified").0 == "False",
    );
    assert_eq!(condition(&one, "Verified").1, "ForeignName");
    // What speaks for a repository in another's name is not the syncer's to keep or to follow.
    let done = cluster.publish();
    assert_eq!(done["published"]["unchanged"], 1, "{done:#}");
    assert_eq!(done["published"]["foreign"], 2000, "{done:#}");
}
