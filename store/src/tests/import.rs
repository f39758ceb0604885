use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::evidence::Vouch;

use super::retained::{RELEASES, commit, next};
use crate::testing::{Proof, gun, now, open, proof, server, tag, verified};

fn vouch() -> Vouch {
    Vouch {
        bundle: "site".to_owned(),
        sequence: 1,
        created_at: now(),
        refresh_by: None,
        signers: [].into(),
    }
}

#[test]
fn what_is_not_committed_takes_no_history_away() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let first = next(&Repository::delegated(gun.as_str()), "one");
    let second = next(&first, "two");
    let carol = [Key::p256("carol")];
    let third = next(&second, "three")
        .keys(RELEASES, &carol)
        .signed_by(RELEASES, &carol);
    commit(&store, &gun, &first);
    commit(&store, &gun, &second);
    let query = tag(&gun, "latest");
    let before = store.history(&server(), &gun, "latest").unwrap();
    let mut import = store.begin_import();
    import
        .stage(&server(), &verified(&gun, &third), vouch())
        .unwrap();
    drop(import);
    assert_eq!(proof(&store, &query, "one"), Proof::Before(now()));
    assert_eq!(store.history(&server(), &gun, "latest").unwrap(), before);
    let mut import = store.begin_import();
    assert!(import.withdraw(&server(), &gun, now(), now()).unwrap());
    drop(import);
    assert_eq!(proof(&store, &query, "one"), Proof::Before(now()));
    assert_eq!(proof(&store, &query, "two"), Proof::Now);
}
