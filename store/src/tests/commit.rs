use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::evidence::{Signers, Wanted};
use vouchsafe_trust::{Evidence, Role};

use crate::testing::{
    gun, image, metadata, now, open, server, signed, state, states, tag, verified,
};
use crate::{Store, StoreError, Withdrawal};

/// How many records of each kind there are.
fn records(store: &Store) -> [usize; 4] {
    let trees = &store.0.trees;
    [trees.header.tree(), &trees.file, &trees.page, &trees.begun].map(sled::Tree::len)
}

#[test]
fn what_was_committed_is_read_back() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let repository = &states()[0];
    {
        let store = open(dir.path());
        assert_eq!(
            store.evidence(&tag(&gun, "tag-7")).unwrap(),
            Evidence::Unknown
        );
        store.commit(&server(), repository).unwrap();
    }
    let store = open(dir.path());
    assert_eq!(
        signed(&store, &tag(&gun, "tag-7")),
        Some(image("image-7-1"))
    );
    assert_eq!(signed(&store, &tag(&gun, "tag-100")), None);
    let server = server();
    assert_eq!(
        store.facts(&server, &gun).unwrap().as_ref(),
        Some(repository.facts())
    );
    assert_eq!(
        store.accepted(&server, &gun).unwrap().as_ref(),
        Some(repository.accepted())
    );
    assert_eq!(
        store.metadata(&server, &gun).unwrap().as_ref(),
        Some(repository.metadata())
    );
    assert_eq!(&store.tags(&server, &gun).unwrap(), repository.targets());
    let other = "https://other.example.com".parse().unwrap();
    assert_eq!(store.facts(&other, &gun).unwrap(), None);
    assert!(store.holds_any().unwrap());
    store.withdraw(&server, &gun, now()).unwrap();
    assert!(!store.holds_any().unwrap());
    assert_eq!(store.repositories().unwrap(), [(server, gun)]);
}

#[test]
fn a_bare_digest_and_a_named_delegation_are_found() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    store.commit(&server(), &states()[0]).unwrap();
    let mut query = tag(&gun, "");
    query.wanted = Wanted::Digest(image("image-7-1"));
    assert_eq!(signed(&store, &query), Some(image("image-7-1")));
    query.wanted = Wanted::Digest(image("unheard of"));
    assert_eq!(signed(&store, &query), None);
    query.wanted = Wanted::Tag("signed".to_owned());
    let names = ["targets/alice", "targets/releases"];
    query.signers = Signers::All(names.map(|name| name.parse().unwrap()).into());
    assert_eq!(signed(&store, &query), Some(image("image")));
    query.signers = Signers::All(vec!["targets/nobody".parse().unwrap()]);
    assert_eq!(signed(&store, &query), None);
}

#[test]
fn nothing_that_is_superseded_stays() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    store.commit(&server(), &states()[0]).unwrap();
    let once = records(&store);
    for repository in states() {
        store.commit(&server(), repository).unwrap();
        assert_eq!(records(&store), once);
    }
    assert_eq!(once[3], 0);
    assert_eq!(store.forget(None, &gun("app")).unwrap(), 1);
    assert_eq!(records(&store), [0; 4]);
    assert_eq!(store.0.trees.history.len(), 0);
    assert_eq!(store.0.trees.retained.tree().len(), 0);
}

#[test]
fn an_unchanged_role_is_not_written_again() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let first = Repository::plain(gun.as_str());
    let counts = [
        (first.clone(), 4),
        (first.clone(), 0),
        (first.clone().publish(&["timestamp"]), 1),
        (
            first
                .publish(&["snapshot", "timestamp"])
                .publish(&["timestamp"]),
            2,
        ),
    ];
    for (repository, new_files) in counts {
        let commit = store
            .commit(&server(), &verified(&gun, &repository))
            .unwrap();
        assert_eq!(commit.new_files, new_files, "{:?}", repository.versions());
    }
}

#[test]
fn a_repository_that_falls_behind_is_refused() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    store.commit(&server(), &states()[3]).unwrap();
    store.commit(&server(), &states()[3]).unwrap();
    let same_version = state(&gun, 99, 4);
    for behind in [&states()[2], &verified(&gun, &same_version)] {
        let refused = store.commit(&server(), behind).unwrap_err();
        assert_eq!(refused.label(), "superseded", "{refused}");
    }
    assert_eq!(
        signed(&store, &tag(&gun, "tag-0")),
        Some(image("image-0-4"))
    );
    // Another server's word is another matter.
    let other = "https://other.example.com".parse().unwrap();
    store.commit(&other, &states()[0]).unwrap();
}

#[test]
fn a_rotation_lets_versions_start_anew() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let first = Repository::plain(gun.as_str()).version("timestamp", 1000);
    store.commit(&server(), &verified(&gun, &first)).unwrap();
    let rotated = first
        .clone()
        .next_root()
        .keys("timestamp", &[Key::p256("another")])
        .version("timestamp", 1);
    store.commit(&server(), &verified(&gun, &rotated)).unwrap();
    let refused = store
        .commit(&server(), &verified(&gun, &first))
        .unwrap_err();
    let StoreError::Superseded { role, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(role, Role::Root);
}

