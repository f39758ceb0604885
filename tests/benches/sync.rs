//! Repositories of a real Notary server, by their number: a first sync beside the server's own rate, a pass that finds nothing new, and
//! what `vouchsafe serve` then needs to start.
//!
//! Numbers after `--` are how many repositories there are: `cargo bench --bench sync -- 100 1000`. The server's own rate is what `wrk`
//! gets of it when it makes the very requests that the sync made, over as many connections. Both are measured twice: with all processors
//! for both sides, and with one for the server and another for its client, as if they were two machines. And all that with a server that
//! keeps everything in memory, which Notary has for development, and with one on `MariaDB`, as they are run.

#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, which must stop at any surprise"
)]

use std::thread::available_parallelism;
use std::time::Instant;

use serde_json::{Value, json};
use vouchsafe_tests::harness::{
    Certificates, Configuration, Generator, Load, MariaDb, NotaryServer, TempDir, Vouchsafe,
    admission, load, usage,
};
use vouchsafe_tests::report::plot::{Plot, Series};
use vouchsafe_tests::report::{self, Budget, Table};

fn main() {
    let given: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|it| it.parse().ok())
        .collect();
    let counts = if given.is_empty() {
        REPOSITORIES.to_vec()
    } else {
        given
    };
    let largest = counts.iter().copied().max().unwrap();
    let measure = |&count: &usize| {
        let at_once: &[usize] = if count == largest {
            &AT_ONCE
        } else {
            &[DEFAULT]
        };
        measure(count, at_once)
    };
    let found: Vec<Found> = counts.iter().map(measure).collect();
    let on_database = on_database(largest);
    synced(&found);
    synced_in_every_way(&[&on_database, &found.last().unwrap().first]);
    started(&found);
    kept(&found, &on_database);
}

/// What was measured with so many repositories.
struct Found {
    repositories: usize,
    first: FirstSyncs,
    /// The requests of a pass that finds nothing new, its seconds, and its processor time in milliseconds.
    again: (f64, f64, f64),
    /// The requests of a pass after one repository changed.
    changed: f64,
    /// The milliseconds until `serve` was ready, and its memory then and after it answered for every repository, in MiB.
    start: (f64, f64, f64),
    disk: f64,
}

/// First syncs of one server.
struct FirstSyncs {
    back_end: &'static str,
    /// Of each.
    requests: f64,
    series: Vec<Syncs>,
}

/// First syncs under the same conditions.
struct Syncs {
    /// How many requests the server gets at once.
    at_once: usize,
    /// Whether each side has a processor of its own.
    is_apart: bool,
    rounds: Vec<Round>,
}

/// A first sync, and the rate of `wrk` beside it.
#[derive(Clone, Copy)]
struct Round {
    seconds: f64,
    /// Requests a second.
    own: f64,
}

impl FirstSyncs {
    fn of(&self, at_once: usize, is_apart: bool) -> &Syncs {
        let mut series = self.series.iter();
        let same = |it: &&Syncs| it.at_once == at_once && it.is_apart == is_apart;
        series.find(same).unwrap()
    }

    fn ratios(&self, syncs: &Syncs) -> Vec<f64> {
        let ratio = |it: &Round| self.requests / it.seconds / it.own;
        sorted(syncs.rounds.iter().map(ratio).collect())
    }

    /// What a table says of them.
    fn cells(&self, syncs: &Syncs) -> [String; 4] {
        let median =
            |of: fn(&Round) -> f64| sorted(syncs.rounds.iter().map(of).collect())[ROUNDS / 2];
        let took = median(|it| it.seconds);
        let ratios = self.ratios(syncs);
        let (least, most) = (ratios[0], ratios[ROUNDS - 1]);
        [
            format!("{took:.2}"),
            format!("{:.0}", self.requests / took),
            format!("{:.0}", median(|it| it.own)),
            format!("{:.2} ({least:.2} to {most:.2})", ratios[ROUNDS / 2]),
        ]
    }
}

