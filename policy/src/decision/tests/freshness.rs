use super::time_travel::{Case, VOUCHED, Word, at, config_of, decide_at};
use super::*;

fn expire(role: Role, hours_ago: i64) -> impl Fn(&mut RepositoryFacts) {
    move |facts| {
        facts.roles.get_mut(&role).unwrap().expires = now() - hours(hours_ago);
    }
}

#[test]
fn expired_trust_data_denies() {
    for role in [Role::Root, Role::Targets, Role::Snapshot, Role::Timestamp] {
        let expected = Cause::Expired {
            role: role.clone(),
            at: now() - hours(2),
        };
        assert_eq!(cause("nginx:signed", expire(role, 2)), expected);
    }
    let cause = cause("nginx:signed", |facts| facts.roles.clear());
    assert_eq!(cause.label(), "expired");
}

#[test]
fn only_timestamp_and_snapshot_may_be_stale_and_only_as_long_as_tolerated() {
    let config = config(&format!("{POLICY}freshness: {{maxStaleness: 24h}}\n"));
    let decide = |role: &Role, hours| {
        decide_with(
            &config,
            "nginx:signed",
            Purpose::Mutate,
            expire(role.clone(), hours),
        )
    };
    for role in [Role::Snapshot, Role::Timestamp] {
        let stale = allowed(decide(&role, 24));
        let [warning] = stale.warnings.as_slice() else {
            panic!("{stale:?}");
        };
        assert!(
            warning.contains("nginx:signed") && warning.contains(GUN),
            "{warning}"
        );
        assert_eq!(
            stale.proof().unwrap().freshness,
            Freshness::Stale {
                since: now() - hours(24),
                until: now(),
            }
        );
        assert_eq!(denied(decide(&role, 25)).label(), "too_stale");
    }
    for role in [Role::Root, Role::Targets] {
        assert_eq!(denied(decide(&role, 1)).label(), "expired");
    }
}

#[test]
fn a_denial_says_which_word_has_lapsed_and_what_would_help() {
    let after = |case: &Case, hour| {
        let config = config_of(case.word, case.max_staleness);
        denied(decide_at(&config, case, at(hour)))
    };
    let lapsed = after(&VOUCHED, 3);
    assert_eq!(
        lapsed.to_string(),
        "image nginx:signed (docker.io/library/nginx): its trust data is too old: bundle `site` 7 \
         vouches for it until 2026-11-23T14:00:00Z, and 0s more is tolerated"
    );
    assert!(lapsed.next_step().contains("`freshness.maxStaleness`"));
    let stale = Case {
        word: Word::Timestamp,
        max_staleness: 1,
        ..VOUCHED
    };
    assert_eq!(
        after(&stale, 3).to_string(),
        "image nginx:signed (docker.io/library/nginx): its trust data is too old: `timestamp` expired \
         at 2026-11-23T13:00:00Z, and 1h is tolerated"
    );
    // A bundle is vouched for as long as its authority lasts, and no setting extends that.
    let together = Case {
        targets: 2,
        ..VOUCHED
    };
    let expired = after(&together, 3);
    assert_eq!(
        expired.to_string(),
        "image nginx:signed (docker.io/library/nginx): its trust data has expired: `targets` did at \
         2026-11-23T14:00:00Z"
    );
    assert!(expired.next_step().starts_with("ask the publisher"));
}

#[test]
fn an_answer_names_the_bundle_where_the_timestamp_alone_would_not_do() {
    let config = config_of(Word::Bundle, 0);
    let vouched = |hour| {
        let allowed = allowed(decide_at(&config, &VOUCHED, at(hour)));
        allowed.proof().unwrap().vouched.clone()
    };
    assert_eq!(vouched(1), None);
    assert_eq!(vouched(2), Some("site 7".to_owned()));
}
