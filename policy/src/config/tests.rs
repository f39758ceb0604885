use secrecy::ExposeSecret as _;
use vouchsafe_trust::evidence::Signers;

use super::*;
use crate::fixtures::{CERTIFICATE, KEY, config, config_text, indent};

const POLICY: &str = "policy:\n- pattern: '*:*'\n  validator: deny\n";

fn error(text: &str) -> String {
    Config::parse(text, "config.yaml").unwrap_err().to_string()
}

fn gun(name: &str) -> Gun {
    name.parse().unwrap()
}

fn server() -> Server {
    "notary.example.com".parse().unwrap()
}

/// Replaces the first `from` of a configuration that holds, so that it no longer does.
fn broken(from: &str, to: &str) -> String {
    let base = config_text(POLICY);
    let text = base.replacen(from, to, 1);
    assert_ne!(text, base, "{from}");
    error(&text)
}

#[test]
fn a_fault_of_form_names_its_place_and_the_nearest_key() {
    let host = "  host: notary.example.com";
    for (from, to, expected) in [
        (
            "validators:",
            "validatrs:",
            "config.yaml:1:1: unknown key `validatrs`; did you mean `validators`?",
        ),
        (
            "validator: deny",
            "validatr: deny",
            "config.yaml:34:3: unknown key `validatr`; did you mean `validator`?",
        ),
        (
            "validator: deny",
            "with: {key: x}",
            "config.yaml:34:10: unknown key `key`",
        ),
        (
            "  type: notaryv1\n",
            "",
            "config.yaml:4:3: the key `type` is missing",
        ),
        (
            host,
            "  host: x\n  host: y",
            "config.yaml:5:3: the key `host` stands here twice",
        ),
        (host, "  host: [x]", "config.yaml:4:9: expected a string"),
        (
            "policy:",
            "policy: {}\nx:",
            "config.yaml:32:9: expected a list",
        ),
        (
            "approve: true",
            "approve: yep",
            "config.yaml:30:40: expected `true` or `false`",
        ),
        (
            "policy:",
            "sync: {perServer: -1}\npolicy:",
            "config.yaml:32:19: expected a whole number",
        ),
        ("'*:*'", "'*:*", "config.yaml:33:12: unclosed quote"),
    ] {
        assert_eq!(broken(from, to), expected, "{to}");
    }
    assert!(error("").starts_with("config.yaml:1:1: "));
    assert!(error(&(config_text(POLICY) + "---\na: b\n")).starts_with("config.yaml:"));
}

