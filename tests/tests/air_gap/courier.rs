//! What a courier brings over the months, and what becomes of it.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use serde_json::json;
use vouchsafe_tests::harness::notary_client::{RotatedRole, digest};

use super::sites::{APP, BASE, Connected, Gapped, LATER, Made, OLD, SITE};

#[test]
fn bundles_keep_a_site_without_a_network_as_safe_as_one_that_syncs() {
    let connected = Connected::new();
    let gapped = Gapped::new(&connected);
    there_is_no_way_between(&connected, &gapped);
    let first = a_first_bundle_comes_slowly(&connected, &gapped);
    let second = a_second_one_is_swapped_in(&connected, &gapped);
    an_addition_comes_in_parts(&connected, &gapped, &second);
    what_must_not_run_is_denied_at_once(&connected, &gapped);
    what_is_not_for_this_site_changes_nothing(&connected, &gapped, &first);
    a_command_has_the_running_process_take_one_in(&connected, &gapped);
    what_was_taken_in_outlives_the_process(&connected, gapped);
}

fn there_is_no_way_between(connected: &Connected, gapped: &Gapped) {
    for namespace in [&connected.namespace, &gapped.namespace] {
        let (links, routes) = namespace.links_and_routes().unwrap();
        let links: Vec<&str> = links.lines().collect();
        assert!(links.len() == 1 && links[0].starts_with("lo "), "{links:?}");
        assert_eq!(routes, "");
    }
    let asked = ["root-key", APP, "--server", &connected.server.url()];
    let authority = connected.certificates.authority_file();
    let authority = authority.display().to_string();
    let asked = [&asked[..], &["--ca", &authority]].concat();
    let there = connected
        .namespace
        .inside(|| connected.vouchsafe.run(&asked));
    assert_eq!(there.unwrap().code, Some(0));
    assert_eq!(gapped.run(&asked).code, Some(2));

    let (status, report) = gapped.page("/ready");
    assert_eq!(status, 503, "{report}");
    gapped.denies(&format!("{APP}:1.0"), "not_synced", &["bundle"]);
}

/// A copy over a slow line is looked at while it is half there.
fn a_first_bundle_comes_slowly(connected: &Connected, gapped: &Gapped) -> Made {
    let made = connected.bundle(&[]);
    assert_eq!((made.sequence(), &made.said["carried"]), (1, &json!(3)));
    assert_eq!(made.said["signers"].as_array().unwrap().len(), 2);
    let bytes = fs::read(made.file()).unwrap();
    let (early, late) = bytes.split_at(bytes.len() / 2);
    let mut copy = File::create(gapped.inbox.path().join("first.tar.zst")).unwrap();
    copy.write_all(early).unwrap();
    gapped.wait_for_result("truncated", 1);
    assert_eq!(gapped.page("/ready").0, 503);
    copy.write_all(late).unwrap();
    gapped.wait_for_result("done", 1);

    gapped.wait_for_metric("vouchsafe_bundle_sequence{bundle=\"vouchsafe\"} 1.0");
    let ready = |page: &str| page.ends_with("\nready\n");
    let waited = gapped
        .namespace
        .inside(|| gapped.serving.wait_for("/ready", ready));
    waited.unwrap();
    for gun in [APP, BASE, OLD] {
        gapped.admits(gun, "1.0", "one");
    }
    gapped.denies(&format!("{APP}:unsigned"), "not_signed", &[]);
    let unsigned = format!("{APP}@sha256:{}", digest("something else"));
    gapped.denies(&unsigned, "not_signed", &[]);

    // Notary's timestamp lasts 14 days; who signed the bundle vouches for 35.
    let checked = gapped.run(&["check", "-o", "json", &format!("{APP}:1.0")]);
    let checked: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
    let freshness = json!({"state": "fresh", "until": made.said["refreshBy"]});
    assert_eq!(checked[0]["freshness"], freshness);
    made
}

