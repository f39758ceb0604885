//! What goes wrong around Vouchsafe while it runs: servers that are down, clocks that were ahead, stores that fail, and
//! servers that write to the operator's terminal.

#![expect(
    clippy::unwrap_used,
    reason = "surroundings that cannot be set up fail the test"
)]

use std::future::pending;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use vouchsafe_store::Store;
use vouchsafe_store::socket::{Listener, SOCKET};
use vouchsafe_tests::harness::admission::pod;
use vouchsafe_tests::harness::port::PortLease;
use vouchsafe_tests::harness::scripted_server::{Answer, RoleFiles, Route};
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{Certificates, Configuration, Vouchsafe};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;

use published::{GUN, Published, image, root_key};

#[path = "support/published.rs"]
mod published;

#[test]
fn a_new_validator_whose_server_is_down_does_not_take_readiness_away() {
    let published = Published::new();
    let certificates = Certificates::new().unwrap();
    let vouchsafe = published.synced();
    let serving = vouchsafe.serve(&certificates).unwrap();
    let down = PortLease::new().unwrap();
    let down = format!("http://{}", down.address());
    let more = with_another(&published, &down).to_string();
    vouchsafe.configure(&more).unwrap();
    until(&serving, "/metrics", |metrics| {
        metrics.contains("vouchsafe_config_loads_total{result=\"loaded\"} 1")
    });
    let gauge = format!("vouchsafe_sync_last_success_timestamp_seconds{{server=\"{down}\"}} 0.0");
    let metrics = until(&serving, "/metrics", |metrics| metrics.contains(&gauge));
    assert!(metrics.contains("\nvouchsafe_store_up 1.0\n"), "{metrics}");
    let (status, report) = serving.page("/ready").unwrap();
    assert_eq!(status, 200, "{report}");
    drop(serving);

    // A replica that starts meanwhile has what the other server gave, and waits for one attempt.
    let serving = vouchsafe.serve_unready(&certificates).unwrap();
    until(&serving, "/ready", |report| report.ends_with("\nready\n"));
}

#[test]
fn an_empty_store_is_not_ready_as_long_as_no_server_answers() {
    let published = Published::new();
    published.server.script(Route::Any, Answer::Closed);
    let certificates = Certificates::new().unwrap();
    let vouchsafe = published.unsynced();
    let mut serving = vouchsafe.serve_unready(&certificates).unwrap();
    serving
        .process()
        .wait_until(PATIENCE, || published.server.count(&Route::Feed) > 0)
        .unwrap();
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(3) {
        let (status, report) = serving.page("/ready").unwrap();
        assert_eq!(status, 503, "{report}");
        thread::sleep(Duration::from_millis(100));
    }
    published.server.clear_script();
    // Whatever is new in the configuration, the servers are asked at once.
    let again = published.configuration();
    let again = again.setting("sync", json!({"schedule": "0 0 2 1 *"}));
    vouchsafe.configure(&again.to_string()).unwrap();
    until(&serving, "/ready", |report| report.ends_with("\nready\n"));
}

#[test]
fn a_clock_that_was_ahead_is_told_and_can_be_reset() {
    let published = Published::new();
    let vouchsafe = published.synced();
    let ahead = was_ahead(&vouchsafe, SignedDuration::from_hours(24 * 365 * 100));
    let checked = vouchsafe.run(&["check", &image("signed")]).unwrap();
    assert_eq!(checked.code, Some(1), "{}", checked.stdout);
    for words in [ahead.as_str(), "reset-clock"] {
        assert!(checked.stderr.contains(words), "{}", checked.stderr);
    }

    let asked = vouchsafe.run(&["reset-clock"]).unwrap();
    assert_eq!(asked.code, Some(2));
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_err());
    let done = vouchsafe.succeed(&["reset-clock", "--yes"]).unwrap();
    assert!(done.contains(&ahead), "{done}");
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_ok());
    let again = vouchsafe.run(&["reset-clock", "--yes"]).unwrap();
    assert_eq!(again.code, Some(1), "{}", again.stderr);
}

#[test]
fn a_process_that_serves_says_that_the_clock_was_ahead_and_takes_it_back() {
    let published = Published::new();
    let certificates = Certificates::new().unwrap();
    let vouchsafe = published.synced();
    // The serving certificate would have expired by then.
    let ahead = was_ahead(&vouchsafe, SignedDuration::from_hours(24 * 365 * 5000));
    let mut serving = vouchsafe.serve(&certificates).unwrap();
    let log = serving.process().log();
    assert!(log.contains("the clock is behind"), "{log}");
    assert!(log.contains(&ahead), "{log}");
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_err());
    vouchsafe.succeed(&["reset-clock", "--yes"]).unwrap();
    assert!(vouchsafe.check_one(&image("signed")).unwrap().is_ok());
    let metrics = serving.page("/metrics").unwrap().1;
    assert!(
        metrics.contains("\nvouchsafe_clock_behind_seconds 0.0\n"),
        "{metrics}"
    );
}

