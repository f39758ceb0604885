use jiff::SignedDuration;
use vouchsafe_trust::metadata::Target;

use super::*;

/// Broken for one repository from the fixture's present on, for a day.
fn broken(more: &str) -> Config {
    config(&format!(
        "{POLICY}breakGlass:
- {{gun: {GUN}, from: 2026-11-23T12:00:00Z, until: 2026-11-24T12:00:00Z, reason: courier lost}}
- {{gun: quay.io/by/x, from: 2026-11-23T12:00:00Z, until: 2026-11-24T12:00:00Z, reason: r}}
- {{gun: quay.io/allow/x, from: 2026-11-23T12:00:00Z, until: 2026-11-24T12:00:00Z, reason: r}}
- {{gun: quay.io/deny/x, from: 2026-11-23T12:00:00Z, until: 2026-11-24T12:00:00Z, reason: r}}
- {{gun: quay.io/other/x, from: 2026-11-23T12:00:00Z, until: 2026-11-24T12:00:00Z, reason: r}}
{more}"
    ))
}

const WARNING: &str = "the glass is broken for docker.io/library/nginx until 2026-11-24T12:00:00Z \
                       (courier lost): expired signatures count";

/// Nothing of it is valid any more, for long.
fn expire_all(facts: &mut RepositoryFacts) {
    for role in facts.roles.values_mut() {
        role.expires = now() - hours(1_000);
    }
}

/// Delegates to `targets/a` and `targets/b` as they are.
fn delegate(facts: &mut RepositoryFacts, a: DelegationState, b: DelegationState) {
    let file = facts.roles[&Role::Targets];
    for (name, state) in [("targets/a", a), ("targets/b", b)] {
        let name: DelegationName = name.parse().unwrap();
        facts.roles.insert(Role::Delegation(name.clone()), file);
        facts.delegations.insert(name, state);
    }
}

fn everything() -> DelegationState {
    DelegationState::Accepted {
        paths: vec![String::new()],
    }
}

/// Decides at `at` about an image of which all has expired.
fn decide_at(config: &Config, image: &str, at: Timestamp) -> Decision {
    let asked = Asked {
        image,
        namespace: None,
        purpose: Purpose::Mutate,
        now: at,
    };
    let evidence = |query: &Query| {
        let mut facts = facts(query.gun.as_str());
        facts.certificate_validity.until = now() + hours(1_000);
        expire_all(&mut facts);
        Ok::<_, String>(known(query, facts, &[("signed", digest("image"))]))
    };
    config.decide(&asked, evidence, || None)
}

#[test]
fn expiry_of_every_role_is_looked_past_and_the_answer_says_so() {
    let config = broken("");
    let roles = [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp];
    for expired in roles.map(|role| vec![role]).into_iter().chain([vec![
        Role::Root,
        Role::Targets,
        Role::Snapshot,
        Role::Timestamp,
    ]]) {
        let decision = decide_with(&config, "nginx:signed", Purpose::Mutate, |facts| {
            for role in &expired {
                facts.roles.get_mut(role).unwrap().expires = now() - hours(1_000);
            }
        });
        let allowed = allowed(decision);
        assert_eq!(allowed.label(), "signed_break_glass", "{expired:?}");
        assert_eq!(allowed.warnings, [WARNING], "{expired:?}");
        let pinned = format!("nginx:signed{}", sha256("image"));
        assert_eq!(allowed.patched, Some(pinned), "{expired:?}");
        let proof = allowed.proof().unwrap();
        assert_eq!(proof.digest, digest("image"));
        let glass = proof.glass.as_ref().unwrap();
        assert_eq!(glass.reason, "courier lost");
        assert!(matches!(proof.freshness, Freshness::Expired { .. }));
    }
    for at in ["targets/a", "targets/b"] {
        let decision = decide_with(&config, "quay.io/by/x:signed", Purpose::Mutate, |facts| {
            delegate(facts, everything(), everything());
            let role = facts.roles.get_mut(&at.parse().unwrap()).unwrap();
            role.expires = now() - hours(1);
        });
        let allowed = allowed(decision);
        assert_eq!(allowed.label(), "signed_break_glass", "{at}");
        // Only the delegation has expired.
        let freshness = &allowed.proof().unwrap().freshness;
        assert!(matches!(freshness, Freshness::Fresh { .. }), "{at}");
    }
}

