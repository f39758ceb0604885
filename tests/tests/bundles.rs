//! `vouchsafe bundle` as a shell sees it: exit statuses, JSON, files, and the tools that carry them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vouchsafe_tests::harness::process::run;
use vouchsafe_tests::harness::scripted_server::{Answer, RoleFiles, Route};
use vouchsafe_tests::harness::{Certificates, Registry, TempDir, Vouchsafe};
use vouchsafe_tests::vector::repository::{Repository, digest_of};

use published::{GUN, image};
use sites::{Sites, ed25519, gapped, listed, p256, text};

#[expect(dead_code, reason = "not all of it is used here")]
#[path = "support/published.rs"]
mod published;
#[path = "support/sites.rs"]
mod sites;

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
fn what_was_asked_for_must_be_there_signed_and_lasting() {
    let sites = Sites::new(&[]);
    let folder = text(sites.connected.directory().path());
    let create = |more: &[&str]| {
        let create = ["bundle", "create", "--directory", &folder];
        sites.connected.run(&[&create, more].concat()).unwrap()
    };
    let written = || {
        let files = listed(sites.connected.directory().path()).into_iter();
        files
            .filter(|path| path.extension() == Some("zst".as_ref()))
            .count()
    };
    let (signed, unsigned, never) = (image("signed"), image("unsigned"), format!("{GUN}/never:1"));
    for (asked, words) in [
        (vec![signed.as_str(), &unsigned], "has no such target"),
        (vec![&signed, &never], "no rule of the policy"),
        (vec![&signed, "--min-remaining", "400000d"], "too soon"),
    ] {
        let refused = create(&asked);
        assert_eq!(refused.code, Some(1), "{asked:?}: {refused:?}");
        assert!(refused.stderr.contains(words), "{asked:?}: {refused:?}");
        assert!(
            refused.stderr.contains("nothing was written"),
            "{refused:?}"
        );
        assert_eq!(written(), 0, "{asked:?}");
    }
    // What expires soon is not missing yet: nobody would notice.
    let soon = create(&[&signed, "--min-remaining", "400000d", "--allow-missing"]);
    assert_eq!((soon.code, written()), (Some(1), 0), "{soon:?}");
    let allowed = create(&[&signed, &never, "--allow-missing"]);
    assert_eq!((allowed.code, written()), (Some(0), 1), "{allowed:?}");
    let garbage = create(&["NOT//AN IMAGE"]);
    assert_eq!(garbage.code, Some(2), "{garbage:?}");
}

#[test]
fn manifests_say_what_is_asked_for() {
    let sites = Sites::new(&[]);
    let pod = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"},
            "spec": {"containers": [{"name": "app", "image": name}]}})
    };
    let good = sites.file("good.yaml", &pod(&image("signed")).to_string());
    let bundle = sites.bundle(&["-f", &good]);
    let images = sites
        .connected
        .succeed(&["bundle", "images", &bundle])
        .unwrap();
    assert_eq!(images, format!("{GUN}@{}\n", digest_of("image")));
    let bad = sites.file("bad.yaml", &pod(&image("unsigned")).to_string());
    let refused = sites
        .connected
        .run(&["bundle", "create", "-f", &bad])
        .unwrap();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let service = sites.file("none.yaml", "{apiVersion: v1, kind: Service}");
    let nothing = sites
        .connected
        .run(&["bundle", "create", "-f", &service])
        .unwrap();
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
}

#[test]
fn a_server_that_is_down_means_that_nothing_is_vouched_for() {
    let sites = Sites::new(&[]);
    sites.connected.succeed(&["sync"]).unwrap();
    sites.published.server.script(Route::Any, Answer::Closed);
    let folder = text(sites.connected.directory().path());
    let create = ["bundle", "create", "--directory", &folder];
    let refused = sites.connected.run(&create).unwrap();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    sites
        .connected
        .succeed(&[&create[..], &["--no-sync"]].concat())
        .unwrap();
}

