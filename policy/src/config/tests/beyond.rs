//! What goes beyond validators and rules.

use super::*;

#[test]
fn features_have_the_defaults_of_connaisseur() {
    let features = |text: &str| config(&format!("{POLICY}{text}")).features();
    let default = Features {
        detection_mode: false,
        child_approval: true,
        unchanged_approval: false,
        resources: ResourceValidationMode::All,
    };
    assert_eq!(features(""), default);
    assert_eq!(features("features: {}"), default);
    assert_eq!(features("features: {resourceValidationMode: ALL}"), default);
    let all = "features: {detectionMode: true, automaticChildApproval: false, \
               automaticUnchangedApproval: true}";
    let changed = Features {
        detection_mode: true,
        child_approval: false,
        unchanged_approval: true,
        resources: ResourceValidationMode::All,
    };
    assert_eq!(features(all), changed);
    let pods = features("features: {resourceValidationMode: podsOnly}");
    assert_eq!(pods.resources, ResourceValidationMode::PodsOnly);
    assert!(!pods.child_approval);
    let text = "features: {resourceValidationMode: PodsOnly, automaticChildApproval: true}";
    let config = config(&format!("{POLICY}{text}"));
    let [warning] = config.warnings() else {
        panic!("{:?}", config.warnings());
    };
    assert!(
        warning.contains("`automaticChildApproval` does nothing"),
        "{warning}"
    );
}

#[test]
fn a_rule_about_a_mirror_and_a_keychain_are_warned_about() {
    let config = config(
        "policy:
- {pattern: 'cache.internal/hub/nginx:*', validator: deny}
- {pattern: 'cache.internal/hubs/*', validator: deny}
mirrors: [{from: cache.internal/hub, to: docker.io}]
",
    );
    let [warning] = config.warnings() else {
        panic!("{:?}", config.warnings());
    };
    assert!(warning.starts_with("config.yaml:33:13: "), "{warning}");
    assert!(warning.contains("write `docker.io` instead"), "{warning}");
    let text = config_text(POLICY).replacen(
        "  host: notary.example.com",
        "  host: keychain.example.com\n  auth: {useKeychain: true, username: u, password: p}",
        1,
    );
    let config = Config::parse(&text, "f").unwrap();
    assert!(config.warnings()[0].contains("`useKeychain` means nothing"));
}

#[test]
fn a_fault_in_what_goes_beyond_validators_and_rules_names_its_place() {
    let before = |text: &str| format!("{text}\npolicy:");
    for (text, expected) in [
        (
            "mirrors: [{from: registry, to: docker.io}]",
            "config.yaml:32:18: `from` cannot be `registry`; did you mean `docker.io/registry`?",
        ),
        (
            "mirrors: [{from: cache.internal, to: 'docker.io/a:1'}]",
            "config.yaml:32:38: `to` cannot be `docker.io/a:1`; write a registry, or a registry and a \
             path: `registry.example.com/hub`",
        ),
        (
            "mirrors: [{from: cache.internal/, to: docker.io}]",
            "config.yaml:32:18: `from` cannot be `cache.internal/`; write a registry, or a registry \
             and a path: `registry.example.com/hub`",
        ),
        (
            "mirrors: [{from: a.internal, to: x.io}, {from: A.internal, to: y.io}]",
            "config.yaml:32:48: another mirror is named `a.internal` (line 32)",
        ),
        (
            "deny: [{reason: x}]",
            "config.yaml:32:8: an entry of `deny` needs a `digest`, a `gun` or a `key`, and only one of these",
        ),
        (
            "deny: [{digest: 'sha256:12'}]",
            "config.yaml:32:17: `digest` cannot be used: a sha256 digest has 64 lower-case \
             hexadecimal digits",
        ),
        (
            "deny: [{gun: 'docker.io/library/nginx:1'}]",
            "config.yaml:32:14: `docker.io/library/nginx:1` must name repositories only, without a \
             tag or digest",
        ),
        (
            "deny: [{gun: nginx}]",
            "config.yaml:32:14: `gun` cannot be `nginx`; did you mean `docker.io/library/nginx`?",
        ),
        (
            "deny: [{gun: 'team/*'}]",
            "config.yaml:32:14: `gun` cannot be `team/*`; did you mean `docker.io/team/*`?",
        ),
        (
            "deny: [{gun: docker.io/nginx}]",
            "config.yaml:32:14: `gun` cannot be `docker.io/nginx`; did you mean \
             `docker.io/library/nginx`?",
        ),
        (
            "deny: [{gun: registry.example.com}]",
            "config.yaml:32:14: `gun` cannot be `registry.example.com`; did you mean \
             `registry.example.com/*`?",
        ),
        (
            "deny: [{gun: registry.example.com/App}]",
            "config.yaml:32:14: `gun` cannot be `registry.example.com/App`; write a repository with \
             its registry, spelled out: `docker.io/library/nginx`, `registry.example.com/*`",
        ),
        (
            "features: {resourceValidationMode: podOnly}",
            "config.yaml:32:36: `resourceValidationMode` cannot be `podOnly`; did you mean \
             `podsOnly`?",
        ),
        (
            "features: {detectionMod: true}",
            "config.yaml:32:12: unknown key `detectionMod`; did you mean `detectionMode`?",
        ),
        (
            "history: {retain: 1}",
            "config.yaml:32:19: `1` is not a duration such as `0s`, `24h`, `7d` or `1h30m`",
        ),
    ] {
        assert_eq!(broken("policy:", &before(text)), expected, "{text}");
    }
    assert_eq!(
        broken("validator: deny", "mode: mutate"),
        "config.yaml:34:9: `mode` cannot be `mutate`; write `enforce` or `warn`; `mutate` and \
         `insecureValidateOnly` belong below `with`"
    );
    for name in ["../x", "", ".", "a/b", "A"] {
        let message = broken(
            "  host: notary.example.com",
            &format!("  auth: {{secretName: '{name}'}}"),
        );
        assert!(message.contains("`secretName` cannot be"), "{message}");
    }
}

#[test]
fn an_image_of_an_object_is_of_the_repository_that_its_rule_asks_about() {
    let text = config_text(
        "policy:
- {pattern: '*', validator: deny}
- {pattern: 'quay.io/*', validator: default}
- {pattern: 'quay.io/free/*', validator: allow}
- {pattern: 'quay.io/free/*', validator: default, namespaces: [prod]}
mirrors: [{from: cache.internal, to: quay.io}]
",
    );
    let repository = |text: &str, image: &str, namespace: &str| {
        let config = Config::parse(text, "f").unwrap();
        let (of, gun) = config.notary_repository(image, namespace)?;
        assert_eq!(*of, server());
        Some(gun.to_string())
    };
    for (image, namespace, found) in [
        ("quay.io/team/app:1", "shop", Some("quay.io/team/app")),
        ("cache.internal/team/app", "shop", Some("quay.io/team/app")),
        ("quay.io/free/app:1", "prod", Some("quay.io/free/app")),
        ("quay.io/free/app:1", "shop", None),
        ("nginx", "shop", None),
        ("quay.io/Not a reference", "shop", None),
    ] {
        assert_eq!(
            repository(&text, image, namespace).as_deref(),
            found,
            "{image}"
        );
    }
    let list = "  host: notary.example.com\n  repositories: [quay.io/team/*]";
    let listed = text.replacen("  host: notary.example.com", list, 1);
    assert_eq!(repository(&listed, "quay.io/other/app", "shop"), None);
    assert!(repository(&listed, "quay.io/team/app", "shop").is_some());
}
