use jiff::{SignedDuration, Timestamp};
use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::evidence::{Retained, Signers, Wanted};
use vouchsafe_trust::{Gun, Query, Role};

use crate::Store;
use crate::key::RepoKey;
use crate::record::{Front, Header};
use crate::retained::MAX_FORMER;
use crate::testing::{
    Proof, gun, image, now, open, proof, proof_since, server, signed, states, tag, verified,
    verified_at,
};

pub(super) const ALICE: &str = "targets/alice";
pub(super) const RELEASES: &str = "targets/releases";

pub(super) fn commit(store: &Store, gun: &Gun, repository: &Repository) {
    store.commit(&server(), &verified(gun, repository)).unwrap();
}

/// The next publication, in which `targets/releases` points `latest` to another image.
pub(super) fn next(repository: &Repository, image: &str) -> Repository {
    publish(repository).tag(RELEASES, "latest", image)
}

pub(super) fn publish(repository: &Repository) -> Repository {
    let roles = ["targets", RELEASES, "snapshot", "timestamp"];
    repository.clone().publish(&roles)
}

fn by_digest(gun: &Gun, name: &str) -> Query {
    Query {
        wanted: Wanted::Digest(image(name)),
        ..tag(gun, "")
    }
}

#[test]
fn a_digest_is_proven_for_the_window_after_it_was_replaced() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let first = next(&Repository::delegated(gun.as_str()), "one");
    let (monday, friday) = (now() - SignedDuration::from_hours(96), now());
    let second = next(&first, "two");
    let third = next(&second, "three").tag(RELEASES, "other", "two");
    let query = tag(&gun, "latest");
    {
        let store = open(dir.path());
        for (repository, at) in [(&first, monday), (&second, monday), (&third, friday)] {
            let repository = verified_at(&gun, repository, at);
            store.commit(&server(), &repository).unwrap();
        }
    }
    let store = open(dir.path());
    assert_eq!(proof(&store, &query, "one"), Proof::Before(monday));
    assert_eq!(proof(&store, &query, "two"), Proof::Before(friday));
    assert_eq!(proof(&store, &query, "three"), Proof::Now);
    assert_eq!(proof(&store, &query, "four"), Proof::Never);
    let since = monday + SignedDuration::from_nanos(1);
    assert_eq!(proof_since(&store, &query, "one", since), Proof::Never);
    let since = friday;
    assert_eq!(
        proof_since(&store, &query, "two", since),
        Proof::Before(friday)
    );
    assert_eq!(signed(&store, &query), Some(image("three")));

    assert_eq!(proof(&store, &tag(&gun, "signed"), "one"), Proof::Never);
    let bare = |name| proof(&store, &by_digest(&gun, name), name);
    assert_eq!(bare("one"), Proof::Before(monday));
    assert_eq!(bare("two"), Proof::Now);
    assert_eq!(bare("four"), Proof::Never);
    assert_eq!(signed(&store, &by_digest(&gun, "one")), None);
    let mut alice = query;
    alice.signers = Signers::All(vec![ALICE.parse().unwrap()]);
    assert_eq!(
        proof(&store, &alice, "one"),
        Proof::Never,
        "said by another"
    );
}

#[test]
fn what_is_stated_again_and_replaced_again_is_dated_anew() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let mut repository = Repository::delegated(gun.as_str());
    let hour = SignedDuration::from_hours(1);
    let mut at = now() - hour * 10;
    for image in ["one", "two", "one", "two"] {
        repository = next(&repository, image);
        let repository = verified_at(&gun, &repository, at);
        store.commit(&server(), &repository).unwrap();
        at += hour;
    }
    let query = tag(&gun, "latest");
    assert_eq!(proof(&store, &query, "one"), Proof::Before(at - hour));
    assert_eq!(proof(&store, &query, "two"), Proof::Now);
    let repo = RepoKey::new(&server(), &gun);
    let find = |image_name: &str| {
        let role = RELEASES.parse().unwrap();
        let tree = &store.0.trees.retained;
        crate::retained::find(tree, &repo, &role, &image(image_name)).unwrap()
    };
    assert_eq!((find("one").len(), find("two").len()), (1, 1));
}

