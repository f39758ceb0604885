//! The commands as a shell sees them: help, exit statuses, JSON, and words that lead to the fix.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use vouchsafe_tests::harness::{Configuration, NotaryClient, NotaryServer, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::digest_of;

use published::{GUN, Published, image};

#[path = "support/published.rs"]
mod published;

#[test]
fn every_command_says_what_it_does() {
    let vouchsafe = Vouchsafe::new("").unwrap();
    let all = vouchsafe.succeed(&["--help"]).unwrap();
    let commands: [(&[&str], &str); 11] = [
        (&["sync"], "Notary servers"),
        (&["serve"], "admission"),
        (&["check"], "why"),
        (&["review"], "manifests"),
        (&["status"], "stored"),
        (&["forget"], "Drop"),
        (&["config"], "configuration"),
        (&["config", "check"], "Check"),
        (&["config", "schema"], "JSON Schema"),
        (&["root-key"], "root keys"),
        (&["completions"], "shell"),
    ];
    for (command, words) in commands {
        let help = vouchsafe.succeed(&[command, &["--help"]].concat()).unwrap();
        assert!(help.contains(words), "{command:?}: {help}");
        assert!(help.contains("Usage: vouchsafe"), "{help}");
        assert!(all.contains(command[0]), "{all}");
    }
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = vouchsafe.succeed(&["completions", shell]).unwrap();
        assert!(script.contains("root-key"), "{shell}: {script}");
    }
    assert!(all.contains("Exit status: 0 yes"), "{all}");
    assert!(
        vouchsafe
            .succeed(&["--version"])
            .unwrap()
            .starts_with("vouchsafe ")
    );
}

#[test]
fn the_json_of_sync_and_check_has_the_documented_keys() {
    let published = Published::new();
    let vouchsafe = published.unsynced();
    let report = vouchsafe.json(&["sync", "-o", "json"], &[0]).unwrap();
    has(&report, &["started", "finished", "unconfigured"]);
    let server = &report.pointer("/servers/0").cloned().unwrap();
    has(
        server,
        &[
            "server",
            "source",
            "unchanged",
            "updated",
            "withdrawn",
            "failed",
            "skipped",
            "requests",
            "failures",
            "error",
        ],
    );
    assert_eq!(server.pointer("/updated"), Some(&json!(1)));

    let images = [image("signed"), image("unsigned")];
    let arguments = ["check", "-o", "json", &images[0], &images[1]];
    let answers = vouchsafe.json(&arguments, &[1]).unwrap();
    let (signed, unsigned) = (
        answers.pointer("/0").unwrap(),
        answers.pointer("/1").unwrap(),
    );
    has(
        signed,
        &[
            "image",
            "allowed",
            "rule",
            "validator",
            "digest",
            "pinned",
            "signers",
            "freshness",
            "warnings",
        ],
    );
    assert_eq!(signed.pointer("/digest"), Some(&json!(digest_of("image"))));
    assert_eq!(
        signed.pointer("/signers"),
        Some(&json!(["targets/releases"]))
    );
    assert_eq!(signed.pointer("/freshness/state"), Some(&json!("fresh")));
    has(unsigned, &["reason", "message", "nextStep"]);
}

#[test]
fn the_json_of_status_and_config_has_the_documented_keys() {
    let vouchsafe = Published::new().synced();
    let status = vouchsafe
        .json(&["status", "-o", "json", GUN], &[0])
        .unwrap();
    has(&status, &["now", "servers", "repositories"]);
    let repository = status.pointer("/repositories/0").unwrap();
    has(
        repository,
        &[
            "server",
            "gun",
            "state",
            "freshness",
            "lastSync",
            "roles",
            "delegations",
            "anchors",
            "tagsByRole",
        ],
    );
    has(
        repository.pointer("/roles/root").unwrap(),
        &["version", "expires", "sha256"],
    );
    let unknown = ["status", "-o", "json", OTHER];
    let unknown = vouchsafe.json(&unknown, &[1]).unwrap();
    assert_eq!(unknown.pointer("/repositories"), Some(&json!([])));

    let summary = vouchsafe
        .json(&["config", "check", "-o", "json"], &[0])
        .unwrap();
    has(&summary, &["servers", "rules", "warnings"]);
    has(
        summary.pointer("/rules/0").unwrap(),
        &[
            "line",
            "pattern",
            "matches",
            "validator",
            "namespaces",
            "specificity",
            "shadowedBy",
            "connaisseurAlsoMatches",
        ],
    );
    let schema = vouchsafe.json(&["config", "schema"], &[0]).unwrap();
    has(&schema, &["$schema", "title", "properties"]);
}

