//! What `/metrics` shows: how old and how good the stored data is, how passes ended, and Connaisseur's counters for whoever has them
//! on dashboards.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use serde_json::json;
use vouchsafe_tests::harness::admission::{pod, review};
use vouchsafe_tests::harness::port::PortLease;
use vouchsafe_tests::harness::{
    Certificates, Configuration, NotaryClient, NotaryServer, Vouchsafe, Webhook,
};
use vouchsafe_tests::vector::repository::digest_of;

use published::{GUN, Published, image};

#[path = "support/published.rs"]
mod published;

#[test]
fn age_expiry_and_passes_are_shown_for_each_server() {
    let certificates = Certificates::new().unwrap();
    let server = NotaryServer::tls(&certificates).unwrap();
    let publisher =
        NotaryClient::publisher(&server.url(), Some(&certificates.authority_file())).unwrap();
    publisher.init(GUN).unwrap();
    let key = publisher.root_public_key(GUN).unwrap();
    let lease = PortLease::new().unwrap();
    let down = format!("http://{}", lease.address());
    let configuration = Configuration::new()
        .notary(&server.url(), Some(certificates.authority_pem()), &key)
        .validator("down", &down, None, &[("default", &key)])
        .rule(&format!("{GUN}:*"))
        .rule_of(json!({"pattern": "registry.example.com/down:*", "validator": "down"}))
        .setting("sync", json!({"schedule": "0 0 1 1 *"}));
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let webhook = Webhook::new(vouchsafe, certificates, &[]).unwrap();
    let url = server.url();
    let failed = format!("vouchsafe_sync_passes_total{{server=\"{down}\",result=\"failed\"}} 1\n");
    let metrics = webhook
        .serving()
        .wait_for("/metrics", |metrics| metrics.contains(&failed))
        .unwrap();
    for line in [
        format!("vouchsafe_sync_passes_total{{server=\"{url}\",result=\"reached\"}} 1"),
        format!("vouchsafe_sync_repositories_total{{server=\"{url}\",result=\"updated\"}} 1"),
        format!("vouchsafe_sync_last_success_timestamp_seconds{{server=\"{down}\"}} 0.0"),
        format!("vouchsafe_repositories{{server=\"{url}\",state=\"fresh\"}} 1.0"),
        "vouchsafe_store_up 1.0".to_owned(),
        "vouchsafe_config_refused 0".to_owned(),
        // What a server that was never reached has is not old, but missing.
        format!("no vouchsafe_trust_data_age_seconds{{server=\"{down}\"}}"),
    ] {
        let (is_there, line) = line
            .strip_prefix("no ")
            .map_or((true, line.as_str()), |line| (false, line));
        assert_eq!(metrics.contains(line), is_there, "{line} in:\n{metrics}");
    }
    // As Notary signs by default: ten years, three years, fourteen days.
    for (role, days) in [
        ("root", 3640.0..3660.0),
        ("targets", 1090.0..1100.0),
        ("snapshot", 1090.0..1100.0),
        ("timestamp", 13.0..14.0),
    ] {
        let name = format!("vouchsafe_days_to_expiry{{server=\"{url}\",role=\"{role}\"}}");
        let found = webhook.metric(&name).unwrap();
        assert!(
            found.is_some_and(|found| days.contains(&found)),
            "{name}: {found:?}"
        );
    }
    let age = webhook
        .metric(&format!(
            "vouchsafe_trust_data_age_seconds{{server=\"{url}\"}}"
        ))
        .unwrap();
    assert!(
        age.is_some_and(|age| (0.0..600.0).contains(&age)),
        "{age:?}"
    );
}

#[test]
fn the_time_of_an_answer_is_counted_from_fifty_microseconds_on() {
    let published = Published::new();
    let webhook = Webhook::new(published.synced(), Certificates::new().unwrap(), &[]).unwrap();
    for path in ["/mutate", "/validate"] {
        webhook.ask(path, "default", &image("signed")).unwrap();
    }
    let (_, metrics) = webhook.serving().page("/metrics").unwrap();
    let of = |what: &str| {
        metrics
            .lines()
            .filter(|line| line.starts_with(what))
            .collect::<Vec<_>>()
    };
    for name in ["mutate", "validate"] {
        let first = of("vouchsafe_admission_duration_seconds_bucket")
            .into_iter()
            .find(|line| line.contains(name));
        assert!(
            first.is_some_and(|line| line.contains("le=\"0.00005\"")),
            "{metrics}"
        );
        let count = format!("vouchsafe_admission_duration_seconds_count{{webhook=\"{name}\"}} 1");
        assert!(metrics.contains(&count), "no {count} in:\n{metrics}");
    }
    assert!(!metrics.contains("connaisseur_"), "{metrics}");
}