#[test]
fn a_withdrawal_keeps_what_was_said_and_forgetting_drops_it() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let query = tag(&gun("app"), "tag-1");
    store.commit(&server(), &states()[0]).unwrap();
    store.withdraw(&server(), &gun("app"), now()).unwrap();
    store.commit(&server(), &states()[1]).unwrap();
    let before = proof(&store, &query, "image-1-1");
    assert_eq!(before, Proof::Before(now()));
    store.forget(None, &gun("app")).unwrap();
    assert_eq!(store.0.trees.retained.tree().len(), 0);
    store.commit(&server(), &states()[1]).unwrap();
    assert_eq!(proof(&store, &query, "image-1-1"), Proof::Never);
}

#[test]
fn what_forgetting_left_behind_is_nobodys_word() {
    let dir = TempDir::new("store").unwrap();
    let query = tag(&gun("app"), "tag-1");
    let repo = RepoKey::new(&server(), &gun("app"));
    let half_forgotten = || {
        let store = open(dir.path());
        store.commit(&server(), &states()[0]).unwrap();
        store.commit(&server(), &states()[1]).unwrap();
        let trees = &store.0.trees;
        trees.begun.insert(repo.as_bytes(), &[]).unwrap();
        trees.header.remove(repo.as_bytes()).unwrap();
        assert!(!trees.retained.tree().is_empty());
        store
    };
    let store = half_forgotten();
    store.commit(&server(), &states()[1]).unwrap();
    assert_eq!(proof(&store, &query, "image-1-1"), Proof::Never);
    store.forget(None, &gun("app")).unwrap();
    drop(store);
    drop(half_forgotten());
    assert!(open(dir.path()).0.trees.retained.tree().is_empty());
}

#[test]
fn entries_that_are_ahead_of_their_commit_admit_nothing_new() {
    let dir = TempDir::new("store").unwrap();
    let gun = gun("app");
    let first = next(&Repository::delegated(gun.as_str()), "one");
    let second = next(&first, "two");
    let early = now() - SignedDuration::from_hours(9);
    let repo = RepoKey::new(&server(), &gun);
    let store = open(dir.path());
    commit(&store, &gun, &first);
    let stored = store.0.trees.stored(&repo).unwrap();
    // As a commit leaves it that a crash cuts short.
    let cut_short = verified_at(&gun, &second, early);
    let superseded = store.superseded_by(&repo, stored.as_ref(), &cut_short);
    store.remember(&repo, superseded.unwrap()).unwrap();
    drop(store);
    let store = open(dir.path());
    let query = tag(&gun, "latest");
    assert_eq!(proof(&store, &query, "one"), Proof::Now);
    assert_eq!(proof(&store, &query, "two"), Proof::Never);
    assert_eq!(proof(&store, &query, "image"), Proof::Never);
    commit(&store, &gun, &next(&first, "another"));
    assert_eq!(proof(&store, &query, "one"), Proof::Before(now()));
    assert_eq!(proof(&store, &query, "two"), Proof::Never);
}

#[test]
fn a_header_that_was_superseded_is_not_asked_about_the_past() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let repo = RepoKey::new(&server(), &gun("app"));
    let trees = &store.0.trees;
    let mut query = tag(&gun("app"), "tag-1");
    store.commit(&server(), &states()[0]).unwrap();
    // As a reader sees it that the next commits overtake between its page and the past.
    let header = Header::parse(trees.header.get(repo.as_bytes()).unwrap().unwrap()).unwrap();
    let pages: Vec<_> = trees.page.iter().map(Result::unwrap).collect();
    let Some(Front::Active(active)) = header.front(&trees.file, &repo).unwrap() else {
        panic!("it was committed")
    };
    store.commit(&server(), &states()[1]).unwrap();
    store.commit(&server(), &states()[2]).unwrap();
    for (key, value) in pages {
        trees.page.insert(key, value).unwrap();
    }
    let overtaken = |query: &Query| {
        let known = store.known(&repo, &header, *active.clone(), query);
        known.unwrap().is_none()
    };
    assert!(!overtaken(&query), "the page itself is there");
    query.retained = Some(Retained {
        digest: image("image-1-2"),
        since: Timestamp::MIN,
    });
    assert!(overtaken(&query));
}