#[test]
fn config_check_says_what_is_probably_not_meant() {
    let configuration = Configuration::new()
        .fixed("allow", true)
        .fixed("deny", false)
        .rule_of(json!({"pattern": "quay.io/xx:*", "validator": "allow"}))
        .rule_of(json!({"pattern": "quay.io/xx", "validator": "deny"}));
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let text = vouchsafe.succeed(&["config", "check"]).unwrap();
    for words in [
        "is valid: 2 rules, 0 Notary servers",
        "2 components: 7, 3 of 4",
        "`quay.io/xx` can never win: `quay.io/xx:*`",
        "`quay.io/xx` would match evil.example/quay.io/xx:1 and quay.io/xx-evil:1",
    ] {
        assert!(text.contains(words), "no {words} in: {text}");
    }
    let summary = vouchsafe
        .json(&["config", "check", "--strict", "-o", "json"], &[1])
        .unwrap();
    let shadow = summary.pointer("/rules/1/shadowedBy").unwrap();
    assert_eq!(shadow.pointer("/pattern"), Some(&json!("quay.io/xx:*")));
    has(shadow, &["line"]);
    assert_eq!(
        summary.pointer("/rules/1/connaisseurAlsoMatches"),
        Some(&json!(["evil.example/quay.io/xx:1", "quay.io/xx-evil:1"]))
    );
    has(
        summary.pointer("/rules/0/specificity").unwrap(),
        &["components", "literalPrefixes", "lengths"],
    );
}

#[test]
fn config_check_says_which_rule_wins_for_an_image_and_why() {
    let configuration = Configuration::new()
        .fixed("allow", true)
        .fixed("deny", false)
        .rule_of(json!({"pattern": "quay.io/team/*", "validator": "allow"}))
        .rule_of(json!({"pattern": "quay.io/*", "validator": "deny"}))
        .rule_of(json!({"pattern": "*", "validator": "allow", "namespaces": ["kube-*"]}));
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let check = |rest: &[&str], code: i32| {
        let arguments = [&["config", "check", "-o", "json"], rest].concat();
        vouchsafe.json(&arguments, &[code]).unwrap()
    };
    let verdicts = |answer: &Value| -> Vec<Value> {
        let rules = answer.pointer("/rules").and_then(Value::as_array).unwrap();
        let verdict = |rule: &Value| rule.pointer("/verdict").cloned().unwrap();
        rules.iter().map(verdict).collect()
    };
    let answer = check(&["--image", "quay.io/team/app"], 0);
    has(
        &answer,
        &["image", "canonical", "namespace", "winner", "rules"],
    );
    let winner = answer.pointer("/winner/pattern");
    assert_eq!(winner, Some(&json!("quay.io/team/*")));
    assert_eq!(
        verdicts(&answer),
        ["otherNamespace", "wins", "lessSpecific"]
    );
    let keys = [
        "line",
        "pattern",
        "validator",
        "namespaces",
        "verdict",
        "message",
    ];
    has(answer.pointer("/rules/0").unwrap(), &keys);
    let namespaced = ["--image", "nginx", "--namespace", "kube-system"];
    let answer = check(&namespaced, 0);
    assert_eq!(verdicts(&answer), ["wins", "notLookedAt", "notLookedAt"]);
    let answer = check(&["--image", "nginx"], 1);
    assert_eq!(answer.pointer("/winner"), Some(&Value::Null));
    assert_eq!(verdicts(&answer), ["otherNamespace", "noMatch", "noMatch"]);
    for wrong in [
        &["--image", "no image"][..],
        &["--namespace", "shop"],
        &["--image", "nginx", "--strict"],
    ] {
        let finished = vouchsafe.run(&[&["config", "check"], wrong].concat());
        assert_eq!(finished.unwrap().code, Some(2), "{wrong:?}");
    }
}

