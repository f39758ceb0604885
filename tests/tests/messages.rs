//! What the commands say to people who have made a mistake, or are about to.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use serde_json::{Value, json};
use vouchsafe_tests::harness::Vouchsafe;
use vouchsafe_tests::vector::key::Key;

use published::{GUN, Published, image, root_key};

#[path = "support/published.rs"]
mod published;

#[test]
fn a_wrong_pin_says_what_to_compare() {
    let published = Published::new();
    let key = Key::p256("another").public_key_pem();
    let wrong = published::configuration(&published.server.url(), None, &key).to_string();
    let vouchsafe = Vouchsafe::new(&wrong).unwrap();
    let refused = vouchsafe.run(&["sync"]).unwrap();
    assert_eq!(refused.code, Some(3));
    for words in ["not_pinned", GUN, "root", "hint:", "vouchsafe root-key"] {
        assert!(
            refused.stderr.contains(words),
            "no {words} in: {}",
            refused.stderr
        );
    }
    let denied = vouchsafe
        .json(&["check", "-o", "json", &image("signed")], &[1])
        .unwrap();
    assert_eq!(denied.pointer("/0/reason"), Some(&json!("not_synced")));

    // The same when the pin changes under what is stored.
    let vouchsafe = published.synced();
    vouchsafe.configure(&wrong).unwrap();
    let denied = vouchsafe
        .json(&["check", "-o", "json", &image("signed")], &[1])
        .unwrap();
    assert_eq!(denied.pointer("/0/reason"), Some(&json!("not_anchored")));
    let next = denied
        .pointer("/0/nextStep")
        .and_then(Value::as_str)
        .unwrap();
    assert!(
        next.contains(&format!("vouchsafe root-key {GUN}")),
        "{next}"
    );
    vouchsafe
        .configure(&published.configuration().to_string())
        .unwrap();
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_ok());
}

#[test]
fn configuration_errors_name_file_line_and_nearest_key() {
    let vouchsafe = Vouchsafe::new("").unwrap();
    let key = root_key().replace('\n', "\n      ");
    let start = format!(
        "validators:\n- name: default\n  type: notaryv1\n  host: localhost:1\n  trustRoots:\n  - name: default\n    key: |\n      {key}\n"
    );
    let line = start.lines().count() + 1;
    let cases = [
        (
            "polizy:\n- pattern: \"*:*\"\n",
            line,
            "unknown key `polizy`; did you mean `policy`?",
        ),
        (
            "policy:\n- patern: \"*:*\"\n",
            line + 1,
            "unknown key `patern`; did you mean `pattern`?",
        ),
        (
            "policy:\n- pattern: \"*:*\"\n  validator: defalt\n",
            line + 2,
            "named `defalt`; did you mean `default`?",
        ),
        (
            "policy:\n- pattern: \"*:*\"\n  with: {mode: mutat}\n",
            line + 2,
            "`mode` cannot be `mutat`; did you mean `mutate`?",
        ),
        (
            "policy:\n- pattern: \"*:*\"\n- pattern: \"*:*\"\n",
            line + 2,
            "exactly as specific",
        ),
        (
            "policy:\n- pattern: \"*:*\"\nsync: {schedule: hourly}\n",
            line + 2,
            "cron expression",
        ),
        (
            "policy:\n- pattern: \"*:*\"\nmirrors: [{from: a, to: b}]\n",
            line + 2,
            "did you mean `docker.io/a`?",
        ),
        ("policy: [}\n", line, ""),
    ];
    for (rest, line, words) in cases {
        vouchsafe.configure(&format!("{start}{rest}")).unwrap();
        let finished = vouchsafe.run(&["config", "check"]).unwrap();
        assert_eq!(finished.code, Some(2), "{rest}: {finished:?}");
        let place = format!("{}:{line}:", vouchsafe.config_file().display());
        for part in [place.as_str(), words] {
            assert!(
                finished.stderr.contains(part),
                "no {part} in: {}",
                finished.stderr
            );
        }
        let synced = vouchsafe.run(&["sync"]).unwrap();
        assert_eq!(
            (synced.code, synced.stderr),
            (finished.code, finished.stderr)
        );
    }
}

#[test]
fn forgetting_asks_first() {
    let published = Published::new();
    let vouchsafe = published.synced();
    let asked = vouchsafe.run(&["forget", GUN]).unwrap();
    assert_eq!(asked.code, Some(2));
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_ok());
    let elsewhere = [
        "forget",
        "--yes",
        "--server",
        "https://elsewhere.example.com",
        GUN,
    ];
    assert_eq!(vouchsafe.run(&elsewhere).unwrap().code, Some(1));
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_ok());
    vouchsafe.succeed(&["forget", "--yes", GUN]).unwrap();
    let verdict = vouchsafe.check_one(&image("signed")).unwrap();
    assert_eq!(verdict, Err("not_synced".to_owned()));
}
