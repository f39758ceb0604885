//! Bundles that are taken in while others read and write.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::{Evidence, Role, VerifiedRepository};

use super::import::{bundle, small, vouch, vouched};
use crate::testing::{gun, image, now, open, server, signed, tag};
use crate::{Store, StoreError};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// States 1 to 6 of three repositories.
fn all() -> Vec<Vec<VerifiedRepository>> {
    let states = |number| NAMES.map(|name| small(name, number)).into();
    (1..=6).map(states).collect()
}

/// Lets what falls behind pass: another writer was first.
#[track_caller]
fn may_be_behind<T>(result: Result<T, StoreError>) {
    match result {
        Ok(_) | Err(StoreError::Superseded { .. }) => {}
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_commit_of_a_staged_repository_waits_for_the_bundle_and_of_another_one_does_not() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    store.commit(&server(), &small("a", 1)).unwrap();
    for commits in [true, false] {
        let mut import = store.begin_import();
        import.stage(&server(), &small("a", 3), vouch(1)).unwrap();
        std::thread::scope(|scope| {
            let (done, waits) = mpsc::channel();
            let store = &store;
            scope.spawn(move || done.send(store.commit(&server(), &small("a", 2))));
            let early = waits.recv_timeout(Duration::from_millis(100));
            assert!(early.is_err(), "{early:?}");
            store.commit(&server(), &small("b", 1)).unwrap();
            if commits {
                import.commit(&bundle(1)).unwrap();
                let late = waits.recv().unwrap().unwrap_err();
                assert!(matches!(late, StoreError::Superseded { .. }), "{late}");
            } else {
                drop(import);
                waits.recv().unwrap().unwrap();
            }
        });
        let number = if commits { "image-1-3" } else { "image-1-2" };
        let query = tag(&gun("a"), "tag-1");
        assert_eq!(signed(&store, &query), Some(image(number)));
        store.forget(None, &gun("a")).unwrap();
    }
}

/// The number of the state that a repository is in, in every respect.
fn whole(store: &Store, name: &str, all: &[Vec<VerifiedRepository>]) -> u64 {
    let gun = gun(name);
    let Evidence::Known(known) = store.evidence(&tag(&gun, "tag-1")).unwrap() else {
        return 0;
    };
    let number = known.facts.roles[&Role::Timestamp].version.get();
    let digest = known.signed(&tag(&gun, "tag-1"), now()).unwrap().digest;
    assert_eq!(digest, image(&format!("image-1-{number}")));
    let mut all = all.iter().flatten();
    let tags = store.tags(&server(), &gun).unwrap();
    let metadata = store.metadata(&server(), &gun).unwrap().unwrap();
    assert!(all.clone().any(|state| state.targets() == &tags));
    assert!(all.any(|state| state.metadata() == &metadata));
    number
}

#[test]
fn readers_see_whole_states_and_nobody_waits_for_ever_while_everybody_writes() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let all = all();
    let (writers, reads) = (AtomicUsize::new(4), AtomicUsize::new(0));
    let failed = AtomicBool::new(false);
    let (finished, watch) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        // A deadlock would hang the run without a word.
        if watch.recv_timeout(Duration::from_mins(2)) == Err(mpsc::RecvTimeoutError::Timeout) {
            std::process::abort();
        }
    });
    let (store, all) = (&store, &all);
    let import = |rounds: usize, backwards: bool| {
        for round in 0..rounds {
            let mut import = store.begin_import();
            let sequence = u64::try_from(round).unwrap();
            let mut repositories: Vec<_> = all[round % 6].iter().collect();
            if backwards {
                repositories.reverse();
            }
            for repository in repositories {
                may_be_behind(import.stage(&server(), repository, vouch(sequence)));
            }
            // Every third one is given up.
            if round % 3 < 2 {
                import.commit(&bundle(sequence)).unwrap();
            }
        }
        writers.fetch_sub(1, Ordering::SeqCst);
    };
    let commit = |rounds: usize| {
        for round in 0..rounds {
            for repository in &all[round % 6] {
                may_be_behind(store.commit(&server(), repository));
            }
        }
        writers.fetch_sub(1, Ordering::SeqCst);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| import(18, false));
        scope.spawn(|| import(18, true));
        scope.spawn(|| commit(12));
        scope.spawn(|| commit(12));
        for name in NAMES {
            let (writers, reads, failed) = (&writers, &reads, &failed);
            scope.spawn(move || {
                let mut last = 0;
                while writers.load(Ordering::SeqCst) > 0 {
                    let number = whole(store, name, all);
                    failed.fetch_or(number < last, Ordering::SeqCst);
                    last = number;
                    reads.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    drop(finished);
    watchdog.join().unwrap();
    assert!(!failed.load(Ordering::SeqCst), "a state went back");
    assert!(reads.load(Ordering::SeqCst) > 0);
    for name in NAMES {
        assert_eq!(whole(store, name, all), 6);
    }
    assert!(store.0.trees.begun.is_empty());
}

#[test]
fn a_repository_that_is_forgotten_meanwhile_is_new_to_the_next_bundle() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    store.commit(&server(), &small("a", 2)).unwrap();
    let mut import = store.begin_import();
    import.stage(&server(), &small("a", 3), vouch(1)).unwrap();
    std::thread::scope(|scope| {
        let forgetting = scope.spawn(|| store.forget(None, &gun("a")).unwrap());
        std::thread::sleep(Duration::from_millis(50));
        assert!(!forgetting.is_finished());
        import.commit(&bundle(1)).unwrap();
        assert_eq!(forgetting.join().unwrap(), 1);
    });
    let query = tag(&gun("a"), "tag-1");
    assert_eq!(store.evidence(&query).unwrap(), Evidence::Unknown);
    let mut import = store.begin_import();
    import.stage(&server(), &small("a", 1), vouch(2)).unwrap();
    import.commit(&bundle(2)).unwrap();
    assert_eq!(signed(&store, &query), Some(image("image-1-1")));
    assert_eq!(vouched(&store, "a"), Some(2));
}