#[test]
fn bundles_are_looked_at_and_compared_without_any_key() {
    let sites = Sites::new(&[]);
    let one = sites.bundle(&[]);
    let same = sites
        .connected
        .run(&["bundle", "diff", &one, &one])
        .unwrap();
    assert_eq!(same.code, Some(0), "{same:?}");
    let next = Repository::delegated(GUN)
        .tag("targets/releases", "2.0", "second")
        .version("targets/releases", 5)
        .version("snapshot", 5)
        .version("timestamp", 5);
    sites
        .published
        .server
        .serve(GUN, RoleFiles::new().with_files(next.files()));
    let two = sites.bundle(&["--since", &one]);
    let diff = sites
        .connected
        .json(&["bundle", "diff", &one, &two, "-o", "json"], &[1])
        .unwrap();
    let tag = &diff["changed"][0]["tags"][0];
    assert_eq!(
        (&tag["tag"], &tag["role"]),
        (&json!("2.0"), &json!("targets/releases"))
    );
    let shown = sites
        .connected
        .run(&["bundle", "diff", &one, &two])
        .unwrap();
    assert!(
        shown
            .stdout
            .contains("tag 2.0 (targets/releases): nothing -> sha256:"),
        "{shown:?}"
    );

    let seen = sites
        .connected
        .json(&["bundle", "inspect", &two, "-o", "json"], &[0])
        .unwrap();
    assert_eq!(
        (&seen["sequence"], &seen["base"]["sequence"]),
        (&json!(2), &json!(1))
    );
    let shown = sites
        .connected
        .succeed(&["bundle", "inspect", &two])
        .unwrap();
    assert!(shown.contains("Nothing of this is verified"), "{shown}");
}

#[test]
fn openssl_signs_a_bundle_and_checks_it() {
    let key = p256("hardware");
    let sites = Sites::new(&[&key]);
    let bundle = sites.bundle(&[]);
    let folder = text(&sites.connected.directory().path().join("extracted"));
    sites
        .connected
        .succeed(&["bundle", "inspect", &bundle, "--extract", &folder])
        .unwrap();
    let manifest = format!("{folder}/manifest.json");
    let signature = format!("{folder}/made.sig");
    let (private, public) = (sites.private(&key), sites.public(&key));
    let openssl = |arguments: &[&str]| run(Command::new("openssl").args(arguments)).unwrap();
    openssl(&[
        "dgst", "-sha256", "-sign", &private, "-out", &signature, &manifest,
    ]);
    let sign = [
        "bundle",
        "sign",
        &bundle,
        "--signature",
        &signature,
        "--public-key",
    ];
    let other = sites.public(&p256("other"));
    let refused = sites
        .connected
        .run(&[&sign[..], &[&other]].concat())
        .unwrap();
    assert_eq!(refused.code, Some(3), "{refused:?}");
    sites
        .connected
        .succeed(&[&sign[..], &[&public]].concat())
        .unwrap();
    sites
        .gapped
        .succeed(&["bundle", "import", &bundle])
        .unwrap();

    sites
        .connected
        .succeed(&["bundle", "inspect", &bundle, "--extract", &folder])
        .unwrap();
    let extracted = listed(Path::new(&folder))
        .into_iter()
        .find(|path| path.extension() == Some("sig".as_ref()) && !path.ends_with("made.sig"));
    let extracted = text(&extracted.unwrap());
    let verified = openssl(&[
        "dgst",
        "-sha256",
        "-verify",
        &public,
        "-signature",
        &extracted,
        &manifest,
    ]);
    assert!(verified.contains("Verified OK"), "{verified}");
}