#[test]
fn exit_statuses_tell_yes_no_unknown_and_refused_apart() {
    let published = Published::new();
    let vouchsafe = published.unsynced();
    let (url, signed, unsigned) = (published.server.url(), image("signed"), image("unsigned"));
    // In this order: before the first sync there is no store.
    let cases: [(i32, &[&str]); 20] = [
        (2, &["check", &signed]),
        (2, &["status"]),
        (0, &["sync"]),
        (0, &["check", &signed]),
        (1, &["check", &signed, &unsigned]),
        (1, &["check", "UPPER CASE"]),
        (2, &["check"]),
        (2, &["check", "--no-such-flag", &signed]),
        (2, &["--store", "/dev/null", "check", &signed]),
        (2, &["--config", "/nowhere.yaml", "check", &signed]),
        (0, &["status"]),
        (0, &["status", GUN]),
        (1, &["status", OTHER]),
        (2, &["review", "/nowhere.yaml"]),
        (2, &["sync", "quay.io/not/configured"]),
        (1, &["forget", "--yes", OTHER]),
        (0, &["root-key", GUN, "--server", &url]),
        (2, &["root-key", OTHER, "--server", &url]),
        (2, &["root-key", GUN, "--server", "http://localhost:1"]),
        (0, &["forget", "--yes", GUN]),
    ];
    for (code, arguments) in cases {
        let finished = vouchsafe.run(arguments).unwrap();
        assert_eq!(finished.code, Some(code), "{arguments:?}: {finished:?}");
        let said = !finished.stdout.is_empty() || !finished.stderr.is_empty();
        assert!(said, "{arguments:?} says nothing");
    }
    let key = Key::p256("another").public_key_pem();
    let wrong = published::configuration(&url, None, &key).to_string();
    vouchsafe.configure(&wrong).unwrap();
    assert_eq!(vouchsafe.run(&["sync"]).unwrap().code, Some(3));
}

#[test]
fn the_root_key_that_is_shown_is_the_publishers() {
    let server = NotaryServer::plain().unwrap();
    let publisher = NotaryClient::publisher(&server.url(), None).unwrap();
    publisher.init(GUN).unwrap();
    let vouchsafe = Vouchsafe::new("").unwrap();
    let pem = publisher.root_public_key(GUN).unwrap();
    let shown = vouchsafe
        .run(&["root-key", GUN, "--server", &server.url()])
        .unwrap();
    assert_eq!(shown.stdout, pem);
    assert!(shown.stderr.contains("compare"), "{}", shown.stderr);
    let arguments = ["root-key", GUN, "--server", &server.url(), "-o", "json"];
    let keys = vouchsafe.json(&arguments, &[0]).unwrap();
    has(&keys, &["gun", "version", "expires", "threshold", "keys"]);
    assert_eq!(keys.pointer("/keys/0/pem"), Some(&json!(pem)));
    let id = &publisher.root_key_ids(GUN).unwrap();
    assert_eq!(
        keys.pointer("/keys/0/keyId"),
        id.first().map(|id| json!(id)).as_ref()
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let published = Published::new();
    let vouchsafe = published.synced();
    for arguments in ["config schema", "status", "completions bash", "--help"] {
        // `true` reads nothing.
        let line = format!("\"$0\" {arguments} | true; echo \"${{PIPESTATUS[0]}}\"");
        let mut shell = Command::new("bash");
        shell.args(["-c", &line]).arg(vouchsafe.binary());
        shell
            .env("VOUCHSAFE_CONFIG", vouchsafe.config_file())
            .env("VOUCHSAFE_STORE", vouchsafe.store());
        let output = shell.stdin(Stdio::null()).output().unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert_eq!((out.trim(), err.trim()), ("0", ""), "{arguments}");
    }
}

#[test]
fn a_static_rule_needs_no_server() {
    let configuration = Configuration::new()
        .fixed("allow", true)
        .fixed("deny", false)
        .rule_of(json!({"pattern": "registry.k8s.io/*:*", "validator": "allow"}))
        .rule_of(json!({"pattern": "*:*", "validator": "deny"}));
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    vouchsafe.succeed(&["sync"]).unwrap();
    let images = [
        "registry.k8s.io/pause:3.9",
        "ghcr.io/evil/registry.k8s.io/pause:3.9",
    ];
    let verdicts = vouchsafe.check("default", &images).unwrap();
    assert_eq!(verdicts, [Ok(String::new()), Err("static_deny".to_owned())]);
}

fn has(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object.get(*key).is_some(), "no {key} in {object:#}");
    }
}

const OTHER: &str = "registry.example.com/team/other";
