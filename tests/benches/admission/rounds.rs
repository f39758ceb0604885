//! The bare handler and others in turns, so that they meet the same weather.

use vouchsafe_tests::harness::load::Served;
use vouchsafe_tests::report::Table;

use super::bare::Bare;
use super::{Load, RULES, usage};

/// What each server did in each round.
pub(crate) struct Rounds {
    bare: Vec<Round>,
    ours: Vec<Vec<Round>>,
}

#[derive(Clone, Copy)]
struct Round {
    served: Served,
    /// Processor time of a request, in microseconds.
    processor: f64,
}

impl Rounds {
    /// `servers` are addresses and processes.
    pub(crate) fn run(
        bare: &Bare,
        servers: &[(String, u32)],
        connections: usize,
        script: &str,
    ) -> Self {
        let mut rounds = Self {
            bare: Vec::new(),
            ours: vec![Vec::new(); servers.len()],
        };
        for _ in 0..ROUNDS {
            rounds
                .bare
                .push(round(&bare.url(), bare.process(), connections, script));
            for ((url, process), ours) in servers.iter().zip(&mut rounds.ours) {
                ours.push(round(url, *process, connections, script));
            }
        }
        rounds
    }

    /// The medians of the bare handler.
    pub(crate) fn bare(&self) -> Served {
        medians(&self.bare).served
    }

    /// The medians of one of the others.
    pub(crate) fn ours(&self, index: usize) -> Served {
        medians(&self.ours[index]).served
    }

    /// The throughput of one of the others to that of the bare handler, in ascending order.
    pub(crate) fn ratios(&self, index: usize) -> Vec<f64> {
        let pairs = self.ours[index].iter().zip(&self.bare);
        sorted(pairs.map(|(ours, bare)| ours.served.rate / bare.served.rate))
    }

    /// A row for each server.
    pub(crate) fn rows(&self, table: &mut Table, what: &str) {
        row(table, what, "bare handler", String::new(), &self.bare);
        for (index, (rules, rounds)) in RULES.iter().zip(&self.ours).enumerate() {
            let ratios = self.ratios(index);
            let ratio = format!(
                "{:.2} ({:.2} to {:.2})",
                ratios[ROUNDS / 2],
                ratios[0],
                ratios[ROUNDS - 1]
            );
            let name = format!("Vouchsafe, rules: {rules}");
            row(table, "", &name, ratio, rounds);
        }
    }
}

fn row(table: &mut Table, what: &str, server: &str, ratio: String, rounds: &[Round]) {
    let Round { served, processor } = medians(rounds);
    table.row([
        what.to_owned(),
        server.to_owned(),
        format!("{:.0}", served.rate),
        ratio,
        format!("{:.0}", served.p50),
        format!("{:.0}", served.p99),
        format!("{:.0}", served.p999),
        format!("{processor:.1}"),
    ]);
}

fn round(url: &str, process: u32, connections: usize, script: &str) -> Round {
    let before = usage::processor(process).unwrap();
    let load = Load {
        url: &format!("{url}/mutate"),
        connections,
        script,
        seconds: SECONDS,
    };
    let served = load.run().unwrap();
    let spent = usage::processor(process).unwrap() - before;
    Round {
        served,
        processor: spent / served.answers,
    }
}

fn medians(rounds: &[Round]) -> Round {
    let of = |of: fn(&Round) -> f64| sorted(rounds.iter().map(of))[ROUNDS / 2];
    Round {
        served: Served {
            rate: of(|round| round.served.rate),
            answers: of(|round| round.served.answers),
            p50: of(|round| round.served.p50),
            p99: of(|round| round.served.p99),
            p999: of(|round| round.served.p999),
        },
        processor: of(|round| round.processor),
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

pub(crate) const ROUNDS: usize = 5;
const SECONDS: u32 = 2;
