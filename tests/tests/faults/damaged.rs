//! A webhook over a damaged store: it says so, is not ready while it knows nothing, and is filled anew by its feed.

use std::fs;

use vouchsafe_tests::harness::effort::{effort, row};
use vouchsafe_tests::harness::scripted_server::{Answer, Route};
use vouchsafe_tests::harness::{Random, Vouchsafe};

use crate::world::{World, pinned};

#[test]
fn a_webhook_over_a_damaged_store_is_right_or_not_ready_and_is_filled_anew() {
    let mut random = Random::seeded(18);
    let rounds = effort(8, 100);
    let mut world = World::new(6);
    let images = world.images();
    let (mut set_aside, mut unharmed) = (0, 0);
    for round in 0..rounds {
        let vouchsafe = world.vouchsafe();
        vouchsafe.succeed(&["sync"]).unwrap();
        (0..world.published.len()).for_each(|number| world.publish(number));
        vouchsafe.succeed(&["sync"]).unwrap();
        damage(&vouchsafe, &mut random);

        world.server.script(Route::Any, Answer::Closed);
        let mut serving = vouchsafe.serve_unready(&world.certificates).unwrap();
        let (mut right, mut denied) = (0, 0);
        for (number, of) in world.published.iter().enumerate() {
            match pinned(&serving, &world, &images[number]).unwrap() {
                None => denied += 1,
                Some(digest) => {
                    assert_eq!(Some(&digest), of.digest(), "round {round}: {}", of.gun);
                    right += 1;
                }
            }
        }
        if serving.log().contains("set the store aside") {
            set_aside += 1;
            assert_eq!(right, 0, "round {round}");
            assert_ne!(serving.page("/ready").unwrap().0, 200, "round {round}");
        } else if denied == 0 {
            unharmed += 1;
        }
        assert!(
            !serving.log().contains("thread 'main'"),
            "{}",
            serving.log()
        );
        serving.process().kill().unwrap();

        world.server.clear_script();
        let serving = vouchsafe.serve(&world.certificates).unwrap();
        let all = (0..world.published.len()).all(|number| {
            pinned(&serving, &world, &images[number]).unwrap().as_ref()
                == world.published[number].digest()
        });
        assert!(all, "round {round}: {}", serving.log());
    }
    let result = format!(
        "{set_aside} times set aside and not ready, {unharmed} times all answers right; always well once its feed was up"
    );
    row(
        "`vouchsafe serve` over a log with a flipped bit",
        rounds,
        &result,
    );
}

/// Flips a bit of what the log holds.
fn damage(vouchsafe: &Vouchsafe, random: &mut Random) {
    let log = vouchsafe.store().join("db/db");
    let mut bytes = fs::read(&log).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[random.below(used)] ^= 1 << random.below(8);
    fs::write(&log, bytes).unwrap();
}
