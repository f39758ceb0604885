//! Looking at bundles, signing and verifying them.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use vouchsafe_tests::harness::Vouchsafe;
use vouchsafe_tests::harness::process::run;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::vector::repository::Repository;

use crate::published::GUN;
use crate::sites::{Sites, gapped, listed, p256, text};

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
        &json!(crate::published::root_key()).to_string(),
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
