//! The tools that sites have already.

use std::path::Path;
use std::process::Command;

use vouchsafe_tests::harness::process::{finish, run};
use vouchsafe_tests::harness::{Registry, oras};
use vouchsafe_trust::Sha256;

use super::support::{Bundle, client, folder, layout, plain};

fn skopeo(arguments: &[&str]) -> String {
    run(Command::new("skopeo").args(arguments)).unwrap()
}

fn oras(arguments: &[&str]) -> String {
    run(Command::new(oras::program().unwrap()).args(arguments)).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn pushed(registry: &Registry, place: &str) -> Bundle {
    let bundle = Bundle::new("a");
    client()
        .push(&plain(registry, place), &bundle.manifest, &bundle.blobs)
        .await
        .unwrap();
    bundle
}

async fn pulled_is(registry: &Registry, place: &str, bundle: &Bundle) {
    let into = folder();
    let pulled = client().pull(&plain(registry, place), into.path()).await;
    assert_eq!(pulled.unwrap().digest, bundle.digest(), "{place}");
    assert_eq!(layout(into.path()), bundle.contents(), "{place}");
}

#[tokio::test]
async fn skopeo_copies_a_bundle_unchanged() {
    let (outside, inside) = (Registry::start().unwrap(), Registry::start().unwrap());
    let bundle = pushed(&outside, "trust/bundles:latest").await;
    let from = format!("docker://{}/trust/bundles:latest", outside.host());
    let raw = skopeo(&["inspect", "--raw", "--tls-verify=false", &from]);
    assert_eq!(raw.as_bytes(), bundle.manifest);

    let copy = ["copy", "--insecure-policy", "--preserve-digests"];
    let to = format!("docker://{}/mirror/bundles:latest", inside.host());
    let plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    skopeo(&[&copy[..], &plain, &[&from, &to]].concat());
    pulled_is(&inside, "mirror/bundles:latest", &bundle).await;

    let carried = folder();
    let forms = ["oci", "oci-archive", "dir"];
    for form in forms {
        let there = format!("{form}:{}/{form}", text(carried.path()));
        let there = if form == "dir" {
            there
        } else {
            there + ":latest"
        };
        skopeo(&[&copy[..], &plain[..1], &[&from, &there]].concat());
        let place = format!("from/{form}:latest");
        let to = format!("docker://{}/{place}", inside.host());
        skopeo(&[&copy[..], &plain[1..], &[&there, &to]].concat());
        pulled_is(&inside, &place, &bundle).await;
    }
    let blobs = layout(&carried.path().join("oci"));
    assert_eq!(blobs, bundle.contents());
}

#[tokio::test]
async fn skopeo_pushes_what_was_pulled() {
    let registry = Registry::start().unwrap();
    let bundle = pushed(&registry, "trust/bundles:latest").await;
    let into = folder();
    let place = plain(&registry, "trust/bundles:latest");
    client().pull(&place, into.path()).await.unwrap();
    let from = format!("oci:{}:latest", text(into.path()));
    let to = format!("docker://{}/again/bundles:latest", registry.host());
    skopeo(&[
        "copy",
        "--insecure-policy",
        "--dest-tls-verify=false",
        &from,
        &to,
    ]);
    pulled_is(&registry, "again/bundles:latest", &bundle).await;
}

/// What `docs/bundle-registry.md` says does not work. Once it does, the page has to change.
#[tokio::test]
async fn skopeo_refuses_to_take_a_bundle_for_an_image() {
    let registry = Registry::start().unwrap();
    pushed(&registry, "trust/bundles:latest").await;
    let from = format!("docker://{}/trust/bundles:latest", registry.host());
    let carried = folder();
    let copy = ["copy", "--insecure-policy", "--src-tls-verify=false"];
    let image = format!("docker-archive:{}/image.tar:a:b", text(carried.path()));
    let docker = format!("oci:{}/docker:latest", text(carried.path()));
    let cases: [Vec<&str>; 3] = [
        vec!["inspect", "--tls-verify=false", &from],
        [&copy[..], &[&from, &image]].concat(),
        [&copy[..], &["--format", "v2s2", &from, &docker]].concat(),
    ];
    for arguments in cases {
        let finished = finish(Command::new("skopeo").args(&arguments)).unwrap();
        assert_ne!(finished.code, Some(0), "{arguments:?}");
        assert!(
            finished
                .stderr
                .contains("unsupported image-specific operation"),
            "{finished:?}"
        );
    }
}

#[tokio::test]
async fn oras_copies_and_pulls_a_bundle_unchanged() {
    let (outside, inside) = (Registry::start().unwrap(), Registry::start().unwrap());
    let bundle = pushed(&outside, "trust/bundles:latest").await;
    let from = format!("{}/trust/bundles:latest", outside.host());
    let raw = oras(&["manifest", "fetch", "--plain-http", &from]);
    assert_eq!(raw.as_bytes(), bundle.manifest);

    let to = format!("{}/mirror/bundles:latest", inside.host());
    let plain = ["--from-plain-http", "--to-plain-http"];
    oras(&[&["copy"], &plain[..], &[&from, &to]].concat());
    pulled_is(&inside, "mirror/bundles:latest", &bundle).await;

    let carried = folder();
    let there = format!("{}/layout:latest", text(carried.path()));
    oras(&["copy", plain[0], "--to-oci-layout", &from, &there]);
    let to = format!("{}/from/layout:latest", inside.host());
    oras(&["copy", "--from-oci-layout", plain[1], &there, &to]);
    pulled_is(&inside, "from/layout:latest", &bundle).await;
}

#[tokio::test]
async fn what_oras_pushes_as_a_bundle_is_pulled() {
    let registry = Registry::start().unwrap();
    let files = folder();
    for (name, content) in [("bundle.json", "{}\n"), ("pack", "files")] {
        files.write(name, content).unwrap();
    }
    let to = format!("{}/trust/bundles:latest", registry.host());
    let program = oras::program().unwrap();
    let mut push = Command::new(program);
    push.current_dir(files.path())
        .args(["push", "--plain-http", "--artifact-type"])
        .args(["application/vnd.vouchsafe.bundle.v1+json", &to])
        .args(["bundle.json:application/json", "pack"]);
    run(&mut push).unwrap();
    let into = folder();
    let place = plain(&registry, "trust/bundles:latest");
    client().pull(&place, into.path()).await.unwrap();
    let blobs = layout(into.path());
    assert!(blobs.contains_key(&Sha256::of(b"files").to_string()));
}
