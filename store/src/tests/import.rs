use std::collections::BTreeSet;

use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::evidence::Vouch;
use vouchsafe_trust::{Evidence, Gun, Pins, Sha256, TrustRoot, VerifiedRepository};

use super::retained::{RELEASES, next};
use crate::testing::{
    Proof, gun, image, now, open, pins, proof, server, signed, state, states, tag, verified,
};
use crate::{Gone, ImportedBundle, Kept, Staged, Store, StoreError};

pub(super) fn vouch(sequence: u64) -> Vouch {
    Vouch {
        bundle: "site".to_owned(),
        sequence,
        created_at: now(),
        refresh_by: None,
        signers: BTreeSet::new(),
    }
}

pub(super) fn bundle(sequence: u64) -> ImportedBundle {
    ImportedBundle {
        name: "site".to_owned(),
        sequence,
        manifest: Sha256::of(b"manifest"),
        created_at: now(),
        refresh_by: None,
        imported_at: now(),
        signers: BTreeSet::new(),
        repositories: 3,
        refused: 0,
        deny: Vec::new(),
    }
}

/// State `number` of a small repository.
pub(super) fn small(name: &str, number: u64) -> VerifiedRepository {
    let gun = gun(name);
    verified(&gun, &state(&gun, 2, number))
}

/// Who vouches for a repository that is stored.
pub(super) fn vouched(store: &Store, name: &str) -> Option<u64> {
    match store.evidence(&tag(&gun(name), "signed")).unwrap() {
        Evidence::Known(known) => known.vouch.map(|vouch| vouch.sequence),
        other @ (Evidence::Unknown | Evidence::Withdrawn { .. }) => panic!("{other:?}"),
    }
}

/// Takes in one repository.
fn import(store: &Store, repository: &VerifiedRepository, sequence: u64) -> Staged {
    let mut import = store.begin_import();
    let staged = import.stage(&server(), repository, vouch(sequence));
    import.commit(&bundle(sequence)).unwrap();
    staged.unwrap()
}

/// A record of the store: its tree, its key and its value.
type Entry = (usize, Vec<u8>, Vec<u8>);

/// Every record of repositories and bundles.
fn dump(store: &Store) -> Vec<Entry> {
    let trees = &store.0.trees;
    let trees = [
        trees.header.tree(),
        &trees.file,
        &trees.page,
        &trees.history,
        trees.retained.tree(),
        &trees.sync,
        &trees.server,
        trees.bundle.tree(),
        &trees.begun,
    ];
    let entries = |(number, tree): (usize, &sled::Tree)| {
        let entries = tree.iter().map(Result::unwrap);
        let entries = entries.map(|(key, value)| (number, key.to_vec(), value.to_vec()));
        entries.collect::<Vec<_>>()
    };
    trees.into_iter().enumerate().flat_map(entries).collect()
}

fn files_of(repository: &VerifiedRepository) -> BTreeSet<Sha256> {
    let metadata = repository.metadata();
    let base = [&metadata.timestamp, &metadata.snapshot, &metadata.targets];
    base.into_iter()
        .chain(&metadata.roots)
        .chain(metadata.delegations.values())
        .map(|bytes| Sha256::of(bytes))
        .collect()
}

#[test]
fn nothing_of_a_bundle_is_visible_before_it_is_committed_and_all_of_it_after() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    for name in ["changed", "kept", "gone"] {
        store.commit(&server(), &small(name, 1)).unwrap();
    }
    let mut import = store.begin_import();
    let mut stage = |name, number| import.stage(&server(), &small(name, number), vouch(7));
    assert_eq!(stage("new", 1).unwrap(), Staged::Changed);
    assert_eq!(stage("changed", 2).unwrap(), Staged::Changed);
    let files = files_of(&small("kept", 1));
    let kept = import.keep(&server(), &gun("kept"), &files, vouch(7));
    assert_eq!(kept.unwrap(), Kept::Kept);
    let differs = import.keep(&server(), &gun("kept"), &BTreeSet::new(), vouch(8));
    assert_eq!(differs.unwrap(), Kept::Differs);
    let absent = import.keep(&server(), &gun("absent"), &files, vouch(7));
    assert_eq!(absent.unwrap(), Kept::NotStored);
    let mut withdraw = |name| import.withdraw(&server(), &gun(name), (now(), now()), &vouch(7));
    assert_eq!(withdraw("gone").unwrap(), Gone::Withdrawn);
    assert_eq!(withdraw("absent").unwrap(), Gone::Absent);

    let at = |store: &Store, name| signed(store, &tag(&gun(name), "tag-1"));
    let evidence = |store: &Store, name| store.evidence(&tag(&gun(name), "tag-1")).unwrap();
    let history = |store: &Store| store.history(&server(), &gun("changed"), "tag-1").unwrap();
    let check = |store: &Store, name, number: u64, sequence| {
        let expected = image(&format!("image-1-{number}"));
        assert_eq!(at(store, name), Some(expected), "{name}");
        assert_eq!(vouched(store, name), sequence, "{name}");
    };
    assert_eq!(evidence(&store, "new"), Evidence::Unknown);
    for name in ["changed", "kept", "gone"] {
        check(&store, name, 1, None);
    }
    assert_eq!(history(&store), []);
    assert_eq!(store.bundles().unwrap(), []);

    import.commit(&bundle(7)).unwrap();
    let check = |store: &Store| {
        for (name, number) in [("new", 1), ("changed", 2), ("kept", 1)] {
            check(store, name, number, Some(7));
        }
        let gone = evidence(store, "gone");
        assert_eq!(gone, Evidence::Withdrawn { at: now() });
        assert_eq!(history(store).len(), 1);
        assert_eq!(store.bundles().unwrap(), [bundle(7)]);
        assert_eq!(store.bundle("site").unwrap(), Some(bundle(7)));
        assert_eq!(store.bundle("other").unwrap(), None);
    };
    check(&store);
    assert!(store.0.trees.begun.is_empty());
    drop(store);
    check(&open(dir.path()));
}

