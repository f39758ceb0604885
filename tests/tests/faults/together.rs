//! Two processes on one store: the second asks the first, or is refused and told who holds it.

use std::time::Duration;

use serde_json::json;
use vouchsafe_tests::harness::effort::row;
use vouchsafe_tests::harness::process::{Process, Signal};
use vouchsafe_tests::harness::scripted_server::{Answer, Route};
use vouchsafe_tests::harness::{Vouchsafe, process::Finished};

use crate::world::World;

#[test]
fn the_second_process_asks_the_first_or_is_told_who_holds_the_store() {
    let world = World::new(2);
    let vouchsafe = world.vouchsafe();
    let connected = world.vouchsafe();
    let bundle = bundle(&connected);
    vouchsafe.succeed(&["sync"]).unwrap();
    let mut serving = vouchsafe.serve(&world.certificates).unwrap();
    let id = serving.process().id();
    let serve = world.serve_arguments();
    let serve: Vec<&str> = serve.iter().map(String::as_str).collect();
    for second in [
        &["sync"][..],
        &["sync", "--watch"],
        &serve,
        &["bundle", "create"],
    ] {
        refused(
            &vouchsafe,
            second,
            &format!("`vouchsafe serve`, process {id} on "),
        );
    }
    // These are meant to go through the socket.
    for second in [
        &["status"][..],
        &["check", &world.images()[0]],
        &["bundle", "import", &bundle],
        &["forget", "--yes", &world.published[1].gun],
    ] {
        vouchsafe.succeed(second).unwrap();
    }
    serving.process().signal(Signal::Term).unwrap();
    serving
        .process()
        .wait_for_exit(Duration::from_secs(30))
        .unwrap();
    vouchsafe.succeed(&["sync"]).unwrap();
    row(
        "a second process beside `vouchsafe serve`",
        8,
        "4 are refused, told who holds the store; 4 go through the socket",
    );
}

#[test]
fn beside_a_sync_others_can_read_and_none_can_write() {
    let world = World::new(2);
    let vouchsafe = world.vouchsafe();
    let connected = world.vouchsafe();
    let bundle = bundle(&connected);
    vouchsafe.succeed(&["sync"]).unwrap();
    world.server.script(Route::Any, Answer::Silent);
    let mut sync: Process = vouchsafe.spawn(&["sync"]).unwrap();
    sync.wait_until(Duration::from_secs(30), || {
        vouchsafe.store().join("vouchsafe.sock").exists()
    })
    .unwrap();
    let holder = format!("`vouchsafe sync`, process {} on ", sync.id());
    let serve = world.serve_arguments();
    let serve: Vec<&str> = serve.iter().map(String::as_str).collect();
    for second in [&["sync"][..], &serve] {
        refused(&vouchsafe, second, &holder);
    }
    let imported = vouchsafe.run(&["bundle", "import", &bundle]).unwrap();
    assert_eq!(imported.code, Some(2), "{imported:?}");
    vouchsafe.succeed(&["check", &world.images()[0]]).unwrap();
    sync.kill().unwrap();
    // A socket that nobody answers any more, and the note of a process that is gone, are in nobody's way.
    vouchsafe.succeed(&["check", &world.images()[0]]).unwrap();
    vouchsafe.succeed(&["bundle", "import", &bundle]).unwrap();
    row(
        "a second process beside `vouchsafe sync`",
        4,
        "3 are refused, 1 is answered through the socket",
    );
}

#[track_caller]
fn refused(vouchsafe: &Vouchsafe, arguments: &[&str], holder: &str) {
    let Finished { code, stderr, .. } = vouchsafe.run(arguments).unwrap();
    assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
    for words in [holder, "holds the store", "hint: "] {
        assert!(
            stderr.contains(words),
            "{arguments:?} does not say {words}: {stderr}"
        );
    }
}

fn bundle(connected: &Vouchsafe) -> String {
    connected.succeed(&["sync"]).unwrap();
    let folder = connected.directory().path().display().to_string();
    let create = ["bundle", "create", "-o", "json", "--directory", &folder];
    let made = connected.json(&create, &[0]).unwrap();
    assert_eq!(
        made["files"].as_array().map(Vec::len),
        Some(1),
        "{}",
        json!(made)
    );
    made["files"][0].as_str().unwrap().to_owned()
}