#[test]
fn a_store_that_cannot_answer_is_no_no() {
    let vouchsafe = Published::new().synced();
    fail_questions(&vouchsafe);
    let checked = vouchsafe.run(&["check", &image("signed")]).unwrap();
    assert_eq!(checked.code, Some(2), "{}", checked.stderr);
    assert!(
        checked.stderr.contains("the disk is gone"),
        "{}",
        checked.stderr
    );
    assert!(checked.stdout.contains("may not run"), "{}", checked.stdout);
    let manifest = vouchsafe.directory();
    let manifest = manifest.write("pod.json", pod(&[&image("signed")]).to_string());
    let manifest = manifest.unwrap().display().to_string();
    let reviewed = vouchsafe.run(&["review", &manifest]).unwrap();
    assert_eq!(reviewed.code, Some(2), "{}", reviewed.stderr);
}

#[test]
fn who_comes_while_another_process_begins_waits_until_that_can_be_asked() {
    let vouchsafe = Published::new().synced();
    let holder = Store::open(&vouchsafe.store(), Timestamp::now()).unwrap();
    let mut asking = vouchsafe.spawn(&["check", &image("signed")]).unwrap();
    let early = asking.wait_for_exit(Duration::from_secs(1));
    assert!(early.is_err(), "{}", asking.log());
    let runtime = Runtime::new().unwrap();
    runtime.spawn({
        let (socket, store) = (vouchsafe.store().join(SOCKET), holder.store.clone());
        async move {
            let listener = Listener::bind(&socket).unwrap();
            listener.serve(store, pending()).await;
        }
    });
    let status = asking.wait_for_exit(PATIENCE).unwrap();
    assert!(status.success(), "{}", asking.log());
    drop(runtime);

    // A process that never can be asked is no reason to wait for ever.
    let refused = vouchsafe.run(&["check", &image("signed")]).unwrap();
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("holds the store"), "{refused:?}");

    // One that ends is waited for, too.
    let mut asking = vouchsafe.spawn(&["check", &image("signed")]).unwrap();
    thread::sleep(Duration::from_millis(500));
    drop(holder);
    let status = asking.wait_for_exit(PATIENCE).unwrap();
    assert!(status.success(), "{}", asking.log());
}

#[test]
fn a_workload_that_would_not_be_judged_is_a_finding() {
    let vouchsafe = Published::new().synced();
    let template = json!({"spec": {"containers": [{"name": "c", "image": image("signed")}]}});
    let deployment = |api_version: &str| {
        json!({"apiVersion": api_version, "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": template}})
    };
    let nested = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "List", "items": [deployment("apps/v1")]},
        deployment("extensions/v1beta1"),
    ]});
    let answers = review(&vouchsafe, &nested.to_string(), 1);
    let verdicts: Vec<_> = answers.as_array().unwrap().iter().collect();
    assert_eq!(verdicts.len(), 2, "{answers}");
    assert_eq!(verdicts[0].pointer("/allowed"), Some(&json!(true)));
    assert_eq!(verdicts[1].pointer("/allowed"), Some(&json!(false)));
    let message = verdicts[1].pointer("/message").and_then(Value::as_str);
    assert!(message.unwrap().contains("`extensions`"), "{answers}");
}

#[test]
fn every_review_of_a_file_is_answered() {
    let vouchsafe = Published::new().synced();
    let reviews = ["unsigned", "signed"]
        .map(|tag| vouchsafe_tests::harness::admission::pod_review(&[&image(tag)]).to_string());
    let file = vouchsafe.directory().write("reviews", reviews.join("\n"));
    let file = file.unwrap().display().to_string();
    let reviewed = vouchsafe.run(&["review", &file]).unwrap();
    assert_eq!(reviewed.code, Some(1), "{}", reviewed.stderr);
    let answers: Vec<Value> = serde_json::Deserializer::from_str(&reviewed.stdout)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    let allowed = answers
        .iter()
        .map(|answer| answer.pointer("/response/allowed").and_then(Value::as_bool));
    assert_eq!(allowed.collect::<Vec<_>>(), [Some(false), Some(true)]);
}

