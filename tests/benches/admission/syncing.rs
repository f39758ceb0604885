//! Admission while the same process makes a full sync, on the same processors as the Notary server.

use std::thread;
use std::time::{Duration, Instant};

use vouchsafe_tests::harness::load::{self, Served};
use vouchsafe_tests::harness::{
    Certificates, Configuration, Generator, NotaryServer, TempDir, Vouchsafe, admission,
};
use vouchsafe_tests::report::Table;

use super::Load;

/// Beside a first sync of everything, and after it.
pub(crate) fn measure(certificates: &Certificates, directory: &TempDir) -> Table {
    let server = NotaryServer::tls(certificates).unwrap();
    let generator = Generator::new(&server, Some(certificates), 10).unwrap();
    generator.publish(REPOSITORIES, 1).unwrap();
    let configuration = Configuration::new()
        .notary(
            &server.url(),
            Some(certificates.authority_pem()),
            &Generator::root_key_pem(),
        )
        .rule("registry.example.com/*:*");
    let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let image = format!("{}:v0", Generator::gun(0));
    let review = admission::pod_review(&[&image]);
    let script = load::post(directory, "syncing.lua", &review.to_string(), true).unwrap();
    let mut serving = vouchsafe.serve_unready(certificates).unwrap();
    let is_ready = || {
        serving
            .page("/ready")
            .is_ok_and(|(status, _)| status == 200)
    };
    let url = format!("{}/mutate", serving.url());
    let load = Load {
        url: &url,
        connections: 8,
        script: &script,
        seconds: SECONDS,
    };
    // The first repository is among the first to be synced.
    let is_signed = || {
        let answer = serving.review(certificates, "/mutate", &review);
        answer.is_ok_and(|answer| answer["response"]["allowed"] == true)
    };
    let started = Instant::now();
    while !is_signed() {
        assert!(started.elapsed() < Duration::from_mins(1));
        thread::sleep(Duration::from_millis(20));
    }
    let mut meanwhile = Vec::new();
    loop {
        let round = load.run().unwrap();
        if is_ready() {
            break;
        }
        meanwhile.push(round);
    }
    serving.wait_until_ready().unwrap();
    let after: Vec<Served> = (0..3).map(|_| load.run().unwrap()).collect();
    let mut table = Table::new(["when", "requests/s", "p50, µs", "p99, µs", "p99.9, µs"]);
    for (when, rounds) in [("during the sync", &meanwhile), ("after it", &after)] {
        let median = |of: fn(&Served) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            format!("{:.0}", values[values.len() / 2])
        };
        table.row([
            format!("{when}, {} rounds of {SECONDS} s", rounds.len()),
            median(|served| served.rate),
            median(|served| served.p50),
            median(|served| served.p99),
            median(|served| served.p999),
        ]);
    }
    table
}

const REPOSITORIES: usize = 10_000;
const SECONDS: u32 = 1;
