use super::*;

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
            "config.yaml:34:10: unknown key `key`; here belong `trustRoot`, `delegations`, `mode`, \
             `required`, `threshold`, `verifyInTransparencyLog`, `verifySCT`, `verificationLevel`, \
             `verifyTimestamp`",
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
fn a_fault_in_a_name_names_its_place_and_the_nearest_name() {
    for (from, to, expected) in [
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
            "config.yaml:12:11: `name` cannot be `*`; write another name: in a rule, `*` means \
             every trust root",
        ),
    ] {
        assert_eq!(broken(from, to), expected, "{to}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_fault_in_a_value_names_its_place() {
    let host = "  host: notary.example.com";
    for (from, to, expected) in [
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
            "config.yaml:34:16: `namespaces` cannot be `shop-?`; write lower-case letters, digits, \
             `-` and `*`",
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
    ] {
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
fn a_name_that_no_object_can_have_is_refused() {
    let written =
        |kubernetes: &str| broken("policy:", &format!("kubernetes: {kubernetes}\npolicy:"));
    let long = "x".repeat(64);
    for name in ["Vouchsafe", "a.b", "-a", "a-", "''", long.as_str()] {
        let message = written(&format!("{{namespace: {name}}}"));
        assert!(message.contains("`namespace`"), "{message}");
        let certificate = format!("{{certificate: {{secret: a, service: {name}, webhook: a}}}}");
        let message = written(&certificate);
        assert!(message.contains("`service`"), "{message}");
    }
    let config = config(
        "policy: [{pattern: '*', validator: deny}]\nsync: {discover: {cluster: true}}\nkubernetes: {namespace: trust, feed: true}\n",
    );
    assert!(config.sync().cluster && config.kubernetes().feed);
    assert_eq!(config.kubernetes().namespace.as_deref(), Some("trust"));
    assert!(!config.kubernetes().owners && config.kubernetes().certificate.is_none());
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
fn a_rule_that_leaves_out_a_name_is_told_which_one_is_missing() {
    let text = config_text("policy:\n- pattern: '*'\n");
    let renamed = |from: &str, to: &str| {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        error(&other)
    };
    assert_eq!(
        renamed("- name: default\n  type", "- name: main\n  type"),
        "config.yaml:33:12: the rule has no `validator`, and no validator is named `default`"
    );
    assert_eq!(
        renamed("  - name: default\n", "  - name: main\n"),
        "config.yaml:33:12: the rule has no `with.trustRoot`, and no trust root of its validator is \
         named `default`"
    );
}

#[test]
fn every_fault_is_found_that_no_other_one_hides() {
    let text = config_text(
        "policy:
- {pattern: 'quay.io/*', validator: defualt}
- {pattern: 'quay.io/[x', validator: deny}
- {pattern: 'docker.io/*', validator: default, with: {trustRoot: nobody}}
- {pattern: 'ghcr.io/*', validator: broken}
history: {retain: 1}
deny: [{}]
",
    )
    .replacen(
        "validators:",
        "validators:\n- {name: broken, type: notaryv1, host: 'x y'}",
        1,
    );
    let errors = Config::parse_all(&text, "f").unwrap_err().to_string();
    let lines: Vec<&str> = errors.lines().collect();
    for (line, words) in lines.iter().zip([
        "f:2:",
        "no validator is named `defualt`; did you mean `default`?",
        "`quay.io/[x` is not a pattern",
        "no trust root of the rule's validator is named `nobody`",
        "an entry of `deny` needs",
        "`1` is not a duration",
    ]) {
        assert!(line.contains(words), "{words}\n{errors}");
    }
    // The rule that asks the broken validator is not blamed for it.
    assert_eq!(lines.len(), 6, "{errors}");
    assert_eq!(Config::parse(&text, "f").unwrap_err().to_string(), lines[0]);
}