#[test]
fn it_holds_from_its_first_moment_to_its_last_and_for_its_repository_alone() {
    let config = broken("");
    let (first, last) = (now(), now() + hours(24));
    let beside = SignedDuration::from_nanos(1);
    for (at, is_broken) in [
        (first - beside, false),
        (first, true),
        (first + beside, true),
        (last - beside, true),
        (last, true),
        (last + beside, false),
    ] {
        let decision = decide_at(&config, "nginx:signed", at);
        assert_eq!(decision.allowed().is_some(), is_broken, "{at}");
        let gun = GUN.parse().unwrap();
        assert_eq!(config.broken_glass(&gun, at).is_some(), is_broken, "{at}");
        if let Some(denial) = decision.denial() {
            assert_eq!((denial.label(), &denial.glass), ("expired", &None), "{at}");
        }
        for other in ["nginx2:signed", "quay.io/x:signed", "quay.io/by/y:signed"] {
            let denial = denied(decide_at(&config, other, at));
            assert_eq!(denial.glass, None, "{other} {at}");
        }
    }
    assert_eq!(config.break_glass().len(), 5);
}

#[test]
fn the_label_stands_only_where_nothing_else_would_do() {
    let config = broken("freshness: {maxStaleness: 24h}\n");
    let decide = |hours_ago: Option<i64>| {
        let decision = decide_with(&config, "nginx:signed", Purpose::Mutate, |facts| {
            if let Some(hours_ago) = hours_ago {
                let timestamp = facts.roles.get_mut(&Role::Timestamp).unwrap();
                timestamp.expires = now() - hours(hours_ago);
            }
        });
        allowed(decision)
    };
    for (hours_ago, label, warnings) in [
        (None, "signed", 1),
        (Some(24), "signed_stale", 2),
        (Some(25), "signed_break_glass", 1),
    ] {
        let allowed = decide(hours_ago);
        assert_eq!(allowed.label(), label, "{hours_ago:?}");
        assert_eq!(allowed.warnings.len(), warnings, "{allowed:?}");
        assert_eq!(allowed.warnings.last().unwrap(), WARNING);
        let is_broken = label == "signed_break_glass";
        assert_eq!(allowed.proof().unwrap().glass.is_some(), is_broken);
    }
}

/// A case: the image, what is wrong with its repository, and the label of the denial.
type Unmoved = (&'static str, fn(&mut RepositoryFacts), &'static str);

#[test]
fn nothing_that_is_not_signed_is_admitted() {
    let config = broken("");
    let fine: fn(&mut RepositoryFacts) = |_facts| ();
    let under_signed = |facts: &mut RepositoryFacts| {
        let (needed, valid) = (2, 1);
        let state = DelegationState::UnderSigned { needed, valid };
        delegate(facts, everything(), state);
    };
    let unpublished = |facts: &mut RepositoryFacts| {
        delegate(facts, DelegationState::Unpublished, everything());
    };
    let vanished = |facts: &mut RepositoryFacts| {
        delegate(facts, everything(), DelegationState::Vanished);
    };
    let certificate_expired = |facts: &mut RepositoryFacts| {
        facts.certificate_validity.until = now() - hours(1);
    };
    let cases: [Unmoved; 9] = [
        ("nginx:unsigned", fine, "not_signed"),
        ("nginx", fine, "not_signed"),
        (
            "nginx:signed",
            |facts| facts.anchors.clear(),
            "not_anchored",
        ),
        ("quay.io/other/x:signed", fine, "not_anchored"),
        (
            "nginx:signed",
            |facts| facts.certificate_names_gun = false,
            "certificate_name",
        ),
        ("nginx:signed", certificate_expired, "certificate_validity"),
        ("quay.io/by/x:signed", under_signed, "delegation_not_signed"),
        (
            "quay.io/by/x:signed",
            unpublished,
            "delegation_not_published",
        ),
        ("quay.io/by/x:signed", vanished, "delegation_not_published"),
    ];
    for (image, change, label) in cases {
        for expired in [false, true] {
            let decision = decide_with(&config, image, Purpose::Mutate, |facts| {
                change(facts);
                if expired {
                    expire_all(facts);
                }
            });
            let denial = denied(decision);
            assert_eq!(denial.label(), label, "{image} {expired}");
            assert!(denial.glass.is_some(), "{image} {expired}");
        }
    }
    let unpinned = decide_with(&config, "nginx:signed", Purpose::Validate, expire_all);
    assert_eq!(denied(unpinned).label(), "not_pinned");
    let wrong = format!("nginx:signed{}", sha256("another image"));
    let bare = format!("nginx{}", sha256("another image"));
    for (image, label) in [(wrong, "digest_mismatch"), (bare, "not_signed")] {
        let decision = decide_with(&config, &image, Purpose::Validate, expire_all);
        assert_eq!(denied(decision).label(), label);
    }
}

