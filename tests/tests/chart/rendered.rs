//! What holds for the objects of every install.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use vouchsafe_tests::harness::Vouchsafe;

use super::{INSTALLS, configuration, containers, named, of_kind, pods, root};

#[test]
fn every_pod_keeps_to_the_restricted_standard_and_writes_nothing_into_its_image() {
    for install in INSTALLS {
        let objects = install.objects();
        let pods = pods(&objects);
        assert!(pods.len() >= 3, "{}: {} Pods", install.name, pods.len());
        for (owner, pod) in pods {
            let of = format!("{}: {owner}", install.name);
            assert_restricted(&pod["spec"], &of);
            for container in containers(pod) {
                assert_confined(container, &of);
            }
        }
    }
}

/// What the Pod security standard `restricted` asks of a Pod.
fn assert_restricted(spec: &Value, of: &str) {
    let security = &spec["securityContext"];
    assert_eq!(security["runAsNonRoot"], true, "{of}");
    assert_ne!(security["runAsUser"], 0, "{of}");
    assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault", "{of}");
    for host in ["hostNetwork", "hostPID", "hostIPC"] {
        assert!(spec[host].is_null(), "{of}: {host}");
    }
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        assert!(volume["hostPath"].is_null(), "{of}: {volume}");
    }
}

/// What it asks of a container, and that it has a bound and a root that it cannot write.
fn assert_confined(container: &Value, of: &str) {
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], false, "{of}");
    assert_eq!(security["readOnlyRootFilesystem"], true, "{of}");
    assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}), "{of}");
    let limits = &container["resources"]["limits"];
    assert!(!limits["memory"].is_null(), "{of}");
}

#[test]
fn all_images_are_the_one_image() {
    for install in INSTALLS {
        let objects = install.objects();
        let pods = pods(&objects);
        let images: BTreeSet<&str> = pods
            .iter()
            .flat_map(|(_, pod)| containers(pod))
            .map(|container| container["image"].as_str().unwrap())
            .collect();
        assert_eq!(images.len(), 1, "{}: {images:?}", install.name);
        let mirrored = install
            .settings
            .iter()
            .any(|it| it.starts_with("global.imageRegistry"));
        let wanted = if mirrored {
            "registry.internal:5000/mirror/vouchsafe/vouchsafe@sha256:68738fb51cdc598ff955e0d2a953b303ee531635e615968cd26005a432cad33e"
        } else {
            "ghcr.io/vouchsafe/vouchsafe:0.1.0"
        };
        assert!(images.contains(wanted), "{}: {images:?}", install.name);
    }
}

/// The groups and resources of the kinds that `Workload::of` knows, read from its source.
pub(super) fn judged() -> BTreeSet<(String, String)> {
    let source = fs::read_to_string(root().join("webhook/src/workload.rs")).unwrap();
    let (_, from) = source.split_once("pub(crate) fn of(").unwrap();
    let (arms, _) = from.split_once("_ => None").unwrap();
    let mut group = "";
    let mut judged = BTreeSet::new();
    for word in arms.split('"').skip(1).step_by(2) {
        if matches!(word, "" | "apps" | "batch") {
            group = word;
        } else {
            judged.insert((group.to_owned(), format!("{}s", word.to_lowercase())));
        }
    }
    judged
}

#[test]
fn the_webhooks_are_asked_about_exactly_the_kinds_that_are_judged() {
    let mut wanted = judged();
    assert_eq!(wanted.len(), 9, "{wanted:?}");
    wanted.insert((String::new(), "pods/ephemeralcontainers".to_owned()));
    for install in INSTALLS {
        let objects = install.objects();
        for (kind, policy, seconds) in [
            ("MutatingWebhookConfiguration", "Ignore", 2),
            ("ValidatingWebhookConfiguration", "Fail", 3),
        ] {
            let webhook = &named(&objects, kind, "vouchsafe")["webhooks"][0];
            assert_eq!(webhook["failurePolicy"], policy);
            assert_eq!(webhook["timeoutSeconds"], seconds);
            assert_eq!(webhook["matchPolicy"], "Equivalent");
            let rules = webhook["rules"].as_array().unwrap();
            let mut asked = BTreeSet::new();
            for rule in rules {
                assert_eq!(rule["operations"], json!(["CREATE", "UPDATE"]));
                for resource in rule["resources"].as_array().unwrap() {
                    let group = rule["apiGroups"][0].as_str().unwrap().to_owned();
                    asked.insert((group, resource.as_str().unwrap().to_owned()));
                }
            }
            assert_eq!(asked, wanted, "{}: {kind}", install.name);
            let excluded = &webhook["namespaceSelector"]["matchExpressions"][0];
            assert_eq!(excluded["key"], "kubernetes.io/metadata.name");
            for name in ["vouchsafe", "kube-system", "kube-node-lease"] {
                let values = excluded["values"].as_array().unwrap();
                assert!(values.contains(&json!(name)), "{}: {name}", install.name);
            }
        }
    }
}