#[test]
fn verify_says_who_signed_and_what_holds_and_takes_nothing_in() {
    let key = p256("courier");
    let sites = Sites::new(&[&key]);
    let bundle = sites.bundle(&["--sign", &sites.private(&key)]);
    let verify = |arguments: &[&str]| {
        let verify = ["bundle", "verify", &bundle];
        sites.gapped.run(&[&verify, arguments].concat()).unwrap()
    };
    let found = sites
        .gapped
        .json(&["bundle", "verify", &bundle, "-o", "json"], &[0])
        .unwrap();
    assert_eq!(found["repositories"][0]["result"], "holds");
    let (public, other) = (sites.public(&key), sites.public(&p256("other")));
    assert_eq!(verify(&["--key", &public]).code, Some(0));
    assert_eq!(verify(&["--key", &other]).code, Some(3));
    assert_eq!(verify(&["--key", &public, "--key", &other]).code, Some(3));
    assert_eq!(
        verify(&["--key", &public, "--key", &other, "--threshold", "1"]).code,
        Some(0)
    );
    assert_eq!(verify(&["--key", &sites.private(&key)]).code, Some(2));
    assert!(!sites.gapped.store().exists());

    // Under another pin nothing in it holds.
    let stranger = gapped(&sites.published, &[&key], json!({})).to_string();
    let stranger = stranger.replace(
        &json!(published::root_key()).to_string(),
        &json!(p256("stranger").public_key_pem()).to_string(),
    );
    let stranger = Vouchsafe::new(&stranger).unwrap();
    let refused = stranger.run(&["bundle", "verify", &bundle]).unwrap();
    assert_eq!(refused.code, Some(3), "{refused:?}");
    let left_out = stranger.run(&["bundle", "import", &bundle]).unwrap();
    assert_eq!(left_out.code, Some(3), "{left_out:?}");
    assert!(
        left_out.stderr.contains("left out: not_pinned"),
        "{left_out:?}"
    );
    let strict = stranger
        .json(
            &["bundle", "import", "--strict", &bundle, "-o", "json"],
            &[3],
        )
        .unwrap();
    assert_eq!(strict["outcome"], "strict");
}

#[test]
fn every_refusal_has_its_reason_and_changes_nothing() {
    let key = p256("courier");
    let sites = Sites::new(&[&key]);
    let private = sites.private(&key);
    let first = sites.bundle(&["--sign", &private]);
    let second = sites.bundle(&["--sign", &private]);
    sites
        .gapped
        .succeed(&["bundle", "import", &second])
        .unwrap();
    let before = sites.gapped.json(&["status", "-o", "json"], &[0]).unwrap();
    let third = fs::read(sites.bundle(&["--sign", &private])).unwrap();
    let spoiled = |name: &str, bytes: &[u8]| {
        let path = sites.connected.directory().path().join(name);
        fs::write(&path, bytes).unwrap();
        text(&path)
    };
    let mut flipped = third.clone();
    flipped[third.len() / 2] ^= 0x10;
    let cases = [
        (first, "old_sequence"),
        (sites.bundle(&[]), "unsigned"),
        (
            sites.bundle(&["--sign", &sites.private(&p256("other"))]),
            "wrong_signer",
        ),
        (
            sites.bundle(&["--sign", &private, "--audience", "elsewhere"]),
            "wrong_audience",
        ),
        (
            sites.bundle(&["--sign", &private, "--sequence", "2", "--refresh-by", "1d"]),
            "sequence_reused",
        ),
        (spoiled("flipped.tar.zst", &flipped), "seal_broken"),
        (
            spoiled("cut.tar.zst", &third[..third.len() / 2]),
            "truncated",
        ),
        (spoiled("text.tar.zst", b"hello"), "not_a_bundle"),
    ];
    for (bundle, label) in cases {
        let answer = sites
            .gapped
            .run(&["bundle", "import", &bundle, "-o", "json"])
            .unwrap();
        assert_eq!(answer.code, Some(3), "{label}: {answer:?}");
        assert!(
            answer.stderr.contains(&format!("refused: {label}: ")),
            "{label}: {answer:?}"
        );
        let said: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(
            (&said["outcome"], &said["label"]),
            (&json!("refused"), &json!(label))
        );
        let after = sites.gapped.json(&["status", "-o", "json"], &[0]).unwrap();
        assert_eq!(after["repositories"], before["repositories"], "{label}");
        assert_eq!(after["bundles"], before["bundles"], "{label}");
    }
    let missing = sites
        .gapped
        .run(&["bundle", "import", "nowhere.tar.zst"])
        .unwrap();
    assert_eq!(missing.code, Some(2), "{missing:?}");
}