#[test]
fn a_damaged_entry_is_no_answer() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    store.commit(&server(), &states()[0]).unwrap();
    store.commit(&server(), &states()[1]).unwrap();
    let repo = RepoKey::new(&server(), &gun("app"));
    let key = repo.retained(&RELEASES.parse().unwrap(), &image("image-1-1"));
    let tree = &store.0.trees.retained;
    let whole = tree.get(&key).unwrap().unwrap();
    let mut query = tag(&gun("app"), "tag-1");
    query.retained = Some(Retained {
        digest: image("image-1-1"),
        since: Timestamp::MIN,
    });
    for damaged in [&b"\xff"[..], &b""[..], &whole[..whole.len() - 1]] {
        tree.insert(&key, damaged).unwrap();
        let error = store.evidence(&query).unwrap_err();
        assert_eq!(error.label(), "store_damaged", "{damaged:?}");
    }
    // Whoever does not ask for it does not need it.
    let present = tag(&gun("app"), "tag-1");
    assert_eq!(signed(&store, &present), Some(image("image-1-2")));
    assert_eq!(proof(&store, &present, "image-1-2"), Proof::Now);
    drop(store);
    let opened = Store::open(dir.path(), now()).unwrap();
    assert!(opened.set_aside.is_some());
}

#[test]
fn one_look_up_reads_one_record_of_ten_thousand() {
    const TAGS: usize = 10_000;
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let pointing = |state: &str| {
        (0..TAGS).fold(Repository::plain(gun.as_str()), |repository, number| {
            repository.tag(
                "targets",
                &format!("tag-{number}"),
                &format!("{state}-{number}"),
            )
        })
    };
    commit(&store, &gun, &pointing("old"));
    let roles = ["targets", "snapshot", "timestamp"];
    commit(&store, &gun, &pointing("new").publish(&roles));
    let trees = &store.0.trees;
    assert_eq!(trees.retained.tree().len(), TAGS);
    // Nothing but one record is left that could be read.
    let repo = RepoKey::new(&server(), &gun);
    let only = repo.retained(&Role::Targets, &image("old-777"));
    let record = trees.retained.get(&only).unwrap().unwrap();
    assert!(record.len() < 64, "{}", record.len());
    for key in trees.retained.iter().keys() {
        trees.retained.insert(key.unwrap(), b"\xff").unwrap();
    }
    for key in trees.history.iter().keys() {
        trees.history.insert(key.unwrap(), b"\xff").unwrap();
    }
    trees.retained.insert(&only, &record).unwrap();
    let expected = Proof::Before(now());
    assert_eq!(proof(&store, &tag(&gun, "tag-777"), "old-777"), expected);
    let bare = by_digest(&gun, "old-777");
    assert_eq!(proof(&store, &bare, "old-777"), expected);
}

#[test]
fn the_past_of_a_tag_and_of_a_digest_is_bounded() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let roles = ["targets", "snapshot", "timestamp"];
    let mut repository = Repository::plain(gun.as_str());
    for number in 0..70 {
        let name = format!("image-{number}");
        repository = repository.publish(&roles).tag("targets", "latest", &name);
        commit(&store, &gun, &repository);
    }
    let query = tag(&gun, "latest");
    assert_eq!(store.0.trees.retained.tree().len(), 64);
    assert_eq!(proof(&store, &query, "image-4"), Proof::Never);
    assert_eq!(proof(&store, &query, "image-5"), Proof::Before(now()));

    for (length, expected) in [(10, MAX_FORMER), (128, 4096 / 148)] {
        let name = |number: usize| format!("{number:0length$}");
        let image_name = format!("same-{length}");
        let many = (0..100).fold(repository.clone().publish(&roles), |repository, number| {
            repository.tag("targets", &name(number), &image_name)
        });
        commit(&store, &gun, &many);
        repository = repository.publish(&roles).publish(&roles);
        commit(&store, &gun, &repository);
        let repo = RepoKey::new(&server(), &gun);
        let key = repo.retained(&Role::Targets, &image(&image_name));
        let record = store.0.trees.retained.get(key).unwrap().unwrap();
        assert!(record.len() <= 4096, "{}", record.len());
        let proven = (0..100).map(|number| proof(&store, &tag(&gun, &name(number)), &image_name));
        let proven = proven.filter(|proof| *proof != Proof::Never);
        assert_eq!(proven.count(), expected, "{length}");
    }
}
