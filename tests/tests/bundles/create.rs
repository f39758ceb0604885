//! What goes into a bundle, and what keeps it from being made.

use std::fs;

use serde_json::json;
use vouchsafe_tests::harness::scripted_server::{Answer, Route};
use vouchsafe_tests::vector::repository::digest_of;

use crate::published::{GUN, image};
use crate::sites::{Sites, listed, text};

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
fn a_lower_number_is_warned_of_and_sets_no_count_back() {
    let sites = Sites::new(&[]);
    sites.connected.succeed(&["sync"]).unwrap();
    let folder = text(sites.connected.directory().path());
    let made = |sequence: &[&str]| {
        let create = ["bundle", "create", "--no-sync", "--directory", &folder];
        let made = sites.connected.run(&[&create[..], sequence].concat());
        let made = made.unwrap();
        assert_eq!(made.code, Some(0), "{made:?}");
        made
    };
    let high = made(&["--sequence", "7"]);
    assert!(!high.stderr.contains("given out before"), "{high:?}");
    let low = made(&["--sequence", "3"]);
    assert!(
        low.stderr.contains("number 7 was given out before"),
        "{low:?}"
    );
    let next = made(&[]);
    assert!(next.stdout.contains("bundle vouchsafe 8:"), "{next:?}");
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
