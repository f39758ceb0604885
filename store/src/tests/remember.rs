use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::Role;

use crate::testing::{gun, image, now, open, server, state, states, tag, verified};
use crate::{Cursor, RepositoryState, ServerState, SyncOutcome, SyncResult};

#[test]
fn what_a_tag_pointed_to_is_remembered() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    for repository in states() {
        store.commit(&server(), repository).unwrap();
    }
    let digests = |tag: &str| -> Vec<_> {
        let history = store.history(&server(), &gun, tag).unwrap();
        assert!(history.iter().all(|entry| entry.replaced_at == now()));
        let releases: Role = "targets/releases".parse().unwrap();
        history
            .into_iter()
            .filter(|entry| entry.role == releases)
            .map(|entry| entry.digest)
            .collect()
    };
    let before: Vec<_> = (1..6)
        .map(|number| image(&format!("image-3-{number}")))
        .collect();
    assert_eq!(digests("tag-3"), before);
    assert_eq!(digests("gone-2"), [image("gone")]);
    assert_eq!(digests("gone-6"), []);
    assert_eq!(digests("signed"), []);
    store.withdraw(&server(), &gun, now()).unwrap();
    assert_eq!(digests("signed"), [image("image")]);
    store.forget(None, &gun).unwrap();
    assert_eq!(digests("tag-3"), []);
}

#[test]
fn only_the_newest_of_a_long_history_stays() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let mut repository = Repository::plain(gun.as_str());
    for number in 0..70 {
        repository = repository
            .publish(&["targets", "snapshot", "timestamp"])
            .tag("targets", "latest", &format!("image-{number}"));
        store
            .commit(&server(), &verified(&gun, &repository))
            .unwrap();
    }
    let history = store.history(&server(), &gun, "latest").unwrap();
    let digests: Vec<_> = history.iter().map(|entry| entry.digest).collect();
    let newest: Vec<_> = (5..69)
        .map(|number| image(&format!("image-{number}")))
        .collect();
    assert_eq!(digests, newest);
}

#[test]
fn history_that_is_ahead_of_its_commit_is_not_shown_and_counts_once() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    store.commit(&server(), &states()[0]).unwrap();
    let repo = crate::key::RepoKey::new(&server(), &gun);
    let stored = store.0.trees.stored(&repo).unwrap();
    // As a commit leaves it that a crash cuts short.
    let superseded = store.superseded_by(&repo, stored.as_ref(), &states()[1]);
    store.remember(&repo, superseded.unwrap()).unwrap();
    assert_eq!(store.history(&server(), &gun, "tag-0").unwrap(), []);
    store.commit(&server(), &states()[1]).unwrap();
    assert_eq!(store.history(&server(), &gun, "tag-0").unwrap().len(), 1);
}

#[test]
fn time_never_runs_backwards_not_even_across_restarts() {
    let dir = TempDir::new("store").unwrap();
    let later = now() + SignedDuration::from_hours(1);
    {
        let store = open(dir.path());
        assert_eq!(store.latest_time(), None);
        assert_eq!(store.observe_time(now()).now, now());
        let observed = store.observe_time(later);
        assert_eq!((observed.now, observed.behind), (later, None));
        let behind = store.observe_time(now());
        assert_eq!(behind.now, later);
        assert_eq!(behind.behind, Some(SignedDuration::from_hours(1)));
        wait_for_latest(&store, later);
    }
    let store = open(dir.path());
    assert_eq!(store.observe_time(now()).now, later);
    assert_eq!(store.latest_time(), Some(later));
}

#[test]
fn a_leap_of_the_clock_is_judged_by_and_not_kept_when_it_is_undone() {
    let dir = TempDir::new("store").unwrap();
    let (near, far) = (now() + days(7), now() + days(4000));
    let store = open(dir.path());
    store.observe_time(now());
    // Seven days are none.
    assert_eq!(store.observe_time(near).now, near);
    assert_eq!(store.latest_time(), Some(near));
    assert_eq!(store.observe_time(far).now, far);
    let later = far + SignedDuration::from_mins(59);
    assert_eq!(store.observe_time(later).now, later);
    assert_eq!(store.latest_time(), Some(near));
    let right = near + SignedDuration::from_mins(1);
    let observed = store.observe_time(right);
    assert_eq!((observed.now, observed.behind), (right, None));
    assert_eq!(store.latest_time(), Some(right));
    // It begins anew, rather than go on where it was left.
    store.observe_time(far + SignedDuration::from_hours(2));
    assert_eq!(store.latest_time(), Some(right));
}

