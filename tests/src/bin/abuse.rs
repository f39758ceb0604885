//! Abuses a `vouchsafe serve` in every way of the catalogue, and prints what honest clients beside it got.
//!
//! `abuse [SECONDS [REQUESTS [CONNECTIONS [WORDS]]]]`: how long each attack goes on (10), how many requests and connections
//! there are where they are counted (1,000,000 and 10,000), and which attacks: those whose name has these words.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::error::Error;
use std::time::Duration;

use vouchsafe_tests::abuse::{Attack, Findings, Ground, Scale, Trial, catalogue, files};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number =
        |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let scale = Scale {
        time: Duration::from_secs(number(0, 10)?),
        share: 100,
        requests: number(1, 1_000_000)?,
        connections: usize::try_from(number(2, 10_000)?)?,
    };
    let words = arguments.get(3).map_or("", String::as_str);
    files::raise_limit()?;
    let mut ground = Ground::new(&[])?;
    let trial = Trial {
        target: ground.target()?,
        process: ground.serving().process().id(),
        scale,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    println!(
        "| attack | done | honest answers, failed | p50 | p99 | slowest | new: p99 | slowest | memory at most | files at most, after |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    row("(nothing)", &runtime.block_on(trial.run(None))?);
    let chosen = |attack: &Attack| attack.name.contains(words);
    let mut failed = 0;
    for attack in catalogue().into_iter().filter(chosen) {
        let findings = runtime.block_on(trial.run(Some(attack)))?;
        row(attack.name, &findings);
        failed += findings.kept.failures.len() + findings.new.failures.len();
        for failure in findings
            .kept
            .failures
            .iter()
            .chain(&findings.new.failures)
            .take(3)
        {
            eprint(failure);
        }
    }
    row("(nothing)", &runtime.block_on(trial.run(None))?);
    if failed > 0 {
        return Err(format!("{failed} honest requests failed").into());
    }
    Ok(())
}

fn row(name: &str, findings: &Findings) {
    let Findings {
        done,
        kept,
        new,
        during,
        after,
    } = findings;
    let answers = kept.times.len() + new.times.len();
    let failures = kept.failures.len() + new.failures.len();
    let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    println!(
        "| {name} | {done} | {answers}, {failures} | {} | {} | {} | {} | {} | {} MiB | {}, {} |",
        shown(kept.within(50)),
        shown(kept.within(99)),
        shown(kept.within(100)),
        shown(new.within(99)),
        shown(new.within(100)),
        during.most >> 20,
        during.files,
        after.files,
    );
}

fn eprint(failure: &str) {
    println!("<!-- {} -->", failure.chars().take(300).collect::<String>());
}
