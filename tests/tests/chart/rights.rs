//! Who may do what, and call whom.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rendered::judged;
use super::{INSTALLS, named, of_kind};

#[test]
fn no_role_has_wildcards_or_reads_secrets_of_others() {
    for install in INSTALLS {
        let objects = install.objects();
        let kinds = ["Role", "ClusterRole"].map(|kind| of_kind(&objects, kind));
        for role in kinds.into_iter().flatten() {
            let of = format!("{}: {role}", install.name);
            let rules = role["rules"].as_array().unwrap();
            assert!(!json!(rules).to_string().contains('*'), "{of}");
            let secrets = json!("secrets");
            let reads = rules.iter().filter(|rule| {
                let resources = rule["resources"].as_array().unwrap();
                resources.contains(&secrets) && rule["verbs"] != json!(["create"])
            });
            for rule in reads {
                assert_eq!(role["kind"], "Role", "{of}");
                assert_eq!(rule["resourceNames"], json!(["vouchsafe-tls"]), "{of}");
            }
        }
    }
}

/// Group, resource, whether it is held to names, and verbs.
type Right = (String, String, bool, Vec<String>);

/// What a role allows.
fn rights(role: &Value) -> BTreeSet<Right> {
    let text = |it: &Value| it.as_str().unwrap().to_owned();
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        let mut verbs: Vec<String> = rule["verbs"].as_array().unwrap().iter().map(text).collect();
        verbs.sort();
        for resource in rule["resources"].as_array().unwrap() {
            let is_named = !rule["resourceNames"].is_null();
            let group = text(&rule["apiGroups"][0]);
            rights.insert((group, text(resource), is_named, verbs.clone()));
        }
    }
    rights
}

fn wanted(rights: &[(&str, &str, bool, &str)]) -> BTreeSet<Right> {
    let each = rights.iter().map(|(group, resource, is_named, verbs)| {
        let verbs = verbs.split(' ').map(str::to_owned).collect();
        (
            (*group).to_owned(),
            (*resource).to_owned(),
            *is_named,
            verbs,
        )
    });
    each.collect()
}

/// The rights to read all kinds that are judged.
fn workloads(verbs: &str) -> BTreeSet<Right> {
    let verbs: Vec<String> = verbs.split(' ').map(str::to_owned).collect();
    let each = judged().into_iter();
    each.map(|(group, resource)| (group, resource, false, verbs.clone()))
        .collect()
}

/// The rights of a role of an install.
fn rights_of(install: &str, kind: &str, name: &str) -> BTreeSet<Right> {
    let install = INSTALLS.iter().find(|it| it.name == install).unwrap();
    rights(named(&install.objects(), kind, name))
}

#[test]
fn replicas_may_do_what_their_code_does_and_no_more() {
    let feeds = wanted(&[
        ("coordination.k8s.io", "leases", false, "create"),
        ("coordination.k8s.io", "leases", true, "get update"),
        (
            "vouchsafe.dev",
            "trustrepositories",
            false,
            "get list watch",
        ),
        ("vouchsafe.dev", "trustrepositories/status", false, "patch"),
        ("vouchsafe.dev", "trustrepositoryparts", false, "get"),
    ]);
    let install = "cluster, with a certificate of one's own";
    assert_eq!(rights_of(install, "Role", "vouchsafe"), feeds);
    let secret = wanted(&[
        ("", "secrets", false, "create"),
        ("", "secrets", true, "list update watch"),
    ]);
    let all = rights_of("default values", "Role", "vouchsafe");
    assert_eq!(all, &feeds | &secret);
}

#[test]
fn replicas_read_in_the_cluster_what_is_asked_of_them() {
    let group = "admissionregistration.k8s.io";
    let verbs = "list patch watch";
    let announces = wanted(&[
        (group, "mutatingwebhookconfigurations", true, verbs),
        (group, "validatingwebhookconfigurations", true, verbs),
    ]);
    let verbs = "create delete list patch";
    let reports = wanted(&[
        ("openreports.io", "reports", false, verbs),
        ("wgpolicyk8s.io", "policyreports", false, verbs),
    ]);
    let (kind, name) = ("ClusterRole", "vouchsafe-vouchsafe");
    let both = &announces | &reports;
    let all = rights_of("default values", kind, name);
    assert_eq!(all, &both | &workloads("list watch"));
    // For reports alone, Pods are enough.
    let alone = ["application.features.automaticChildApproval=false"];
    let objects = super::objects(&super::template(&[], &alone).stdout);
    let pods = wanted(&[("", "pods", false, "list watch")]);
    assert_eq!(rights(named(&objects, kind, name)), &both | &pods);

    let install = "standalone, where only discovery speaks to the API server";
    assert_eq!(rights_of(install, kind, name), workloads("list watch"));
    // Nobody leads, so the one role in the namespace is that of the hooks.
    let install = INSTALLS.iter().find(|it| it.name == install).unwrap();
    assert_eq!(of_kind(&install.objects(), "Role").count(), 1);
}

#[test]
fn syncer_and_hooks_may_do_what_their_commands_do_and_no_more() {
    let verbs = "create delete get list update";
    let takes_turns = wanted(&[
        ("coordination.k8s.io", "leases", false, "create"),
        ("coordination.k8s.io", "leases", true, "get update"),
    ]);
    let publishes = wanted(&[
        ("vouchsafe.dev", "trustrepositories", false, verbs),
        ("vouchsafe.dev", "trustrepositoryparts", false, verbs),
    ]);
    let install = "cluster, with all that can be switched on";
    let syncer = rights_of(install, "Role", "vouchsafe-syncer");
    assert_eq!(syncer, &takes_turns | &publishes);
    // Bundles are no server's to serve.
    let air_gap = rights_of("air gap, from a volume", "Role", "vouchsafe-syncer");
    assert_eq!(air_gap, publishes);
    let syncer = rights_of(install, "ClusterRole", "vouchsafe-vouchsafe-syncer");
    assert_eq!(syncer, workloads("list"));

    let group = "admissionregistration.k8s.io";
    let hooks = rights_of(install, "Role", "vouchsafe-hooks");
    let ready = wanted(&[("discovery.k8s.io", "endpointslices", false, "list")]);
    assert_eq!(hooks, ready);
    let hooks = rights_of(install, "ClusterRole", "vouchsafe-vouchsafe-hooks");
    let removes = wanted(&[
        (group, "mutatingwebhookconfigurations", true, "delete"),
        (group, "validatingwebhookconfigurations", true, "delete get"),
    ]);
    assert_eq!(hooks, removes);
}

#[test]
fn whoever_may_call_the_webhook_the_own_hooks_may() {
    let install = INSTALLS
        .iter()
        .find(|it| it.name.contains("only discovery"));
    let objects = install.unwrap().objects();
    let policy = &named(&objects, "NetworkPolicy", "vouchsafe")["spec"];
    let from = policy["ingress"][0]["from"].as_array().unwrap();
    assert_eq!(from[0], json!({"ipBlock": {"cidr": "10.0.0.1/32"}}));
    let hooks = named(&objects, "NetworkPolicy", "vouchsafe-hooks");
    assert_eq!(from[1]["podSelector"], hooks["spec"]["podSelector"]);
    assert_eq!(from.len(), 2);
}
