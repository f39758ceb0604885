use super::*;

const OLD: &str = "old";
const NEW: &str = "new";

fn digest(image: &str) -> Sha256 {
    Sha256::of(image.as_bytes())
}

fn since() -> Timestamp {
    at("2026-05-01T00:00:00Z")
}

/// A question for [`OLD`], where it counts if it was replaced at [`since`] or later.
fn query(facts: &RepositoryFacts, signers: Signers, wanted: Wanted) -> Query {
    Query {
        server: "notary.example.com".parse().unwrap(),
        gun: facts.gun.clone(),
        signers,
        wanted,
        retained: Some(Retained {
            digest: digest(OLD),
            since: since(),
        }),
    }
}

fn tagged() -> Wanted {
    Wanted::Tag(TAG.to_owned())
}

/// What a role states now, and for which tags it stated [`OLD`] before.
fn says(role: &str, now: &[Target], former: &[(&str, &str)]) -> Statement {
    Statement {
        role: role.parse().unwrap(),
        targets: now.to_vec(),
        former: former
            .iter()
            .map(|(tag, replaced_at)| Former {
                tag: (*tag).to_owned(),
                replaced_at: at(replaced_at),
            })
            .collect(),
    }
}

fn known(facts: &RepositoryFacts, statements: &[Statement]) -> Known {
    Known {
        facts: facts.clone(),
        statements: statements.to_vec(),
        vouch: None,
    }
}

#[test]
fn a_digest_that_was_replaced_within_the_window_is_signed_and_superseded() {
    let facts = facts(&[]);
    let query = query(&facts, Signers::Default, tagged());
    for targets in [&[target(TAG, NEW)][..], &[]] {
        let answer = |replaced_at| {
            let statement = says("targets", targets, &[(TAG, replaced_at)]);
            known(&facts, &[statement]).signed(&query, now())
        };
        for replaced_at in ["2026-05-01T00:00:00Z", "2026-05-31T00:00:00Z"] {
            let expected = Signed {
                digest: digest(OLD),
                signers: vec![Role::Targets],
                superseded: Some(at(replaced_at)),
            };
            assert_eq!(answer(replaced_at), Ok(expected), "{targets:?}");
        }
        let present = known(&facts, &[says("targets", targets, &[])]).signed(&query, now());
        assert_eq!(answer("2026-04-30T23:59:59.999999999Z"), present);
    }
}

#[test]
fn a_digest_that_is_stated_now_is_not_superseded() {
    let facts = facts(&[]);
    let query = query(&facts, Signers::Default, tagged());
    let statement = says(
        "targets",
        &[target(TAG, OLD)],
        &[(TAG, "2026-05-31T00:00:00Z")],
    );
    let answer = known(&facts, &[statement]).signed(&query, now()).unwrap();
    assert_eq!((answer.digest, answer.superseded), (digest(OLD), None));
}

#[test]
fn where_nothing_is_retained_the_past_does_not_count() {
    let facts = facts(&[]);
    let mut query = query(&facts, Signers::Default, tagged());
    query.retained = None;
    let former = [(TAG, "2026-05-31T00:00:00Z")];
    let moved = known(&facts, &[says("targets", &[target(TAG, NEW)], &former)]);
    assert_eq!(moved.signed(&query, now()).unwrap().digest, digest(NEW));
    let gone = known(&facts, &[says("targets", &[], &former)]);
    let error = gone.signed(&query, now()).unwrap_err();
    assert_eq!(error.label(), "not_signed");
    query.wanted = Wanted::Digest(digest(OLD));
    assert!(gone.signed(&query, now()).is_err());
}

#[test]
fn a_tag_retains_what_it_pointed_to_itself_and_a_bare_digest_what_any_tag_did() {
    let facts = facts(&[("targets/releases", accepted(&["1."]))]);
    let answer = |wanted, former: &[(&str, &str)]| {
        let query = query(&facts, Signers::Default, wanted);
        let answer = known(&facts, &[says("targets/releases", &[], former)]).signed(&query, now());
        answer.map(|signed| signed.superseded)
    };
    let bare = || Wanted::Digest(digest(OLD));
    let (early, late) = ("2026-05-10T00:00:00Z", "2026-05-20T00:00:00Z");
    assert!(answer(tagged(), &[("1.1", late)]).is_err());
    let several = [
        ("1.1", early),
        ("1.2", late),
        ("2.0", "2026-05-30T00:00:00Z"),
    ];
    assert_eq!(
        answer(bare(), &several),
        Ok(Some(at(late))),
        "the role spoke for it until then, and never under a tag outside its paths"
    );
    assert!(answer(bare(), &[("2.0", late)]).is_err());
    assert!(answer(Wanted::Digest(digest(NEW)), &several).is_err());
    assert!(answer(bare(), &[]).is_err());
}

