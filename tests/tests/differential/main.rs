//! Generated histories of repositories, put to Notary's client library and to Vouchsafe step by step: Vouchsafe accepts nothing
//! that the client refuses, both agree on the digest of every tag, and every stricter refusal has a rule.
//!
//! `VOUCHSAFE_HISTORIES=5000` says how many, `VOUCHSAFE_HISTORY_SEED=17` with which it begins. With
//! `VOUCHSAFE_HISTORY_FILES=DIR` the files of the first that fails are written there.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test, and its table is for readers"
)]

mod client;
mod collected;
mod compared;
mod explained;
mod followed;
#[path = "../support/pinned.rs"]
mod pinned;
mod rules;
mod tally;
mod verified;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, thread};

use vouchsafe_tests::history::History;

use followed::{Follower, Unexplained};
use tally::Tally;

#[test]
fn vouchsafe_agrees_with_the_notary_client_over_generated_histories() {
    let (first, count) = (
        asked(SEED).unwrap_or(1),
        asked(HISTORIES).unwrap_or(DEFAULT_HISTORIES),
    );
    let next = AtomicU64::new(first);
    let unexplained: Mutex<Vec<Unexplained>> = Mutex::new(Vec::new());
    let follow = || {
        let mut follower = Follower::new();
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count || unexplained.lock().unwrap().len() >= ENOUGH {
                return tally;
            }
            if let Err(found) = follower.follow(&History::generate(seed), &mut tally) {
                unexplained.lock().unwrap().push(*found);
            }
        }
    };
    let workers = thread::available_parallelism().unwrap().get();
    let tally = thread::scope(|scope| {
        let all: Vec<_> = (0..workers).map(|_| scope.spawn(follow)).collect();
        all.into_iter()
            .map(|worker| worker.join().unwrap())
            .fold(Tally::default(), Tally::with)
    });
    println!("{tally}");
    let unexplained = unexplained.into_inner().unwrap();
    if let Some(first) = unexplained.first() {
        write_files(first);
        let all: Vec<_> = unexplained.iter().map(Unexplained::to_string).collect();
        panic!("{}", all.join("\n\n"));
    }
    if count >= DEFAULT_HISTORIES {
        tally.says_something();
    }
}

#[test]
fn every_rule_is_documented() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/differences-from-notary.md"
    );
    let text = fs::read_to_string(path).unwrap();
    let rows: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .collect();
    let is_row = |name: &str| rows.iter().any(|row| row.starts_with(name));
    let missing: Vec<_> = rules::names().filter(|name| !is_row(name)).collect();
    assert!(
        missing.is_empty(),
        "no row of {path} begins so: {missing:?}"
    );
}

fn write_files(unexplained: &Unexplained) {
    let Some(folder) = env::var_os(FILES) else {
        return;
    };
    for (number, step) in (1..).zip(&unexplained.history.steps) {
        for (name, bytes) in &step.files {
            let path = std::path::Path::new(&folder)
                .join(format!("step-{number}"))
                .join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

fn asked(name: &str) -> Option<u64> {
    let number = env::var_os(name)?;
    Some(number.to_str().unwrap().parse().unwrap())
}

/// Where so many differ for no known reason, the rest is not asked for.
const ENOUGH: usize = 10;
const DEFAULT_HISTORIES: u64 = 400;
const HISTORIES: &str = "VOUCHSAFE_HISTORIES";
const SEED: &str = "VOUCHSAFE_HISTORY_SEED";
const FILES: &str = "VOUCHSAFE_HISTORY_FILES";