/// As Kubernetes renews what it mounts: one link is swapped, and a file has other contents of a sudden.
fn a_second_one_is_swapped_in(connected: &Connected, gapped: &Gapped) -> Made {
    let inbox = gapped.inbox.path();
    let version = |number: u64, file: &std::path::Path| {
        let folder = inbox.join(format!("..version-{number}"));
        fs::create_dir(&folder).unwrap();
        fs::copy(file, folder.join("mounted.tar.zst")).unwrap();
        symlink(folder.file_name().unwrap(), inbox.join("..data_tmp")).unwrap();
        fs::rename(inbox.join("..data_tmp"), inbox.join("..data")).unwrap();
    };
    version(1, &inbox.join("first.tar.zst"));
    symlink("..data/mounted.tar.zst", inbox.join("mounted.tar.zst")).unwrap();
    // The same once more, which is no fault.
    gapped.wait_for_result("done", 2);

    connected.sign(APP, "1.0", "two");
    connected
        .publish(|publisher| publisher.rotate(APP, RotatedRole::Root))
        .unwrap();
    connected.sign(APP, "2.0", "three");
    let made = connected.bundle(&[]);
    version(2, made.file());
    gapped.wait_for_result("done", 3);

    gapped.admits(APP, "1.0", "two");
    gapped.admits(APP, "2.0", "three");
    let (old, tagged) = (digest("one"), format!("{APP}:1.0"));
    gapped.denies(&format!("{APP}@sha256:{old}"), "not_signed", &[]);
    gapped.denies(&format!("{tagged}@sha256:{old}"), "digest_mismatch", &[]);
    let versions = gapped.vouchsafe.versions(APP);
    assert!(versions.unwrap()["root"] >= 2);
    made
}

/// Parts, on several media, of what changed only.
fn an_addition_comes_in_parts(connected: &Connected, gapped: &Gapped, base: &Made) {
    connected.sign(BASE, "2.0", "base two");
    for gun in LATER {
        connected.sign(gun, "1.0", gun);
    }
    connected
        .publish(|publisher| publisher.delete(OLD))
        .unwrap();
    let since = base.file().display().to_string();
    let made = connected.bundle(&["--since", &since, "--split", "4096"]);
    assert_eq!(
        (&made.said["repositories"], &made.said["carried"]),
        (&json!(4), &json!(3))
    );
    assert!(made.files.len() > 1, "{:?}", made.files);
    for part in made.files.iter().rev() {
        assert_eq!(
            gapped.metric("vouchsafe_bundle_sequence{bundle=\"vouchsafe\"}"),
            Some(2.0)
        );
        gapped.admits(OLD, "1.0", "one");
        let name = part.file_name().unwrap();
        fs::copy(part, gapped.inbox.path().join(name)).unwrap();
        // Longer than it takes to be looked at.
        thread::sleep(Duration::from_secs(5));
    }
    gapped.wait_for_result("done", 4);

    gapped.admits(BASE, "2.0", "base two");
    for gun in LATER {
        gapped.admits(gun, "1.0", gun);
    }
    gapped.admits(BASE, "1.0", "one");
    gapped.admits(APP, "1.0", "two");
    gapped.denies(&format!("{OLD}:1.0"), "withdrawn", &[]);
}

fn what_must_not_run_is_denied_at_once(connected: &Connected, gapped: &Gapped) {
    let bad = format!("sha256:{}", digest("two"));
    let made = connected.deny("two");
    gapped.lay(&made, made.name());
    gapped.wait_for_result("done", 5);
    gapped.denies(&format!("{APP}:1.0"), "deny_list", &["it phones home"]);
    gapped.denies(&format!("{APP}@{bad}"), "deny_list", &["it phones home"]);
    gapped.admits(APP, "2.0", "three");
    // What brings trust data does not lift it.
    let made = connected.bundle(&[]);
    gapped.lay(&made, made.name());
    gapped.wait_for_result("done", 6);
    gapped.denies(&format!("{APP}:1.0"), "deny_list", &["it phones home"]);
}

