use vouchsafe_trust::{Denied, DeniedThing, KeyId, TrustRoot};

use super::*;
use crate::fixtures::{KEY, OTHER_KEY};

fn key(name: &str) -> KeyId {
    digest(name).to_string().parse().unwrap()
}

fn pinned(pem: &str) -> KeyId {
    TrustRoot::from_pem(pem).unwrap().key().canonical_key_id()
}

fn denying(id: KeyId) -> Config {
    config(&format!(
        "{POLICY}deny: [{{key: '{id}', reason: stolen}}]\n"
    ))
}

/// Gives every role of `names` a key of its name, and delegates to those that are delegations.
fn keyed(facts: &mut RepositoryFacts, names: &[&str]) {
    let base = ["root", "targets", "snapshot", "timestamp"];
    let file = facts.roles[&Role::Targets];
    for name in base.iter().chain(names) {
        let role: Role = name.parse().unwrap();
        let ids = [key(name), key(&format!("certificate of {name}"))];
        facts.keys.insert(role.clone(), ids.into());
        facts.roles.entry(role.clone()).or_insert(file);
        if let Role::Delegation(name) = role {
            let paths = vec![String::new()];
            let state = DelegationState::Accepted { paths };
            facts.delegations.insert(name, state);
        }
    }
}

const NESTED: [&str; 6] = [
    "targets/a",
    "targets/ab",
    "targets/a/inner",
    "targets/b",
    "targets/idle",
    "targets/idle/inner",
];

/// Decides about an image of a repository with such keys.
fn decide_keyed(config: &Config, image: &str, names: &[&str]) -> Decision {
    decide_with(config, image, Purpose::Mutate, |facts| keyed(facts, names))
}

#[test]
fn whatever_depends_on_a_denied_key_is_denied() {
    for role in ["root", "targets", "snapshot", "timestamp"] {
        // As listed, and without its certificate.
        for id in [key(role), key(&format!("certificate of {role}"))] {
            let denial = denied(decide_keyed(&denying(id), "nginx:signed", &[]));
            assert_eq!(denial.label(), "deny_list", "{role}");
            let expected = format!(
                "image nginx:signed (docker.io/library/nginx): the key {id}, which `{role}` depends \
                 on, is on the deny list (stolen)"
            );
            assert_eq!(denial.to_string(), expected);
        }
    }
    let other = decide_keyed(&denying(key("nobody's")), "nginx:signed", &[]);
    assert!(other.allowed().is_some());
}

#[test]
fn of_delegations_those_that_speak_and_those_above_them_matter() {
    let text = format!(
        "{POLICY}- {{pattern: 'quay.io/deep/*', validator: default, \
         with: {{delegations: [targets/a/inner]}}}}\n"
    );
    for (image, name, is_denied) in [
        ("quay.io/by/x:signed", "targets/a", true),
        ("quay.io/by/x:signed", "targets/b", true),
        ("quay.io/by/x:signed", "targets/ab", false),
        ("quay.io/by/x:signed", "targets/a/inner", false),
        ("quay.io/by/x:signed", "targets/idle", false),
        ("quay.io/deep/x:signed", "targets/a/inner", true),
        ("quay.io/deep/x:signed", "targets/a", true),
        ("quay.io/deep/x:signed", "targets/ab", false),
        ("quay.io/deep/x:signed", "targets/b", false),
        ("quay.io/deep/x:signed", "targets/idle/inner", false),
        ("nginx:signed", "targets/a", false),
        ("nginx:signed", "targets/idle", false),
    ] {
        let config = config(&format!("{text}deny: [{{key: '{}'}}]\n", key(name)));
        let decision = decide_keyed(&config, image, &NESTED);
        let label = decision.denial().map(Denial::label);
        let expected = is_denied.then_some("deny_list");
        assert_eq!(label, expected, "{image} {name}");
    }
    // Where it is published, `targets/releases` speaks unasked.
    let releases = ["targets/releases"];
    let config = denying(key("targets/releases"));
    let decision = decide_keyed(&config, "nginx:signed", &releases);
    assert_eq!(denied(decision).label(), "deny_list");
}

#[test]
fn a_trust_root_that_the_rule_demands_is_denied_and_another_one_is_not() {
    for (image, pem, is_denied) in [
        ("nginx:signed", KEY, true),
        ("nginx:signed", OTHER_KEY, false),
        ("quay.io/other/x:signed", OTHER_KEY, true),
        ("quay.io/all/x:signed", OTHER_KEY, true),
        ("quay.io/lax/x:signed", OTHER_KEY, false),
        ("quay.io/allow/x:signed", KEY, false),
    ] {
        let config = denying(pinned(pem));
        let decision = decide_with(&config, image, Purpose::Mutate, |facts| {
            let other = TrustRoot::from_pem(OTHER_KEY).unwrap();
            facts.anchors.insert(other.key().fingerprint());
        });
        let label = decision.denial().map(Denial::label);
        assert_eq!(label, is_denied.then_some("deny_list"), "{image}");
    }
    let denial = denied(decide_with(
        &denying(pinned(KEY)),
        "nginx:signed",
        Purpose::Mutate,
        |_facts| (),
    ));
    assert!(
        denial
            .to_string()
            .contains("which is the trust root `default`, is on the deny list (stolen)"),
        "{denial}"
    );
}

/// Asks about an image that is approved.
fn approved(
    config: &Config,
    image: &str,
    approval: Approval,
    evidence: impl FnOnce(&Query) -> Result<Evidence, String>,
) -> Decision {
    let asked = Asked {
        image,
        namespace: None,
        purpose: Purpose::Validate,
        now: now(),
    };
    config.decide(&asked, evidence, || Some(approval))
}

