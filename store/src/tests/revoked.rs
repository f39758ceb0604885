use vouchsafe_tests::harness::TempDir;
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;
use vouchsafe_trust::Gun;
use vouchsafe_trust::evidence::Signers;

use super::retained::{ALICE, RELEASES, commit, next, publish};
use crate::testing::{Proof, gun, image, now, open, proof, server, tag};

/// Two states of a repository, and what may come third: whether that takes the history of
/// `targets/releases` away, and why.
struct Rekeyed {
    first: Repository,
    second: Repository,
    cases: Vec<(Repository, bool, &'static str)>,
    /// What comes last: all the keys that there were.
    last: Repository,
}

fn rekeyed(gun: &Gun) -> Rekeyed {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(Key::p256);
    let both = [alice.clone(), bob.clone()];
    let first = next(&Repository::delegated(gun.as_str()), "one")
        .signed_by(RELEASES, &both[..1])
        .tag(ALICE, "latest", "one");
    let second = next(&first, "two")
        .publish(&[ALICE])
        .tag(ALICE, "latest", "two");
    let keys = |keys: &[Key]| {
        next(&second, "three")
            .keys(RELEASES, keys)
            .signed_by(RELEASES, &keys[..1])
    };
    let one_more = keys(&[alice, bob, carol.clone()]);
    let last = next(&publish(&one_more), "four");
    let others = keys(std::slice::from_ref(&carol));
    let same_file = second
        .clone()
        .publish(&["targets", "snapshot", "timestamp"])
        .keys(RELEASES, &both[..1]);
    let under_signed = publish(&second).keys(RELEASES, &[carol]);
    let gone = publish(&second).unpublished(RELEASES);
    let cases = vec![
        (keys(&both), false, "the same keys"),
        (one_more, false, "one more key"),
        (keys(&both[..1]), true, "one key taken away"),
        (same_file, true, "one taken away that had not signed"),
        (others, true, "all keys replaced"),
        (under_signed, true, "not signed by its new key"),
        (gone, true, "not published"),
    ];
    Rekeyed {
        first,
        second,
        cases,
        last,
    }
}

#[test]
fn what_a_role_said_before_it_lost_a_key_does_not_count() {
    let gun = gun("app");
    let rekeyed = rekeyed(&gun);
    let query = tag(&gun, "latest");
    let mut alice = query.clone();
    alice.signers = Signers::All(vec![ALICE.parse().unwrap()]);
    for (third, is_lost, case) in rekeyed.cases {
        for withdrawn in [false, true] {
            let dir = TempDir::new("store").unwrap();
            let store = open(dir.path());
            commit(&store, &gun, &rekeyed.first);
            commit(&store, &gun, &rekeyed.second);
            assert_eq!(proof(&store, &query, "one"), Proof::Before(now()));
            if withdrawn {
                store.withdraw(&server(), &gun, now()).unwrap();
            }
            commit(&store, &gun, &third);
            drop(store);
            let store = open(dir.path());
            let expected = if is_lost {
                Proof::Never
            } else {
                Proof::Before(now())
            };
            assert_eq!(proof(&store, &query, "one"), expected, "{case}");
            // With its old keys back, the role speaks for the present alone.
            commit(&store, &gun, &rekeyed.last);
            assert_eq!(proof(&store, &query, "one"), expected, "{case}");
            assert_eq!(proof(&store, &query, "four"), Proof::Now, "{case}");
            assert_eq!(proof(&store, &alice, "one"), Proof::Before(now()), "{case}");
            let history = store.history(&server(), &gun, "latest").unwrap();
            let was_said = |name| {
                let mut history = history.iter();
                history.any(|entry| entry.role.as_str() == RELEASES && entry.digest == image(name))
            };
            assert!(was_said("one") && was_said("two"), "{case}: for the audit");
        }
    }
}

#[test]
fn what_targets_said_before_the_root_took_its_key_does_not_count() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let gun = gun("app");
    let first = Repository::plain(gun.as_str());
    let second = first
        .clone()
        .publish(&["targets", "snapshot", "timestamp"])
        .tag("targets", "signed", "two");
    commit(&store, &gun, &first);
    commit(&store, &gun, &second);
    let query = tag(&gun, "signed");
    assert_eq!(proof(&store, &query, "image"), Proof::Before(now()));
    let rotated = second
        .next_root()
        .keys("targets", &[Key::p256("another")])
        .publish(&["targets"])
        .tag("targets", "signed", "three");
    commit(&store, &gun, &rotated);
    for name in ["image", "two"] {
        assert_eq!(proof(&store, &query, name), Proof::Never, "{name}");
    }
    assert_eq!(proof(&store, &query, "three"), Proof::Now);
}
