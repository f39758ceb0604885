//! Disks that are full or read-only.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::effort::row;
use vouchsafe_tests::harness::process::Process;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{Disk, Receiver, TempDir, Vouchsafe};

use crate::world::{World, pinned};

/// A Vouchsafe whose store is a disk of its own.
struct Small {
    // Gone before the disk, and that before the directory that it is in.
    disk: Disk,
    vouchsafe: Vouchsafe,
}

impl Small {
    fn new(world: &World) -> Self {
        let vouchsafe = world.vouchsafe();
        let disk = Disk::new(&vouchsafe.store(), 48).unwrap();
        let wrapper = disk.wrapper();
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        Self {
            vouchsafe: vouchsafe.under(&wrapper),
            disk,
        }
    }

    /// Runs a command that must fail with status 2 and say what is as wanted.
    #[track_caller]
    fn fails(&self, arguments: &[&str], says: fn(&str) -> bool) {
        let finished = self.vouchsafe.run(arguments).unwrap();
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(says(&finished.stderr), "{arguments:?}: {finished:?}");
        let panicked = finished.stderr.contains("panicked");
        assert!(!panicked, "{arguments:?}: {finished:?}");
    }

    /// Holds every command that asks to answer what all states of the world say.
    #[track_caller]
    fn answers_everything(&self, world: &World) {
        let images = world.images();
        let answers = self.vouchsafe.check("default", &images).unwrap();
        for (answer, of) in answers.iter().zip(&world.published) {
            assert_eq!(answer.as_ref().ok(), of.digest(), "{}", of.gun);
        }
    }

    fn nothing_is_set_aside(&self) {
        let entries = fs::read_dir(self.disk.root()).unwrap();
        let names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        let suspicious = names
            .iter()
            .any(|name| name.contains("aside") || name == "DAMAGED");
        assert!(!suspicious, "{names:?}");
    }
}

#[test]
fn a_sync_onto_a_full_disk_says_so_and_the_next_one_does_what_is_left() {
    let mut world = World::new(6);
    for left in [0, 16, 200, 1_000, 3_000, 6_000] {
        let small = Small::new(&world);
        // Before anything is there, and before anything new is.
        for is_filled in [false, true] {
            small.disk.fill(left).unwrap();
            small.fails(&["sync"], is_full);
            small.nothing_is_set_aside();
            small.disk.make_room().unwrap();
            if is_filled {
                small.vouchsafe.succeed(&["sync"]).unwrap();
            } else {
                let finished = small.vouchsafe.run(&["sync"]).unwrap();
                assert_eq!(finished.code, Some(0), "{left}: {finished:?}");
            }
            small.answers_everything(&world);
            (0..world.published.len()).for_each(|number| world.publish(number));
        }
    }
    row(
        "`vouchsafe sync` onto a full disk",
        12,
        "status 2, says so; brings everything as soon as there is room",
    );
}

#[test]
fn an_import_onto_a_full_disk_takes_nothing_in_and_says_so() {
    let world = World::new(6);
    let connected = world.vouchsafe();
    connected.succeed(&["sync"]).unwrap();
    let folder = connected.directory().path().display().to_string();
    let create = ["bundle", "create", "-o", "json", "--directory", &folder];
    let made = connected.json(&create, &[0]).unwrap();
    let bundle = made["files"][0].as_str().unwrap();
    for left in [0, 16, 200, 1_000, 3_000, 6_000] {
        let small = Small::new(&world);
        small.disk.fill(left).unwrap();
        small.fails(&["bundle", "import", bundle], is_full);
        small.nothing_is_set_aside();
        small.disk.make_room().unwrap();
        small
            .vouchsafe
            .succeed(&["bundle", "import", bundle])
            .unwrap();
        small.answers_everything(&world);
    }
    row(
        "`vouchsafe bundle import` onto a full disk",
        6,
        "status 2, says so, nothing taken in; then all of it",
    );
}

