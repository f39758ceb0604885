//! Admission reviews as an API server sends them.

use serde_json::{Value, json};

/// The review of the creation of a Pod with these images, in namespace `default`.
pub fn pod_review(images: &[&str]) -> Value {
    review(&pod(images), "default")
}

/// A Pod with one container per image.
pub fn pod(images: &[&str]) -> Value {
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(number, image)| json!({"name": format!("c{number}"), "image": image}))
        .collect();
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "test", "namespace": "default"}, "spec": {"containers": containers}})
}

/// The review of a Pod's creation in a namespace.
pub fn review(pod: &Value, namespace: &str) -> Value {
    let kind = json!({"group": "", "version": "v1", "kind": "Pod"});
    let resource = json!({"group": "", "version": "v1", "resource": "pods"});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "9d2f1c46-7c5e-4a4b-9f4e-3a1f6b8d2e01",
        "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
        "name": "test", "namespace": namespace, "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:default:default"},
        "object": pod, "oldObject": null, "dryRun": false,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
    }})
}
