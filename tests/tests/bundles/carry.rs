//! From one site to the other: as a file, through a registry, into a process that serves.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe_tests::harness::process::run;
use vouchsafe_tests::harness::{Certificates, Registry, TempDir, Vouchsafe};

use crate::published::{GUN, image};
use crate::sites::{Sites, ed25519, gapped, p256, text};

#[test]
fn a_signed_bundle_brings_what_admits() {
    let (one, two) = (p256("one"), ed25519("two"));
    let sites = Sites::new(&[&one, &two]);
    let bundle = sites.bundle(&["--refresh-by", "35d", "--sign", &sites.private(&one)]);
    let name = Path::new(&bundle).file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("vouchsafe-20") && name.ends_with("Z-1.tar.zst"),
        "{name}"
    );

    // One of two signatures does not do.
    let refused = sites.gapped.run(&["bundle", "import", &bundle]).unwrap();
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("refused: wrong_signer: 1 of the pinned keys"),
        "{refused:?}"
    );
    let key = sites.private(&two);
    sites
        .connected
        .succeed(&["bundle", "sign", &bundle, "--key", &key])
        .unwrap();

    let answer = sites
        .gapped
        .json(&["bundle", "import", &bundle, "-o", "json"], &[0])
        .unwrap();
    assert_eq!(answer["outcome"], "done");
    assert_eq!(
        (&answer["vouched"], &answer["known"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(answer["repositories"][0]["result"], "new");
    sites.gapped.succeed(&["check", &image("signed")]).unwrap();
    let unsigned = sites.gapped.run(&["check", &image("unsigned")]).unwrap();
    assert_eq!(unsigned.code, Some(1), "{unsigned:?}");
    assert!(
        unsigned.stdout.contains("take in a newer bundle"),
        "{unsigned:?}"
    );

    let again = sites
        .gapped
        .json(&["bundle", "import", &bundle, "-o", "json"], &[0])
        .unwrap();
    assert_eq!(
        (&again["known"], &again["repositories"][0]["result"]),
        (&json!(true), &json!("unchanged"))
    );
    let status = sites.gapped.json(&["status", "-o", "json"], &[0]).unwrap();
    assert_eq!(status["bundles"][0]["sequence"], 1);
    assert!(
        status["repositories"][0]["admissibleUntil"].is_string(),
        "{status:#}"
    );
    let shown = sites.gapped.succeed(&["status"]).unwrap();
    assert!(shown.contains("bundle vouchsafe 1: made "), "{shown}");
    assert!(shown.contains("to be refreshed in 34 days"), "{shown}");
}

#[test]
fn what_a_registry_carries_is_taken_in_as_from_a_file() {
    let key = p256("courier");
    let sites = Sites::new(&[&key]);
    let registry = Registry::start().unwrap();
    let bundle = sites.bundle(&["--sign", &sites.private(&key)]);
    let place = |repository: &str| format!("http://{}/{repository}:latest", registry.host());
    let pushed = sites.connected.json(
        &["bundle", "push", &bundle, &place("trust/out"), "-o", "json"],
        &[0],
    );
    let pushed = pushed.unwrap();
    let skopeo = |arguments: &[&str]| run(Command::new("skopeo").args(arguments)).unwrap();
    let docker = |repository: &str| format!("docker://{}/{repository}", registry.host());
    let tags = skopeo(&["list-tags", "--tls-verify=false", &docker("trust/out")]);
    assert!(tags.contains("\"latest\""), "{tags}");
    let (from, to) = (
        docker("trust/out") + ":latest",
        docker("trust/in") + ":latest",
    );
    skopeo(&[
        "copy",
        "--insecure-policy",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &from,
        &to,
    ]);
    let folder = text(&sites.gapped.directory().path().join("pulled"));
    let pull = [
        "bundle",
        "pull",
        &place("trust/in"),
        "--directory",
        &folder,
        "-o",
        "json",
    ];
    let pulled = sites.gapped.json(&pull, &[0]).unwrap();
    assert_eq!(pulled["digest"], pushed["digest"]);

    let by_folder = sites
        .gapped
        .json(&["bundle", "import", &folder, "-o", "json"], &[0])
        .unwrap();
    let other = Vouchsafe::new(&gapped(&sites.published, &[&key], json!({})).to_string()).unwrap();
    let by_file = other
        .json(&["bundle", "import", &bundle, "-o", "json"], &[0])
        .unwrap();
    assert_eq!(by_folder, by_file);
    let tags = |site: &Vouchsafe| site.json(&["status", GUN, "-o", "json"], &[0]).unwrap();
    let (here, there) = (tags(&sites.gapped), tags(&other));
    let of = |status: &Value| status["repositories"][0]["tagsByRole"].clone();
    assert_eq!(of(&here), of(&there));
    assert_eq!(
        here["bundles"][0]["manifest"],
        there["bundles"][0]["manifest"]
    );
}

#[test]
fn serve_pulls_from_a_registry_and_is_ready_then() {
    let key = p256("courier");
    let sites = Sites::new(&[&key]);
    let registry = Registry::start().unwrap();
    let bundle = sites.bundle(&["--sign", &sites.private(&key)]);
    let place = format!("http://{}/trust/bundles:latest", registry.host());
    let pull = json!({"pull": {"reference": place, "schedule": "*/1 * * * *"}});
    let gapped = Vouchsafe::new(&gapped(&sites.published, &[&key], pull).to_string()).unwrap();
    sites
        .connected
        .succeed(&["bundle", "push", &bundle, &place])
        .unwrap();
    let certificates = Certificates::new().unwrap();
    let asked = sites.published.server.requests().len();
    let serving = gapped.serve_unready(&certificates).unwrap();
    let page = |path: &str, holds: &dyn Fn(&str) -> bool| {
        let started = Instant::now();
        loop {
            let (_, page) = serving.page(path).unwrap();
            if holds(&page) {
                return page;
            }
            assert!(started.elapsed() < Duration::from_mins(1), "{path}: {page}");
            thread::sleep(Duration::from_millis(100));
        }
    };
    page("/ready", &|page| page.ends_with("\nready\n"));
    let done = "vouchsafe_bundles_total{result=\"done\"} 1";
    let metrics = page("/metrics", &|page| page.contains(done));
    let sequence = "vouchsafe_bundle_sequence{bundle=\"vouchsafe\"} 1";
    assert!(metrics.contains(sequence), "{metrics}");
    assert_eq!(
        sites.published.server.requests().len(),
        asked,
        "nobody asks the Notary server"
    );
}

#[test]
fn after_a_series_is_forgotten_the_watched_folder_is_looked_at_again() {
    let key = p256("courier");
    let sites = Sites::new(&[&key]);
    let private = sites.private(&key);
    let older = sites.bundle(&["--sign", &private]);
    let newer = sites.bundle(&["--sign", &private]);
    let folder = TempDir::new("watched").unwrap();
    let watched = json!({"directory": folder.path()});
    let gapped = Vouchsafe::new(&gapped(&sites.published, &[&key], watched).to_string()).unwrap();
    let certificates = Certificates::new().unwrap();
    let serving = gapped.serve_unready(&certificates).unwrap();
    let until = |number: u64| {
        let started = Instant::now();
        loop {
            let (_, page) = serving.page("/metrics").unwrap();
            let sequence = "vouchsafe_bundle_sequence{bundle=\"vouchsafe\"}";
            if page.contains(&format!("{sequence} {number}.")) {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{page}");
            thread::sleep(Duration::from_millis(100));
        }
    };
    // The names have the newer one looked at first.
    fs::copy(&newer, folder.path().join("1.tar.zst")).unwrap();
    until(2);
    fs::copy(&older, folder.path().join("2.tar.zst")).unwrap();
    thread::sleep(Duration::from_secs(6));
    until(2);
    fs::remove_file(folder.path().join("1.tar.zst")).unwrap();
    gapped
        .succeed(&["bundle", "forget", "vouchsafe", "--yes"])
        .unwrap();
    until(1);
}