#[test]
fn a_withdrawal_keeps_the_floors_and_forgetting_drops_them() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let server = server();
    let store = open(dir.path());
    let withdraw = |store: &Store| store.withdraw(&server, &gun, now()).unwrap();
    assert_eq!(withdraw(&store), Withdrawal::NotStored);
    store.commit(&server, &states()[2]).unwrap();
    assert_eq!(withdraw(&store), Withdrawal::Withdrawn);
    assert_eq!(withdraw(&store), Withdrawal::AlreadyWithdrawn);
    drop(store);
    let store = open(dir.path());
    assert_eq!(
        store.evidence(&tag(&gun, "tag-0")).unwrap(),
        Evidence::Withdrawn { at: now() }
    );
    assert_eq!(store.metadata(&server, &gun).unwrap(), None);
    assert_eq!(store.facts(&server, &gun).unwrap(), None);
    assert_eq!(records(&store), [1, 0, 0, 0]);
    let accepted = store.accepted(&server, &gun).unwrap();
    assert_eq!(accepted.as_ref(), Some(states()[2].accepted()));
    store.commit(&server, &states()[1]).unwrap_err();
    store.commit(&server, &states()[3]).unwrap();
    assert_eq!(store.forget(Some(&server), &gun).unwrap(), 1);
    assert_eq!(store.forget(Some(&server), &gun).unwrap(), 0);
    store.commit(&server, &states()[0]).unwrap();
}

#[test]
fn large_repositories_stay_in_the_log_and_are_found_in() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let mut repository = Repository::delegated(gun.as_str());
    for tag in 0..20_000 {
        let name = format!("tag-{tag}");
        repository = repository.tag("targets/releases", &name, &name);
    }
    let store = open(dir.path());
    let verified = verified(&gun, &repository);
    assert!(
        verified
            .metadata()
            .delegations
            .values()
            .any(|file| file.len() > 1 << 20)
    );
    store.commit(&server(), &verified).unwrap();
    for number in ["0", "9999", "19999"] {
        let name = format!("tag-{number}");
        assert_eq!(signed(&store, &tag(&gun, &name)), Some(image(&name)));
    }
    let found = store.metadata(&server(), &gun).unwrap().unwrap();
    assert_eq!(found, metadata(&gun, &repository));
    // sled never syncs what it moves out of its log.
    let moved_out = std::fs::read_dir(dir.path().join("db/blobs")).unwrap();
    assert_eq!(moved_out.count(), 0);
}

#[test]
fn a_header_of_any_length_is_kept() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let mut repository = Repository::delegated(gun.as_str());
    for number in 0..60 {
        let name = format!("targets/delegation-{number}");
        repository = repository.delegate(&name, &[Key::p256("carol")], &["a", "b"]);
    }
    let store = open(dir.path());
    let mut counts = Vec::new();
    for _ in 0..3 {
        let verified = verified(&gun, &repository);
        store.commit(&server(), &verified).unwrap();
        counts.push(records(&store));
        let facts = store.facts(&server(), &gun).unwrap();
        assert_eq!(facts.as_ref(), Some(verified.facts()));
        repository = repository.publish(&["timestamp"]);
    }
    let repo = crate::key::RepoKey::new(&server(), &gun);
    let stored = store.0.trees.stored(&repo).unwrap().unwrap();
    assert!(stored.header.stored_body().is_some(), "too small a case");
    assert_eq!(counts[0], counts[2]);
    assert_eq!(signed(&store, &tag(&gun, "signed")), Some(image("image")));
}

#[test]
fn several_are_committed_each_for_itself() {
    let dir = TempDir::new("store").unwrap();
    let of = |name: &str, number| {
        let gun = gun(name);
        verified(&gun, &state(&gun, 3, number))
    };
    let store = open(dir.path());
    store.commit(&server(), &of("b", 5)).unwrap();
    let guns = ["a", "b", "c"].map(gun);
    let offered: Vec<_> = ["c", "a", "b"].map(|name| of(name, 2)).into();
    let committed = store.commit_all(&server(), &offered);
    assert!(committed.keys().eq(&guns));
    let labels = committed.values();
    let labels = labels.map(|it| it.as_ref().map_or_else(StoreError::label, |_| "committed"));
    assert!(labels.eq(["committed", "superseded", "committed"]));
    assert_eq!(records(&store)[3], 0, "tidied up");
    drop(store);
    let store = open(dir.path());
    for (gun, number) in guns.iter().zip([2, 5, 2]) {
        let image = image(&format!("image-1-{number}"));
        assert_eq!(signed(&store, &tag(gun, "tag-1")), Some(image), "{gun}");
    }
    assert!(store.commit_all(&server(), &[]).is_empty());
}