fn what_is_not_for_this_site_changes_nothing(connected: &Connected, gapped: &Gapped, first: &Made) {
    connected.sign(APP, "1.0", "four");
    let state = gapped.state();
    let create = |signers: &[&str], audience: &str| {
        let mut arguments = vec!["--audience".to_owned(), audience.to_owned()];
        arguments.extend(connected.keys.sign_options(signers));
        connected.make("create", &arguments)
    };
    let for_another = create(&["courier", "security"], "site-b");
    for (number, (bundle, label)) in [
        (&create(&["stranger"], SITE), "wrong_signer"),
        (&create(&["courier"], SITE), "wrong_signer"),
        (&create(&[], SITE), "unsigned"),
        (&for_another, "wrong_audience"),
        (first, "old_sequence"),
    ]
    .into_iter()
    .enumerate()
    {
        let counted = format!("vouchsafe_bundles_total{{result=\"{label}\"}}");
        let before = gapped.metric(&counted).unwrap_or_default();
        gapped.lay(bundle, &format!("refused-{number}.tar.zst"));
        gapped.wait_for_metric(&format!("{counted} {:.1}", before + 1.0));
        let path = bundle.file().display().to_string();
        let imported = gapped.run(&["bundle", "import", &path]);
        assert_eq!(imported.code, Some(3), "{label}: {imported:?}");
        assert!(imported.stderr.contains(label), "{label}: {imported:?}");
        assert_eq!(gapped.state(), state, "{label}");
    }
    let log = gapped.serving.log();
    for label in ["wrong_signer", "unsigned", "wrong_audience"] {
        let told = |line: &&str| line.contains("a bundle is refused") && line.contains(label);
        assert!(log.lines().any(|line| told(&line)), "{label}: {log}");
    }
    // Something went wrong on the way.
    let mut bytes = fs::read(for_another.file()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(gapped.inbox.path().join("damaged.tar.zst"), bytes).unwrap();
    gapped.wait_for_result("seal_broken", 1);
    assert_eq!(gapped.state(), state);
    gapped.denies(&format!("{APP}:1.0"), "deny_list", &[]);
}

fn a_command_has_the_running_process_take_one_in(connected: &Connected, gapped: &Gapped) {
    let made = connected.bundle(&[]);
    let path = made.file().display().to_string();
    let verified = gapped.run(&["bundle", "verify", &path]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    let tried = gapped.run(&["bundle", "import", "--dry-run", &path]);
    assert_eq!(tried.code, Some(0), "{tried:?}");
    assert!(tried.stdout.contains("would be taken in"), "{tried:?}");
    gapped.denies(&format!("{APP}:1.0"), "deny_list", &[]);
    let imported = gapped.run(&["bundle", "import", &path]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(imported.stdout.contains("re-pointed: 1.0"), "{imported:?}");
    gapped.admits(APP, "1.0", "four");

    let shown = gapped.run(&["status"]).stdout;
    let line = format!("bundle vouchsafe {}", made.sequence());
    assert!(
        shown.contains(&line) && shown.contains("bundle deny 1"),
        "{shown}"
    );
    let shown = gapped.run(&["status", APP]).stdout;
    assert!(shown.contains(&format!("brought by {line}")), "{shown}");
    let checked = gapped.run(&["check", &format!("{APP}:1.0"), &format!("{APP}:unsigned")]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
}

fn what_was_taken_in_outlives_the_process(connected: &Connected, mut gapped: Gapped) {
    gapped.serving.process().kill().unwrap();
    gapped.serving = gapped
        .namespace
        .inside(|| gapped.vouchsafe.serve(&gapped.certificates))
        .unwrap();
    gapped.admits(APP, "1.0", "four");
    gapped.denies(&format!("{OLD}:1.0"), "withdrawn", &[]);
    let denied = format!("{APP}@sha256:{}", digest("two"));
    gapped.denies(&denied, "deny_list", &["it phones home"]);

    let mut arguments = vec!["--lift".to_owned(), "--digest".to_owned(), digest("two")];
    arguments.extend(connected.keys.sign_options(&["courier", "security"]));
    let made = connected.make("deny", &arguments);
    let path = made.file().display().to_string();
    assert_eq!(gapped.run(&["bundle", "import", &path]).code, Some(0));
    gapped.denies(&denied, "not_signed", &[]);
    let log = gapped.serving.log();
    assert!(log.contains("lifts what an earlier one denied"), "{log}");
}