/// A state, and one that takes a key from `targets/releases` and points each tag elsewhere.
fn rekeyed(gun: &Gun) -> [Repository; 3] {
    let first = next(&Repository::delegated(gun.as_str()), "one");
    let second = next(&first, "two");
    let carol = [Key::p256("carol")];
    let third = next(&second, "three").keys(RELEASES, &carol);
    [first, second, third]
}

#[test]
fn what_is_dropped_before_its_commit_leaves_no_trace() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let app = gun("app");
    let [first, second, third] = rekeyed(&app);
    for repository in [&first, &second] {
        let repository = verified(&app, repository);
        store.commit(&server(), &repository).unwrap();
    }
    for name in ["kept", "gone"] {
        store.commit(&server(), &small(name, 2)).unwrap();
    }
    let before = dump(&store);
    for _ in 0..2 {
        let mut import = store.begin_import();
        let mut stage = |repository: &_| import.stage(&server(), repository, vouch(1));
        stage(&verified(&app, &third)).unwrap();
        stage(&small("new", 1)).unwrap();
        stage(&small("kept", 2)).unwrap();
        stage(&small("gone", 1)).unwrap_err();
        import
            .withdraw(&server(), &gun("gone"), (now(), now()), &vouch(1))
            .unwrap();
        drop(import);
        assert_eq!(dump(&store), before);
        // What a role said counts until a key is really taken from it.
        let latest = tag(&app, "latest");
        assert_eq!(proof(&store, &latest, "one"), Proof::Before(now()));
    }
    import(&store, &verified(&app, &third), 1);
    assert_eq!(proof(&store, &tag(&app, "latest"), "one"), Proof::Never);
    assert_eq!(proof(&store, &tag(&app, "latest"), "three"), Proof::Now);
}

#[test]
fn what_falls_behind_is_refused_and_everything_else_is_taken_in() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    store.commit(&server(), &states()[3]).unwrap();
    let mut import = store.begin_import();
    let behind = import.stage(&server(), &states()[2], vouch(1));
    let error = behind.unwrap_err();
    assert!(matches!(error, StoreError::Superseded { .. }), "{error}");
    import
        .stage(&server(), &small("other", 1), vouch(1))
        .unwrap();
    import.commit(&bundle(1)).unwrap();
    let query = tag(&gun("app"), "tag-1");
    assert_eq!(signed(&store, &query), Some(image("image-1-4")));
    assert_eq!(
        (vouched(&store, "app"), vouched(&store, "other")),
        (None, Some(1))
    );
    // A withdrawal does not lower the floors, and neither does what comes after it.
    let mut import = store.begin_import();
    let gone = import.withdraw(&server(), &gun("app"), (now(), now()), &vouch(2));
    assert_eq!(gone.unwrap(), Gone::Withdrawn);
    import.commit(&bundle(2)).unwrap();
    let later = Vouch {
        created_at: now() + jiff::SignedDuration::from_hours(1),
        signers: states()[0].facts().anchors.clone(),
        ..vouch(3)
    };
    let mut import = store.begin_import();
    let earlier = import.stage(&server(), &states()[3], vouch(3));
    assert_eq!(earlier.unwrap(), Staged::Gone { at: now() });
    let behind = import.stage(&server(), &states()[2], later.clone());
    behind.unwrap_err();
    let again = import.stage(&server(), &states()[3], later);
    assert_eq!(again.unwrap(), Staged::Changed);
    import.commit(&bundle(3)).unwrap();
    assert_eq!(signed(&store, &query), Some(image("image-1-4")));
}