#[test]
fn a_webhook_on_a_full_disk_goes_on_answering_and_is_well_again_when_there_is_room() {
    let mut world = World::new(4);
    let receiver = Receiver::new().unwrap();
    let small = Small::new(&world);
    small.vouchsafe.succeed(&["sync"]).unwrap();
    let to = json!({"receivers": [{"template": "slack", "receiverUrl": receiver.url("/"), "failIfAlertSendingFails": true}]});
    let configuration = world
        .configuration()
        .setting(
            "sync",
            json!({"schedule": "* * * * *", "discover": {"changefeed": false}}),
        )
        .setting("alerting", json!({"rejectRequest": to}))
        .to_string();
    small.vouchsafe.configure(&configuration).unwrap();
    let mut serving = small.vouchsafe.serve(&world.certificates).unwrap();
    let before = digests(&world);

    small.disk.fill(0).unwrap();
    (0..world.published.len()).for_each(|number| world.publish(number));
    for _ in 0..20 {
        assert_eq!(answers(&serving, &world), before);
    }
    // Its alert cannot be queued.
    deny(&serving, &world);
    serving
        .wait_for("/metrics", |_| is_full(&serving.log()))
        .unwrap();
    assert_eq!(answers(&serving, &world), before);
    let writable = || serving.metric("vouchsafe_store_writable").unwrap();
    assert_eq!(writable(), Some(0.0));
    let log = serving.log();
    assert!(!log.contains("panicked"), "{log}");
    small.nothing_is_set_aside();

    small.disk.make_room().unwrap();
    // The next pass is a minute away at most.
    let is_well = || answers(&serving, &world) == digests(&world);
    wait(Duration::from_mins(3), is_well, || serving.log());
    assert_eq!(writable(), Some(1.0));
    deny(&serving, &world);
    let is_told = || !receiver.requests().is_empty();
    wait(Duration::from_mins(1), is_told, || serving.log());
    let ended = serving.process().wait_for_exit(Duration::ZERO);
    assert!(ended.is_err(), "it was not to be restarted");
    row(
        "`vouchsafe serve` on a full disk",
        1,
        "goes on answering, says so; syncs and alerts again without a restart",
    );
}

#[test]
fn a_trust_root_is_taken_away_though_the_disk_is_full() {
    let mut world = World::new(2);
    // The sixth state brings the root key that is pinned later.
    for number in 0..world.published.len() {
        (0..5).for_each(|_| world.publish(number));
    }
    let small = Small::new(&world);
    small.vouchsafe.succeed(&["sync"]).unwrap();
    let pin = |root: &str| {
        // Nothing that a sync brings helps.
        let configuration = world
            .configuration_pinning(root)
            .setting("sync", json!({"schedule": "never"}));
        small.vouchsafe.configure(&configuration.to_string())
    };
    pin("root").unwrap();
    let mut serving = small.vouchsafe.serve(&world.certificates).unwrap();
    let nothing = vec![None; world.published.len()];
    let patience = Duration::from_mins(1);
    let comes_to = |answer: &Vec<Option<String>>| {
        let is_so = || answers(&serving, &world) == *answer;
        wait(patience, is_so, || serving.log());
    };
    comes_to(&digests(&world));

    small.disk.fill(0).unwrap();
    pin("nobody").unwrap();
    comes_to(&nothing);
    let log = serving.log();
    assert!(
        log.contains("which are used all the same") && is_full(&log),
        "{log}"
    );
    assert!(!log.contains("new configuration refused"), "{log}");
    pin("root 5").unwrap();
    let is_reloaded = || serving.log().matches("configuration reloaded").count() == 2;
    wait(patience, is_reloaded, || serving.log());
    assert_eq!(answers(&serving, &world), nothing);

    small.disk.make_room().unwrap();
    comes_to(&digests(&world));
    let ended = serving.process().wait_for_exit(Duration::ZERO);
    assert!(ended.is_err(), "it was not to be restarted");
    small.nothing_is_set_aside();
    row(
        "another trust root for `vouchsafe serve` on a full disk",
        2,
        "what the former one anchored is denied at once; verified again without a restart",
    );
}