fn measure(repositories: usize, at_once: &[usize]) -> Found {
    let certificates = Certificates::new().unwrap();
    let server = NotaryServer::tls(&certificates).unwrap();
    let generator = publish(&server, &certificates, repositories);
    let (first, vouchsafe) = first_syncs("memory", &server, &certificates, at_once);
    let again = sync(&vouchsafe);
    generator.publish(1, 2).unwrap();
    let changed = sync(&vouchsafe).requests;
    drop(server);
    let start = start(&vouchsafe, &certificates, repositories);
    Found {
        repositories,
        first,
        again: (again.requests, again.seconds, again.processor),
        changed,
        start,
        disk: disk(&vouchsafe),
    }
}

/// First syncs of a server whose repositories are in a database.
fn on_database(repositories: usize) -> FirstSyncs {
    let certificates = Certificates::new().unwrap();
    let server = NotaryServer::with_mariadb(&certificates).unwrap();
    publish(&server, &certificates, repositories);
    first_syncs("MariaDB", &server, &certificates, &AT_ONCE).0
}

fn publish(server: &NotaryServer, certificates: &Certificates, repositories: usize) -> Generator {
    let generator = Generator::new(server, Some(certificates), TAGS).unwrap();
    let started = Instant::now();
    generator.publish(repositories, 1).unwrap();
    println!(
        "published {repositories} repositories of {TAGS} tags in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    generator
}

/// Syncs for the first time, again and again; returns the last with its store.
fn first_syncs(
    back_end: &'static str,
    server: &NotaryServer,
    certificates: &Certificates,
    at_once: &[usize],
) -> (FirstSyncs, Vouchsafe) {
    let configuration = Configuration::new()
        .notary(
            &server.url(),
            Some(certificates.authority_pem()),
            &Generator::root_key_pem(),
        )
        .rule("registry.example.com/*:*");
    let mut vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
    let before = server.log().len();
    // What no request has asked for yet must not be asked for by two at once, or the server may end.
    let requests = sync(&vouchsafe).requests;
    let directory = TempDir::new("bench-sync").unwrap();
    let paths = requested(server.log().get(before..).unwrap());
    let script = load::gets(&directory, "gets.lua", &paths).unwrap();
    let url = server.url();
    let mut rounds = |at_once: usize| {
        let load = Load {
            url: &url,
            connections: at_once,
            script: &script,
            seconds: 3,
        };
        let settings = json!({"perServer": at_once});
        let configuration = configuration.clone().setting("sync", settings).to_string();
        let round = |_| {
            let own = load.run().unwrap().rate;
            vouchsafe = Vouchsafe::new(&configuration).unwrap();
            let seconds = sync(&vouchsafe).seconds;
            Round { seconds, own }
        };
        (0..ROUNDS).map(round).collect::<Vec<_>>()
    };
    let all = format!("0-{}", available_parallelism().unwrap().get() - 1);
    let database = server.database().map(MariaDb::id);
    let mut ends = vec![(server.id().unwrap(), "0"), (std::process::id(), "1")];
    ends.extend(database.map(|database| (database, "0")));
    let mut series = Vec::new();
    for is_apart in [false, true] {
        for (process, processor) in &ends {
            let processors = if is_apart { *processor } else { &all };
            usage::confine(*process, processors).unwrap();
        }
        series.extend(at_once.iter().map(|&at_once| Syncs {
            at_once,
            is_apart,
            rounds: rounds(at_once),
        }));
    }
    for (process, _) in ends {
        usage::confine(process, &all).unwrap();
    }
    let first = FirstSyncs {
        back_end,
        requests,
        series,
    };
    (first, vouchsafe)
}

struct Pass {
    requests: f64,
    seconds: f64,
    processor: f64,
}

/// One `vouchsafe sync`, with its start and its end.
fn sync(vouchsafe: &Vouchsafe) -> Pass {
    let before = usage::processor_of_children().unwrap();
    let started = Instant::now();
    let report = vouchsafe.succeed(&["sync", "-o", "json"]).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let report: Value = serde_json::from_str(&report).unwrap();
    let server = &report["servers"][0];
    assert_eq!(server["failed"], 0, "{report}");
    Pass {
        requests: server["requests"].as_f64().unwrap(),
        seconds,
        processor: (usage::processor_of_children().unwrap() - before) / 1e3,
    }
}

/// The paths that were asked for, as the server logged them.
fn requested(log: &str) -> Vec<String> {
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let paths = lines.filter_map(|line: Value| {
        let answered = line.get("http.response.status")?.as_u64()? == 200;
        let path = line["http.request.uri"].as_str()?.to_owned();
        answered.then_some(path)
    });
    paths
        .filter(|path| path.strip_suffix(".json").is_some())
        .collect()
}

/// How long `serve` takes to be ready, and its memory then and after it answered for every repository.
fn start(
    vouchsafe: &Vouchsafe,
    certificates: &Certificates,
    repositories: usize,
) -> (f64, f64, f64) {
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        drop(vouchsafe.serve(certificates).unwrap());
        took.push(started.elapsed().as_secs_f64() * 1e3);
    }
    let mut serving = vouchsafe.serve(certificates).unwrap();
    let process = serving.process().id();
    let ready = usage::resident(process).unwrap();
    let images: Vec<String> = (0..repositories)
        .map(|number| format!("{}:v0", Generator::gun(number)))
        .collect();
    for images in images.chunks(50) {
        let images: Vec<&str> = images.iter().map(String::as_str).collect();
        let review = admission::pod_review(&images);
        let answer = serving.review(certificates, "/mutate", &review).unwrap();
        assert_eq!(answer["response"]["allowed"], true, "{answer}");
    }
    let (status, _) = serving.page("/metrics").unwrap();
    assert_eq!(status, 200);
    (
        sorted(took)[ROUNDS / 2],
        ready,
        usage::peak(process).unwrap(),
    )
}

