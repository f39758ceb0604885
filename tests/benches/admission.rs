//! The TLS admission path beside a bare axum and rustls handler, in one run.
//!
//! All servers run as processes of their own with the same certificate: the bare handler, and Vouchsafe with a policy of one rule and
//! with one of 500. `wrk` asks one after the other, round by round, with the same review. A ratio is the median of those within each
//! round, with the least and the greatest beside it. The bare handler reads the review into kube's `AdmissionReview<DynamicObject>` and
//! allows it: the least that a webhook in Rust can do.

#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints its report, and stops where it cannot be set up"
)]

use serde_json::Value;
use vouchsafe_tests::harness::notary_client::Tag;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{
    Certificates, Configuration, Load, NotaryClient, NotaryServer, TempDir, Vouchsafe, admission,
    load, usage,
};
use vouchsafe_tests::report::plot::{Plot, Series};
use vouchsafe_tests::report::{self, Budget, Table};

use bare::Bare;
use rounds::Rounds;

#[path = "admission/bare.rs"]
mod bare;
#[path = "support/policy.rs"]
mod policy;
#[path = "admission/rounds.rs"]
mod rounds;
#[path = "admission/syncing.rs"]
mod syncing;

fn main() {
    if !bare::serve_if_asked() {
        compare();
    }
}

fn compare() {
    let certificates = Certificates::new().unwrap();
    let directory = TempDir::new("bench").unwrap();
    let vouchsafe = stores(&certificates);
    let mut serving = vouchsafe
        .each_ref()
        .map(|vouchsafe| vouchsafe.serve(&certificates).unwrap());
    let bare = Bare::start(&certificates, &directory);
    let image = format!("{GUN}:signed");
    let small = admission::pod_review(&[&image]);
    let real = realistic(&image);
    for review in [&small, &real] {
        for serving in &serving {
            is_signed(serving, &certificates, review);
        }
    }
    let [one_rule, many_rules] = &mut serving;
    let ours = [(one_rule.url(), one_rule.process().id())];
    let both = [
        ours[0].clone(),
        (many_rules.url(), many_rules.process().id()),
    ];
    let script = |name: &str, review: &Value, is_kept| {
        load::post(&directory, name, &review.to_string(), is_kept).unwrap()
    };

    let mut by_connections = Table::new(COLUMNS);
    let small_script = script("small.lua", &small, true);
    let real_script = script("real.lua", &real, true);
    let mut lines = Vec::new();
    for (name, script, servers) in [
        ("a Pod with one image, 0.8 KiB", &small_script, &both[..]),
        (
            "a Pod with four images as an API server writes it, 4.8 KiB",
            &real_script,
            &ours[..],
        ),
    ] {
        for connections in CONNECTIONS {
            let rounds = Rounds::run(&bare, servers, connections, script);
            rounds.rows(
                &mut by_connections,
                &format!("{name}; {connections} connections"),
            );
            lines.push((name, connections, rounds));
        }
    }
    report("admission", &by_connections, &plots(&lines));
    budget(&lines);

    let mut by_images = Table::new(COLUMNS);
    for images in [1, 10, 50] {
        let review = admission::pod_review(&vec![image.as_str(); images]);
        let script = script(&format!("{images}.lua"), &review, true);
        let rounds = Rounds::run(&bare, &ours, 8, &script);
        rounds.rows(
            &mut by_images,
            &format!("a Pod with {images} images; 8 connections"),
        );
    }
    let script = script("new.lua", &small, false);
    let rounds = Rounds::run(&bare, &ours, 8, &script);
    rounds.rows(
        &mut by_images,
        "one image; a new connection for each request, 8 at a time",
    );
    report("images", &by_images, &[]);
    drop(serving);

    let table = syncing::measure(&certificates, &directory);
    report("syncing", &table, &[]);
}

fn report(section: &str, table: &Table, plots: &[Plot]) {
    let mut text = table.markdown();
    for plot in plots {
        text.push('\n');
        text.push_str(&plot.draw().unwrap());
    }
    println!("\n{section}\n{text}");
    report::write(section, &text).unwrap();
}

