use vouchsafe_trust::{Denied, DeniedThing};

use super::*;
use crate::Enforcement;

fn listed(deny: &str) -> Config {
    config(&format!(
        "{POLICY}- {{pattern: 'quay.io/warn/*', validator: default, mode: warn}}
mirrors: [{{from: cache.internal, to: docker.io}}]
deny: [{deny}]
"
    ))
}

#[test]
fn nothing_admits_a_repository_on_the_deny_list() {
    let config = listed("{gun: 'docker.io/library/*', reason: CVE-2026-1}, {gun: quay.io/allow/x}");
    for image in [
        "nginx:signed".to_owned(),
        format!("nginx{}", sha256("image")),
        "cache.internal/nginx:signed".to_owned(),
        "quay.io/allow/x:1".to_owned(),
    ] {
        for purpose in [Purpose::Mutate, Purpose::Validate] {
            let decision = decide_with(&config, &image, purpose, |_facts| ());
            assert_eq!(denied(decision).label(), "deny_list", "{image}");
        }
    }
    let denial = denied(decide_with(&config, "nginx", Purpose::Mutate, |_facts| ()));
    assert_eq!(
        denial.to_string(),
        "image nginx (docker.io/library/nginx): the repository `docker.io/library/*` is on the deny \
         list (CVE-2026-1)"
    );
    assert_eq!(denial.pattern.as_deref(), Some("*"));
    let other = decide_with(&config, "quay.io/x:signed", Purpose::Mutate, |_facts| ());
    assert!(other.allowed().is_some());
}

#[test]
fn a_mirror_on_the_deny_list_is_denied_by_its_own_name_too() {
    let config = listed("{gun: 'cache.internal/*'}");
    let through = decide_with(
        &config,
        "cache.internal/nginx:signed",
        Purpose::Mutate,
        |_| (),
    );
    assert_eq!(denied(through).label(), "deny_list");
    let direct = decide_with(&config, "nginx:signed", Purpose::Mutate, |_facts| ());
    assert!(direct.allowed().is_some());
}

#[test]
fn a_digest_on_the_deny_list_is_denied_as_written_and_as_signed() {
    let bad = digest("image");
    let config = listed(&format!("{{digest: 'sha256:{bad}'}}"));
    for image in [
        format!("nginx@sha256:{bad}"),
        format!("quay.io/allow/x@sha256:{bad}"),
        "nginx:signed".to_owned(),
        "quay.io/warn/x:signed".to_owned(),
    ] {
        // A tag is no way around it where `/mutate` was not asked.
        for purpose in [Purpose::Mutate, Purpose::Validate] {
            let denial = denied(decide_with(&config, &image, purpose, |_facts| ()));
            assert_eq!(denial.label(), "deny_list", "{image}");
            assert_eq!(denial.enforcement, Enforcement::Deny, "{image}");
        }
    }
    // Which digest a tag has that nobody signs, only its registry knows.
    let unknown = decide_with(&config, "quay.io/allow/x:1", Purpose::Mutate, |_facts| ());
    assert!(unknown.allowed().is_some());
}

#[test]
fn a_rule_that_only_warns_says_so_in_its_denials() {
    let denial = denied(decide_with(
        &listed(""),
        "quay.io/warn/x:unsigned",
        Purpose::Mutate,
        |_facts| (),
    ));
    assert_eq!(denial.enforcement, Enforcement::Warn);
    assert_eq!(denial.label(), "not_signed");
}

#[test]
fn a_port_that_is_the_usual_one_is_no_way_around_the_list() {
    let config =
        listed("{gun: quay.io/allow/x}, {gun: 'cache.example:5000/x'}, {gun: 'r.example:443/*'}");
    for (image, is_denied) in [
        ("quay.io:443/allow/x:1", true),
        ("quay.io:80/allow/x:1", true),
        ("quay.io:8443/allow/x:1", false),
        ("cache.example:5000/x:1", true),
        ("cache.example/x:1", false),
        ("r.example/x:1", true),
        ("r.example:80/x:1", true),
        ("r.example:5000/x:1", false),
    ] {
        let decision = decide_with(&config, image, Purpose::Mutate, |_facts| ());
        let label = decision.denial().map(Denial::label);
        assert_eq!(label == Some("deny_list"), is_denied, "{image} {label:?}");
    }
}

#[test]
fn what_a_bundle_denies_is_meant_by_any_of_its_names() {
    let config = listed("{gun: quay.io/listed}");
    let names = [
        "docker.io/library/nginx",
        "docker.io/nginx",
        "index.docker.io/library/nginx",
        "docker.io:443/library/nginx",
    ];
    for name in names {
        let denied = Denied {
            what: DeniedThing::Gun(name.parse().unwrap()),
            reason: "stolen".to_owned(),
        };
        let config = config.with_denied([denied]);
        for (image, is_denied) in [("nginx:1", true), ("nginx/nginx:1", false)] {
            let listed = config.on_deny_list(&image.parse().unwrap());
            assert_eq!(listed.is_some(), is_denied, "{name} {image}");
        }
    }
}
