//! Every seed and every found case, put to what is fuzzed.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a case that cannot be read fails the test"
)]

use std::panic::catch_unwind;

use vouchsafe_fuzz::seeds::{self, Kept};
use vouchsafe_fuzz::{TARGETS, target};

/// Runs all that there is for a target, and names the input that fails.
fn replay(name: &str) {
    let target = target(name).expect("a target of this name");
    let seeds = seeds::seeds(name).expect("the seeds are made");
    assert!(!seeds.is_empty(), "{name} has no seeds");
    let run = |what: &str, bytes: &[u8]| {
        let ran = catch_unwind(|| (target.run)(bytes));
        ran.unwrap_or_else(|_| panic!("{name}: {what}: {}", bytes.escape_ascii()))
    };
    let got_through = seeds.iter().filter(|seed| run("a seed", seed)).count();
    assert!(got_through > 0, "{name}: no seed gets past every check");
    for kept in [Kept::Found, Kept::Reached] {
        for (line, bytes) in kept.read(name).expect("what is kept is read") {
            run(&format!("{kept:?}, line {line}"), &bytes);
        }
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            replay(stringify!($name));
        })*

        #[test]
        fn every_target_is_replayed() {
            let replayed = [$(stringify!($name)),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), replayed);
        }
    };
}

replays! {
    admission
    bundle
    canonical
    configuration
    custom_resource
    image
    key
    pattern
    repository
    role_file
    server_answer
}
