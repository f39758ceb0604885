//! Policies, servers and objects that Connaisseur stumbles over.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::scripted_server::{Answer, Reply, RoleFiles, Route};
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{
    Certificates, Configuration, NotaryClient, NotaryServer, ScriptedServer, Vouchsafe,
};
use vouchsafe_tests::vector::repository::Repository;

use super::{GUN, RULE, TAG, configured, image, root_key, says, serving, tag};

/// Connaisseur puts a `*` before and behind every pattern. Under the policy that it ships,
/// `ghcr.io/attacker/registry.k8s.io/malware:1` is approved without any signature.
#[test]
fn an_approved_name_within_another_name_is_refused() {
    let vouchsafe = configured(
        &Configuration::new()
            .fixed("allow", true)
            .rule_of(json!({"pattern": "registry.k8s.io/*:*", "validator": "allow"}))
            .rule_of(json!({"pattern": "quay.io/xx:1", "validator": "allow"})),
    );
    vouchsafe.succeed(&["sync"]).unwrap();
    for approved in ["registry.k8s.io/pause:3.9", "quay.io/xx:1"] {
        says(&vouchsafe, &["check", approved], 0, &["may run"]);
    }
    for refused in [
        "ghcr.io/attacker/registry.k8s.io/malware:1",
        "notregistry.k8s.io/malware:1",
        "evil.example.com/quay.io/xx:1",
        "quay.io/xx:11",
    ] {
        let words = ["may not run", "no rule of the policy matches", "add a rule"];
        says(&vouchsafe, &["check", refused], 1, &words);
    }
}

/// Connaisseur keeps a failure to reach the server for 30 seconds as the image's verdict, and has nothing to answer from while
/// the server is down.
#[test]
fn a_network_error_is_not_kept_and_takes_nothing_away() {
    let behind = NotaryServer::plain().unwrap();
    let publisher = NotaryClient::publisher(&behind.url(), None).unwrap();
    publisher.init(GUN).unwrap();
    publisher.sign(GUN, &tag("1.0"), &[]).unwrap();
    // It keeps its data in memory, so what goes down is the way to it.
    let way = ScriptedServer::plain().unwrap();
    way.forward_to(behind.address());
    let key = publisher.root_public_key(GUN).unwrap();
    let configuration = Configuration::new()
        .notary(&way.url(), None, &key)
        .rule(RULE);
    let vouchsafe = configured(&configuration);
    let fresh = configured(&configuration);
    says(&vouchsafe, &["sync"], 0, &["1 updated"]);
    publisher.sign(GUN, &tag("2.0"), &[]).unwrap();

    let down = [
        (Answer::Closed, "connect"),
        (Reply::error(503, "UNAVAILABLE").into(), "status"),
    ];
    for (answer, label) in down {
        way.script(Route::Any, answer);
        for instance in [&vouchsafe, &fresh] {
            says(instance, &["sync", GUN], 2, &[label, &way.url()]);
        }
        says(&vouchsafe, &["check", &image("1.0")], 0, &["may run"]);
        says(&vouchsafe, &["check", &image("2.0")], 1, &["not signed"]);
        says(&fresh, &["check", &image("2.0")], 1, &["vouchsafe sync"]);
        way.clear_script();
    }
    for instance in [&vouchsafe, &fresh] {
        says(instance, &["sync"], 0, &["1 updated"]);
        says(instance, &["check", &image("2.0")], 0, &["may run"]);
    }
}

/// Connaisseur denies every image from the day on which the server is switched off. So does Vouchsafe if the server says goodbye by
/// answering that it has no repository any more, unless it is no longer asked.
#[test]
fn a_server_that_loses_everything_takes_nothing_from_those_who_stopped_asking() {
    let certificates = Certificates::new().unwrap();
    let server = ScriptedServer::tls(&certificates).unwrap();
    let files = Repository::delegated(GUN).files();
    server.serve(GUN, RoleFiles::new().with_files(files));
    let authority = Some(certificates.authority_pem());
    let key = root_key().public_key_pem();
    let asking = Configuration::new().notary(&server.url(), authority, &key);
    let silent = asking
        .clone()
        .with("repositories", json!(["nothing.invalid/*"]));
    let vouchsafe = configured(&asking.rule(RULE));
    let asking = std::fs::read_to_string(vouchsafe.config_file()).unwrap();
    says(&vouchsafe, &["sync"], 0, &["1 updated"]);

    server.withdraw(GUN);
    vouchsafe.configure(&silent.rule(RULE).to_string()).unwrap();
    says(&vouchsafe, &["sync", "--full"], 0, &["(0 requests)"]);
    says(&vouchsafe, &["check", &image(TAG)], 0, &["may run"]);
    vouchsafe.configure(&asking).unwrap();
    says(&vouchsafe, &["sync", "--full"], 0, &["1 withdrawn"]);
    let words = ["may not run", "no longer has"];
    says(&vouchsafe, &["check", &image(TAG)], 1, &words);
}

