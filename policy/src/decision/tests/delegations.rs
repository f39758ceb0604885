use super::*;

fn delegate(facts: &mut RepositoryFacts, name: &str, state: DelegationState) {
    let name: DelegationName = name.parse().unwrap();
    let role = RoleFacts {
        version: Version::new(1).unwrap(),
        expires: now() + hours(1),
        sha256: digest("file"),
    };
    facts.roles.insert(Role::Delegation(name.clone()), role);
    facts.delegations.insert(name, state);
}

fn everything() -> DelegationState {
    DelegationState::Accepted {
        paths: vec![String::new()],
    }
}

#[test]
fn named_delegations_must_all_sign_and_there_is_no_fallback() {
    let image = "quay.io/by/x:signed";
    let reason = |cause| {
        let Cause::NotSigned(reason) = cause else {
            panic!("{cause}");
        };
        reason
    };
    let not_delegated = |reason| matches!(reason, NotSigned::NotDelegated { .. });
    assert!(not_delegated(reason(cause(image, |_facts| ()))));
    let one = cause(image, |facts| delegate(facts, "targets/a", everything()));
    assert!(not_delegated(reason(one)));
    let unpublished = cause(image, |facts| {
        delegate(facts, "targets/a", everything());
        delegate(facts, "targets/b", DelegationState::Unpublished);
    });
    assert_eq!(unpublished.label(), "delegation_not_published");
    let under_signed = cause(image, |facts| {
        delegate(
            facts,
            "targets/a",
            DelegationState::UnderSigned {
                needed: 2,
                valid: 1,
            },
        );
        delegate(facts, "targets/b", everything());
    });
    assert_eq!(under_signed.label(), "delegation_not_signed");
    let decision = decide_with(&config(POLICY), image, Purpose::Mutate, |facts| {
        delegate(facts, "targets/a", everything());
        delegate(facts, "targets/b", everything());
    });
    let allowed = allowed(decision);
    let proof = allowed.proof().unwrap();
    let signers: Vec<String> = proof.signers.iter().map(ToString::to_string).collect();
    assert_eq!(signers, ["targets/a", "targets/b"]);
}
