mod approvals;
mod break_glass;
mod delegations;
mod denials;
mod deny_keys;
mod deny_list;
mod freshness;
mod history;
mod mirrors;
mod time_travel;

use std::cell::Cell;

use vouchsafe_trust::evidence::{
    Freshness, Known, NotSigned, Retained, Signers, Statement, Wanted,
};
use vouchsafe_trust::image::ReferenceError;
use vouchsafe_trust::repository::{DelegationState, RoleFacts, Validity};
use vouchsafe_trust::{DelegationName, RepositoryFacts, Role, Version};

use super::*;
use crate::fixtures::{config, digest, facts, hours, known, now};

const GUN: &str = "docker.io/library/nginx";

const POLICY: &str = "policy:
- {pattern: '*', validator: default}
- {pattern: 'quay.io/allow/*', validator: allow}
- {pattern: 'quay.io/deny/*', validator: deny}
- {pattern: 'quay.io/other/*', validator: default, with: {trustRoot: other}}
- {pattern: 'quay.io/all/*', validator: default, with: {trustRoot: '*'}}
- {pattern: 'quay.io/lax/*', validator: lax}
- {pattern: 'quay.io/by/*', validator: default, with: {delegations: [a, b]}}
- {pattern: 'quay.io/loose/*', validator: default, with: {mode: insecureValidateOnly}}
";

/// Decides about `image` on what `evidence` says, in no namespace.
fn decide_by<E: fmt::Display>(
    config: &Config,
    image: &str,
    purpose: Purpose,
    evidence: impl FnOnce(&Query) -> Result<Evidence, E>,
) -> Decision {
    let asked = Asked {
        image,
        namespace: None,
        purpose,
        now: now(),
    };
    config.decide(&asked, evidence, || None)
}

/// Decides about `image`, whose repository signed its tag `signed`, after `change`.
fn decide_with(
    config: &Config,
    image: &str,
    purpose: Purpose,
    change: impl FnOnce(&mut RepositoryFacts),
) -> Decision {
    decide_by(config, image, purpose, |query| {
        let mut facts = facts(query.gun.as_str());
        change(&mut facts);
        let targets = [("signed", digest("image")), ("also", digest("image"))];
        Ok::<_, String>(known(query, facts, &targets))
    })
}

fn decide(image: &str, purpose: Purpose) -> Decision {
    decide_with(&config(POLICY), image, purpose, |_facts| ())
}

fn denied(decision: Decision) -> Denial {
    match decision {
        Decision::Deny(denial) => *denial,
        Decision::Allow(allowed) => panic!("{allowed:?}"),
    }
}

fn allowed(decision: Decision) -> Allowed {
    match decision {
        Decision::Allow(allowed) => *allowed,
        Decision::Deny(denial) => panic!("{denial}"),
    }
}

fn cause(image: &str, change: impl FnOnce(&mut RepositoryFacts)) -> Cause {
    denied(decide_with(&config(POLICY), image, Purpose::Mutate, change)).cause
}

fn sha256(name: &str) -> String {
    format!("@sha256:{}", digest(name))
}

#[test]
fn a_signed_tag_is_allowed_and_pinned_as_it_was_written() {
    let pin = sha256("image");
    for name in ["nginx:signed", "docker.io/nginx:also", "Quay.IO/x:signed"] {
        let allowed = allowed(decide(name, Purpose::Mutate));
        assert_eq!(allowed.patched, Some(format!("{name}{pin}")));
        assert_eq!(allowed.image, name);
        let proof = allowed.proof().unwrap();
        assert_eq!(proof.digest, digest("image"));
        assert_eq!(proof.signers, [Role::Targets]);
        assert!(matches!(proof.freshness, Freshness::Fresh { .. }));
        assert_eq!(allowed.pattern, "*");
        assert_eq!(allowed.validator, "default");
        assert!(allowed.warnings.is_empty());
    }
}

#[test]
fn what_mutate_returns_passes_validate_and_changes_no_more() {
    for name in ["nginx:signed", "nginx:also", "quay.io/loose/x:signed"] {
        let mutated = allowed(decide(name, Purpose::Mutate));
        let image = mutated.patched.clone().unwrap_or_else(|| name.to_owned());
        let validated = allowed(decide(&image, Purpose::Validate));
        assert_eq!(validated.patched, None);
        assert_eq!(validated.grounds, mutated.grounds);
        assert_eq!(allowed(decide(&image, Purpose::Mutate)).patched, None);
    }
}