#[test]
fn a_leap_from_which_the_clock_goes_on_is_the_latest_time_even_across_restarts() {
    let dir = TempDir::new("store").unwrap();
    let leap = now() + days(30);
    {
        let store = open(dir.path());
        store.observe_time(now());
        wait_for(|| store.written_time() == Some(now()));
        store.observe_time(leap);
        wait_for(|| store.written_leap() == Some(leap));
    }
    let later = leap + SignedDuration::from_hours(1);
    {
        let store = open(dir.path());
        assert_eq!(store.latest_time(), Some(now()));
        store.observe_time(later);
        assert_eq!(store.latest_time(), Some(later));
        wait_for(|| store.written_time() == Some(later) && store.written_leap().is_none());
    }
    // A machine that runs once a month believes its clock a month later.
    let month = later + days(30);
    let store = open(dir.path());
    store.observe_time(month);
    store.observe_time(month + days(30));
    assert_eq!(store.latest_time(), Some(month));
}

#[test]
fn the_latest_time_can_be_reset() {
    let dir = TempDir::new("store").unwrap();
    let wrong = now() + days(6);
    {
        let store = open(dir.path());
        store.observe_time(now());
        store.observe_time(wrong);
        wait_for(|| store.written_time() == Some(wrong));
        assert_eq!(store.observe_time(now()).now, wrong);
        assert_eq!(store.reset_latest_time(now()).unwrap(), Some(wrong));
        assert_eq!(store.observe_time(now()).behind, None);
    }
    let store = open(dir.path());
    assert_eq!(store.latest_time(), Some(now()));
    // And moves on again from there.
    store.observe_time(wrong);
    assert_eq!(store.observe_time(now()).now, wrong);
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// Waits until the thread that writes times has written this one.
fn wait_for_latest(store: &crate::Store, expected: Timestamp) {
    wait_for(|| store.written_time() == Some(expected));
}

fn wait_for(written: impl Fn() -> bool) {
    let start = Instant::now();
    while !written() {
        assert!(start.elapsed() < Duration::from_secs(10), "never written");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_syncers_state_survives_a_restart() {
    let dir = TempDir::new("store").unwrap();
    let state = ServerState {
        cursor: Some(Cursor {
            id: "7".to_owned(),
            created_at: "2026-11-23T14:44:41.492408Z".to_owned(),
            sha256: " ".repeat(64),
            gun: "a/b".to_owned(),
        }),
        selection: Some(image("selection")),
        last_pass: Some(now()),
        goes_on: true,
        last_sweep: None,
        last_error: Some("ü".repeat(1000)),
    };
    let failed = SyncOutcome {
        at: now(),
        result: SyncResult::Err {
            label: "expired".to_owned(),
            message: "timestamp: expired".to_owned(),
        },
    };
    {
        let store = open(dir.path());
        assert_eq!(store.server_state(&server()).unwrap(), None);
        store.record_sync(&server(), &gun("new"), &failed).unwrap();
        store.record_sync(&server(), &gun("app"), &failed).unwrap();
        store.commit(&server(), &states()[0]).unwrap();
        store.set_server_state(&server(), &state).unwrap();
    }
    let store = open(dir.path());
    let expected = ServerState {
        last_error: Some("ü".repeat(512)),
        ..state
    };
    assert_eq!(store.server_state(&server()).unwrap(), Some(expected));
    assert_eq!(store.servers().unwrap().len(), 1);
    let status = store.status().unwrap();
    assert_eq!(status.len(), 2);
    assert!(
        status
            .iter()
            .all(|one| one.last_sync.as_ref() == Some(&failed))
    );
    assert_eq!(status[1].state, RepositoryState::Unknown);
    assert_eq!(store.forget(None, &gun("new")).unwrap(), 1);
    assert_eq!(store.status().unwrap().len(), 1);
}

#[test]
fn the_status_tells_what_freshness_follows_from() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let repository = verified(&gun, &state(&gun, 10, 3));
    store.commit(&server(), &repository).unwrap();
    let status = store.repository_status(Some(&server()), &gun).unwrap();
    assert_eq!(status[0].facts().as_ref(), Some(repository.facts()));
    let json = serde_json::to_value(&status[0]).unwrap();
    assert_eq!(json["state"], "active");
    assert_eq!(json["tags"], 12);
    assert_eq!(json["roles"]["timestamp"]["version"], 3);
    assert_eq!(json["roles"]["targets/releases"]["targets"], 12);
    assert_eq!(json["delegations"]["targets/alice"]["state"], "accepted");
    let again: crate::RepositoryStatus = serde_json::from_value(json).unwrap();
    assert_eq!(again, status[0]);
    assert!(store.evidence(&tag(&gun, "tag-0")).is_ok());
}
