use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use vouchsafe_tests::harness::TempDir;
use vouchsafe_trust::evidence::Wanted;
use vouchsafe_trust::{Evidence, Query, Sha256};

use crate::testing::{gun, image, now, open, server, states, tag};
use crate::{Store, StoreError};

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if let Err(error) = fs::copy(entry.path(), &target) {
            // sled replaces its files while they are copied.
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}");
        }
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

/// What can be seen of the repository: the number of its state, or nothing.
fn seen(store: &Store) -> Result<Option<u64>, StoreError> {
    let query = tag(&gun("app"), "tag-42");
    let number = match store.evidence(&query)? {
        Evidence::Unknown => return Ok(None),
        Evidence::Withdrawn { .. } => panic!("nobody withdrew it"),
        Evidence::Known(known) => {
            let number = known.facts.roles[&"targets/releases".parse().unwrap()].version;
            let digest = known.signed(&query, now()).unwrap().digest;
            assert_eq!(digest, image(&format!("image-42-{number}")));
            number.get()
        }
    };
    let state = &states()[usize::try_from(number).unwrap() - 1];
    assert_eq!(&store.tags(&server(), &gun("app"))?, state.targets());
    let metadata = store.metadata(&server(), &gun("app"))?;
    assert_eq!(metadata.as_ref(), Some(state.metadata()));
    Ok(Some(number))
}

#[test]
fn damaged_bytes_are_set_aside_or_noticed_and_never_believed() {
    let dir = TempDir::new("store").unwrap();
    let [fresh, reopened, damaged] =
        ["fresh", "reopened", "damaged"].map(|name| dir.path().join(name));
    let store = open(&fresh);
    for state in &states()[..4] {
        store.commit(&server(), state).unwrap();
    }
    drop(store);
    copy(&fresh, &reopened);
    // sled sums its log up when it opens it, and trusts that more than the log.
    open(&reopened);
    let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut random = move |below: usize| usize::try_from(rng.next_u64()).unwrap() % below.max(1);
    let (mut aside, mut unharmed) = (0, 0);
    for round in 0..ROUNDS {
        if damaged.exists() {
            fs::remove_dir_all(&damaged).unwrap();
        }
        copy([&fresh, &reopened][round % 2], &damaged);
        let mut all = Vec::new();
        files(&damaged.join("db"), &mut all);
        // Most of the bytes are in the log.
        let log = damaged.join("db/db");
        let file = [&log, &all[random(all.len())]][random(2)];
        let bytes = damage(fs::read(file).unwrap(), &mut random);
        fs::write(file, bytes).unwrap();
        let opened = Store::open(&damaged, now()).unwrap();
        if opened.set_aside.is_some() {
            assert_eq!(seen(&opened.store).unwrap(), None);
            aside += 1;
        } else if let Ok(seen) = seen(&opened.store) {
            assert_eq!(seen, Some(4), "round {round}: {}", file.display());
            unharmed += 1;
        }
    }
    assert!(aside > 0 && unharmed > 0, "{aside} {unharmed}");
}

/// Cuts the bytes off somewhere, flips some bits, or blanks a piece.
fn damage(mut bytes: Vec<u8>, random: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let at = random(bytes.len());
    match random(3) {
        0 => bytes.truncate(at),
        1 => {
            for _ in 0..=random(8) {
                let at = random(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random(8);
                }
            }
        }
        _ => bytes
            .iter_mut()
            .skip(at)
            .take(4096)
            .for_each(|byte| *byte = 0),
    }
    bytes
}

#[test]
fn a_flipped_bit_in_a_stored_digest_signs_nothing_else() {
    let dir = TempDir::new("store").unwrap();
    let original = dir.path().join("original");
    let store = open(&original);
    store.commit(&server(), &states()[0]).unwrap();
    // What a running process has not written to its end, and what the next one reads from the start.
    let running = dir.path().join("running");
    copy(&original, &running);
    drop(store);
    drop(open(&original));
    let signed = image("image-42-1");
    let mut flipped = 0;
    for original in [&original, &running] {
        let log = fs::read(original.join("db/db")).unwrap();
        let places = log
            .windows(32)
            .enumerate()
            .filter(|(_, bytes)| *bytes == signed.as_bytes());
        for (place, bytes) in places {
            for bit in [0, 77, 130, 255] {
                let damaged = dir.path().join(format!("damaged-{flipped}"));
                copy(original, &damaged);
                let mut other: [u8; 32] = bytes.try_into().unwrap();
                other[bit / 8] ^= 1 << (bit % 8);
                let mut log = log.clone();
                log[place..place + 32].copy_from_slice(&other);
                fs::write(damaged.join("db/db"), log).unwrap();
                admits_nothing_but(&damaged, signed, Sha256::from_bytes(other));
                fs::remove_dir_all(&damaged).unwrap();
                flipped += 1;
            }
        }
    }
    // By name and by digest, at the least.
    assert!(flipped >= 2 * 2 * 4, "{flipped}");
}

/// Opens a store in which `signed` may be what the tag points to, and holds it not to know `other`.
fn admits_nothing_but(dir: &Path, signed: Sha256, other: Sha256) {
    let store = Store::open(dir, now()).unwrap().store;
    let by_tag = tag(&gun("app"), "tag-42");
    let by_digest = Query {
        wanted: Wanted::Digest(other),
        ..by_tag.clone()
    };
    for (query, allowed) in [(by_tag, Some(signed)), (by_digest, None)] {
        let Ok(Evidence::Known(known)) = store.evidence(&query) else {
            continue;
        };
        let admitted = known.signed(&query, now()).ok().map(|signed| signed.digest);
        assert!(admitted.is_none() || admitted == allowed, "{admitted:?}");
    }
}

#[test]
fn a_copy_taken_during_commits_opens_whole_or_is_set_aside() {
    let dir = TempDir::new("store").unwrap();
    let live = dir.path().join("live");
    let store = open(&live);
    store.commit(&server(), &states()[0]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for state in states() {
                    store.commit(&server(), state).unwrap();
                }
                store.forget(None, &gun("app")).unwrap();
            }
        });
        for number in 0..COPIES {
            let crashed = dir.path().join(format!("copy-{number}"));
            copy(&live, &crashed);
            let opened = Store::open(&crashed, now()).unwrap();
            seen(&opened.store).unwrap();
            // What was copied goes on working.
            opened.store.forget(None, &gun("app")).unwrap();
            opened.store.commit(&server(), &states()[2]).unwrap();
            assert_eq!(seen(&opened.store).unwrap(), Some(3));
            drop(opened);
            fs::remove_dir_all(&crashed).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
}

const ROUNDS: usize = 60;
const COPIES: usize = 25;
