use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::Evidence;

use crate::testing::{gun, image, now, open, server, signed, states, tag};
use crate::{OpenError, Opened, Store, StoreError};

fn filled(dir: &Path) {
    open(dir).commit(&server(), &states()[0]).unwrap();
}

/// Opens what cannot be used; the store must start empty, and what was there still be.
fn set_aside(dir: &Path) -> (PathBuf, String) {
    let Opened { store, set_aside } = Store::open(dir, now()).unwrap();
    let query = tag(&gun("app"), "tag-1");
    assert_eq!(store.evidence(&query).unwrap(), Evidence::Unknown);
    store.commit(&server(), &states()[0]).unwrap();
    let aside = store.set_aside().unwrap();
    assert_eq!(Some(&aside.path), set_aside.as_ref());
    assert!(aside.path.join("db").exists());
    (aside.path.clone(), aside.reason.clone())
}

#[test]
fn only_its_owner_gets_at_a_store() {
    let dir = TempDir::new("store").unwrap();
    let path = dir.path().join("new/store");
    drop(open(&path));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("lock")), 0o600);
    assert_eq!(
        fs::read_to_string(path.join("FORMAT")).unwrap(),
        "vouchsafe-store 4\n"
    );
}

#[test]
fn a_store_that_is_held_says_where_to_ask() {
    let dir = TempDir::new("store").unwrap();
    let held = open(dir.path());
    match Store::open(dir.path(), now()) {
        Err(OpenError::Held { socket, holder, .. }) => {
            let process = format!("process {} on ", std::process::id());
            assert!(holder.unwrap().contains(&process));
            assert_eq!(socket, dir.path().join("vouchsafe.sock"));
        }
        other => panic!("{other:?}"),
    }
    let clone = held.clone();
    drop(held);
    assert!(Store::open(dir.path(), now()).is_err());
    drop(clone);
    for _ in 0..10 {
        drop(open(dir.path()));
    }
}

#[test]
fn a_snapshot_that_a_killed_process_was_writing_is_no_damage() {
    let dir = TempDir::new("store").unwrap();
    filled(dir.path());
    let unfinished = dir.path().join("db/snap.7FFFFFFFFFFFFFFF.generating");
    for bytes in ["", "the beginning of a snapshot"] {
        fs::write(&unfinished, bytes).unwrap();
        let Opened { store, set_aside } = Store::open(dir.path(), now()).unwrap();
        assert_eq!(set_aside, None);
        let evidence = store.evidence(&tag(&gun("app"), "tag-1")).unwrap();
        assert!(matches!(evidence, Evidence::Known(_)));
    }
}

#[test]
fn another_format_is_set_aside() {
    for (stamp, found) in [
        (Some("vouchsafe-store 2\n"), "vouchsafe-store 2"),
        (Some("\u{0}\u{0}"), "\0\0"),
        (None, "no format"),
    ] {
        let dir = TempDir::new("store").unwrap();
        filled(dir.path());
        match stamp {
            Some(stamp) => fs::write(dir.path().join("FORMAT"), stamp).unwrap(),
            None => fs::remove_file(dir.path().join("FORMAT")).unwrap(),
        }
        let (path, reason) = set_aside(dir.path());
        assert_eq!(path, dir.path().join("db.set-aside-20261123T120000Z"));
        assert_eq!(
            reason,
            format!("it is stamped `{found}`, not `vouchsafe-store 4`")
        );
        open(dir.path());
    }
}

#[test]
fn nothing_that_is_set_aside_is_overwritten() {
    let dir = TempDir::new("store").unwrap();
    filled(dir.path());
    let mut paths = Vec::new();
    for _ in 0..3 {
        fs::write(dir.path().join("FORMAT"), "other").unwrap();
        paths.push(set_aside(dir.path()).0);
    }
    paths.dedup();
    assert_eq!(paths.len(), 3);
    assert!(paths.iter().all(|path| path.exists()));
}

#[test]
fn a_database_that_lost_synced_commits_is_set_aside() {
    let dir = TempDir::new("store").unwrap();
    let old = dir.path().join("old");
    let new = dir.path().join("new");
    filled(&old);
    super::damage::copy(&old, &new);
    let store = open(&new);
    store.commit(&server(), &states()[1]).unwrap();
    drop(store);
    fs::remove_dir_all(new.join("db")).unwrap();
    super::damage::copy(&old.join("db"), &new.join("db"));
    let (_, reason) = set_aside(&new);
    assert!(reason.contains("had been synced are missing"), "{reason}");
    open(&new);
}