#[test]
fn a_fault_of_meaning_names_its_place_and_the_nearest_name() {
    let host = "  host: notary.example.com";
    let names = [
        (
            "validator: deny",
            "validator: dny",
            "config.yaml:34:14: no validator is named `dny`; did you mean `deny`?",
        ),
        (
            "validator: deny",
            "with: {trustRoot: othr}",
            "config.yaml:34:21: no trust root of the rule's validator is named `othr`; did you mean \
             `other`?",
        ),
        (
            "name: allow",
            "name: default",
            "config.yaml:30:10: another validator is named `default` (line 2)",
        ),
        (
            "- name: other",
            "- name: default",
            "config.yaml:12:11: another trust root of this validator is named `default` (line 6)",
        ),
        (
            "- name: other",
            "- name: '*'",
            "config.yaml:12:11: `name` cannot be `*`",
        ),
    ];
    let values = [
        (
            host,
            "  host: ftp://x",
            "config.yaml:4:9: `host` cannot be used: `ftp` is not `https` or `http`",
        ),
        (
            "validator: deny",
            "with: {mode: mutat}",
            "config.yaml:34:16: `mode` cannot be `mutat`; did you mean `mutate`?",
        ),
        (
            "validator: deny",
            "with: {delegations: []}",
            "config.yaml:34:23: `delegations` must have at least one entry",
        ),
        (
            "validator: deny",
            "with: {delegations: [A]}",
            "config.yaml:34:24: `targets/A` is not the name of a role",
        ),
        (
            "validator: deny",
            "namespaces: []",
            "config.yaml:34:15: `namespaces` must have at least one entry",
        ),
        (
            "validator: deny",
            "namespaces: ['shop-?']",
            "config.yaml:34:16: `namespaces` cannot be `shop-?`",
        ),
        (
            "'*:*'",
            "'quay.io/[x'",
            "config.yaml:33:12: `quay.io/[x` is not a pattern: `[` is in no image reference, so \
             the pattern could never match; `*` is the only wildcard",
        ),
        (
            "approve: true",
            "approve: true, cert: x",
            "config.yaml:30:52: `cert` has no meaning for a validator of type `static`",
        ),
        (
            host,
            "  approve: true",
            "config.yaml:4:12: `approve` has no meaning for a validator of type `notaryv1`",
        ),
        (
            "policy:",
            "sync: {schedule: '* * * *'}\npolicy:",
            "config.yaml:32:18: `* * * *` is not a cron expression of five fields (minute, hour, \
             day of month, month, day of week)",
        ),
        (
            "policy:",
            "sync: {perServer: 0}\npolicy:",
            "config.yaml:32:19: expected a number from 1 to 64",
        ),
        (
            "policy:",
            "freshness: {maxStaleness: 1}\npolicy:",
            "config.yaml:32:27: `1` is not a duration such as `0s`, `24h`, `7d` or `1h30m`",
        ),
    ];
    for (from, to, expected) in names.into_iter().chain(values) {
        assert_eq!(broken(from, to), expected, "{to}");
    }
    let empty = "validators: []\npolicy: []\n";
    assert_eq!(
        error(empty),
        "config.yaml:1:13: `validators` must have at least one entry"
    );
    let empty = config_text("policy: []\n");
    assert!(error(&empty).ends_with("`policy` must have at least one entry"));
}

#[test]
fn what_later_versions_will_know_is_refused_and_never_ignored() {
    for (from, to, key) in [
        ("policy:", "mirrors: [{from: a, to: b}]\npolicy:", "mirrors"),
        ("policy:", "deny: [x]\npolicy:", "deny"),
        ("policy:", "alerting: {x: [y]}\npolicy:", "alerting"),
        (
            "policy:",
            "history: {retain: 1d}\npolicy:",
            "history.retain",
        ),
        (
            "policy:",
            "sync: {discover: {cluster: true}}\npolicy:",
            "sync.discover.cluster: true",
        ),
        (
            "policy:",
            "features: {detectionMode: true}\npolicy:",
            "features.detectionMode: true",
        ),
        (
            "policy:",
            "features: {automaticChildApproval: true}\npolicy:",
            "features.automaticChildApproval: true",
        ),
        (
            "policy:",
            "features: {automaticUnchangedApproval: true}\npolicy:",
            "features.automaticUnchangedApproval: true",
        ),
        (
            "policy:",
            "features: {resourceValidationMode: podsOnly}\npolicy:",
            "features.resourceValidationMode: podsOnly",
        ),
        ("validator: deny", "mode: warn", "policy[].mode"),
        (
            "  host: notary.example.com",
            "  auth: {secretName: x}",
            "auth.secretName",
        ),
        (
            "  host: notary.example.com",
            "  auth: {useKeychain: true}",
            "auth.useKeychain",
        ),
    ] {
        let expected = format!("`{key}` is not supported yet");
        assert!(
            broken(from, to).ends_with(&expected),
            "{}",
            broken(from, to)
        );
    }
    config(
        "policy: [{pattern: '*', validator: deny}]
mirrors: []
deny: []
history: {retain: 0s}
sync: {discover: {cluster: false}}
features: {detectionMode: false, automaticChildApproval: false, resourceValidationMode: all}
",
    );
}

