use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::{Evidence, Server};

use crate::testing::{Proof, gun, image, now, open, proof, server, signed, states, tag};
use crate::{Store, Withdrawal};

/// What can be done to one of two servers' repositories.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Commits the state of this number.
    Commit(usize, u64),
    Forget(Option<usize>),
    Reopen,
    Withdraw(usize),
}

/// What a store should hold of one repository: its floor, the states before, and whether it was
/// withdrawn.
#[derive(Clone, Debug)]
struct Held {
    floor: u64,
    before: BTreeSet<u64>,
    withdrawn: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..2_usize;
    prop_oneof![
        6 => (which.clone(), 1..=6_u64).prop_map(|(which, state)| Step::Commit(which, state)),
        1 => proptest::option::of(which.clone()).prop_map(Step::Forget),
        1 => Just(Step::Reopen),
        1 => which.prop_map(Step::Withdraw),
    ]
}

fn servers() -> [Server; 2] {
    [server(), "http://other.example.com".parse().unwrap()]
}

fn check(store: &Store, model: &BTreeMap<usize, Held>) {
    for (which, server) in servers().into_iter().enumerate() {
        let mut query = tag(&gun("app"), "tag-1");
        query.server = server.clone();
        match model.get(&which) {
            None => assert_eq!(store.evidence(&query).unwrap(), Evidence::Unknown),
            Some(Held {
                withdrawn: true, ..
            }) => {
                let withdrawn = Evidence::Withdrawn { at: now() };
                assert_eq!(store.evidence(&query).unwrap(), withdrawn);
            }
            Some(Held { floor, before, .. }) => {
                let digest = image(&format!("image-1-{floor}"));
                assert_eq!(signed(store, &query), Some(digest));
                for number in 1..=6 {
                    let expected = match number {
                        _ if number == *floor => Proof::Now,
                        _ if before.contains(&number) => Proof::Before(now()),
                        _ => Proof::Never,
                    };
                    let name = format!("image-1-{number}");
                    assert_eq!(proof(store, &query, &name), expected, "{name}");
                }
                let metadata = store.metadata(&server, &gun("app")).unwrap();
                let state = &states()[usize::try_from(*floor).unwrap() - 1];
                assert_eq!(metadata.as_ref(), Some(state.metadata()));
            }
        }
    }
    assert_eq!(store.repositories().unwrap().len(), model.len());
    assert_eq!(store.0.trees.begun.len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_store_holds_what_its_model_holds(steps in proptest::collection::vec(step(), 1..25)) {
        let dir = TempDir::new("store").unwrap();
        let mut store = Some(open(dir.path()));
        let mut model: BTreeMap<usize, Held> = BTreeMap::new();
        for step in steps {
            let open_store = store.as_ref().unwrap();
            match step {
                Step::Commit(which, number) => {
                    let state = &states()[usize::try_from(number).unwrap() - 1];
                    let result = open_store.commit(&servers()[which], state);
                    if model.get(&which).is_some_and(|held| number < held.floor) {
                        prop_assert_eq!(result.unwrap_err().label(), "superseded");
                    } else {
                        result.unwrap();
                        let held = model.remove(&which);
                        let mut before = BTreeSet::new();
                        if let Some(held) = held {
                            before = held.before;
                            before.insert(held.floor);
                        }
                        model.insert(which, Held { floor: number, before, withdrawn: false });
                    }
                }
                Step::Forget(which) => {
                    let servers = servers();
                    let server = which.map(|which| &servers[which]);
                    let count = open_store.forget(server, &gun("app")).unwrap();
                    let before = model.len();
                    model.retain(|known, _| which.is_some_and(|which| which != *known));
                    prop_assert_eq!(count, before - model.len());
                }
                Step::Reopen => {
                    drop(store.take());
                    store = Some(open(dir.path()));
                }
                Step::Withdraw(which) => {
                    let result = open_store.withdraw(&servers()[which], &gun("app"), now());
                    let expected = match model.get_mut(&which) {
                        None => Withdrawal::NotStored,
                        Some(held) if held.withdrawn => Withdrawal::AlreadyWithdrawn,
                        Some(held) => {
                            held.withdrawn = true;
                            Withdrawal::Withdrawn
                        }
                    };
                    prop_assert_eq!(result.unwrap(), expected);
                }
            }
            check(store.as_ref().unwrap(), &model);
        }
    }
}