fn synced(found: &[Found]) {
    let mut table = Table::new([
        "repositories",
        "requests",
        "first sync, s",
        "requests/s",
        "the server's own",
        "ratio",
        "a processor for each: first sync, s",
        "requests/s",
        "the server's own",
        "ratio",
        "nothing new: requests",
        "s",
        "processor, ms",
        "one changed: requests",
    ]);
    for it in found {
        let (requests, seconds, processor) = it.again;
        let mut row = vec![
            it.repositories.to_string(),
            format!("{:.0}", it.first.requests),
        ];
        for is_apart in [false, true] {
            row.extend(it.first.cells(it.first.of(DEFAULT, is_apart)));
        }
        row.extend([
            format!("{requests:.0}"),
            format!("{seconds:.2}"),
            format!("{processor:.0}"),
            format!("{:.0}", it.changed),
        ]);
        table.row(row);
    }
    let points = |of: &dyn Fn(&Found) -> f64| {
        found
            .iter()
            .map(|it| (it.repositories as f64, of(it)))
            .collect::<Vec<_>>()
    };
    let plot = Plot {
        name: "sync".to_owned(),
        title: "A pass over one server, by its repositories".to_owned(),
        x: "repositories".to_owned(),
        y: "seconds".to_owned(),
        log_y: true,
        series: vec![
            Series {
                name: "first sync".to_owned(),
                points: points(&|it| it.first.of(DEFAULT, false).rounds[0].seconds),
            },
            Series {
                name: "the same requests by wrk".to_owned(),
                points: points(&|it| it.first.requests / it.first.of(DEFAULT, false).rounds[0].own),
            },
            Series {
                name: "nothing new".to_owned(),
                points: points(&|it| it.again.1),
            },
        ],
    };
    finish("sync", &table, &plot);
}

fn synced_in_every_way(servers: &[&FirstSyncs]) {
    let mut table = Table::new([
        "the server keeps its data in",
        "requests at once",
        "processors",
        "first sync, s",
        "requests/s",
        "the server's own",
        "ratio",
    ]);
    for first in servers {
        for syncs in &first.series {
            let processors = if syncs.is_apart {
                "one for each side"
            } else {
                "all for both sides"
            };
            let mut row = vec![
                first.back_end.to_owned(),
                syncs.at_once.to_string(),
                processors.to_owned(),
            ];
            row.extend(first.cells(syncs));
            table.row(row);
        }
    }
    println!("\nsync-servers\n{}", table.markdown());
    report::write("sync-servers", &table.markdown()).unwrap();
}

