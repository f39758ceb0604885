use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::Sha256;

use crate::testing::{now, open};
use crate::{Alert, AlertOutcome, Backlog, QueueError, Store, Waiting};

fn alert(uid: impl std::fmt::Display) -> Alert {
    Alert {
        outcome: AlertOutcome::Rejected,
        message: "registry.example.com/app:1 is not signed".to_owned(),
        namespace: "shop".to_owned(),
        kind: "Pod".to_owned(),
        name: "app".to_owned(),
        images: "registry.example.com/app:1".to_owned(),
        uid: format!("{uid}"),
        at: now(),
    }
}

fn receiver(number: u8) -> Sha256 {
    Sha256::of(&[number])
}

/// The UIDs of what waits for a receiver, in order, all taken out.
fn drain(store: &Store, receiver: &Sha256) -> Vec<String> {
    let mut uids = Vec::new();
    while let Some(waiting) = store.outbox_next(receiver).unwrap() {
        uids.push(waiting.alert.uid);
        store.outbox_remove(&waiting.key).unwrap();
    }
    uids
}

/// Queues without waiting for the disk.
fn push(store: &Store, receiver: Sha256, value: &[u8]) -> bool {
    store.0.outbox.push(receiver, value).unwrap()
}

fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let meta = entry.metadata().unwrap();
            if meta.is_dir() {
                size(&entry.path())
            } else {
                meta.len()
            }
        })
        .sum()
}

#[test]
fn each_receiver_gets_its_alerts_in_order_and_whole() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let (a, b) = (receiver(1), receiver(2));
    for uid in 0..300 {
        let to: &[Sha256] = if uid % 3 == 0 { &[a, b] } else { &[a] };
        store.queue_alert(&alert(uid), to).unwrap();
    }
    assert_eq!(store.outbox_len(), 400);
    assert_eq!(store.outbox_backlogs()[&b].entries, 100);
    assert_eq!(store.outbox_oldest(&a).unwrap(), Some(now()));
    assert_eq!(store.outbox_oldest(&receiver(3)).unwrap(), None);
    assert_eq!(store.outbox_next(&a).unwrap().unwrap().alert, alert(0));
    let all: Vec<String> = (0..300).map(|uid| uid.to_string()).collect();
    assert_eq!(drain(&store, &a), all);
    assert_eq!(store.outbox_receivers(), [b]);
    let thirds: Vec<String> = (0..300).step_by(3).map(|uid| uid.to_string()).collect();
    assert_eq!(drain(&store, &b), thirds);
    assert_eq!(store.outbox_len(), 0);
}

#[test]
fn the_alert_after_one_is_the_next_of_the_same_receiver() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let (a, b) = (receiver(1), receiver(2));
    for (uid, to) in [(0, a), (1, b), (2, a), (3, a), (4, b)] {
        store.queue_alert(&alert(uid), &[to]).unwrap();
    }
    let after = |waiting: &Waiting| store.outbox_after(&waiting.key).unwrap();
    for (receiver, uids) in [(a, ["0", "2", "3"].as_slice()), (b, &["1", "4"])] {
        let first = store.outbox_next(&receiver).unwrap();
        let all = std::iter::successors(first, after);
        assert_eq!(all.map(|it| it.alert.uid).collect::<Vec<_>>(), uids);
    }
    let first = store.outbox_next(&a).unwrap().unwrap();
    store.outbox_remove(&first.key).unwrap();
    assert_eq!(after(&first), store.outbox_next(&a).unwrap());
    assert_eq!(store.outbox_len(), 4);
    // What cannot be read is passed over there, too.
    assert!(push(&store, b, b"no alert"));
    store.queue_alert(&alert(5), &[b]).unwrap();
    let second = after(&store.outbox_next(&b).unwrap().unwrap()).unwrap();
    assert_eq!(after(&second).unwrap().alert, alert(5));
    assert_eq!(store.outbox_len(), 5);
}

#[test]
fn what_was_queued_is_there_after_the_store_is_opened_again() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    for uid in 0..10 {
        store
            .queue_alert(&alert(uid), &[receiver(1), receiver(2)])
            .unwrap();
    }
    let first = store.outbox_next(&receiver(1)).unwrap().unwrap();
    store.outbox_remove(&first.key).unwrap();
    let backlogs = store.outbox_backlogs();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.outbox_backlogs(), backlogs);
    // Numbers go on, so what is queued now is last.
    store.queue_alert(&alert("last"), &[receiver(1)]).unwrap();
    let uids = drain(&store, &receiver(1));
    assert_eq!(uids, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "last"]);
}

