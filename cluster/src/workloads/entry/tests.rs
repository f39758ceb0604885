use serde_json::json;

use super::*;
use crate::workloads::wire::Object;

fn entry(kind: Kind, object: serde_json::Value) -> Entry {
    let object: Object = serde_json::from_value(object).unwrap();
    Entry::of(kind, &object.wire, &Pools::default())
}

fn images(entry: &Entry) -> Vec<&str> {
    entry.images.iter().map(|image| &**image).collect()
}

fn running(entry: &Entry) -> Vec<(&str, Option<String>)> {
    let digest = |running: &Running| running.digest.as_ref().map(ToString::to_string);
    let runs = entry.runs.iter();
    runs.map(|running| (&*running.image, digest(running)))
        .collect()
}

#[test]
fn the_images_of_every_kind_are_found_where_that_kind_has_them() {
    let spec = json!({
        "initContainers": [{"name": "i", "image": "init:1"}],
        "containers": [{"name": "a", "image": "app:1"}, {"name": "b", "image": "app:1"}, {"name": "c"}],
        "ephemeralContainers": [{"name": "e", "image": "debug:1"}],
        "volumes": [{"name": "v", "image": {"reference": "data:1"}}, {"name": "w", "emptyDir": {}}],
    });
    let template = json!({"spec": spec});
    for kind in Kind::ALL {
        let metadata = json!({"name": "x", "namespace": "shop", "uid": "u", "managedFields": [{}]});
        let object = match kind {
            Kind::Pod => json!({"metadata": metadata, "spec": spec}),
            Kind::PodTemplate => json!({"metadata": metadata, "template": template}),
            Kind::CronJob => {
                json!({"metadata": metadata, "spec": {"jobTemplate": {"spec": {"template": template}}}})
            }
            Kind::DaemonSet
            | Kind::Deployment
            | Kind::Job
            | Kind::ReplicaSet
            | Kind::ReplicationController
            | Kind::StatefulSet => json!({"metadata": metadata, "spec": {"template": template}}),
        };
        let entry = entry(kind, object);
        assert_eq!(
            images(&entry),
            ["app:1", "data:1", "debug:1", "init:1"],
            "{kind:?}"
        );
        assert_eq!(&*entry.uid, "u");
        assert!(!entry.is_deleting && entry.runs.is_empty());
    }
}

#[test]
fn what_a_pod_runs_is_what_the_runtime_reports() {
    let digest = "a".repeat(64);
    let pod = |phase: &str, statuses: serde_json::Value| {
        let spec = json!({"containers": [{"name": "a", "image": "app:1"}, {"name": "b", "image": "other"}]});
        let status = json!({"phase": phase, "containerStatuses": statuses});
        entry(
            Kind::Pod,
            json!({"metadata": {}, "spec": spec, "status": status}),
        )
    };
    let pulled = format!("docker.io/library/app@sha256:{digest}");
    let statuses = json!([{"name": "a", "imageID": pulled}, {"name": "b", "imageID": ""}]);
    let both = [("app:1", Some(digest.clone())), ("other", None)];
    assert_eq!(running(&pod("Pending", statuses.clone())), both[..1]);
    assert_eq!(running(&pod("Running", statuses.clone())), both);
    for phase in ["Failed", "Succeeded"] {
        assert!(running(&pod(phase, statuses.clone())).is_empty());
    }
    for (image_id, known) in [
        (format!("docker-pullable://app@sha256:{digest}"), true),
        // The ID of a configuration, which is no digest that anybody signs.
        (format!("sha256:{digest}"), false),
        (digest.clone(), false),
        ("app@sha256:AA".to_owned(), false),
        (format!("app@sha512:{digest}{digest}"), false),
    ] {
        let pod = pod("Running", json!([{"name": "a", "imageID": image_id}]));
        assert_eq!(pod.runs[0].digest.is_some(), known, "{image_id}");
    }
}

#[test]
fn only_owners_that_run_images_are_kept_and_who_is_deleted_is_marked() {
    let reference = |version: &str, kind: &str| json!({"apiVersion": version, "kind": kind, "name": "o", "uid": "owner"});
    let owners = [
        reference("apps/v1", "ReplicaSet"),
        reference("v1", "Node"),
        reference("extensions/v1beta1", "ReplicaSet"),
        reference("batch/v1", "Job"),
    ];
    let metadata = json!({"ownerReferences": owners, "deletionTimestamp": "2026-11-26T00:00:00Z"});
    let entry = entry(Kind::Pod, json!({"metadata": metadata}));
    let kinds: Vec<Kind> = entry.owners.iter().map(|owner| owner.kind).collect();
    assert_eq!(kinds, [Kind::ReplicaSet, Kind::Job]);
    assert!(entry.is_deleting);
}

#[test]
fn no_object_takes_more_room_than_there_is() {
    let long = "x".repeat(MAX_IMAGE + 1);
    let mut containers = vec![json!({"name": "long", "image": long})];
    containers.extend(
        (0..3000).map(|it| json!({"name": format!("c{it}"), "image": format!("app:{it}")})),
    );
    let status = json!({"phase": "Running"});
    let entry = entry(
        Kind::Pod,
        json!({"metadata": {}, "spec": {"containers": containers}, "status": status}),
    );
    assert_eq!(entry.images.len(), MAX_PLACES);
    assert!(entry.images.iter().all(|image| image.len() <= MAX_IMAGE));
    assert_eq!(entry.runs.len(), MAX_PLACES);
    let longest = entry.runs.iter().map(|it| it.image.len()).max();
    assert_eq!(longest, Some(MAX_IMAGE + 1), "still seen to be no image");
}
