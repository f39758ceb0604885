use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::{Evidence, Gun, Role};

use super::import::{bundle, vouch};
use crate::testing::{gun, image, now, open, server, signed, state, states, tag, verified};
use crate::{Store, StoreError};

/// Checks that one read of everything shows one state, and returns its number.
fn check_whole(store: &Store) -> u64 {
    let gun = gun("app");
    let query = tag(&gun, "tag-42");
    let Evidence::Known(known) = store.evidence(&query).unwrap() else {
        panic!("it was committed before")
    };
    let releases: Role = "targets/releases".parse().unwrap();
    let number = known.facts.roles[&releases].version.get();
    assert_eq!(known.facts.roles[&Role::Timestamp].version.get(), number);
    let digest = known.signed(&query, now()).unwrap().digest;
    assert_eq!(digest, image(&format!("image-42-{number}")));

    let metadata = store.metadata(&server(), &gun).unwrap().unwrap();
    let whole = states().iter().any(|state| state.metadata() == &metadata);
    assert!(whole, "role files of several states");
    let tags = store.tags(&server(), &gun).unwrap();
    let whole = states().iter().any(|state| state.targets() == &tags);
    assert!(whole, "targets of several states");
    number
}

#[test]
fn readers_see_one_whole_state_during_commits() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    store.commit(&server(), &states()[0]).unwrap();
    let (done, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let number = check_whole(&store);
                    reads.fetch_add(1, Ordering::Relaxed);
                    // Restarts at 1 only when the repository was forgotten in between.
                    assert!(number >= last, "{number} after {last}");
                    last = number;
                }
            });
        }
        for _ in 0..10 {
            for state in states() {
                match store.commit(&server(), state) {
                    Ok(_) | Err(StoreError::Superseded { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
                std::thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(reads.load(Ordering::Relaxed) > 0);
    assert_eq!(check_whole(&store), 6);
}

#[test]
fn a_reader_follows_a_repository_that_is_forgotten_and_committed_again() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let done = AtomicBool::new(false);
    let gun = gun("app");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let tags = store.tags(&server(), &gun).unwrap();
                    let whole = states().iter().any(|state| state.targets() == &tags);
                    assert!(tags.is_empty() || whole);
                    store.evidence(&tag(&gun, "tag-1")).unwrap();
                }
            });
        }
        for round in 0..30 {
            store.commit(&server(), &states()[round % 6]).unwrap();
            store.forget(None, &gun).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn of_racing_commits_the_newest_stays() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    for round in 0..5 {
        std::thread::scope(|scope| {
            for state in states() {
                let store = store.clone();
                scope.spawn(move || match store.commit(&server(), state) {
                    Ok(_) | Err(StoreError::Superseded { .. }) => {}
                    Err(error) => panic!("{error}"),
                });
            }
        });
        assert_eq!(check_whole(&store), 6, "round {round}");
        store.forget(None, &gun("app")).unwrap();
    }
}

#[test]
fn commits_of_several_and_imports_never_wait_for_each_other_for_ever() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let names = ["a", "b", "c", "d"].map(gun);
    let of = |gun: &Gun, number| verified(gun, &state(gun, 1, number));
    let repositories = names.clone().map(|gun| of(&gun, 1));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                let committed = store.commit_all(&server(), &repositories);
                assert!(committed.values().all(Result::is_ok));
            }
        });
        scope.spawn(|| {
            for sequence in 1..=20 {
                let mut import = store.begin_import();
                for repository in repositories.iter().rev() {
                    import
                        .stage(&server(), repository, vouch(sequence))
                        .unwrap();
                    std::thread::yield_now();
                }
                import.commit(&bundle(sequence)).unwrap();
            }
        });
    });
    for gun in &names {
        assert_eq!(signed(&store, &tag(gun, "tag-0")), Some(image("image-0-1")));
    }
}