#[test]
fn texts_are_cut() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let long = Alert {
        message: "ä".repeat(9000),
        images: "x".repeat(9000),
        name: "y".repeat(9000),
        ..alert("z".repeat(9000))
    };
    store.queue_alert(&long, &[receiver(1)]).unwrap();
    let kept = store.outbox_next(&receiver(1)).unwrap().unwrap().alert;
    assert_eq!(kept, long.cut());
    assert!(kept.message.len() <= Alert::MAX_TEXT && kept.message.ends_with('…'));
    assert!(store.outbox_backlogs()[&receiver(1)].bytes < 6000);
}

#[test]
fn a_receiver_that_is_down_leaves_room_for_the_others() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let (dead, live) = (receiver(1), receiver(2));
    for _ in 0..Backlog::MOST_PER_RECEIVER.entries {
        assert!(push(&store, dead, b"x"));
    }
    let error = store.queue_alert(&alert("new"), &[dead, live]).unwrap_err();
    assert!(
        matches!(&error, QueueError::Full { receivers } if *receivers == [dead]),
        "{error}"
    );
    assert_eq!(drain(&store, &live), ["new"]);
    // Room is room again.
    let first = store
        .0
        .outbox
        .tree
        .scan_prefix(dead.as_bytes())
        .keys()
        .next();
    store.0.outbox.remove(&first.unwrap().unwrap()).unwrap();
    store.queue_alert(&alert("new"), &[dead]).unwrap();
}

#[test]
fn bytes_and_the_sum_over_all_receivers_are_bounded() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let large = vec![0; 1 << 20];
    let fill = |number| {
        let mut count = 0;
        while push(&store, receiver(number), &large) {
            count += 1;
        }
        count
    };
    assert_eq!(fill(1), Backlog::MOST_PER_RECEIVER.bytes >> 20);
    let others: usize = (2..=255).map(fill).sum();
    assert_eq!(
        Backlog::MOST_PER_RECEIVER.bytes + (others << 20),
        Backlog::MOST.bytes
    );
    assert!(push(&store, receiver(200), b"") && !push(&store, receiver(201), b"x"));
}

#[test]
fn what_cannot_be_read_is_dropped_and_blocks_nothing() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    for value in [&b""[..], b"\x01", b"\x01\xff\xff", b"\x02later", b"{}"] {
        assert!(push(&store, receiver(1), value));
    }
    store.0.outbox.tree.insert(b"no receiver", b"").unwrap();
    store.queue_alert(&alert("good"), &[receiver(1)]).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.outbox_len(), 6);
    assert_eq!(drain(&store, &receiver(1)), ["good"]);
    assert_eq!(store.outbox_len(), 0);
    assert_eq!(store.0.outbox.tree.len(), 0);
}

#[test]
fn what_waits_for_a_receiver_that_is_gone_is_dropped() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    for uid in 0..5 {
        store
            .queue_alert(&alert(uid), &[receiver(1), receiver(2)])
            .unwrap();
    }
    assert_eq!(store.outbox_drop_receiver(&receiver(1)).unwrap(), 5);
    assert_eq!(store.outbox_drop_receiver(&receiver(1)).unwrap(), 0);
    assert_eq!(store.outbox_receivers(), [receiver(2)]);
    assert_eq!(drain(&store, &receiver(2)).len(), 5);
}

#[test]
fn whoever_waits_hears_of_each_alert_that_was_queued() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let mut queued = store.outbox_queued();
    assert!(!queued.has_changed().unwrap());
    store.queue_alert(&alert(1), &[]).unwrap();
    assert!(!queued.has_changed().unwrap());
    store.queue_alert(&alert(1), &[receiver(1)]).unwrap();
    assert!(queued.has_changed().unwrap());
    queued.mark_unchanged();
    assert!(!queued.has_changed().unwrap());
}