#[test]
fn the_status_is_not_fresh_where_every_image_is_denied() {
    let published = Published::new();
    let vouchsafe = published.synced();
    let freshness = || {
        let status = vouchsafe.status(GUN).unwrap();
        status.pointer("/freshness").cloned().unwrap()
    };
    assert_eq!(freshness(), json!("fresh"));
    let newer = ["targets/releases", "targets", "snapshot", "timestamp"];
    let dropped = Repository::delegated(GUN)
        .publish(&newer)
        .signed_by("targets/releases", &[Key::p256("somebody else")]);
    let files = RoleFiles::new().with_files(dropped.files());
    published.server.serve(GUN, files);
    vouchsafe.succeed(&["sync", GUN]).unwrap();
    assert_eq!(freshness(), json!("releases-dropped"));
    let verdict = vouchsafe.check_one(&image("signed")).unwrap();
    assert_eq!(verdict, Err("delegation_not_signed".to_owned()));
}

#[test]
fn what_a_server_names_cannot_drive_the_terminal() {
    let published = Published::new();
    let evil = "evil\u{1b}]0;owned\u{7}\r\u{202e}gat";
    let repository = Repository::delegated(GUN).tag("targets/releases", evil, "image");
    let files = RoleFiles::new().with_files(repository.files());
    published.server.serve(GUN, files);
    let vouchsafe = published.synced();
    let shown = vouchsafe.succeed(&["status", GUN]).unwrap();
    assert!(
        shown.contains("evil\\u{1b}]0;owned\\u{7}\\u{d}\\u{202e}gat"),
        "{shown}"
    );
    let quiet = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    assert!(quiet(&shown), "{shown:?}");
    let exact = vouchsafe.status(GUN).unwrap();
    let targets = exact.pointer("/tagsByRole/targets~1releases").unwrap();
    let names = targets.as_array().unwrap().iter();
    let mut names = names.filter_map(|target| target.pointer("/name")?.as_str());
    assert!(names.any(|name| name == evil), "{targets}");
}

/// The published configuration, and a validator on another server.
fn with_another(published: &Published, url: &str) -> Configuration {
    let key = root_key();
    published
        .configuration()
        .validator("another", url, None, &[("default", &key)])
        .rule_of(json!({"pattern": "registry.example.com/another/*:*", "validator": "another"}))
}

/// Leaves a store as a clock does that was ahead by so much; returns the time that it showed.
fn was_ahead(vouchsafe: &Vouchsafe, ahead: SignedDuration) -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the machine that tests"
    )]
    let now = Timestamp::try_from(std::time::SystemTime::now()).unwrap();
    let shown = now + ahead;
    let opened = Store::open(&vouchsafe.store(), now).unwrap();
    opened.store.reset_latest_time(shown).unwrap();
    format!("{shown:.0}")
}

/// Reviews a text as a file; returns the answers.
fn review(vouchsafe: &Vouchsafe, text: &str, code: i32) -> Value {
    let file = vouchsafe.directory().write("manifests", text).unwrap();
    let file = file.display().to_string();
    vouchsafe
        .json(&["review", "-o", "json", &file], &[code])
        .unwrap()
}

/// Puts a process in the place of `vouchsafe serve` that answers how late it is, and nothing else.
fn fail_questions(vouchsafe: &Vouchsafe) {
    let socket = vouchsafe.store().join("vouchsafe.sock");
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer_badly(stream.unwrap()));
        }
    });
}

fn answer_badly(mut stream: UnixStream) {
    let mut length = [0; 4];
    while stream.read_exact(&mut length).is_ok() {
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
        let mut request = vec![0; length];
        stream.read_exact(&mut request).unwrap();
        let replies: &[&str] = match request.as_slice() {
            br#""latestTime""# => &[r#"{"part":null}"#, r#""end""#],
            br#""bundles""# => &[r#"{"part":[]}"#, r#""end""#],
            _ => &[r#"{"error":"the disk is gone"}"#],
        };
        for reply in replies {
            let length = u32::try_from(reply.len()).unwrap();
            stream.write_all(&length.to_be_bytes()).unwrap();
            stream.write_all(reply.as_bytes()).unwrap();
        }
    }
}

/// Waits until a page is as wanted; returns it.
fn until(serving: &Serving, page: &str, wanted: impl Fn(&str) -> bool) -> String {
    let started = Instant::now();
    loop {
        let (_, text) = serving.page(page).unwrap();
        if wanted(&text) {
            return text;
        }
        assert!(started.elapsed() < PATIENCE, "{page}:\n{text}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Longer than anything takes here; files are looked at every ten seconds.
const PATIENCE: Duration = Duration::from_mins(1);