fn started(found: &[Found]) {
    let mut table = Table::new([
        "repositories",
        "tags",
        "on disk, MB",
        "start to ready, ms",
        "memory then, MiB",
        "peak, every repository read, metrics too, MiB",
    ]);
    for it in found {
        let (took, ready, read) = it.start;
        table.row([
            it.repositories.to_string(),
            (it.repositories * TAGS).to_string(),
            format!("{:.0}", it.disk),
            format!("{took:.0}"),
            format!("{ready:.0}"),
            format!("{read:.0}"),
        ]);
    }
    let points = |of: fn(&Found) -> f64| {
        found
            .iter()
            .map(|it| (it.repositories as f64, of(it)))
            .collect()
    };
    let plot = Plot {
        name: "start".to_owned(),
        title: "vouchsafe serve, by the repositories in its store".to_owned(),
        x: "repositories".to_owned(),
        y: "MiB".to_owned(),
        log_y: false,
        series: vec![
            Series {
                name: "memory when it is ready".to_owned(),
                points: points(|it| it.start.1),
            },
            Series {
                name: "peak, after every repository was read".to_owned(),
                points: points(|it| it.start.2),
            },
        ],
    };
    finish("start", &table, &plot);
}

fn finish(section: &str, table: &Table, plot: &Plot) {
    let picture = plot.draw().unwrap();
    let text = format!("{}\n{picture}", table.markdown());
    println!("\n{section}\n{text}");
    report::write(section, &text).unwrap();
}

fn kept(found: &[Found], on_database: &FirstSyncs) {
    let Some(largest) = found.last() else { return };
    let fewest = found.iter().map(|it| it.again.0).fold(f64::MAX, f64::min);
    let most = found.iter().map(|it| it.again.0).fold(0.0, f64::max);
    let (took, _, peak) = largest.start;
    let many = largest.repositories;
    let budget = |what: String, budget: &str, measured: String, held| Budget {
        what,
        budget: budget.to_owned(),
        measured,
        held,
    };
    let rate = |first: &FirstSyncs| {
        let ratio = |is_apart| first.ratios(first.of(DEFAULT, is_apart))[ROUNDS / 2];
        let (together, apart) = (ratio(false), ratio(true));
        budget(
            format!(
                "full sync of {many} GUNs, of the server's own rate; its data in {}",
                first.back_end
            ),
            "≥ 70 %",
            format!(
                "{:.0} %; with a processor for each side {:.0} %",
                together * 100.0,
                apart * 100.0
            ),
            together >= 0.7,
        )
    };
    let budgets = [
        rate(on_database),
        rate(&largest.first),
        budget(
            "requests of a sync when nothing changed".to_owned(),
            "constant",
            format!("{fewest:.0} to {most:.0}"),
            (fewest - most).abs() < 0.5,
        ),
        budget(
            format!("start to ready with {many} GUNs, {} tags", many * TAGS),
            "≤ 1 s",
            format!("{took:.0} ms"),
            took <= 1e3,
        ),
        budget(
            "resident memory at that size, every GUN read".to_owned(),
            "≤ 64 MiB",
            format!("{peak:.0} MiB"),
            peak <= 64.0,
        ),
    ];
    report::keep("sync", &budgets).unwrap();
}

fn disk(vouchsafe: &Vouchsafe) -> f64 {
    let files = std::fs::read_dir(vouchsafe.store().join("db")).unwrap();
    let files = files.map(|entry| entry.unwrap().metadata().unwrap());
    let bytes: u64 = files
        .filter(std::fs::Metadata::is_file)
        .map(|it| it.len())
        .sum();
    bytes as f64 / 1e6
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

const REPOSITORIES: [usize; 3] = [100, 1_000, 10_000];
const TAGS: usize = 10;
const ROUNDS: usize = 3;
/// The default of `sync.perServer`.
const DEFAULT: usize = 1;
/// What else it may be, where the server stands it.
const AT_ONCE: [usize; 2] = [DEFAULT, 4];