#[test]
fn alerts_that_are_queued_at_once_share_the_wait_for_the_disk_and_keep_their_order() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for number in 0..25 {
                    let alert = alert(format!("{thread}-{number:02}"));
                    store.queue_alert(&alert, &[receiver(1)]).unwrap();
                }
            });
        }
    });
    let uids = drain(&store, &receiver(1));
    assert_eq!(uids.len(), 200);
    for thread in 0..8 {
        let own: Vec<&String> = uids
            .iter()
            .filter(|u| u.starts_with(&format!("{thread}-")))
            .collect();
        assert_eq!(own.len(), 25);
        assert!(own.is_sorted(), "{own:?}");
    }
}

#[test]
fn the_disk_stays_bounded_however_many_alerts_pass() {
    let dir = TempDir::new("store").unwrap();
    let store = open(dir.path());
    let value = crate::outbox::encode(&alert("0d2c5a1e-8f33-4f0e-9a3e-9d1f3c1f0b11")).unwrap();
    let mut sizes = Vec::new();
    // 100,000 in all, and each time until there is no more room.
    for round in 0..20 {
        let receiver = receiver(round % 3);
        let mut count = 0;
        while push(&store, receiver, &value) {
            count += 1;
            if count % 250 == 0 {
                store.outbox_settle().unwrap();
            }
        }
        assert_eq!(count, Backlog::MOST_PER_RECEIVER.entries);
        assert_eq!(drain(&store, &receiver).len(), count);
        store.outbox_settle().unwrap();
        sizes.push(size(dir.path()));
    }
    assert!(
        sizes
            .iter()
            .all(|size| *size <= 3 * sizes[0] && *size < 32 << 20),
        "{sizes:?}"
    );
}

#[derive(Clone, Copy, Debug)]
enum Step {
    DropReceiver(u8),
    Queue { to: u8, also: Option<u8> },
    Remove(u8),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..3_u8;
    prop_oneof![
        1 => which.clone().prop_map(Step::DropReceiver),
        8 => (which.clone(), proptest::option::of(which.clone()))
            .prop_map(|(to, also)| Step::Queue { to, also }),
        6 => which.prop_map(Step::Remove),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn an_outbox_holds_what_its_model_holds(steps in proptest::collection::vec(step(), 1..60)) {
        let dir = TempDir::new("store").unwrap();
        let mut store = Some(open(dir.path()));
        let mut model: BTreeMap<u8, VecDeque<String>> = BTreeMap::new();
        for (uid, step) in steps.into_iter().enumerate() {
            let open_store = store.as_ref().unwrap();
            match step {
                Step::DropReceiver(which) => {
                    let dropped = open_store.outbox_drop_receiver(&receiver(which)).unwrap();
                    prop_assert_eq!(dropped, model.remove(&which).map_or(0, |queue| queue.len()));
                }
                Step::Queue { to, also } => {
                    let to: Vec<u8> = [to].into_iter().chain(also).collect();
                    let receivers: Vec<Sha256> = to.iter().map(|which| receiver(*which)).collect();
                    open_store.queue_alert(&alert(uid), &receivers).unwrap();
                    for which in to {
                        model.entry(which).or_default().push_back(uid.to_string());
                    }
                }
                Step::Remove(which) => {
                    let expected = model.get_mut(&which).and_then(VecDeque::pop_front);
                    let next = open_store.outbox_next(&receiver(which)).unwrap();
                    prop_assert_eq!(next.as_ref().map(|next| &next.alert.uid), expected.as_ref());
                    if let Some(next) = next {
                        open_store.outbox_remove(&next.key).unwrap();
                        // Taken out twice is taken out once.
                        open_store.outbox_remove(&next.key).unwrap();
                    }
                }
                Step::Reopen => {
                    drop(store.take());
                    store = Some(open(dir.path()));
                }
            }
            model.retain(|_, queue| !queue.is_empty());
            let store = store.as_ref().unwrap();
            let counted = store.outbox_backlogs();
            let counted: BTreeMap<Sha256, usize> =
                counted.into_iter().map(|(receiver, backlog)| (receiver, backlog.entries)).collect();
            let expected: BTreeMap<Sha256, usize> =
                model.iter().map(|(which, queue)| (receiver(*which), queue.len())).collect();
            prop_assert_eq!(counted, expected);
            prop_assert_eq!(store.outbox_len(), model.values().map(VecDeque::len).sum::<usize>());
        }
    }
}