/// Connaisseur ends, with every request that it is judging, when a server answers `{}` for targets, snapshot or timestamp.
#[test]
fn an_empty_object_for_a_role_file_is_refused_and_the_webhook_goes_on() {
    let roles = ["targets", "snapshot", "timestamp"];
    let server = ScriptedServer::plain().unwrap();
    let key = root_key().public_key_pem();
    let mut configuration = Configuration::new().notary(&server.url(), None, &key);
    for name in [roles.as_slice(), &["healthy"]].concat() {
        let gun = format!("registry.example.com/{name}");
        let mut repository = Repository::delegated(&gun);
        if name != "healthy" {
            repository = repository.edit_bytes(name, |bytes| *bytes = b"{}".to_vec());
        }
        let files = RoleFiles::new().with_files(repository.files());
        server.serve(&gun, files);
        configuration = configuration.rule(&format!("{gun}:*"));
    }
    let vouchsafe = configured(&configuration);
    let words = ["1 updated", "3 failed", "missing_member"];
    says(&vouchsafe, &["sync"], 3, &words);

    server.forget_requests();
    let certificates = Certificates::new().unwrap();
    let webhook = vouchsafe.serve(&certificates).unwrap();
    // It asks for them once more when it starts.
    let asked = |role: &&str| {
        let gun = format!("registry.example.com/{role}");
        server.count(&Route::role(&gun, role)) > 0
    };
    until(&webhook, |_| roles.iter().all(&asked));
    let healthy = format!("registry.example.com/healthy:{TAG}");
    for role in roles {
        let image = format!("registry.example.com/{role}:{TAG}");
        let answer = ask(&webhook, &certificates, &[&image]);
        denied(&answer, &[&image, "no trust data"]);
        let answer = ask(&webhook, &certificates, &[&healthy]);
        assert_eq!(answer["allowed"], true, "{answer}");
    }
}

/// Connaisseur compiles a pattern when an image comes, and ends when it cannot.
#[test]
fn a_malformed_pattern_is_refused_at_load_and_the_policy_before_it_stays() {
    let approving = |pattern: &str| {
        Configuration::new()
            .fixed("allow", true)
            .rule_of(json!({"pattern": pattern, "validator": "allow"}))
            .to_string()
    };
    let vouchsafe = Vouchsafe::new(&approving("quay.io/*")).unwrap();
    let certificates = Certificates::new().unwrap();
    let webhook = vouchsafe.serve(&certificates).unwrap();
    let patterns = ["quay.io/[x", "{docker.io/foo,quay.io/x1}/*"];
    for (pattern, times) in patterns.into_iter().zip(1..) {
        vouchsafe.configure(&approving(pattern)).unwrap();
        let words = ["config.yaml:", "is in no image reference", "only wildcard"];
        says(&vouchsafe, &["config", "check"], 2, &words);
        let refused = format!("vouchsafe_config_loads_total{{result=\"refused\"}} {times}");
        until(&webhook, |metrics| {
            metrics.lines().any(|line| line == refused)
        });
        let answer = ask(&webhook, &certificates, &["quay.io/x1/y1:1"]);
        assert_eq!(answer["allowed"], true, "{answer}");
    }
}

/// Connaisseur names the one bad image whose verdict came first, another one each time.
#[test]
fn every_bad_image_is_named_in_the_order_of_the_object() {
    let server = serving(&Repository::delegated(GUN));
    let key = root_key().public_key_pem();
    let configuration = Configuration::new().notary(&server.url(), None, &key);
    let vouchsafe = configured(&configuration.rule(RULE));
    vouchsafe.succeed(&["sync"]).unwrap();
    let certificates = Certificates::new().unwrap();
    let webhook = vouchsafe.serve(&certificates).unwrap();
    let (signed, unsigned) = (image(TAG), image("unsigned"));
    let images = [
        ("quay.io/evil/x:1", "no rule"),
        (signed.as_str(), ""),
        (unsigned.as_str(), "not signed"),
        ("quay.io/UPPER/x:1", "not an image reference"),
    ];
    let message = |images: &[(&str, &str)]| {
        let named: Vec<&str> = images.iter().map(|(image, _)| *image).collect();
        let answer = ask(&webhook, &certificates, &named);
        assert_eq!(answer["allowed"], false, "{answer}");
        answer["status"]["message"].as_str().unwrap().to_owned()
    };
    let backwards: Vec<(&str, &str)> = images.iter().rev().copied().collect();
    for images in [images.as_slice(), &backwards] {
        let first = message(images);
        let mut rest = first.as_str();
        for (image, why) in images.iter().filter(|(_, why)| !why.is_empty()) {
            let (_, from) = rest
                .split_once(image)
                .unwrap_or_else(|| panic!("{image}: {first}"));
            assert!(from.contains(why), "{image}: {first}");
            rest = from;
        }
        assert!(!first.contains(&signed), "{first}");
        for _ in 0..10 {
            assert_eq!(message(images), first);
        }
    }
}

/// What `/mutate` answers about a Pod with these images.
fn ask(webhook: &Serving, certificates: &Certificates, images: &[&str]) -> Value {
    let review = pod_review(images);
    let answer = webhook.review(certificates, "/mutate", &review).unwrap();
    assert_eq!(answer["response"]["uid"], review["request"]["uid"]);
    answer["response"].clone()
}

fn denied(response: &Value, words: &[&str]) {
    assert_eq!(response["allowed"], false, "{response}");
    assert_eq!(response["status"]["code"], 403, "{response}");
    let message = response["status"]["message"].as_str().unwrap();
    for word in words {
        assert!(message.contains(word), "no {word} in: {message}");
    }
}

fn until(webhook: &Serving, wanted: impl Fn(&str) -> bool) {
    let started = Instant::now();
    loop {
        let (_, metrics) = webhook.page("/metrics").unwrap();
        if wanted(&metrics) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{metrics}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Longer than anything takes here; files are looked at every ten seconds.
const PATIENCE: Duration = Duration::from_mins(1);
