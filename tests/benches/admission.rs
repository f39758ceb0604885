//! The TLS admission path beside a bare axum and rustls handler, in one run.
//!
//! All servers run as processes of their own with the same certificate: the bare handler, and
//! Vouchsafe with a policy of one rule and with one of 500. `wrk` asks one after the other, round by
//! round, with the same review. A ratio is the median of those within each round, with the least and
//! the greatest beside it. The bare handler reads the review into kube's
//! `AdmissionReview<DynamicObject>` and allows it: the least that a webhook in Rust can do.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench prints its report, and stops where it cannot be set up"
)]

use std::net::SocketAddr;
use std::process::Command;

use axum::Json;
use axum::routing::post;
use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, AdmissionReview};
use serde_json::Value;
use vouchsafe_tests::harness::notary_client::Tag;
use vouchsafe_tests::harness::port::PortLease;
use vouchsafe_tests::harness::process::{Process, run};
use vouchsafe_tests::harness::{
    Certificates, Configuration, NotaryClient, NotaryServer, TempDir, Vouchsafe, admission,
};

#[path = "support/policy.rs"]
mod policy;

const GUN: &str = "registry.example.com/team/app";
const BARE: &str = "VOUCHSAFE_BENCH_BARE";
const ROUNDS: usize = 7;
const SECONDS: &str = "2s";
const CONNECTIONS: [u32; 3] = [1, 8, 64];
const RULES: [usize; 2] = [1, 500];

fn main() {
    #[expect(
        clippy::disallowed_methods,
        reason = "how this process knows that it is the bare server"
    )]
    let bare = std::env::var(BARE);
    match bare {
        Ok(settings) => serve_bare(&settings),
        Err(_) => compare(),
    }
}

/// The bare handler; `settings` is its address, certificate and key.
fn serve_bare(settings: &str) {
    async fn allow(
        Json(review): Json<AdmissionReview<DynamicObject>>,
    ) -> Json<AdmissionReview<DynamicObject>> {
        let request: AdmissionRequest<DynamicObject> = review.try_into().unwrap();
        Json(AdmissionResponse::from(&request).into_review())
    }
    let [address, certificate, key] = settings.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tls = axum_server::tls_rustls::RustlsConfig::from_pem_file(certificate, key);
        let app = axum::Router::new().route("/mutate", post(allow));
        axum_server::bind_rustls(address, tls.await.unwrap())
            .serve(app.into_make_service())
            .await
            .unwrap();
    });
}

fn compare() {
    let certificates = Certificates::new().unwrap();
    let directory = TempDir::new("bench").unwrap();
    let vouchsafe = stores(&certificates);
    let serving = vouchsafe
        .each_ref()
        .map(|vouchsafe| vouchsafe.serve(&certificates).unwrap());
    let bare = PortLease::new().unwrap();
    let (certificate, key) = (certificates.leaf_file(), certificates.leaf_key_file());
    let settings = format!(
        "{} {} {}",
        bare.address(),
        certificate.display(),
        key.display()
    );
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut process = Process::start(
        command.env(BARE, settings),
        &directory.path().join("bare.log"),
    )
    .unwrap();
    process.wait_until_listening(bare.address()).unwrap();

    let image = format!("{GUN}:signed");
    let reviews = [
        (
            "a Pod with one image, 0.8 KiB",
            admission::pod_review(&[&image]),
        ),
        (
            "a Pod with four images as an API server writes it, 4.8 KiB",
            realistic(&image),
        ),
    ];
    println!("admission over TLS, keep-alive; medians of {ROUNDS} rounds of {SECONDS}");
    let bare_url = format!("https://localhost:{}/mutate", bare.number());
    let urls = serving
        .each_ref()
        .map(|serving| format!("{}/mutate", serving.url()));
    for (name, review) in reviews {
        for serving in &serving {
            let answer = serving.review(&certificates, "/mutate", &review).unwrap();
            assert_eq!(answer["response"]["allowed"], true, "{answer}");
            assert!(answer["response"]["patch"].is_string(), "{answer}");
        }
        let script = script(&directory, &review.to_string());
        table(name, &bare_url, &urls, &script);
    }
}

fn table(name: &str, bare_url: &str, urls: &[String], script: &str) {
    println!("\n{name}");
    print!("connections  bare req/s");
    for rules in RULES {
        print!(
            "  {:>17}  {:<17}",
            format!("rules: {rules}, req/s"),
            "ratio"
        );
    }
    println!();
    for connections in CONNECTIONS {
        let mut bare = Vec::new();
        let mut ours = vec![Vec::new(); urls.len()];
        for _ in 0..ROUNDS {
            bare.push(load(bare_url, connections, script));
            for (url, rates) in urls.iter().zip(&mut ours) {
                rates.push(load(url, connections, script));
            }
        }
        print!("{connections:>11}  {:>10.0}", sorted(&bare)[ROUNDS / 2]);
        for rates in ours {
            let ratios: Vec<f64> = rates
                .iter()
                .zip(&bare)
                .map(|(ours, bare)| ours / bare)
                .collect();
            let ratios = sorted(&ratios);
            print!(
                "  {:>17.0}  {:>5.2} ({:.2}-{:.2})",
                sorted(&rates)[ROUNDS / 2],
                ratios[ROUNDS / 2],
                ratios[0],
                ratios[ROUNDS - 1]
            );
        }
        println!();
    }
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

/// A `wrk` script that posts the review.
fn script(directory: &TempDir, review: &str) -> String {
    let lua = format!(
        "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\nwrk.body = [==[{review}]==]\n"
    );
    directory
        .write("post.lua", lua)
        .unwrap()
        .display()
        .to_string()
}

/// Requests a second, all of them answered with 200.
fn load(url: &str, connections: u32, script: &str) -> f64 {
    let connections = connections.to_string();
    let arguments = [
        "-t",
        "1",
        "-c",
        &connections,
        "-d",
        SECONDS,
        "-s",
        script,
        url,
    ];
    let report = run(Command::new("wrk").args(arguments)).unwrap();
    assert!(!report.contains("Non-2xx"), "{report}");
    let line = report
        .lines()
        .find_map(|line| line.strip_prefix("Requests/sec:"))
        .unwrap();
    line.trim().parse().unwrap()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