#[test]
fn connaisseurs_counters_count_each_object_once() {
    let published = Published::new();
    let configuration = published
        .configuration()
        .fixed("deny", false)
        .rule_of(json!({"pattern": "quay.io/*", "validator": "deny"}))
        .setting("features", json!({"automaticUnchangedApproval": true}));
    let vouchsafe = published.synced();
    vouchsafe.configure(&configuration.to_string()).unwrap();
    let webhook = Webhook::new(
        vouchsafe,
        Certificates::new().unwrap(),
        &["--connaisseur-metrics"],
    )
    .unwrap();
    let send = |path: &str, namespace: &str, images: &[&str]| {
        webhook
            .send(path, &review(&pod(images), namespace))
            .unwrap()
    };
    let signed = image("signed");
    let pinned = format!("{signed}@{}", digest_of("image"));

    // An object that both let pass, with an image of each kind.
    let lenient = "registry.example.com/other/app:1";
    assert!(send("/mutate", "default", &[&signed]).is_allowed());
    assert!(send("/validate", "default", &[&pinned]).is_allowed());
    assert!(send("/mutate", "lenient", &[lenient]).is_allowed());
    assert!(send("/validate", "lenient", &[lenient]).is_allowed());
    // Three that `/mutate` denies, and one that came without it.
    assert!(!send("/mutate", "default", &[&image("unsigned")]).is_allowed());
    assert!(!send("/mutate", "default", &["quay.io/a/b:1"]).is_allowed());
    assert!(!send("/mutate", "default", &["ghcr.io/a/b:1"]).is_allowed());
    assert!(!send("/validate", "default", &[&signed]).is_allowed());
    // An update that leaves its image.
    let mut update = review(&pod(&[&image("unsigned")]), "default");
    *update.pointer_mut("/request/operation").unwrap() = json!("UPDATE");
    *update.pointer_mut("/request/oldObject").unwrap() = pod(&[&image("unsigned")]);
    for path in ["/mutate", "/validate"] {
        assert!(webhook.send(path, &update).unwrap().is_allowed());
    }

    let (_, metrics) = webhook.serving().page("/metrics").unwrap();
    let mut found: Vec<&str> = metrics
        .lines()
        .filter(|line| line.starts_with("connaisseur_"))
        .collect();
    found.sort_unstable();
    let mut expected = [
        "connaisseur_requests_total 7",
        "connaisseur_requests_admitted_total 3",
        "connaisseur_requests_denied_total{timeout=\"false\"} 4",
        "connaisseur_validations_total{type=\"notaryv1\",validator_name=\"default\",result=\"success\"} 2",
        "connaisseur_validations_total{type=\"notaryv1\",validator_name=\"default\",result=\"error\"} 2",
        "connaisseur_validations_total{type=\"static\",validator_name=\"allow\",result=\"success\"} 1",
        "connaisseur_validations_total{type=\"static\",validator_name=\"deny\",result=\"error\"} 1",
        "connaisseur_validations_total{type=\"unknown\",validator_name=\"\",result=\"error\"} 1",
        "connaisseur_validations_successful_total{type=\"notaryv1\",validator_name=\"default\"} 2",
        "connaisseur_validations_successful_total{type=\"static\",validator_name=\"allow\"} 1",
        "connaisseur_validations_failed_total{type=\"notaryv1\",validator_name=\"default\"} 2",
        "connaisseur_validations_failed_total{type=\"static\",validator_name=\"deny\"} 1",
        "connaisseur_validations_failed_total{type=\"unknown\",validator_name=\"\"} 1",
        "connaisseur_validations_skipped_total{type=\"notaryv1\",validator_name=\"default\",reason=\"unchanged image reference\"} 1",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected, "{metrics}");
}
