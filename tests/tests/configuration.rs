//! The configuration while it is used: a version with a fault, secrets as Kubernetes mounts them, and what each server has for itself.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use vouchsafe_tests::harness::scripted_server::access::{Access, Login};
use vouchsafe_tests::harness::scripted_server::{RoleFiles, Route};
use vouchsafe_tests::harness::{Certificates, Configuration, ScriptedServer, Vouchsafe, Webhook};
use vouchsafe_tests::vector::repository::Repository;

use published::{GUN, Published, image, root_key};

#[path = "support/published.rs"]
mod published;

#[test]
fn a_refused_version_shows_everywhere_until_it_is_mended_and_changes_nothing() {
    let published = Published::new();
    let valid = published.configuration().to_string();
    let webhook = Webhook::new(published.synced(), Certificates::new().unwrap(), &[]).unwrap();
    let vouchsafe = webhook.vouchsafe();
    assert_usual(&webhook);

    let broken = valid.replacen("\"policy\"", "\"polizy\"", 1);
    let line = broken.lines().position(|line| line.contains("polizy"));
    let fault = format!("config.yaml:{}:", line.unwrap() + 1);
    let words = [&fault, "unknown key `polizy`; did you mean `policy`?"];
    vouchsafe.configure(&broken).unwrap();
    let is_refused = |metrics: &str| metrics.contains("\nvouchsafe_config_refused 1\n");
    webhook.serving().wait_for("/metrics", is_refused).unwrap();
    assert_refused(&webhook, &words);
    // What has to judge by the file itself cannot.
    let checked = vouchsafe.run(&["check", &image("signed")]).unwrap();
    assert_eq!(checked.code, Some(2), "{}", checked.stdout);
    assert!(checked.stderr.contains(&fault), "{}", checked.stderr);

    // The same fault in other bytes, over another look at the file: it is said once.
    vouchsafe.configure(&(broken + "\n")).unwrap();
    thread::sleep(Duration::from_secs(12));
    let log = webhook.serving().log();
    let is_refusal = |line: &&str| line.contains("new configuration refused");
    let said: Vec<&str> = log.lines().filter(is_refusal).collect();
    assert_eq!(said.len(), 1, "{log}");
    assert!(
        words.iter().all(|words| said.concat().contains(words)),
        "{log}"
    );
    assert_refused(&webhook, &words);

    vouchsafe.configure(&valid).unwrap();
    webhook
        .serving()
        .wait_for("/metrics", |metrics| !is_refused(metrics))
        .unwrap();
    assert_usual(&webhook);
}

#[test]
fn a_secret_that_kubernetes_swaps_is_read_at_the_next_pass_without_a_restart() {
    let certificates = Certificates::new().unwrap();
    let guarded = guarded(&certificates);
    let configuration = notary(&guarded, &certificates);
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    for (version, password) in [("..1", "wrong"), ("..2", PASSWORD)] {
        let secret = json!({"username": USER, "password": password}).to_string();
        let name = format!("secrets/notary-auth/{version}/secret.yaml");
        vouchsafe.directory().write(&name, secret).unwrap();
    }
    let folder = vouchsafe.secrets().join("notary-auth");
    symlink("..1", folder.join("..data")).unwrap();
    symlink("..data/secret.yaml", folder.join("secret.yaml")).unwrap();

    let mut serving = vouchsafe.serve_unready(&certificates).unwrap();
    let looked_at = |result: &str| {
        let url = guarded.url();
        format!("vouchsafe_sync_repositories_total{{server=\"{url}\",result=\"{result}\"}} 1")
    };
    let failed = looked_at("failed");
    serving
        .wait_for("/metrics", |metrics| metrics.contains(&failed))
        .unwrap();
    let verdict = vouchsafe.check_one(&image("signed")).unwrap();
    assert_eq!(verdict, Err("not_synced".to_owned()));
    let log = serving.log();
    assert!(
        log.contains("unauthorized") && !log.contains("wrong"),
        "{log}"
    );
    let before = serving.process().id();

    symlink("..2", folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    // Another schedule has the servers asked at once.
    let configuration = configuration.setting("sync", json!({"schedule": "0 0 2 1 *"}));
    vouchsafe.configure(&configuration.to_string()).unwrap();
    let updated = looked_at("updated");
    serving
        .wait_for("/metrics", |metrics| metrics.contains(&updated))
        .unwrap();
    assert_eq!(serving.process().id(), before);
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_ok());
    assert!(!serving.log().contains(PASSWORD));
}

#[test]
fn a_secret_holds_a_login_or_a_docker_configuration_for_the_server() {
    let certificates = Certificates::new().unwrap();
    let guarded = guarded(&certificates);
    let configuration = notary(&guarded, &certificates);
    let host = guarded.host();
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let docker = |host: &str, entry: Value| json!({"auths": {host: entry}}).to_string();
    let yaml = |host: &str| format!("registry: {host}\nusername: {USER}\npassword: {PASSWORD}\n");
    for (name, secret, code) in [
        (".dockerconfigjson", docker(&host, json!({"auth": auth})), 0),
        (
            ".dockerconfigjson",
            docker(&host, json!({"username": USER, "password": PASSWORD})),
            0,
        ),
        (
            ".dockerconfigjson",
            docker(&format!("https://{host}/"), json!({"auth": auth})),
            0,
        ),
        (
            ".dockerconfigjson",
            docker("registry.example.com", json!({"auth": auth})),
            2,
        ),
        (".dockerconfigjson", "{".to_owned(), 2),
        ("secret.yaml", yaml(&host), 0),
        ("secret.yaml", yaml("registry.example.com"), 2),
        ("secret.yaml", "username: alone\n".to_owned(), 2),
    ] {
        let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
        let path = format!("secrets/notary-auth/{name}");
        vouchsafe.directory().write(&path, &secret).unwrap();
        let synced = vouchsafe.sync(&[]).unwrap();
        assert_eq!(synced.code, Some(code), "{name} {secret}: {synced:?}");
        let told = synced.report.to_string() + &synced.stderr;
        assert!(!told.contains(PASSWORD) && !told.contains(&auth), "{told}");
        assert_eq!(told.contains(name), code != 0, "{name} {secret}: {told}");
    }
    // No such secret.
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let synced = vouchsafe.sync(&[]).unwrap();
    assert_eq!(synced.code, Some(2), "{synced:?}");
}