#[test]
fn nobody_in_disagreement_and_nothing_outside_its_paths_is_admitted() {
    let config = broken("");
    let decide = |paths: &[&str], digests: [&str; 2]| {
        decide_by(&config, "quay.io/by/x:signed", Purpose::Mutate, |query| {
            let mut facts = facts(query.gun.as_str());
            let paths = paths.iter().map(|path| (*path).to_owned()).collect();
            delegate(
                &mut facts,
                everything(),
                DelegationState::Accepted { paths },
            );
            expire_all(&mut facts);
            let state = |role: &str, image: &str| Statement {
                role: role.parse().unwrap(),
                targets: vec![Target {
                    name: "signed".to_owned(),
                    sha256: Some(digest(image)),
                    length: 1,
                }],
                former: Vec::new(),
            };
            let [a, b] = digests;
            Ok::<_, String>(Evidence::Known(Box::new(Known {
                facts,
                statements: vec![state("targets/a", a), state("targets/b", b)],
                vouch: None,
            })))
        })
    };
    assert!(decide(&["sig"], ["x", "x"]).allowed().is_some());
    let conflict = denied(decide(&["sig"], ["x", "y"]));
    assert_eq!(conflict.label(), "digests_conflict");
    let outside = denied(decide(&["other"], ["x", "x"]));
    assert_eq!(outside.label(), "outside_paths");
}

#[test]
fn what_is_on_the_deny_list_or_not_stored_stays_denied() {
    let bad = digest("image");
    for deny in [
        format!("deny: [{{digest: 'sha256:{bad}'}}]\n"),
        format!("deny: [{{gun: {GUN}}}]\n"),
    ] {
        let decision = decide_at(&broken(&deny), "nginx:signed", now());
        let denial = denied(decision);
        assert_eq!(denial.label(), "deny_list", "{deny}");
        assert_eq!(denial.glass.as_deref(), Some(WARNING), "{deny}");
    }
    let config = broken("");
    let nothing = |evidence: Result<Evidence, &'static str>| {
        let decision = decide_by(&config, "nginx:signed", Purpose::Mutate, |_query| evidence);
        denied(decision)
    };
    for (evidence, label) in [
        (Ok(Evidence::Unknown), "not_synced"),
        (Ok(Evidence::Withdrawn { at: now() }), "withdrawn"),
        (Err("on fire"), "store_failed"),
    ] {
        let denial = nothing(evidence);
        assert_eq!(denial.label(), label);
        assert!(denial.to_string().ends_with(&format!(" ({WARNING})")));
    }
}

#[test]
fn every_answer_about_the_repository_tells_of_it() {
    let config = broken("");
    for image in ["quay.io/allow/x:1", "nginx:signed"] {
        let decision = decide_with(&config, image, Purpose::Mutate, |_facts| ());
        let [warning] = allowed(decision).warnings.try_into().unwrap();
        assert!(warning.starts_with("the glass is broken for "), "{warning}");
    }
    let denial = denied(decide_with(
        &config,
        "quay.io/deny/x:1",
        Purpose::Mutate,
        |_facts| (),
    ));
    assert_eq!(denial.label(), "static_deny");
    assert!(denial.glass.is_some());
    for approval in [Approval::Child, Approval::Unchanged] {
        for image in ["nginx:unsigned".to_owned(), format!("nginx{}", sha256("x"))] {
            let asked = Asked {
                image: &image,
                namespace: None,
                purpose: Purpose::Validate,
                now: now(),
            };
            let unknown = |_query: &Query| Ok::<_, String>(Evidence::Unknown);
            let decision = config.decide(&asked, unknown, || Some(approval));
            assert_eq!(allowed(decision).warnings, [WARNING], "{image}");
        }
    }
    let other = decide_with(&config, "quay.io/x:signed", Purpose::Mutate, |_facts| ());
    assert!(allowed(other).warnings.is_empty());
}

#[test]
fn a_mirrored_image_is_told_of_by_the_name_that_is_signed() {
    let config = broken("mirrors: [{from: cache.internal/hub, to: docker.io}]\n");
    let image = "cache.internal/hub/library/nginx:signed";
    let allowed = allowed(decide_at(&config, image, now()));
    assert_eq!(allowed.label(), "signed_break_glass");
    assert_eq!(allowed.warnings, [WARNING]);
}
