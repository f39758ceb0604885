//! `vouchsafe serve` under abuse: everything of the catalogue, for moments; honest clients beside it are answered.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use vouchsafe_tests::abuse::{Attack, Findings, Ground, Scale, Trial, catalogue, files};

#[test]
fn honest_clients_are_answered_whatever_others_do() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    files::raise_limit().unwrap();
    // With 288 connections, a quarter of the attackers is more than there is room for.
    let mut ground = Ground::new(&["prlimit", "--nofile=800:800"]).unwrap();
    let trial = trial(&mut ground);
    let runtime = Runtime::new().unwrap();
    let before = runtime.block_on(trial.run(None)).unwrap();
    let mut wrong = Vec::new();
    for attack in catalogue() {
        let findings = runtime.block_on(trial.run(Some(attack))).unwrap();
        wrong.extend(found_wrong(attack.name, &findings));
        if findings.done == 0 {
            wrong.push(format!("{}: was not done", attack.name));
        }
    }
    let after = runtime.block_on(trial.run(None)).unwrap();
    wrong.extend(found_wrong("afterwards", &after));
    if after.after.files > before.after.files + FEW {
        wrong.push(format!(
            "{} files after {}",
            after.after.files, before.after.files
        ));
    }
    let log = ground.serving().log();
    assert!(wrong.is_empty(), "{wrong:#?}\n{log}");
    assert!(!log.contains("panicked"), "{log}");
    let (status, report) = ground.serving().page("/ready").unwrap();
    assert_eq!(status, 200, "{report}");
}

/// Many systems let a program have 1,024 files, which it may raise; some do not let it.
#[test]
fn few_files_mean_fewer_connections_and_no_failure() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    files::raise_limit().unwrap();
    for (limit, wanted) in [("--nofile=1024:4096", 1024), ("--nofile=600:600", 300)] {
        let mut ground = Ground::new(&["prlimit", limit]).unwrap();
        let trial = trial(&mut ground);
        let runtime = Runtime::new().unwrap();
        let silent = |attack: &Attack| attack.name == "thousands of connections that say nothing";
        let attack = catalogue().into_iter().find(silent).unwrap();
        let findings = runtime.block_on(trial.run(Some(attack))).unwrap();
        assert_eq!(found_wrong(limit, &findings), Vec::<String>::new());
        assert!(
            findings.during.files > wanted,
            "{limit}: {:?}",
            findings.during
        );
        let warned = ground
            .serving()
            .log()
            .contains("fewer connections are kept");
        assert_eq!(warned, wanted < 1024);
    }
}

/// What should not have come of an attack.
fn found_wrong(name: &str, findings: &Findings) -> Vec<String> {
    let Findings {
        kept,
        new,
        during,
        after,
        ..
    } = findings;
    let mut wrong = Vec::new();
    for (client, answers) in [("one connection", kept), ("new connections", new)] {
        // An answer that takes ten seconds is a failure as well.
        if let Some(failure) = answers.failures.first() {
            let failed = answers.failures.len();
            wrong.push(format!("{name}: over {client}, {failed} failed: {failure}"));
        }
        if answers.times.is_empty() {
            wrong.push(format!("{name}: over {client}, nothing was answered"));
        }
    }
    if during.most > MOST_MEMORY {
        wrong.push(format!("{name}: {} MiB", during.most >> 20));
    }
    if after.files > MOST_FILES {
        wrong.push(format!("{name}: {} files after it", after.files));
    }
    wrong
}

fn trial(ground: &mut Ground) -> Trial {
    Trial {
        target: ground.target().unwrap(),
        process: ground.serving().process().id(),
        scale: Scale {
            time: Duration::from_millis(500),
            share: 25,
            requests: 4_000,
            connections: 1_500,
        },
    }
}

/// One abuse at a time: what is measured is the server, not the machine.
static TURN: Mutex<()> = Mutex::new(());
/// What the chart gives to the webhook.
const MOST_MEMORY: u64 = 256 << 20;
/// Connections that just happen to be open.
const FEW: usize = 8;
/// Far fewer than there are connections in any attack.
const MOST_FILES: usize = 60;