#[test]
fn a_final_object_must_be_pinned_unless_the_rule_gives_that_up() {
    let denial = denied(decide("nginx:signed", Purpose::Validate));
    assert_eq!(denial.label(), "not_pinned");
    let pinned = format!("nginx:signed{}", sha256("image"));
    assert!(
        denial.next_step().contains(&pinned),
        "{}",
        denial.next_step()
    );
    let unsigned = denied(decide("nginx:unsigned", Purpose::Validate));
    assert_eq!(unsigned.label(), "not_signed");
    let loose = allowed(decide("quay.io/loose/x:signed", Purpose::Validate));
    assert_eq!(loose.proof().unwrap().digest, digest("image"));
    assert_eq!(
        allowed(decide("quay.io/loose/x:signed", Purpose::Mutate)).patched,
        None
    );
    let unsigned = denied(decide("quay.io/loose/x:unsigned", Purpose::Validate));
    assert_eq!(unsigned.label(), "not_signed");
}

#[test]
fn what_is_kept_has_to_be_signed_and_is_neither_replaced_nor_asked_to_be_pinned() {
    let pinned = format!("nginx:signed{}", sha256("image"));
    for image in ["nginx:signed", &pinned] {
        let kept = allowed(decide(image, Purpose::Keep));
        assert_eq!((kept.patched.as_ref(), kept.label()), (None, "signed"));
    }
    let unsigned = denied(decide("nginx:unsigned", Purpose::Keep));
    assert_eq!(unsigned.label(), "not_signed");
}

#[test]
fn a_digest_is_allowed_if_it_is_signed_and_fits_the_tag_beside_it() {
    let (good, bad) = (sha256("image"), sha256("another image"));
    for purpose in [Purpose::Mutate, Purpose::Validate] {
        for image in [format!("nginx{good}"), format!("nginx:signed{good}")] {
            let allowed = allowed(decide(&image, purpose));
            assert_eq!((allowed.image, allowed.patched), (image, None));
        }
        for (image, label) in [
            (format!("nginx{bad}"), "not_signed"),
            (format!("nginx:signed{bad}"), "digest_mismatch"),
            (format!("nginx:unsigned{good}"), "not_signed"),
            (
                format!("nginx:signed@sha512:{}", "0".repeat(128)),
                "unsupported_digest",
            ),
        ] {
            assert_eq!(denied(decide(&image, purpose)).label(), label, "{image}");
        }
    }
}

#[test]
fn static_validators_answer_without_any_evidence() {
    let config = config(POLICY);
    for (image, label) in [
        ("quay.io/allow/x", None),
        ("quay.io/deny/x", Some("static_deny")),
        ("Not An Image", Some("bad_reference")),
    ] {
        for purpose in [Purpose::Mutate, Purpose::Validate] {
            let asked = Cell::new(false);
            let decision = decide_by(&config, image, purpose, |_query| {
                asked.set(true);
                Err("not to be asked")
            });
            assert_eq!(decision.denial().map(Denial::label), label, "{image}");
            assert!(!asked.get());
            let patched = decision
                .allowed()
                .and_then(|allowed| allowed.patched.clone());
            assert_eq!(patched, None);
        }
    }
    let none = crate::fixtures::config("policy: [{pattern: 'quay.io/*', validator: allow}]\n");
    let denial = denied(decide_by(&none, "nginx", Purpose::Mutate, |_query| {
        Err("no")
    }));
    assert_eq!(denial.label(), "no_rule");
}

#[test]
fn what_is_not_known_denies() {
    let config = config(POLICY);
    let decide = |evidence: Result<Evidence, String>| {
        denied(decide_by(
            &config,
            "nginx:signed",
            Purpose::Mutate,
            |_query| evidence,
        ))
    };
    assert_eq!(decide(Ok(Evidence::Unknown)).label(), "not_synced");
    let withdrawn = Evidence::Withdrawn { at: now() };
    assert_eq!(decide(Ok(withdrawn)).label(), "withdrawn");
    assert_eq!(
        decide(Err("disk on fire".to_owned())).label(),
        "store_failed"
    );
}