#[test]
fn a_webhook_whose_writes_failed_answers_on_and_ends_when_the_disk_can_be_written_again() {
    let world = World::new(4);
    let receiver = Receiver::new().unwrap();
    let small = Small::new(&world);
    small.vouchsafe.succeed(&["sync"]).unwrap();
    let to = json!({"receivers": [{"template": "slack", "receiverUrl": receiver.url("/"), "failIfAlertSendingFails": true}]});
    let alerting = json!({"rejectRequest": to});
    let configuration = world
        .configuration()
        .setting("alerting", alerting)
        .to_string();
    small.vouchsafe.configure(&configuration).unwrap();
    let mut serving = small.vouchsafe.serve(&world.certificates).unwrap();

    // The disk fails though it has room, which nobody can know before it is written.
    let failing = fail_writes(serving.process().id(), small.vouchsafe.directory());
    deny(&serving, &world);
    // The process looks after its store every two seconds.
    small.disk.fill(0).unwrap();
    drop(failing);
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(8) {
        assert_eq!(answers(&serving, &world), digests(&world));
    }
    let log = serving.log();
    assert!(
        log.contains("takes nothing in any more") && is_full(&log),
        "{log}"
    );
    let other = world.configuration_pinning("nobody").to_string();
    small.vouchsafe.configure(&other).unwrap();
    let is_denied = || answers(&serving, &world).iter().all(Option::is_none);
    wait(Duration::from_mins(1), is_denied, || serving.log());
    small.vouchsafe.configure(&configuration).unwrap();

    small.disk.make_room().unwrap();
    let ended = serving
        .process()
        .wait_for_exit(Duration::from_mins(1))
        .unwrap();
    let log = serving.log();
    assert_eq!(ended.code(), Some(2), "{log}");
    assert!(
        log.contains("so this process ends, to be started again"),
        "{log}"
    );
    assert!(!log.contains("panicked"), "{log}");
    small.nothing_is_set_aside();
    let serving = small.vouchsafe.serve(&world.certificates).unwrap();
    assert_eq!(answers(&serving, &world), digests(&world));
    row(
        "`vouchsafe serve` whose writes to the log fail",
        1,
        "goes on answering, says so; ends with status 2 as soon as the disk can be written; all is there after that",
    );
}

/// Has a running process told that there is no space whenever it writes at a place of a file, until dropped.
fn fail_writes(process: u32, folder: &TempDir) -> Process {
    let mut strace = Command::new("strace");
    strace.args([
        "-f",
        "-qq",
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:error=ENOSPC",
        "-p",
    ]);
    strace.arg(process.to_string());
    let log = folder.path().join("strace.log");
    let strace = Process::start(&mut strace, &log).unwrap();
    let is_traced = || {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let tracer = status
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|id| id.trim() != "0")
    };
    wait(Duration::from_mins(1), is_traced, || {
        fs::read_to_string(&log).unwrap()
    });
    // Its threads are attached one after another.
    thread::sleep(Duration::from_secs(1));
    strace
}

#[test]
fn a_read_only_disk_is_said_to_be_one() {
    let world = World::new(3);
    let small = Small::new(&world);
    small.vouchsafe.succeed(&["sync"]).unwrap();
    small.disk.set_read_only(true).unwrap();
    let image = world.images().remove(0);
    let serve = world.serve_arguments();
    let serve: Vec<&str> = serve.iter().map(String::as_str).collect();
    let commands: [&[&str]; 5] = [
        &["sync"],
        &["check", &image],
        &["status"],
        &serve,
        &["bundle", "create"],
    ];
    for command in commands {
        small.fails(command, |said| {
            said.contains("cannot open the store") && said.contains("Read-only file system")
        });
    }
    small.disk.set_read_only(false).unwrap();
    small.nothing_is_set_aside();
    small.answers_everything(&world);
    row(
        "commands on a read-only disk",
        5,
        "status 2, say so; all is there when it can be written again",
    );
}

/// The digests that a webhook puts into Pods, by repository.
fn answers(serving: &Serving, world: &World) -> Vec<Option<String>> {
    let images = world.images();
    let pinned = images.iter().map(|image| pinned(serving, world, image));
    pinned.map(Result::unwrap).collect()
}

/// The digests that are signed on the server, by repository.
fn digests(world: &World) -> Vec<Option<String>> {
    let published = world.published.iter();
    published.map(|of| of.digest().cloned()).collect()
}

/// Asks for an image that is not signed, which raises an alert.
#[track_caller]
fn deny(serving: &Serving, world: &World) {
    let unsigned = pod_review(&["registry.example.com/team/app-00:never"]);
    let denied = serving.ask(&world.certificates, "/validate", &unsigned);
    assert!(!denied.unwrap().is_allowed());
}

fn wait(patience: Duration, condition: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < patience, "{}", otherwise());
        thread::sleep(Duration::from_millis(200));
    }
}

/// Whether a full disk is said to be one, by Vouchsafe or by the operating system.
fn is_full(text: &str) -> bool {
    text.contains("the disk with the store is full") || text.contains("No space left on device")
}
