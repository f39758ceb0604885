//! Files of a store that were cut off, flipped, blanked, overwritten, lengthened or removed at random: what is read from
//! it afterwards is right, or a failure, or it is set aside and starts empty. Never another answer, never the end of the
//! process, never endless work or memory.
//!
//! Each damaged store is opened by a process of its own, so that it can be told how that ends. The program starts itself
//! as that process, so it brings its own `main`.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test of its own, in which every surprise has to fail"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use vouchsafe_store::Store;
use vouchsafe_tests::harness::effort::{effort, row};
use vouchsafe_tests::harness::own_main::{own_main, start_child};
use vouchsafe_tests::harness::{Random, TempDir};

use filled::{Said, copy, fill, interview};

#[path = "support/filled.rs"]
mod filled;

fn main() {
    own_main(NAME, damage_is_noticed_or_does_no_harm, tell_what_is_there);
}

fn damage_is_noticed_or_does_no_harm() {
    let dir = TempDir::new("damage").unwrap();
    let originals = originals(dir.path());
    let mut random = Random::seeded(SEED);
    let mut outcomes: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    let rounds = effort(SHARE, WHOLE);
    let mut faults = Vec::new();
    let (mut longest, mut largest) = (Duration::ZERO, 0);
    for round in 0..rounds {
        let original = &originals[random.below(originals.len())];
        let damaged = dir.path().join("damaged");
        copy(original, &damaged);
        let (kind, what) = damage_one(&damaged, &mut random);
        let found = look(&damaged);
        let Said {
            failed,
            lost,
            wrong,
            ..
        } = found.said;
        let outcome = match &*found.outcome {
            "opened" if failed + lost + wrong == 0 => "answered rightly",
            "opened" if lost + wrong == 0 => "answered rightly or not at all",
            "set aside" if wrong == 0 => "set aside",
            _ => "BELIEVED",
        };
        if outcome == "BELIEVED" || found.took > PATIENCE {
            let original = original.file_name().unwrap().display();
            faults.push(format!("round {round}, {original}: {what}: {found:?}"));
        }
        *outcomes
            .entry(kind)
            .or_default()
            .entry(outcome)
            .or_default() += 1;
        (longest, largest) = (longest.max(found.took), largest.max(found.memory));
        fs::remove_dir_all(&damaged).unwrap();
    }
    for (kind, outcomes) in &outcomes {
        let of = outcomes.values().sum();
        let outcomes: Vec<_> = outcomes
            .iter()
            .map(|(what, n)| format!("{n} {what}"))
            .collect();
        row(&format!("`{kind}` damaged"), of, &outcomes.join(", "));
    }
    let bounds = format!("{longest:.1?} and {} MiB at most", largest >> 10);
    row("time and memory that a damaged store took", rounds, &bounds);
    assert!(largest < MAX_MEMORY >> 10, "{bounds}");
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Filled stores: closed and opened again and again meanwhile; in one go; and as a process leaves one that is killed.
fn originals(dir: &Path) -> Vec<PathBuf> {
    let [reopened, whole, killed] = ["reopened", "whole", "killed"].map(|name| dir.join(name));
    drop(fill(&reopened, true));
    let store = fill(&whole, false);
    copy(&whole, &killed);
    drop(store);
    // Each is as it should be, or this proves nothing.
    for original in [&reopened, &whole, &killed] {
        let undamaged = dir.join("undamaged");
        copy(original, &undamaged);
        let Found { outcome, said, .. } = look(&undamaged);
        assert_eq!(outcome, "opened");
        assert_eq!((said.lost, said.failed, said.wrong), (0, 0, 0), "{said:?}");
        fs::remove_dir_all(&undamaged).unwrap();
    }
    vec![reopened, whole, killed]
}

/// What a process found in a store.
#[derive(Debug)]
struct Found {
    outcome: String,
    said: Said,
    took: Duration,
    /// The most memory that was resident, in KiB.
    memory: u64,
}

impl Found {
    /// What cannot be told of a process that did not end well.
    fn broken(how: &str, started: Instant) -> Self {
        Self {
            outcome: how.to_owned(),
            said: Said::default(),
            took: started.elapsed(),
            memory: 0,
        }
    }
}

/// Has a process open a store and ask everything of it.
fn look(dir: &Path) -> Found {
    let started = Instant::now();
    let mut child = start_child(dir).unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            return Found::broken("never done", started);
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    if !status.success() {
        return Found::broken(&status.to_string(), started);
    }
    let mut output = String::new();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_to_string(&mut output).unwrap();
    let mut lines = output.lines();
    let outcome = lines.next().unwrap().to_owned();
    let mut number = || lines.next().unwrap().parse::<usize>().unwrap();
    let said = Said {
        right: number(),
        failed: number(),
        lost: number(),
        wrong: number(),
    };
    Found {
        outcome,
        said,
        memory: u64::try_from(number()).unwrap(),
        took: started.elapsed(),
    }
}

fn tell_what_is_there(dir: &Path) {
    // sled panics where bytes are not as it left them; what follows from that is what counts.
    std::panic::set_hook(Box::new(|_| {}));
    let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    let (outcome, said) = match Store::open(dir, now) {
        // What the operating system refuses is no damage.
        Err(_) => ("refused", Said::default()),
        Ok(opened) => {
            let outcome = if opened.set_aside.is_some() {
                "set aside"
            } else {
                "opened"
            };
            (outcome, interview(&opened.store))
        }
    };
    println!("{outcome}");
    for count in [said.right, said.failed, said.lost, said.wrong] {
        println!("{count}");
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let mut peak = status
        .lines()
        .filter_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.next().unwrap().trim().trim_end_matches(" kB"));
}

/// Damages one file of a store; returns which kind of file, and what was done.
fn damage_one(dir: &Path, random: &mut Random) -> (String, String) {
    let mut files = Vec::new();
    list(dir, &mut files);
    // The log is what matters most, and is one of many files.
    let log = dir.join("db/db");
    let file = if random.below(2) == 0 {
        &log
    } else {
        &files[random.below(files.len())]
    };
    let kind = file.strip_prefix(dir).unwrap().display().to_string();
    let kind = match kind.split_once("snap.") {
        Some((folder, _)) => format!("{folder}snap.N"),
        None => kind,
    };
    let mut bytes = fs::read(file).unwrap();
    let at = random.below(bytes.len());
    let length = 1 << random.below(17);
    let what = match random.below(8) {
        0 => {
            bytes.truncate(at);
            format!("cut off at {at}")
        }
        1 | 2 => {
            for _ in 0..=random.below(8) {
                let at = random.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            "bits flipped".to_owned()
        }
        3 | 4 => {
            // One bit.
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
            format!("a bit flipped at {at}")
        }
        5 => {
            bytes
                .iter_mut()
                .skip(at)
                .take(length)
                .for_each(|byte| *byte = 0);
            format!("{length} blanked at {at}")
        }
        6 => {
            let garbage = bytes.iter_mut().skip(at).take(length);
            garbage.for_each(|byte| *byte = u8::try_from(random.below(256)).unwrap());
            format!("{length} overwritten at {at}")
        }
        _ if random.below(4) == 0 => {
            fs::remove_file(file).unwrap();
            return (kind.clone(), format!("{kind} removed"));
        }
        _ => {
            let garbage = std::iter::repeat_with(|| u8::try_from(random.below(256)).unwrap());
            bytes.extend(garbage.take(length));
            format!("{length} added")
        }
    };
    fs::write(file, bytes).unwrap();
    (kind.clone(), format!("{kind} {what}"))
}

fn list(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

const NAME: &str = "damage_is_noticed_or_does_no_harm";
const SEED: u64 = 20_261_126;
const SHARE: usize = 150;
const WHOLE: usize = 3_000;
/// What a process may take for a store of some megabytes, on a busy machine, too.
const PATIENCE: Duration = Duration::from_mins(1);
const MAX_MEMORY: u64 = 256 << 20;
