//! What becomes of Connaisseur's values.

use serde_json::{Value, json};

use super::{Install, named};

/// Its values, not one of them changed.
const INSTALL: Install = Install {
    name: "Connaisseur's values",
    files: &["connaisseur.yaml"],
    settings: &[],
};

/// Kind and name of an object, a place in it, and what stands there.
const WANTED: &[(&str, &str, &str, &str)] = &[
    ("Deployment", "vouchsafe", "/spec/replicas", "5"),
    (
        "Deployment",
        "vouchsafe",
        "/spec/template/spec/nodeSelector/pool",
        "\"system\"",
    ),
    (
        "Deployment",
        "vouchsafe",
        "/spec/template/spec/tolerations/0/key",
        "\"CriticalAddonsOnly\"",
    ),
    (
        "Deployment",
        "vouchsafe",
        "/spec/template/spec/imagePullSecrets/0/name",
        "\"pull-secret\"",
    ),
    (
        "Deployment",
        "vouchsafe",
        "/spec/template/spec/containers/0/resources/limits/memory",
        "\"512Mi\"",
    ),
    (
        "Deployment",
        "vouchsafe",
        "/spec/template/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/weight",
        "100",
    ),
    (
        "Deployment",
        "vouchsafe",
        "/spec/template/metadata/labels/billing",
        "\"platform\"",
    ),
    (
        "Deployment",
        "vouchsafe",
        "/spec/template/metadata/annotations/example.com~1owner",
        "\"platform\"",
    ),
    (
        "ServiceAccount",
        "vouchsafe",
        "/metadata/annotations/example.com~1role",
        "\"connaisseur\"",
    ),
    (
        "ServiceAccount",
        "vouchsafe",
        "/metadata/labels/team",
        "\"platform\"",
    ),
    (
        "PodDisruptionBudget",
        "vouchsafe",
        "/spec/minAvailable",
        "2",
    ),
    (
        "PodDisruptionBudget",
        "vouchsafe",
        "/spec/unhealthyPodEvictionPolicy",
        "\"AlwaysAllow\"",
    ),
    (
        "MutatingWebhookConfiguration",
        "vouchsafe",
        "/webhooks/0/reinvocationPolicy",
        "\"Never\"",
    ),
    (
        "MutatingWebhookConfiguration",
        "vouchsafe",
        "/webhooks/0/failurePolicy",
        "\"Ignore\"",
    ),
    (
        "ValidatingWebhookConfiguration",
        "vouchsafe",
        "/webhooks/0/failurePolicy",
        "\"Fail\"",
    ),
    (
        "ValidatingWebhookConfiguration",
        "vouchsafe",
        "/webhooks/0/namespaceSelector/matchExpressions/1",
        r#"{"key":"securesystemsengineering.connaisseur/webhook","operator":"NotIn","values":["ignore"]}"#,
    ),
    (
        "CronJob",
        "vouchsafe-sync",
        "/spec/jobTemplate/spec/template/spec/containers/0/volumeMounts/3",
        r#"{"mountPath":"/etc/vouchsafe/secrets/default-auth","name":"secret-0","readOnly":true}"#,
    ),
    (
        "CronJob",
        "vouchsafe-sync",
        "/spec/jobTemplate/spec/template/spec/volumes/3/secret/secretName",
        "\"vouchsafe-default-auth\"",
    ),
    (
        "Secret",
        "vouchsafe-alerting",
        "/stringData/admitRequest-0-url",
        "\"https://bot.example.com/keybase?token=T1\"",
    ),
    (
        "Secret",
        "vouchsafe-alerting",
        "/stringData/rejectRequest-0-headers",
        "\"Authorization: GenieKey T2\"",
    ),
];

#[test]
fn connaisseurs_values_mean_what_they_meant() {
    let objects = INSTALL.objects();
    for (kind, name, pointer, wanted) in WANTED {
        let wanted: Value = serde_json::from_str(wanted).unwrap();
        let found = named(&objects, kind, name).pointer(pointer);
        assert_eq!(found, Some(&wanted), "{kind} {name}{pointer}");
    }
    let credentials = &named(&objects, "Secret", "vouchsafe-default-auth")["stringData"];
    let credentials = credentials["secret.yaml"].as_str().unwrap();
    let credentials: Value = serde_saphyr::from_str(credentials).unwrap();
    let wanted =
        json!({"username": "reader", "password": "secret", "registry": "notary.docker.io"});
    assert_eq!(credentials, wanted);
}