#[test]
fn a_bare_digest_that_is_stated_outside_the_paths_may_have_been_stated_within_them() {
    let facts = facts(&[("targets/releases", accepted(&["1."]))]);
    let query = query(&facts, Signers::Default, Wanted::Digest(digest(OLD)));
    let outside = [target("2.0", OLD)];
    let replaced_at = "2026-05-31T00:00:00Z";
    let within = says("targets/releases", &outside, &[(TAG, replaced_at)]);
    let answer = known(&facts, &[within]).signed(&query, now()).unwrap();
    assert_eq!(answer.superseded, Some(at(replaced_at)));
    let never = known(&facts, &[says("targets/releases", &outside, &[])]);
    let error = never.signed(&query, now()).unwrap_err();
    assert_eq!(error.label(), "outside_paths");
}

#[test]
fn roles_agree_each_now_or_before_and_on_no_other_digest() {
    let facts = facts(&[
        ("targets/a", accepted(&[""])),
        ("targets/b", accepted(&[""])),
    ]);
    let both = all(&["targets/a", "targets/b"]);
    let query = query(&facts, both, tagged());
    let (old, new) = ([target(TAG, OLD)], [target(TAG, NEW)]);
    let (early, late) = ("2026-05-10T00:00:00Z", "2026-05-20T00:00:00Z");
    let answer = |a: Statement, b: Statement| {
        let answer = known(&facts, &[a, b]).signed(&query, now());
        answer.map(|signed| (signed.digest, signed.signers.len(), signed.superseded))
    };
    let moved = says("targets/a", &new, &[(TAG, early)]);
    assert_eq!(
        answer(moved.clone(), says("targets/b", &old, &[])),
        Ok((digest(OLD), 2, Some(at(early))))
    );
    assert_eq!(
        answer(moved.clone(), says("targets/b", &new, &[(TAG, late)])),
        Ok((digest(OLD), 2, Some(at(early)))),
        "since the first of them moved on"
    );
    assert_eq!(
        answer(moved.clone(), says("targets/b", &new, &[])),
        Ok((digest(NEW), 2, None)),
        "one never said it, and they agree on another"
    );
    assert_eq!(
        answer(says("targets/a", &new, &[]), says("targets/b", &old, &[]))
            .unwrap_err()
            .label(),
        "digests_conflict"
    );
    assert_eq!(
        answer(moved, says("targets/b", &[], &[]))
            .unwrap_err()
            .label(),
        "not_signed"
    );
    let nobody = Query {
        signers: Signers::All(Vec::new()),
        ..query.clone()
    };
    assert!(known(&facts, &[]).signed(&nobody, now()).is_err());
}

#[test]
fn a_role_that_may_not_speak_now_may_not_for_the_past_either() {
    let role = "targets/a/b";
    let wanted = all(&[role]);
    let nesting = |parent: DelegationState, child: DelegationState| {
        facts(&[("targets/a", parent), (role, child)])
    };
    let answer = |facts: &RepositoryFacts| {
        let statement = says(role, &[], &[(TAG, "2026-05-31T00:00:00Z")]);
        let query = query(facts, wanted.clone(), tagged());
        known(facts, &[statement]).signed(&query, now())
    };
    let alive = nesting(accepted(&[""]), accepted(&["1."]));
    assert_eq!(answer(&alive).unwrap().digest, digest(OLD));

    for expiring in ["targets/a", role] {
        let mut expired = alive.clone();
        expired.roles.insert(
            expiring.parse().unwrap(),
            role_facts("2026-05-31T23:59:59Z"),
        );
        let error = answer(&expired).unwrap_err();
        assert_eq!(error.label(), "delegation_expired", "{expiring}");
    }
    let narrowed = nesting(accepted(&[""]), accepted(&["2."]));
    assert_eq!(answer(&narrowed).unwrap_err().label(), "not_signed");
    let under_signed = DelegationState::UnderSigned {
        needed: 2,
        valid: 1,
    };
    let states = [
        (under_signed, "delegation_not_signed"),
        (DelegationState::Unpublished, "delegation_not_published"),
        (DelegationState::Vanished, "delegation_not_published"),
    ];
    for (state, label) in states {
        let child = nesting(accepted(&[""]), state.clone());
        assert_eq!(answer(&child).unwrap_err().label(), label);
        let parent = nesting(state, accepted(&[""]));
        assert_eq!(answer(&parent).unwrap_err().label(), label);
    }
    let gone = facts(&[("targets/a", accepted(&[""]))]);
    assert_eq!(answer(&gone).unwrap_err().label(), "not_delegated");
}

#[test]
fn members_that_are_new_are_left_out_where_they_say_nothing() {
    let facts = facts(&[]);
    let asked = query(&facts, Signers::Default, tagged());
    let plain = Query {
        retained: None,
        ..asked.clone()
    };
    let silent = says("targets", &[target(TAG, NEW)], &[]);
    let spoken = says("targets", &[], &[(TAG, "2026-05-31T00:00:00.000000001Z")]);
    for query in [&asked, &plain] {
        let json = serde_json::to_value(query).unwrap();
        assert_eq!(json.get("retained").is_some(), query.retained.is_some());
        assert_eq!(&serde_json::from_value::<Query>(json).unwrap(), query);
    }
    for statement in [&silent, &spoken] {
        let json = serde_json::to_value(statement).unwrap();
        assert_eq!(json.get("former").is_some(), !statement.former.is_empty());
        let again: Statement = serde_json::from_value(json).unwrap();
        assert_eq!(&again, statement);
    }
}
