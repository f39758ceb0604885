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