fn plots(lines: &[(&str, usize, Rounds)]) -> [Plot; 2] {
    let series = |of: &dyn Fn(&Rounds) -> [f64; 2]| {
        let mut all = Vec::new();
        for review in ["a Pod with one image", "a Pod with four images"] {
            let lines = || lines.iter().filter(|(name, ..)| name.starts_with(review));
            for (index, who) in ["bare handler", "Vouchsafe"].iter().enumerate() {
                let points = lines().map(|(_, at, rounds)| (*at as f64, of(rounds)[index]));
                all.push(Series {
                    name: format!("{who}, {review}"),
                    points: points.collect(),
                });
            }
        }
        all
    };
    let plot = |name: &str, title: &str, y: &str, log_y, series| Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        x: "connections".to_owned(),
        y: y.to_owned(),
        log_y,
        series,
    };
    [
        plot(
            "admission-rate",
            "Admission over TLS: throughput by connections",
            "requests/s",
            false,
            series(&|rounds| [rounds.bare().rate, rounds.ours(0).rate]),
        ),
        plot(
            "admission-p99",
            "Admission over TLS: p99 by connections",
            "microseconds",
            true,
            series(&|rounds| [rounds.bare().p99, rounds.ours(0).p99]),
        ),
    ]
}

/// The budget is for a review as an API server writes it; the small one is kept beside it, as the hardest case.
fn budget(lines: &[(&str, usize, Rounds)]) {
    let budgets: Vec<Budget> = ["a Pod with four images", "a Pod with one image"]
        .into_iter()
        .map(|review| {
            let ratios = lines.iter().filter(|(name, ..)| name.starts_with(review));
            let least = ratios
                .map(|(.., rounds)| rounds.ratios(0)[rounds::ROUNDS / 2])
                .fold(f64::MAX, f64::min);
            Budget {
                what: format!("admission over TLS, {review}, of the bare handler's throughput, at the worst of {CONNECTIONS:?} connections"),
                budget: "≥ 90 %".to_owned(),
                measured: format!("{:.0} %", least * 100.0),
                held: least >= 0.9,
            }
        })
        .collect();
    report::keep("admission", &budgets).unwrap();
}

fn is_signed(serving: &Serving, certificates: &Certificates, review: &Value) {
    let answer = serving.review(certificates, "/mutate", review).unwrap();
    assert_eq!(answer["response"]["allowed"], true, "{answer}");
    assert!(answer["response"]["patch"].is_string(), "{answer}");
}

/// A review as an API server writes it, whose images are all `image`.
fn realistic(image: &str) -> Value {
    let text = include_str!("../../webhook/fixtures/pod-create.json");
    let mut review: Value = serde_json::from_str(text).unwrap();
    let spec = &mut review["request"]["object"]["spec"];
    for (list, pointer) in [
        ("containers", "/image"),
        ("initContainers", "/image"),
        ("volumes", "/image/reference"),
    ] {
        for item in spec[list].as_array_mut().into_iter().flatten() {
            if let Some(named) = item.pointer_mut(pointer) {
                *named = image.into();
            }
        }
    }
    review
}

/// Stores with one signed image, from a Notary server that is gone by then.
fn stores(certificates: &Certificates) -> [Vouchsafe; RULES.len()] {
    let server = NotaryServer::tls(certificates).unwrap();
    let publisher =
        NotaryClient::publisher(&server.url(), Some(&certificates.authority_file())).unwrap();
    publisher.init(GUN).unwrap();
    let tag = Tag {
        name: "signed".to_owned(),
        sha256: "ab".repeat(32),
        size: 528,
    };
    publisher.sign(GUN, &tag, &[]).unwrap();
    let key = publisher.root_public_key(GUN).unwrap();
    let configuration = Configuration::new()
        .notary(&server.url(), Some(certificates.authority_pem()), &key)
        .rule(&format!("{GUN}:*"));
    RULES.map(|rules| {
        let configuration = match rules {
            1 => configuration.clone(),
            rules => policy::fill(configuration.clone(), rules, 1),
        };
        let vouchsafe = Vouchsafe::new(&configuration.to_string()).unwrap();
        vouchsafe.succeed(&["sync"]).unwrap();
        vouchsafe
    })
}

const GUN: &str = "registry.example.com/team/app";
const CONNECTIONS: [usize; 4] = [1, 8, 64, 256];
const RULES: [usize; 2] = [1, 500];
const COLUMNS: [&str; 8] = [
    "review",
    "server",
    "requests/s",
    "ratio",
    "p50, µs",
    "p99, µs",
    "p99.9, µs",
    "processor, µs a request",
];
