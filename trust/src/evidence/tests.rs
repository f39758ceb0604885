mod retained;

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::*;
use crate::repository::{RoleFacts, Validity};
use crate::{Version, time::parse_rfc3339};

const TAG: &str = "1.0";

fn at(text: &str) -> Timestamp {
    parse_rfc3339(text).unwrap()
}

fn now() -> Timestamp {
    at("2026-06-01T00:00:00Z")
}

fn role_facts(expires: &str) -> RoleFacts {
    RoleFacts {
        version: Version::new(3).unwrap(),
        expires: at(expires),
        sha256: Sha256::of(expires.as_bytes()),
    }
}

fn delegation(name: &str) -> DelegationName {
    name.parse().unwrap()
}

/// A repository whose roles expire in 2030, with these delegations.
fn facts(delegations: &[(&str, DelegationState)]) -> RepositoryFacts {
    let base = [Role::Root, Role::Timestamp, Role::Snapshot, Role::Targets];
    let delegated = delegations
        .iter()
        .map(|(name, _)| Role::Delegation(delegation(name)));
    RepositoryFacts {
        gun: "example.com/app".parse().unwrap(),
        verified_at: now(),
        pins: Sha256::of(b""),
        anchors: BTreeSet::new(),
        certificate_names_gun: true,
        certificate_validity: Validity {
            from: Timestamp::MIN,
            until: Timestamp::MAX,
        },
        roles: base
            .into_iter()
            .chain(delegated)
            .map(|role| (role, role_facts("2030-01-01T00:00:00Z")))
            .collect(),
        delegations: delegations
            .iter()
            .map(|(name, state)| (delegation(name), state.clone()))
            .collect::<BTreeMap<_, _>>(),
        keys: BTreeMap::new(),
    }
}

fn accepted(paths: &[&str]) -> DelegationState {
    DelegationState::Accepted {
        paths: paths.iter().map(|&path| path.to_owned()).collect(),
    }
}

fn target(name: &str, digest: &str) -> Target {
    Target {
        name: name.to_owned(),
        sha256: Some(Sha256::of(digest.as_bytes())),
        length: 1,
    }
}

/// What is signed for [`TAG`], when each role states the given targets.
fn signed(
    facts: RepositoryFacts,
    signers: Signers,
    stated: &[(&str, Target)],
) -> Result<Signed, NotSigned> {
    let query = Query {
        server: "notary.example.com".parse().unwrap(),
        gun: facts.gun.clone(),
        signers,
        wanted: Wanted::Tag(TAG.to_owned()),
        retained: None,
    };
    let statements = facts
        .speakers(&query.signers)
        .into_iter()
        .map(|role| {
            let own = stated.iter().filter(|(name, _)| *name == role.as_str());
            Statement {
                targets: own.map(|(_, target)| target.clone()).collect(),
                former: Vec::new(),
                role,
            }
        })
        .collect();
    Known {
        facts,
        statements,
        vouch: None,
    }
    .signed(&query, now())
}

fn all(names: &[&str]) -> Signers {
    Signers::All(names.iter().map(|name| delegation(name)).collect())
}

#[test]
fn releases_speaks_where_it_is_published_and_targets_otherwise() {
    let releases = "targets/releases";
    let stated = [("targets", target(TAG, "t")), (releases, target(TAG, "r"))];
    let digest = |state: Option<DelegationState>| {
        let facts = facts(
            &state
                .map(|state| (releases, state))
                .into_iter()
                .collect::<Vec<_>>(),
        );
        signed(facts, Signers::Default, &stated).map(|signed| signed.digest)
    };
    assert_eq!(digest(None), Ok(Sha256::of(b"t")));
    assert_eq!(
        digest(Some(DelegationState::Unpublished)),
        Ok(Sha256::of(b"t"))
    );
    assert_eq!(digest(Some(accepted(&[""]))), Ok(Sha256::of(b"r")));
    let vanished = digest(Some(DelegationState::Vanished)).unwrap_err();
    assert_eq!(
        vanished.label(),
        "delegation_not_published",
        "it spoke before"
    );
    let under_signed = DelegationState::UnderSigned {
        needed: 2,
        valid: 1,
    };
    let error = digest(Some(under_signed)).unwrap_err();
    assert_eq!(
        error.label(),
        "delegation_not_signed",
        "there is no fallback to targets"
    );
}

#[test]
fn every_named_role_must_sign_and_all_must_agree() {
    let facts = facts(&[
        ("targets/a", accepted(&[""])),
        ("targets/b", accepted(&[""])),
    ]);
    let a = ("targets/a", target(TAG, "x"));
    let both = all(&["targets/a", "targets/b"]);
    let agreed = [a.clone(), ("targets/b", target(TAG, "x"))];
    let answer = signed(facts.clone(), both.clone(), &agreed).unwrap();
    assert_eq!(answer.digest, Sha256::of(b"x"));
    assert_eq!(answer.signers.len(), 2);

    let alone = signed(facts.clone(), both.clone(), std::slice::from_ref(&a));
    assert_eq!(alone.unwrap_err().label(), "not_signed");
    let conflict = [a.clone(), ("targets/b", target(TAG, "y"))];
    assert_eq!(
        signed(facts.clone(), both, &conflict).unwrap_err().label(),
        "digests_conflict"
    );
    let stranger = all(&["targets/a", "targets/c"]);
    assert_eq!(
        signed(facts.clone(), stranger, &[a]).unwrap_err().label(),
        "not_delegated"
    );
    let nobody = signed(facts, Signers::All(Vec::new()), &[]);
    assert!(nobody.is_err(), "no signer is not everybody");
}

