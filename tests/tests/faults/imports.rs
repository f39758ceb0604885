//! `kill -9` of `vouchsafe bundle import`, alone and beside a webhook: all of a bundle, or nothing of it.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use vouchsafe_tests::harness::effort::{effort, row};
use vouchsafe_tests::harness::{Random, Vouchsafe};

use crate::world::{Seen, World, open};

#[test]
fn an_import_that_is_killed_takes_in_all_of_a_bundle_or_nothing() {
    let mut random = Random::seeded(14);
    let wanted = effort(16, 200);
    let mut world = World::new(10);
    let connected = world.vouchsafe();
    let bundles: Vec<String> = (0..BUNDLES)
        .map(|number| {
            if number > 0 {
                (0..world.published.len()).for_each(|number| world.publish(number));
            }
            connected.succeed(&["sync"]).unwrap();
            let folder = connected.directory().path().display().to_string();
            let create = ["bundle", "create", "-o", "json", "--directory", &folder];
            let made = connected.json(&create, &[0]).unwrap();
            made["files"][0].as_str().unwrap().to_owned()
        })
        .collect();
    let gapped = world
        .configuration()
        .setting("sync", json!({"schedule": "never"}))
        .to_string();
    let (mut kills, mut taken_in) = (0, 0);
    while kills < wanted {
        let vouchsafe = Vouchsafe::new(&gapped).unwrap();
        let mut seen = world.nothing();
        let mut longest = time_of_an_import(&gapped, &bundles[0]);
        for (number, bundle) in bundles.iter().enumerate() {
            // Several times, since most are killed before anything is taken in.
            for _ in 0..3 {
                let beside = random.below(4) == 0;
                let took = kill_one(&vouchsafe, &world, bundle, beside, random.time(longest));
                kills += 1;
                let before = state_of(&seen);
                world.hold(&vouchsafe, &mut seen, &format!("bundle {number}"));
                let after = state_of(&seen);
                assert!(
                    after == before || after == Some(number),
                    "{before:?} {after:?} {seen:?}"
                );
                assert!(!took || after == Some(number), "what was taken in is gone");
                let record = open(&vouchsafe.store()).bundle("vouchsafe").unwrap();
                let sequence = record.map(|record| record.sequence);
                let expected = after.map(|number| u64::try_from(number).unwrap() + 1);
                assert_eq!(
                    sequence, expected,
                    "the record is of another bundle than the repositories"
                );
                taken_in += usize::from(after == Some(number));
                if after == Some(number) {
                    break;
                }
            }
            let started = Instant::now();
            vouchsafe.succeed(&["bundle", "import", bundle]).unwrap();
            longest = longest.max(started.elapsed());
            world.hold(&vouchsafe, &mut seen, "taken in");
            assert_eq!(state_of(&seen), Some(number));
            if kills >= wanted {
                break;
            }
        }
    }
    assert!(taken_in > 0 && taken_in < kills, "{taken_in} of {kills}");
    let result = format!(
        "all of the bundle {taken_in} times, nothing of it {} times",
        kills - taken_in
    );
    row(
        "`kill -9` of `vouchsafe bundle import`, and of `serve` that takes one in",
        kills,
        &result,
    );
}

/// Kills what takes in a bundle; returns whether it had said that it did.
fn kill_one(
    vouchsafe: &Vouchsafe,
    world: &World,
    bundle: &str,
    beside: bool,
    after: Duration,
) -> bool {
    if beside {
        let mut serving = vouchsafe.serve_unready(&world.certificates).unwrap();
        let mut import = vouchsafe.spawn(&["bundle", "import", bundle]).unwrap();
        thread::sleep(after);
        serving.process().kill().unwrap();
        let ended = import.wait_for_exit(Duration::from_secs(30)).unwrap();
        return ended.success();
    }
    let mut import = vouchsafe.spawn(&["bundle", "import", bundle]).unwrap();
    thread::sleep(after);
    let ended = import.wait_for_exit(Duration::ZERO);
    import.kill().unwrap();
    ended.is_ok_and(|status| status.success())
}

/// The state that all repositories are at, if they are stored.
fn state_of(seen: &Seen) -> Option<usize> {
    let first = seen[0].0;
    assert!(
        seen.iter().all(|(state, _)| *state == first),
        "parts of two bundles: {seen:?}"
    );
    first
}

fn time_of_an_import(configuration: &str, bundle: &str) -> Duration {
    let vouchsafe = Vouchsafe::new(configuration).unwrap();
    let started = Instant::now();
    vouchsafe.succeed(&["bundle", "import", bundle]).unwrap();
    started.elapsed()
}

const BUNDLES: usize = 8;