#[test]
fn evidence_about_something_else_denies() {
    let config = config(POLICY);
    let decide = |change: fn(&mut Known)| {
        denied(decide_by(
            &config,
            "nginx:signed",
            Purpose::Mutate,
            |query| {
                let targets = [("signed", digest("image"))];
                let Evidence::Known(mut evidence) = known(query, facts(GUN), &targets) else {
                    panic!();
                };
                change(&mut evidence);
                Ok::<_, String>(Evidence::Known(evidence))
            },
        ))
    };
    let changes: [fn(&mut Known); 4] = [
        |known| known.facts.gun = "docker.io/library/other".parse().unwrap(),
        |known| known.statements.clear(),
        |known| known.statements[0].role = Role::Snapshot,
        |known| {
            let again: Statement = known.statements[0].clone();
            known.statements.push(again);
        },
    ];
    for change in changes {
        assert_eq!(decide(change).label(), "store_failed");
    }
}

#[test]
fn every_trust_root_that_the_rule_names_must_anchor_the_repository() {
    let roots = |cause| {
        let Cause::NotAnchored { roots, .. } = cause else {
            panic!("{cause}");
        };
        roots
    };
    assert_eq!(
        roots(cause("quay.io/other/x:signed", |_facts| ())),
        ["other"]
    );
    assert_eq!(roots(cause("quay.io/all/x:signed", |_facts| ())), ["other"]);
    let both = roots(cause("quay.io/all/x:signed", |facts| facts.anchors.clear()));
    assert_eq!(both, ["default", "other"]);
    assert_eq!(
        roots(cause("nginx:signed", |facts| facts.anchors.clear())),
        ["default"]
    );
    let other = vouchsafe_trust::TrustRoot::from_pem(crate::fixtures::OTHER_KEY).unwrap();
    let decision = decide_with(
        &config(POLICY),
        "quay.io/all/x:signed",
        Purpose::Mutate,
        |facts| {
            facts.anchors.insert(other.key().fingerprint());
        },
    );
    assert!(decision.allowed().is_some());
}

#[test]
fn the_root_certificate_counts_unless_the_validator_gives_it_up() {
    let renamed = |facts: &mut RepositoryFacts| facts.certificate_names_gun = false;
    let outdated = |facts: &mut RepositoryFacts| {
        facts.certificate_validity.until = now() - hours(1);
    };
    assert_eq!(cause("nginx:signed", renamed), Cause::CertificateName);
    assert_eq!(
        cause("nginx:signed", outdated).label(),
        "certificate_validity"
    );
    // A certificate may start up to a day from now, and no later.
    for (from, is_valid) in [(24, true), (25, false)] {
        let decision = decide_with(&config(POLICY), "nginx:signed", Purpose::Mutate, |facts| {
            facts.certificate_validity = Validity {
                from: now() + hours(from),
                until: now() + hours(100),
            };
        });
        assert_eq!(decision.allowed().is_some(), is_valid, "{from}");
    }
    for change in [renamed, outdated] {
        let decision = decide_with(
            &config(POLICY),
            "quay.io/lax/x:signed",
            Purpose::Mutate,
            change,
        );
        assert!(decision.allowed().is_some());
    }
}

#[test]
fn the_question_names_server_signers_and_what_is_wanted() {
    let ask = |image: &str| {
        let query = Cell::new(None);
        let decision = decide_by(&config(POLICY), image, Purpose::Mutate, |asked| {
            query.set(Some(asked.clone()));
            Ok::<_, String>(Evidence::Unknown)
        });
        assert!(decision.denial().is_some());
        query.into_inner().unwrap()
    };
    let query = ask("nginx");
    assert_eq!(query.server.as_str(), "https://notary.example.com");
    assert_eq!(query.gun.as_str(), GUN);
    assert_eq!(query.signers, Signers::Default);
    assert_eq!(query.wanted, Wanted::Tag("latest".to_owned()));
    let digested = ask(&format!("nginx{}", sha256("image")));
    assert_eq!(digested.wanted, Wanted::Digest(digest("image")));
    let both = ask(&format!("nginx:1{}", sha256("image")));
    assert_eq!(both.wanted, Wanted::Tag("1".to_owned()));
    assert!(matches!(ask("quay.io/by/x").signers, Signers::All(names) if names.len() == 2));
}