#[test]
fn an_approval_is_no_way_around_a_denied_key() {
    let images = [
        "nginx:signed".to_owned(),
        format!("nginx{}", sha256("image")),
        format!("nginx:signed{}", sha256("another image")),
        "nginx:unsigned".to_owned(),
    ];
    let evidence = |query: &Query| {
        let mut facts = facts(GUN);
        keyed(&mut facts, &[]);
        for role in facts.roles.values_mut() {
            role.expires = now() - hours(1);
        }
        Ok(known(query, facts, &[("signed", digest("image"))]))
    };
    for approval in [Approval::Child, Approval::Unchanged] {
        for image in &images {
            let config = denying(key("snapshot"));
            let denial = denied(approved(&config, image, approval, evidence));
            assert_eq!(denial.label(), "deny_list", "{image}");
            // Nothing can be known about an image if the store fails.
            let failed = |_query: &Query| Err("on fire".to_owned());
            let denial = denied(approved(&config, image, approval, failed));
            assert_eq!(denial.label(), "store_failed", "{image}");
            let unlisted = approved(&denying(key("x")), image, approval, evidence);
            assert_eq!(allowed(unlisted).label(), approval.label(), "{image}");
            // The rule's own trust root needs no evidence to be told.
            let config = denying(pinned(KEY));
            for evidence in [Evidence::Unknown, Evidence::Withdrawn { at: now() }] {
                let decision = approved(&config, image, approval, |_query| Ok(evidence));
                assert_eq!(denied(decision).label(), "deny_list", "{image}");
            }
        }
    }
}

#[test]
fn a_listed_digest_is_found_though_the_delegation_that_signed_it_has_expired() {
    let text = format!("{POLICY}deny: [{{digest: 'sha256:{}'}}]\n", digest("image"));
    let evidence = |query: &Query| {
        let mut facts = facts(GUN);
        keyed(&mut facts, &["targets/releases"]);
        let releases = Role::Delegation(DelegationName::releases());
        facts.roles.get_mut(&releases).unwrap().expires = now() - hours(1);
        Ok(known(query, facts, &[("signed", digest("image"))]))
    };
    let decision = approved(
        &config(&text),
        "nginx:signed",
        Approval::Unchanged,
        evidence,
    );
    assert_eq!(denied(decision).label(), "deny_list");
}

#[test]
fn a_rule_that_only_warns_and_broken_glass_do_not_let_a_denied_key_pass() {
    let text = format!(
        "{POLICY}- {{pattern: 'quay.io/warn/*', validator: default, mode: warn}}
breakGlass: [{{gun: {GUN}, from: 2026-11-23T11:00:00Z, until: 2026-11-24T12:00:00Z, reason: r}}]
deny: [{{key: '{}'}}]
",
        key("targets")
    );
    for image in ["quay.io/warn/x:signed", "nginx:signed"] {
        let denial = denied(decide_keyed(&config(&text), image, &[]));
        assert_eq!(denial.label(), "deny_list", "{image}");
        assert_eq!(denial.enforcement, crate::Enforcement::Deny, "{image}");
    }
}

#[test]
fn what_a_bundle_denies_is_denied_besides_what_the_configuration_does() {
    let denied_by = |what, reason: &str| Denied {
        what,
        reason: reason.to_owned(),
    };
    let own = denying(key("snapshot"));
    let bundle = [
        denied_by(DeniedThing::Key(key("snapshot")), "by the bundle"),
        denied_by(DeniedThing::Key(key("targets/a")), ""),
        denied_by(DeniedThing::Digest(digest("image")), "CVE-1"),
        denied_by(DeniedThing::Gun("quay.io/bad/x".parse().unwrap()), "gone"),
        denied_by(
            DeniedThing::Gun("quay.io:443/port/x".parse().unwrap()),
            "gone",
        ),
    ];
    let both = own.with_denied(bundle);
    let words = |config: &Config, image: &str| {
        let decision = decide_keyed(config, image, &["targets/a", "targets/b"]);
        decision.denial().map(|denial| denial.cause.to_string())
    };
    // The operator's own words stay.
    let told = |what: &str, why: &str| Some(format!("{what} is on the deny list{why}"));
    let snapshot = format!("the key {}, which `snapshot` depends on,", key("snapshot"));
    assert_eq!(words(&own, "nginx:signed"), told(&snapshot, " (stolen)"));
    assert_eq!(words(&both, "nginx:other"), told(&snapshot, " (stolen)"));
    let by_bundle = config(POLICY).with_denied([
        denied_by(DeniedThing::Key(key("targets/a")), " "),
        denied_by(DeniedThing::Gun("quay.io/bad/x".parse().unwrap()), "gone"),
    ]);
    let a = format!(
        "the key {}, which `targets/a` depends on,",
        key("targets/a")
    );
    assert_eq!(words(&by_bundle, "quay.io/by/x:signed"), told(&a, ""));
    let digest = format!("the digest sha256:{}", digest("image"));
    assert_eq!(words(&both, "nginx:signed"), told(&digest, " (CVE-1)"));
    for image in ["quay.io/bad/x:1", "quay.io:443/bad/x:1", "quay.io/port/x:1"] {
        let words = words(&both, image).unwrap();
        assert!(words.starts_with("the repository `quay.io"), "{words}");
    }
    assert_eq!(words(&by_bundle, "quay.io/bad/xy:signed"), None);
    // The one without the bundle's list is as it was.
    assert_eq!(words(&config(POLICY), "quay.io/bad/x:signed"), None);
    assert_eq!(
        words(&own, "quay.io/bad/x:signed"),
        told(&snapshot, " (stolen)")
    );
}