#[test]
fn the_same_contents_are_the_same_file_and_parts_are_one() {
    let sites = Sites::new(&[]);
    sites.connected.succeed(&["sync"]).unwrap();
    let fixed = [
        "--no-sync",
        "--sequence",
        "7",
        "--created-at",
        "2026-11-25T00:00:00Z",
    ];
    let one = fs::read(sites.bundle(&fixed)).unwrap();
    let two = fs::read(sites.bundle(&fixed)).unwrap();
    assert!(one == two, "{} and {} bytes", one.len(), two.len());

    let folder = sites.connected.directory().path().join("parts");
    fs::create_dir(&folder).unwrap();
    let create = [
        "bundle",
        "create",
        "--no-sync",
        "--split",
        "1024",
        "--directory",
        &text(&folder),
    ];
    sites.connected.succeed(&create).unwrap();
    let parts = listed(&folder);
    assert!(parts.len() > 1, "{parts:?}");
    sites
        .gapped
        .succeed(&["bundle", "import", &text(&parts[0])])
        .unwrap();
    fs::remove_file(parts.last().unwrap()).unwrap();
    let cut = sites
        .gapped
        .run(&["bundle", "import", &text(&parts[0])])
        .unwrap();
    assert!(cut.stderr.contains("refused: truncated"), "{cut:?}");
}

#[test]
fn what_is_denied_adds_up_until_it_is_lifted_or_forgotten() {
    let key = p256("courier");
    let sites = Sites::new(&[&key]);
    let private = sites.private(&key);
    let bundle = sites.bundle(&["--sign", &private]);
    sites
        .gapped
        .succeed(&["bundle", "import", &bundle])
        .unwrap();
    let folder = text(sites.connected.directory().path());
    let news = |more: &[&str]| {
        let deny = [
            "bundle",
            "deny",
            "-o",
            "json",
            "--sign",
            &private,
            "--directory",
            &folder,
        ];
        let made = sites.connected.json(&[&deny, more].concat(), &[0]).unwrap();
        let file = made["files"][0].as_str().unwrap().to_owned();
        sites
            .gapped
            .json(&["bundle", "import", &file, "-o", "json"], &[0])
            .unwrap()
    };
    let runs = || sites.gapped.run(&["check", &image("signed")]).unwrap().code == Some(0);
    let digest = digest_of("image");
    news(&["--digest", &digest, "--reason", "it phones home"]);
    assert!(!runs());
    // News that does not know of earlier news lifts nothing.
    let second = news(&[
        "--gun",
        "registry.example.com/other",
        "--reason",
        "stolen key",
    ]);
    assert_eq!(second["deny"].as_array().unwrap().len(), 2, "{second:#}");
    assert!(!runs());
    let third = news(&["--lift", "--digest", &digest]);
    assert_eq!(third["lifted"].as_array().unwrap().len(), 1, "{third:#}");
    assert!(runs());

    let forget = ["bundle", "forget", "deny", "--yes"];
    news(&["--gun", GUN, "--reason", "again"]);
    assert!(!runs());
    sites.gapped.succeed(&forget).unwrap();
    assert!(runs());
    let nothing = sites.gapped.run(&forget).unwrap();
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    let nameless = sites
        .connected
        .run(&["bundle", "deny", "--reason", "x"])
        .unwrap();
    assert_eq!(nameless.code, Some(2), "{nameless:?}");
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
