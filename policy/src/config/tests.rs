mod alerting;
mod beyond;
mod bundles;
mod faults;
mod offline;

use secrecy::ExposeSecret as _;
use vouchsafe_trust::DelegationName;
use vouchsafe_trust::evidence::Signers;
use vouchsafe_trust::pin::Check;

use super::*;
use crate::fixtures::{CERTIFICATE, KEY, config, config_text, indent};
use crate::rules::Demand;

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

/// The fault of a configuration with `text` from line 32 on.
fn fault(text: &str) -> String {
    broken("policy:", &format!("{text}\npolicy:"))
}

fn parsed(text: &str) -> Config {
    config(&format!("{POLICY}{text}"))
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
        (
            "{secretName: notary-auth.v1, username: ignored}",
            Auth::Secret {
                name: "notary-auth.v1".to_owned(),
            },
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
    let signers: Vec<&str> = signers.iter().map(DelegationName::as_str).collect();
    assert_eq!(signers, ["targets/a", "targets/b"]);
    assert_eq!(demand.roots.len(), 1);
    assert_eq!(config.warnings().len(), 2, "{:?}", config.warnings());
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
fn the_selection_changes_with_what_is_mirrored_and_with_nothing_else() {
    let selection = |text: &str| Config::parse(text, "f").unwrap().selection(&server());
    let base = config_text("policy: [{pattern: 'docker.io/a/*', validator: default}]\n");
    let list = |patterns: &str| {
        let list = format!("  host: notary.example.com\n  repositories: [{patterns}]");
        selection(&base.replacen("  host: notary.example.com", &list, 1))
    };
    let same = [
        base.replace("docker.io/a/*", "index.docker.io/a/*"),
        base.replace("}]\n", "}] # as it was\n"),
        format!("{base}freshness: {{maxStaleness: 1h}}\n"),
    ];
    for text in same {
        assert_eq!(selection(&text), selection(&base), "{text}");
    }
    assert_eq!(list("quay.io/a, quay.io/b"), list("quay.io/b, quay.io/a"));
    let other = [
        selection(&base.replace("docker.io/a/*", "docker.io/*")),
        selection(&base.replace("}]\n", "}, {pattern: 'docker.io/a/b', validator: allow}]\n")),
        list("quay.io/a"),
        list("quay.io/*"),
    ];
    for (at, one) in other.iter().enumerate() {
        assert_ne!(*one, selection(&base), "{at}");
    }
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
fn a_pattern_without_a_registry_is_warned_of() {
    let warnings = |pattern: &str| {
        let policy = format!("policy: [{{pattern: '{pattern}', validator: deny}}]\n");
        config(&policy).warnings().to_vec()
    };
    for (pattern, meant) in [
        ("nginx:1", "docker.io/library/nginx:1"),
        ("library/nginx:*", "docker.io/library/nginx:*"),
    ] {
        let warnings = warnings(pattern);
        assert_eq!(warnings.len(), 1, "{pattern}");
        assert!(
            warnings[0].ends_with(&format!("such as `{meant}`")),
            "{warnings:?}"
        );
    }
    for pattern in [
        "*",
        "*nginx*",
        "*/nginx",
        "localhost/x",
        "a:5/x",
        "quay.io/x",
        "MYHOST/x",
    ] {
        assert!(warnings(pattern).is_empty(), "{pattern}");
    }
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = config(POLICY);
    assert_eq!(config.sync().schedule, "*/5 * * * *");
    assert_eq!(config.sync().per_server, 1);
    assert!(config.sync().changefeed);
    assert!(config.freshness().max_staleness.is_zero());
    assert!(config.warnings().is_empty());
}