#[test]
fn of_the_same_files_only_who_vouches_for_them_changes() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let repository = small("app", 1);
    store.commit(&server(), &repository).unwrap();
    let facts = store.facts(&server(), &gun("app")).unwrap();
    let files: Vec<_> = dump(&store).into_iter().filter(|it| it.0 > 0).collect();
    for sequence in [1, 2] {
        assert_eq!(import(&store, &repository, sequence), Staged::Same);
        assert_eq!(vouched(&store, "app"), Some(sequence));
        assert_eq!(store.facts(&server(), &gun("app")).unwrap(), facts);
    }
    let bundles = 7;
    let mut now = dump(&store);
    let header = now[0].clone();
    now.retain(|(tree, ..)| *tree > 0 && *tree != bundles);
    assert_eq!(now, files);
    // Nothing at all changes where the same is said again.
    assert_eq!(import(&store, &repository, 2), Staged::Same);
    assert_eq!(dump(&store)[0], header);
}

#[test]
fn of_what_is_prepared_twice_the_last_counts() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    store.commit(&server(), &small("app", 1)).unwrap();
    import(&store, &small("app", 1), 1);
    let mut import = store.begin_import();
    for (number, staged) in [(3, Staged::Changed), (2, Staged::Changed)] {
        let got = import.stage(&server(), &small("app", number), vouch(2));
        assert_eq!(got.unwrap(), staged);
    }
    import.commit(&bundle(2)).unwrap();
    let query = tag(&gun("app"), "tag-1");
    assert_eq!(signed(&store, &query), Some(image("image-1-2")));
    let mut import = store.begin_import();
    let mut stage = |number| import.stage(&server(), &small("app", number), vouch(2));
    assert_eq!(stage(3).unwrap(), Staged::Changed);
    assert_eq!(stage(2).unwrap(), Staged::Same);
    import.commit(&bundle(3)).unwrap();
    assert_eq!(signed(&store, &query), Some(image("image-1-2")));
    let whole = small("app", 2);
    let metadata = store.metadata(&server(), &gun("app")).unwrap();
    assert_eq!(metadata.as_ref(), Some(whole.metadata()));
}

#[test]
fn a_vouch_stays_as_long_as_the_files_do() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let app = gun("app");
    let pinned = |label: &str| Pins {
        roots: vec![TrustRoot::from_pem(&Key::p256(label).public_key_pem()).unwrap()],
        ..Pins::default()
    };
    import(&store, &small("app", 1), 1);
    store.commit(&server(), &small("app", 1)).unwrap();
    assert_eq!(vouched(&store, "app"), Some(1), "a server has the same");
    let wrong = store.reverify(&|_, _| Some(pinned("x")), now()).unwrap();
    assert_eq!(wrong.unproven.len(), 1);
    assert_eq!(vouched(&store, "app"), Some(1), "other pins");
    let right = store.reverify(&|_, gun| Some(pins(gun)), now()).unwrap();
    assert_eq!(right.proven, 1);
    assert_eq!(vouched(&store, "app"), Some(1), "the pins of before");
    let status = store.status().unwrap().remove(0);
    assert_eq!(status.vouch(), Some(&vouch(1)));

    let signed_anew = state(&app, 2, 1).publish(&["timestamp"]);
    let repository = verified(&app, &signed_anew);
    store.commit(&server(), &repository).unwrap();
    assert_eq!(vouched(&store, "app"), None, "a server has something else");
    import(&store, &small("app", 6), 2);
    assert_eq!(vouched(&store, "app"), Some(2));
    store.withdraw(&server(), &app, now()).unwrap();
    store.commit(&server(), &small("app", 6)).unwrap();
    assert_eq!(vouched(&store, "app"), None, "it was gone in between");
}

#[test]
fn a_later_word_stays_where_the_same_files_are_proven_anew() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let repository = small("app", 1);
    let later = Vouch {
        signers: repository.facts().anchors.clone(),
        ..vouch(2)
    };
    let mut first = store.begin_import();
    first.stage(&server(), &repository, later.clone()).unwrap();
    first.commit(&bundle(2)).unwrap();
    let pem = Key::p256("x").public_key_pem();
    let wrong = Pins {
        roots: vec![TrustRoot::from_pem(&pem).unwrap()],
        ..Pins::default()
    };
    store.reverify(&|_, _| Some(wrong.clone()), now()).unwrap();
    let older = Vouch {
        created_at: now() - jiff::SignedDuration::from_hours(1),
        ..later
    };
    let mut import = store.begin_import();
    let staged = import.stage(
        &server(),
        &repository,
        Vouch {
            sequence: 1,
            ..older
        },
    );
    assert_eq!(staged.unwrap(), Staged::Changed);
    import.commit(&bundle(3)).unwrap();
    assert_eq!(vouched(&store, "app"), Some(2));
}