#[test]
fn each_server_is_trusted_by_its_own_authority() {
    let authorities = [Certificates::new().unwrap(), Certificates::new().unwrap()];
    let servers = authorities
        .each_ref()
        .map(|authority| ScriptedServer::tls(authority).unwrap());
    let guns = [
        "registry.example.com/team/one",
        "registry.example.com/team/two",
    ];
    for (server, gun) in servers.iter().zip(guns) {
        server.serve(
            gun,
            RoleFiles::new().with_files(Repository::delegated(gun).files()),
        );
    }
    let configured = |authorities: [&Certificates; 2]| {
        let validators = servers.iter().zip(authorities).zip(guns);
        let key = root_key();
        let configuration = validators.fold(
            Configuration::new(),
            |configuration, ((server, authority), gun)| {
                let authority = Some(authority.authority_pem());
                configuration
                    .validator(gun, &server.url(), authority, &[("default", &key)])
                    .rule_of(json!({"pattern": format!("{gun}:*"), "validator": gun}))
            },
        );
        Vouchsafe::new(&configuration.to_string()).unwrap()
    };
    let [one, two] = &authorities;
    let vouchsafe = configured([one, two]);
    assert_eq!(vouchsafe.sync(&[]).unwrap().code, Some(0));
    let images = guns.map(|gun| format!("{gun}:signed"));
    let verdicts = vouchsafe.check("default", &images).unwrap();
    assert!(verdicts.iter().all(Result::is_ok), "{verdicts:?}");

    for server in &servers {
        server.forget_requests();
    }
    let vouchsafe = configured([two, one]);
    let synced = vouchsafe.sync(&[]).unwrap();
    assert_eq!(synced.code, Some(2), "{synced:?}");
    assert_eq!(synced.labels(), ["connect", "connect"], "{synced:?}");
    assert!(servers.iter().all(|server| server.count(&Route::Any) == 0));
}

/// The policy is at work, and nothing is said of its file.
fn assert_usual(webhook: &Webhook) {
    assert_judges(webhook);
    let (_, report) = webhook.serving().page("/ready").unwrap();
    assert!(
        report.ends_with("\nready\n") && !report.contains("refused"),
        "{report}"
    );
    let vouchsafe = webhook.vouchsafe();
    let told = vouchsafe.json(&["status", "-o", "json"], &[0]).unwrap();
    assert_eq!(told.pointer("/refusedConfig"), Some(&Value::Null), "{told}");
    assert_eq!(vouchsafe.run(&["status"]).unwrap().stderr, "");
}

/// The policy before is at work, and these words say why everywhere.
fn assert_refused(webhook: &Webhook, words: &[&str]) {
    assert_judges(webhook);
    let (status, report) = webhook.serving().page("/ready").unwrap();
    assert_eq!(status, 200, "{report}");
    let vouchsafe = webhook.vouchsafe();
    let shown = vouchsafe.run(&["status"]).unwrap();
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    assert!(shown.stdout.contains(GUN), "{}", shown.stdout);
    assert!(
        shown.stderr.contains("the previous one is in use"),
        "{}",
        shown.stderr
    );
    let told = vouchsafe.json(&["status", "-o", "json"], &[0]).unwrap();
    let refused = told.pointer("/refusedConfig").unwrap();
    assert!(
        refused.pointer("/at").is_some_and(Value::is_string),
        "{told}"
    );
    let error = refused.pointer("/error").and_then(Value::as_str).unwrap();
    for text in [&report, &shown.stderr, error] {
        for words in words {
            assert!(text.contains(words), "no {words}: {text}");
        }
    }
}

fn assert_judges(webhook: &Webhook) {
    let signed = webhook.ask("/mutate", "default", &image("signed")).unwrap();
    assert!(signed.is_allowed(), "{signed:?}");
    let unsigned = webhook
        .ask("/mutate", "default", &image("unsigned"))
        .unwrap();
    unsigned.assert_denied("not_signed", &[GUN]);
}

/// A repository on a server that demands a user and a password.
fn guarded(certificates: &Certificates) -> ScriptedServer {
    let server = ScriptedServer::tls(certificates).unwrap();
    server.serve(
        GUN,
        RoleFiles::new().with_files(Repository::delegated(GUN).files()),
    );
    server.demand(Access::Basic(Login::new(USER, PASSWORD)));
    server
}

/// The server, with a secret for its login; it is asked at a start, and then not before New Year.
fn notary(server: &ScriptedServer, certificates: &Certificates) -> Configuration {
    Configuration::new()
        .notary(
            &server.url(),
            Some(certificates.authority_pem()),
            &root_key(),
        )
        .with("auth", json!({"secretName": "notary-auth"}))
        .rule(&format!("{GUN}:*"))
        .setting("sync", json!({"schedule": "0 0 1 1 *"}))
}

const USER: &str = "robot$mirror";
const PASSWORD: &str = "correct horse battery staple";
