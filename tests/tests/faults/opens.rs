//! `kill -9` of processes that open the store, many in a row.

use std::thread;
use std::time::{Duration, Instant};

use vouchsafe_tests::harness::Random;
use vouchsafe_tests::harness::effort::{effort, row};

use crate::world::World;

#[test]
fn a_store_whose_opening_is_killed_again_and_again_is_what_it_was() {
    let mut random = Random::seeded(15);
    let wanted = effort(60, 300);
    let mut world = World::new(12);
    let (mut kills, mut series) = (0, 0);
    let mut vouchsafe = world.vouchsafe();
    let mut seen = world.nothing();
    let image = world.images().remove(0);
    while kills < wanted {
        // The first of all makes the store.
        let is_first = series % 4 == 0;
        if is_first {
            vouchsafe = world.vouchsafe();
            seen = world.nothing();
        }
        let started = Instant::now();
        if !is_first {
            vouchsafe.succeed(&["check", &image]).unwrap();
        }
        let longest = started.elapsed();
        for number in 0..=random.below(20) {
            let arguments = if is_first {
                vec!["sync"]
            } else {
                vec!["check", &image]
            };
            let mut opening = vouchsafe.spawn(&arguments).unwrap();
            // Most of the time is before the store is opened and after that.
            thread::sleep(if is_first {
                random.time(FIRST)
            } else {
                random.time(longest)
            });
            opening.kill().unwrap();
            kills += 1;
            let aside = std::fs::read_dir(vouchsafe.store());
            let aside = aside
                .into_iter()
                .flatten()
                .map(|entry| entry.unwrap().file_name());
            let aside: Vec<_> = aside
                .filter(|name| name.to_string_lossy().contains("aside"))
                .collect();
            assert!(
                aside.is_empty(),
                "series {series}, kill {number}: {aside:?}"
            );
        }
        world.hold(&vouchsafe, &mut seen, &format!("series {series}"));
        vouchsafe.succeed(&["sync"]).unwrap();
        world.everything(&mut seen);
        world.hold(&vouchsafe, &mut seen, &format!("after series {series}"));
        (0..world.published.len()).for_each(|number| world.publish(number));
        vouchsafe.succeed(&["sync"]).unwrap();
        world.everything(&mut seen);
        series += 1;
    }
    let result = format!(
        "in {series} series without a success in between; the store was what it was before each"
    );
    row(
        "`kill -9` of a process that opens the store",
        kills,
        &result,
    );
}

/// Within which a store is made.
const FIRST: Duration = Duration::from_millis(150);
