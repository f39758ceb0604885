//! `kill -9` of `vouchsafe sync` and of `vouchsafe serve`, at any moment.

use std::thread;
use std::time::{Duration, Instant};

use vouchsafe_tests::harness::effort::{effort, row};
use vouchsafe_tests::harness::{Random, Vouchsafe};

use crate::world::{Seen, World, pinned};

#[test]
fn a_sync_that_is_killed_leaves_every_repository_at_one_whole_state() {
    let mut random = Random::seeded(11);
    let wanted = effort(60, 400);
    let (mut kills, mut whole) = (0, 0);
    while kills < wanted {
        // A new store now and then, so that the first sync is killed, too.
        let mut world = World::new(12);
        let vouchsafe = world.vouchsafe();
        let mut seen = world.nothing();
        let longest = time_of(|| world.vouchsafe().succeed(&["sync"]).unwrap());
        for round in 0..LIFE.min(wanted - kills) {
            let mut sync = vouchsafe.spawn(&["sync"]).unwrap();
            thread::sleep(random.time(longest));
            // One that had ended is no kill, but as good a test of what follows.
            let ended = sync.wait_for_exit(Duration::ZERO);
            sync.kill().unwrap();
            if ended.is_ok_and(|status| status.success()) {
                world.everything(&mut seen);
                whole += 1;
            } else {
                kills += 1;
            }
            world.hold(&vouchsafe, &mut seen, &format!("round {round}"));
            world.go_on(&mut random);
        }
        world.come_back();
        vouchsafe.succeed(&["sync"]).unwrap();
        world.everything(&mut seen);
        world.hold(&vouchsafe, &mut seen, "at last");
    }
    let result = format!("every repository at one whole state, none fell back; {whole} had ended");
    row("`kill -9` of `vouchsafe sync`", kills, &result);
}

#[test]
fn a_webhook_that_is_killed_never_answers_less_than_it_did() {
    let mut random = Random::seeded(12);
    let wanted = effort(15, 150);
    let (mut kills, mut answers) = (0, 0);
    while kills < wanted {
        let mut world = World::new(8);
        let vouchsafe = world.vouchsafe();
        let mut seen = world.nothing();
        for round in 0..LIFE.min(wanted - kills) {
            answers += one_webhook(&world, &vouchsafe, &mut seen, &mut random);
            kills += 1;
            world.hold(&vouchsafe, &mut seen, &format!("round {round}"));
            world.go_on(&mut random);
        }
    }
    let result =
        format!("{answers} answers, each as in one whole state that is not behind the one before");
    row(
        "`kill -9` of `vouchsafe serve` while it syncs and answers",
        kills,
        &result,
    );
}

/// Asks a webhook that syncs until it is killed; returns how often it answered.
fn one_webhook(
    world: &World,
    vouchsafe: &Vouchsafe,
    seen: &mut Seen,
    random: &mut Random,
) -> usize {
    let started = Instant::now();
    let life = random.time(Duration::from_millis(2_500));
    let mut answers = 0;
    // While it starts, at any moment.
    if random.below(3) == 0 {
        let arguments = world.serve_arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut starting = vouchsafe.spawn(&arguments).unwrap();
        thread::sleep(life / 4);
        starting.kill().unwrap();
        return 0;
    }
    let mut serving = vouchsafe.serve_unready(&world.certificates).unwrap();
    let images = world.images();
    let mut number = random.below(images.len());
    while started.elapsed() < life {
        if let Ok(digest) = pinned(&serving, world, &images[number]) {
            // What is not synced yet is denied, so only what was seen before must be admitted.
            if digest.is_some() || seen[number].0.is_some() {
                world.take_answer(number, digest.as_deref(), seen);
            }
            answers += 1;
        }
        number = (number + 1) % images.len();
    }
    serving.process().kill().unwrap();
    answers
}

fn time_of<T>(what: impl FnOnce() -> T) -> Duration {
    let started = Instant::now();
    what();
    started.elapsed()
}

/// How often one store is used.
const LIFE: usize = 40;