#[test]
fn damage_found_while_running_sets_the_store_aside_at_the_next_start() {
    let dir = TempDir::new("store").unwrap();
    {
        let store = open(dir.path());
        store.commit(&server(), &states()[0]).unwrap();
        for key in store.0.trees.page.iter().keys() {
            store.0.trees.page.insert(key.unwrap(), b"?").unwrap();
        }
        let query = tag(&gun("app"), "tag-1");
        assert_eq!(store.evidence(&query).unwrap_err().label(), "store_damaged");
        store.0.trees.page.clear().unwrap();
        assert_eq!(store.evidence(&query).unwrap_err().label(), "store_damaged");
    }
    let (_, reason) = set_aside(dir.path());
    assert!(reason.contains("found damaged"), "{reason}");
    open(dir.path());
}

#[test]
fn what_the_system_refuses_is_no_damage() {
    let dir = TempDir::new("store").unwrap();
    filled(dir.path());
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(
        Store::open(&file, now()),
        Err(OpenError::Io { .. })
    ));
    // A directory in the place of the log can be neither read nor written, whoever asks.
    let log = dir.path().join("db/db");
    fs::rename(&log, dir.path().join("elsewhere")).unwrap();
    fs::create_dir(&log).unwrap();
    let refused = Store::open(dir.path(), now()).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }), "{refused}");
    fs::remove_dir(&log).unwrap();
    fs::rename(dir.path().join("elsewhere"), &log).unwrap();
    let store = open(dir.path());
    assert!(store.facts(&server(), &gun("app")).unwrap().is_some());
}

#[test]
fn what_a_crash_left_of_a_commit_is_swept() {
    let dir = TempDir::new("store").unwrap();
    let count = |store: &Store| {
        let trees = &store.0.trees;
        (trees.file.len(), trees.page.len(), trees.begun.len())
    };
    let store = open(dir.path());
    store.commit(&server(), &states()[0]).unwrap();
    let before = count(&store);
    let repo = crate::key::RepoKey::new(&server(), &gun("app"));
    let stored = store.0.trees.stored(&repo).unwrap();
    let other = crate::key::RepoKey::new(&server(), &gun("never-published"));
    for repo in [&repo, &other] {
        let failed = store.publish(
            repo,
            stored.as_ref(),
            &stored.as_ref().unwrap().record,
            || {
                let digest = vouchsafe_trust::Sha256::of(b"orphan");
                crate::blob::put(&store.0.trees.file, &repo.file(&digest), &[1; 10_000])?;
                crate::page::put(&store.0.trees.page, repo, digest, &[])?;
                Err(StoreError::damaged("the power fails here"))
            },
        );
        failed.unwrap_err();
    }
    assert!(count(&store) > before);
    store.commit(&server(), &states()[1]).unwrap();
    assert_eq!(
        store.0.trees.begun.len(),
        1,
        "the next commit sweeps its own"
    );
    drop(store);
    assert_eq!(count(&open(dir.path())), before);
}

#[test]
fn the_last_commit_is_not_taken_back_unnoticed() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let repo = crate::key::RepoKey::new(&server(), &gun("app"));
    let header = |store: &Store| store.0.trees.header.get(repo.as_bytes()).unwrap().unwrap();
    store.commit(&server(), &states()[0]).unwrap();
    let first = header(&store);
    store.commit(&server(), &states()[1]).unwrap();
    // As a log is that lost the piece with the last header, and kept what was written after it.
    let header = store.0.trees.header.tree();
    header.insert(repo.as_bytes(), first).unwrap();
    drop(store);
    let (_, reason) = set_aside(dir.path());
    assert!(reason.contains("what they were before"), "{reason}");
}

#[test]
fn after_a_write_that_failed_nothing_is_taken_in() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    store.commit(&server(), &states()[0]).unwrap();
    let behind = store.note_write(StoreError::damaged("nothing of the disk"));
    assert_eq!((behind.label(), store.failure()), ("store_damaged", None));
    fs::remove_file(dir.path().join("DAMAGED")).unwrap();
    let broken = std::io::Error::from_raw_os_error(5);
    store.note_write(StoreError::Engine(sled::Error::Io(broken)));
    assert!(store.failure().unwrap().contains("os error 5"));
    assert!(!store.takes_in());
    assert!(store.can_be_written(), "were it opened anew");
    let refused = [
        store.commit(&server(), &states()[1]).map(drop),
        store.set_server_state(&server(), &crate::ServerState::default()),
        store.flush(),
        store.require_room(),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert_eq!(error.label(), "store_io");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("os error 5"), "{cause}");
    }
    let query = tag(&gun("app"), "tag-1");
    assert_eq!(signed(&store, &query), Some(image("image-1-1")));
    drop(store);
    let store = open(dir.path());
    store.commit(&server(), &states()[1]).unwrap();
}