#[test]
fn other_types_of_validators_are_refused_by_their_type() {
    let cosign = "validators:
- name: c
  type: cosign
  host: {rekor: https://rekor.example.com}
  trustRoots: [{name: default, keyless: {issuer: x}}]
policy: [{pattern: '*', validator: c}]
";
    assert_eq!(
        error(cosign),
        "config.yaml:3:9: validator `c` is of type `cosign`, which is not supported: only \
         `notaryv1` and `static` are"
    );
    assert!(broken("type: notaryv1", "type: notation").contains("type `notation`"));
}

#[test]
fn keys_that_cannot_be_pinned_are_refused_without_being_repeated() {
    let private = "-----BEGIN EC PRIVATE KEY-----\nc2VjcmV0\n-----END EC PRIVATE KEY-----\n";
    for (key, reason) in [
        (private, "this is a private key"),
        ("c2VjcmV0", "line 1 is not part of a PEM block"),
        ("", "expected one PEM block, found 0"),
        (&KEY.repeat(2), "expected one PEM block, found 2"),
        (&KEY.replace("MFkw", "!!!!"), "is not base64"),
    ] {
        let message = broken(&indent(KEY, 6), &indent(key, 6));
        assert!(message.contains(reason), "{message}");
        assert!(message.contains("trust root `default`"), "{message}");
        assert!(message.starts_with("config.yaml:"), "{message}");
        assert!(!message.contains("c2VjcmV0"), "{message}");
    }
    let message = broken(
        "  - name: default\n    key: |",
        "  - name: default\n    cert: |",
    );
    assert_eq!(message, "config.yaml:6:11: the key `key` is missing");
}

#[test]
fn credentials_are_complete_and_never_printed() {
    let host = "  host: notary.example.com\n";
    for auth in [
        "{}",
        "{username: u}",
        "{password: hunter2}",
        "{username: u, password: hunter2, dockerConfigFile: f}",
        "{username: u, passwordFile: f}",
        "'u:hunter2'",
        "{username: u, password: [hunter2]}",
    ] {
        let message = broken(host, &format!("  auth: {auth}\n"));
        assert!(message.starts_with("config.yaml:4:"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    let text = config_text(POLICY).replacen(host, "  auth: {username: u, password: hunter2}\n", 1);
    let config = Config::parse(&text, "f").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let docker = &config.notary_servers()[0];
    assert_eq!(docker.server.as_str(), "https://notary.docker.io");
    let Some(Auth::Basic { username, password }) = &docker.auth else {
        panic!("{docker:?}");
    };
    assert_eq!(
        (username.as_str(), password.expose_secret()),
        ("u", "hunter2")
    );
    for (auth, expected) in [
        (
            "{usernameFile: /u, passwordFile: /p, registry: x}",
            Auth::Files {
                username: "/u".into(),
                password: "/p".into(),
            },
        ),
        (
            "{dockerConfigFile: /d}",
            Auth::DockerConfig { file: "/d".into() },
        ),
    ] {
        let text = config_text(POLICY).replacen(host, &format!("  auth: {auth}\n"), 1);
        let config = Config::parse(&text, "f").unwrap();
        assert_eq!(config.notary_servers()[0].auth, Some(expected));
    }
}

#[test]
fn validators_on_one_server_agree_on_how_to_reach_it() {
    let config = config(POLICY);
    let [only] = config.notary_servers() else {
        panic!("{:?}", config.notary_servers());
    };
    assert_eq!(only.validators, ["default", "lax"]);
    let cert = format!(
        "  host: NOTARY.example.com:443\n  cert: |\n{}",
        indent(CERTIFICATE, 4)
    );
    let message = broken("  host: notary.example.com", &cert);
    let expected = "`cert` differs from that of validator `default` (line 2), which has the same \
                    `host`";
    assert!(message.ends_with(expected), "{message}");
    let text = config_text(POLICY).replace("  host: notary.example.com", &cert);
    let config = Config::parse(&text, "f").unwrap();
    let cert = config.notary_servers()[0].cert.as_deref();
    assert_eq!(cert, Some(CERTIFICATE));
    let message = broken("  host: notary.example.com", "  cert: x");
    assert!(
        message.starts_with("config.yaml:4:9: `cert` holds no usable"),
        "{message}"
    );
    let message = broken(
        "  host: notary.example.com",
        "  host: notary.example.com\n  auth: {dockerConfigFile: f}",
    );
    assert!(message.contains("`auth` differs"), "{message}");
}

#[test]
fn a_connaisseur_configuration_loads_unchanged() {
    let text = format!(
        "validators:
- name: allow
  type: static
  approve: true
- name: deny
  type: static
  approve: false
- name: default
  type: notaryv1
  trustRoots:
  - name: default
    key: |
{key}
    tsCert: x
    keyless: {{issuer: y}}
policy:
- pattern: '*:*'
  validator: deny
- pattern: docker.io/library/redis@sha256:83ed
  validator: allow
- pattern: docker.io/securesystemsengineering/*:*
  with:
    delegations: [targets/a, b]
    threshold: 2
    verifySCT: false
- pattern: registry.k8s.io/*:*
  validator: allow
",
        key = indent(KEY, 6)
    );
    let config = Config::parse(&text, "config.yaml").unwrap();
    let hub = &config.notary_servers()[0];
    assert_eq!(hub.server.as_str(), "https://notary.docker.io");
    let rule = config
        .rules()
        .find(|rule| rule.validator() == "default")
        .unwrap();
    let Demand::Signature(demand) = &rule.demand else {
        panic!("{rule:?}");
    };
    let Signers::All(signers) = &demand.signers else {
        panic!("{demand:?}");
    };
    let signers: Vec<&str> = signers.iter().map(|name| name.as_str()).collect();
    assert_eq!(signers, ["targets/a", "targets/b"]);
    assert_eq!(demand.roots.len(), 1);
    assert_eq!(config.warnings().len(), 2, "{:?}", config.warnings());
}

#[test]
fn rules_that_tie_are_refused_and_rules_that_cannot_meet_are_not() {
    let policy = |a: &str, b: &str| {
        config_text(&format!(
            "policy:\n- {{{a}, validator: deny}}\n- {{{b}, validator: allow}}\n"
        ))
    };
    for (a, b) in [
        ("pattern: '*:*'", "pattern: '*:*'"),
        ("pattern: docker.io/x", "pattern: index.docker.io/x"),
        ("pattern: 'quay.io/a*c'", "pattern: 'quay.io/a*c'"),
        (
            "pattern: '*', namespaces: [a*]",
            "pattern: '*', namespaces: ['*b']",
        ),
    ] {
        let result = Config::parse(&policy(a, b), "f");
        let is_tie = |error: &ConfigError| {
            matches!(&*error.problem, Problem::Tie { line: 33, .. }) && error.place.line == 34
        };
        assert!(result.as_ref().err().is_some_and(is_tie), "{a} {b}");
    }
    for (a, b) in [
        ("pattern: docker.io/team-a/*", "pattern: docker.io/team-b/*"),
        ("pattern: 'quay.io/x:1'", "pattern: 'quay.io/x:2'"),
        ("pattern: 'quay.io/a*b'", "pattern: 'quay.io/a*c'"),
        ("pattern: '*'", "pattern: '*', namespaces: [a]"),
        (
            "pattern: '*', namespaces: [a]",
            "pattern: '*', namespaces: [b]",
        ),
    ] {
        assert!(Config::parse(&policy(a, b), "f").is_ok(), "{a} {b}");
    }
}

#[test]
fn what_is_mirrored_is_what_the_policy_can_select() {
    let config = config(
        "policy:
- {pattern: '*', validator: deny}
- {pattern: 'docker.io/*:*', validator: default}
- {pattern: 'docker.io/free/*', validator: allow}
- {pattern: 'docker.io/free/but:signed', validator: lax}
- {pattern: 'docker.io/free/scoped', validator: default, namespaces: [prod]}
",
    );
    let mirrors = |name: &str| config.mirrors(&server(), &gun(name));
    assert!(mirrors("docker.io/library/nginx"));
    assert!(!mirrors("quay.io/x"));
    // More specific rules about all tags leave nothing for the others.
    assert!(!mirrors("docker.io/free/x"));
    assert!(mirrors("docker.io/free/but"));
    assert!(mirrors("docker.io/free/scoped"));
    assert!(!config.mirrors(
        &"elsewhere.example.com".parse().unwrap(),
        &gun("docker.io/x/y")
    ));
    let named: Vec<String> = config
        .named_repositories(&server())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(named, ["docker.io/free/but", "docker.io/free/scoped"]);
}

#[test]
fn a_list_of_repositories_says_what_is_mirrored() {
    let list = "  host: notary.example.com\n  repositories: [quay.io/team/*, quay.io/one]";
    let base = config_text("policy: [{pattern: '*', validator: default}]\n");
    let text = base.replacen("  host: notary.example.com", list, 1);
    let config = Config::parse(&text, "f").unwrap();
    assert!(config.mirrors(&server(), &gun("quay.io/team/x")));
    assert!(!config.mirrors(&server(), &gun("quay.io/x")));
    assert_eq!(config.named_repositories(&server()), [gun("quay.io/one")]);
    let text = base.replacen(
        "  host: notary.example.com",
        "  repositories: ['quay.io/x:1']",
        1,
    );
    assert!(error(&text).ends_with("must name repositories only, without a tag or digest"));
}

#[test]
fn pins_are_those_of_all_validators_that_can_be_asked() {
    let config = config(
        "policy:
- {pattern: 'quay.io/*', validator: default, with: {trustRoot: other}}
- {pattern: 'quay.io/both:*', validator: default}
- {pattern: 'quay.io/both:lax', validator: lax}
- {pattern: 'quay.io/lax', validator: lax}
",
    );
    let pins = |name: &str| config.pins(&server(), &gun(name));
    assert_eq!(pins("docker.io/x/y"), None);
    for (name, roots, check) in [
        ("quay.io/x", 2, Check::Enforce),
        ("quay.io/both", 2, Check::Record),
        ("quay.io/lax", 1, Check::Record),
    ] {
        let pins = pins(name).unwrap();
        assert_eq!(pins.roots.len(), roots, "{name}");
        assert_eq!(pins.certificate_name, check, "{name}");
        assert_eq!(pins.certificate_validity, check, "{name}");
    }
}

#[test]
fn the_schema_knows_every_key() {
    let schema = Config::schema().to_string();
    for key in [
        "trustRoots",
        "maxStaleness",
        "perServer",
        "insecureSkipCertificateName",
        "resourceValidationMode",
        "verifySCT",
    ] {
        assert!(schema.contains(&format!("\"{key}\"")), "{key}");
    }
    assert!(!schema.contains("Raw"), "names of Rust types leak");
    assert!(schema.contains("\"additionalProperties\":false"));
}

#[test]
fn an_approval_that_reaches_further_than_it_looks_is_warned_of() {
    let approve = |pattern: &str| {
        let policy = format!("policy: [{{pattern: '{pattern}', validator: allow}}]\n");
        config(&policy).warnings().len()
    };
    assert_eq!(approve("quay.io/x:1"), 1);
    assert_eq!(approve("nginx"), 1);
    assert_eq!(approve("quay.io/x:*"), 0);
    assert_eq!(approve("quay.io/x"), 0);
    assert_eq!(approve("quay.io/x@sha256:1"), 0);
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = config(POLICY);
    assert_eq!(config.sync().schedule, "*/5 * * * *");
    assert_eq!(config.sync().per_server, 4);
    assert!(config.sync().changefeed);
    assert!(config.freshness().max_staleness.is_zero());
    assert!(config.warnings().is_empty());
}