#[test]
fn the_webhook_configurations_come_last_and_go_first() {
    for install in INSTALLS {
        let objects = install.objects();
        let hook = |object: &Value| object["metadata"]["annotations"]["helm.sh/hook"].clone();
        let hooked = !install.settings.contains(&"webhook.installHook=false");
        for kind in [
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ] {
            let object = named(&objects, kind, "vouchsafe");
            let wanted = if hooked {
                json!("post-install")
            } else {
                Value::Null
            };
            assert_eq!(hook(object), wanted, "{}", install.name);
            // Where hooks make them, the first revision does not list them: without this, the way back to it deletes them.
            let kept = object["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep";
            assert_eq!(kept, hooked, "{}", install.name);
            if hooked {
                let annotations = &object["metadata"]["annotations"];
                assert_eq!(annotations["meta.helm.sh/release-name"], "vouchsafe");
                assert_eq!(annotations["meta.helm.sh/release-namespace"], "vouchsafe");
                assert_eq!(
                    object["metadata"]["labels"]["app.kubernetes.io/managed-by"],
                    "Helm"
                );
            }
        }
        let waits = of_kind(&objects, "Job").filter(|it| hook(it) == "post-install");
        assert_eq!(waits.count(), usize::from(hooked), "{}", install.name);
        let removes = of_kind(&objects, "Job").filter(|it| hook(it) == "pre-delete");
        assert_eq!(removes.count(), 1, "{}", install.name);
    }
}

#[test]
fn the_webhook_reaches_the_api_server_alone_unless_it_fetches_or_alerts_itself() {
    for install in INSTALLS {
        let objects = install.objects();
        let policy = &named(&objects, "NetworkPolicy", "vouchsafe")["spec"];
        assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
        let rules = policy["egress"].as_array().unwrap();
        let ports: BTreeSet<u64> = rules
            .iter()
            .flat_map(|rule| rule["ports"].as_array().unwrap())
            .map(|port| port["port"].as_u64().unwrap())
            .collect();
        let wanted: &[u64] = match install.name {
            // Notary servers on 443 and 4443, and the name service.
            "standalone" | "standalone, where only discovery speaks to the API server" => {
                &[53, 443, 4443, 6443]
            }
            "standalone, on emptyDir, with no word to the API server" => &[53, 443, 4443],
            "air gap, where replicas pull bundles, too" => &[53, 443, 5000, 6443],
            // Receivers of alerts.
            "Connaisseur's values" => &[53, 443, 6443, 8080],
            _ => &[443, 6443],
        };
        let wanted: BTreeSet<u64> = wanted.iter().copied().collect();
        assert_eq!(ports, wanted, "{}", install.name);
        if install.name.starts_with("air gap") && !wanted.contains(&5000) {
            let everywhere = rules.iter().any(|rule| rule["to"].is_null());
            assert!(!everywhere, "{}: {rules:?}", install.name);
        }
    }
}

#[test]
fn a_pod_gets_a_token_and_credentials_only_where_it_uses_them() {
    for install in INSTALLS {
        let objects = install.objects();
        let pods = pods(&objects);
        let (_, webhook) = pods.iter().find(|(owner, _)| is_webhook(owner)).unwrap();
        let speaks = configuration(&objects).contains("kubernetes:");
        let token = &webhook["spec"]["automountServiceAccountToken"];
        assert_eq!(token, &json!(speaks), "{}", install.name);
        let secrets = |pod: &Value| -> BTreeSet<String> {
            let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
            let names = volumes.filter_map(|it| it["secret"]["secretName"].as_str());
            names.map(str::to_owned).collect()
        };
        let fetches = install.name.starts_with("standalone");
        for secret in ["vouchsafe-default-auth", "notary-team"] {
            let has = secrets(webhook).contains(secret);
            assert!(!has || fetches, "{}: {secret}", install.name);
        }
        if fetches {
            let all = secrets(webhook);
            assert!(all.contains("vouchsafe-default-auth") && all.contains("notary-team"));
        }
    }
}

#[test]
fn the_configuration_is_one_that_vouchsafe_takes() {
    for install in INSTALLS {
        let objects = install.objects();
        let vouchsafe = Vouchsafe::new(configuration(&objects)).unwrap();
        let finished = vouchsafe.run(&["config", "check"]).unwrap();
        assert_eq!(finished.code, Some(0), "{}: {finished:?}", install.name);
        for secret in ["T1", "T2", "T3", "p\"ss: word"] {
            let leaks = configuration(&objects).contains(secret);
            assert!(!leaks, "{}: {secret}", install.name);
        }
    }
}

#[test]
fn no_bundle_waits_for_another_and_each_has_a_store_of_its_own() {
    for (name, steps) in [("from a volume", 1), ("from a registry", 2)] {
        let install = INSTALLS.iter().find(|it| it.name.ends_with(name));
        let objects = install.unwrap().objects();
        let mut stores = BTreeSet::new();
        for name in ["vouchsafe-sync", "vouchsafe-sync-1"] {
            let job = named(&objects, "CronJob", name);
            let pod = &job["spec"]["jobTemplate"]["spec"]["template"];
            assert_eq!(containers(pod).count(), steps, "{name}");
            let volumes = pod["spec"]["volumes"].as_array().unwrap();
            let store = volumes.iter().find(|it| it["name"] == "store").unwrap();
            let claim = store["persistentVolumeClaim"]["claimName"].as_str();
            stores.insert(claim.unwrap().to_owned());
            named(&objects, "Job", &format!("{name}-first"));
        }
        assert_eq!(stores.len(), 2, "{stores:?}");
        for store in stores {
            named(&objects, "PersistentVolumeClaim", &store);
        }
        assert_eq!(of_kind(&objects, "CronJob").count(), 2);
    }
}

#[test]
fn a_certificate_reaches_the_webhook_and_its_authority_the_api_server() {
    for install in INSTALLS {
        let objects = install.objects();
        let pods = pods(&objects);
        let (_, webhook) = pods.iter().find(|(owner, _)| is_webhook(owner)).unwrap();
        let volumes = webhook["spec"]["volumes"].as_array().unwrap();
        let mounted = volumes.iter().find(|it| it["name"] == "tls");
        let mounted = mounted.map(|it| it["secret"]["secretName"].as_str().unwrap());
        let makes_it = configuration(&objects).contains("certificate:");
        assert_ne!(mounted.is_some(), makes_it, "{}", install.name);

        let validating = named(&objects, "ValidatingWebhookConfiguration", "vouchsafe");
        let authority = &validating["webhooks"][0]["clientConfig"]["caBundle"];
        let injected = &validating["metadata"]["annotations"]["cert-manager.io/inject-ca-from"];
        match mounted {
            None => assert!(
                authority.is_null() && injected.is_null(),
                "{}",
                install.name
            ),
            Some("my-certificate") => assert!(authority.is_string() && injected.is_null()),
            Some(secret) => {
                assert_eq!(secret, "vouchsafe-tls");
                assert!(authority.is_null());
                assert_eq!(injected, "vouchsafe/vouchsafe");
                let certificate = named(&objects, "Certificate", "vouchsafe");
                assert_eq!(certificate["spec"]["secretName"], secret);
            }
        }
    }
}

/// Whether these are the webhook's Pods.
fn is_webhook(owner: &str) -> bool {
    matches!(owner, "Deployment vouchsafe" | "StatefulSet vouchsafe")
}