#[test]
fn a_target_outside_the_paths_or_without_a_sha256_does_not_count() {
    let role = "targets/releases";
    let answer = |paths: &[&str], target: Target| {
        signed(
            facts(&[(role, accepted(paths))]),
            Signers::Default,
            &[(role, target)],
        )
    };
    assert!(answer(&["1."], target(TAG, "x")).is_ok());
    for paths in [&["2."][..], &[]] {
        assert_eq!(
            answer(paths, target(TAG, "x")).unwrap_err().label(),
            "outside_paths"
        );
    }
    let without = Target {
        sha256: None,
        ..target(TAG, "x")
    };
    assert_eq!(answer(&[""], without).unwrap_err().label(), "no_sha256");
}

#[test]
fn an_expired_or_under_signed_parent_takes_its_subtree_with_it() {
    let nested = all(&["targets/a/b"]);
    let stated = [("targets/a/b", target(TAG, "x"))];
    let nesting = [
        ("targets/a", accepted(&[""])),
        ("targets/a/b", accepted(&[""])),
    ];
    assert!(signed(facts(&nesting), nested.clone(), &stated).is_ok());

    let mut expired = facts(&nesting);
    let parent = Role::Delegation(delegation("targets/a"));
    expired
        .roles
        .insert(parent, role_facts("2026-05-31T23:59:59Z"));
    let error = signed(expired, nested.clone(), &stated).unwrap_err();
    assert_eq!(error.label(), "delegation_expired");

    let under_signed = DelegationState::UnderSigned {
        needed: 2,
        valid: 0,
    };
    let error = signed(facts(&[("targets/a", under_signed)]), nested, &stated).unwrap_err();
    assert_eq!(error.label(), "delegation_not_signed");
}

#[test]
fn a_bare_digest_is_signed_under_any_covered_tag() {
    let facts = facts(&[("targets/releases", accepted(&["1."]))]);
    let digest = Sha256::of(b"x");
    let query = Query {
        server: "notary.example.com".parse().unwrap(),
        gun: facts.gun.clone(),
        signers: Signers::Default,
        wanted: Wanted::Digest(digest),
        retained: None,
    };
    let known = |targets: &[Target]| Known {
        facts: facts.clone(),
        statements: vec![Statement {
            role: Role::Delegation(DelegationName::releases()),
            targets: targets.to_vec(),
            former: Vec::new(),
        }],
        vouch: None,
    };
    let covered = known(&[target("2.0", "x"), target("1.0", "x")]);
    assert_eq!(covered.signed(&query, now()).unwrap().digest, digest);
    let uncovered = known(&[target("2.0", "x")])
        .signed(&query, now())
        .unwrap_err();
    assert_eq!(uncovered.label(), "outside_paths");
    let absent = known(&[]).signed(&query, now()).unwrap_err();
    assert_eq!(absent.label(), "not_signed");
}

#[test]
fn freshness_follows_each_role_to_the_nanosecond() {
    let stale = |max_staleness| Tolerance {
        max_staleness,
        vouched_until: None,
    };
    let span = SignedDuration::from_hours(1);
    let (none, hour) = (Tolerance::default(), stale(span));
    let expiring = |role: Role, expires: &str| {
        let mut facts = facts(&[]);
        facts.roles.insert(role, role_facts(expires));
        facts
    };
    for role in [Role::Timestamp, Role::Snapshot] {
        let facts = expiring(role.clone(), "2026-06-01T00:00:00Z");
        let at = now();
        assert_eq!(
            facts.freshness(at, none),
            Freshness::Fresh { until: at },
            "{role}"
        );
        let after = at + SignedDuration::from_nanos(1);
        let expired = Freshness::Expired { role, at };
        assert_eq!(facts.freshness(after, none), expired);
        let still = Freshness::Stale {
            since: at,
            until: at + span,
        };
        assert_eq!(facts.freshness(after, hour), still);
        assert_eq!(facts.freshness(at + span, hour), still);
        assert_eq!(
            facts.freshness(at + span + SignedDuration::from_nanos(1), hour),
            expired
        );
    }
    for role in [Role::Root, Role::Targets] {
        let facts = expiring(role.clone(), "2026-05-31T00:00:00Z");
        let at = at("2026-05-31T00:00:00Z");
        assert_eq!(
            facts.freshness(now(), stale(span * 1000)),
            Freshness::Expired { role, at }
        );
    }
}

#[test]
fn staleness_never_outlasts_an_authority() {
    let mut facts = facts(&[]);
    facts
        .roles
        .insert(Role::Timestamp, role_facts("2026-05-31T00:00:00Z"));
    facts
        .roles
        .insert(Role::Targets, role_facts("2026-06-02T00:00:00Z"));
    let until = at("2026-06-02T00:00:00Z");
    let since = at("2026-05-31T00:00:00Z");
    let year = Tolerance {
        max_staleness: SignedDuration::from_hours(24 * 365),
        vouched_until: None,
    };
    assert_eq!(
        facts.freshness(now(), year),
        Freshness::Stale { since, until }
    );
}
