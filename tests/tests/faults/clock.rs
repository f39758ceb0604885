//! Clocks that jump, forwards and backwards, by seconds to decades, between runs and while the webhook runs: no answer
//! gets fresher by a clock that goes back.

use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use vouchsafe_tests::harness::admission::pod_review;
use vouchsafe_tests::harness::effort::{effort, row};
use vouchsafe_tests::harness::process::Signal;
use vouchsafe_tests::harness::scripted_server::RoleFiles;
use vouchsafe_tests::harness::vouchsafe::Serving;
use vouchsafe_tests::harness::{
    Certificates, Configuration, FakeClock, Random, ScriptedServer, Vouchsafe,
};
use vouchsafe_tests::vector::key::Key;
use vouchsafe_tests::vector::repository::Repository;

/// Repositories whose timestamps expire after these days.
const EXPIRES: [i64; 4] = [5, 12, 100, 4_000];
const DAY: i64 = 86_400;

struct Surroundings {
    clock: FakeClock,
    _server: ScriptedServer,
    certificates: Certificates,
    vouchsafe: Vouchsafe,
}

impl Surroundings {
    fn new() -> Self {
        let server = ScriptedServer::plain().unwrap();
        let mut configuration = Configuration::new()
            .notary(&server.url(), None, &Key::p256("root").public_key_pem())
            .setting(
                "sync",
                json!({"schedule": "0 0 1 1 *", "discover": {"changefeed": false}}),
            );
        for days in EXPIRES {
            let gun = gun(days);
            let expires = now() + SignedDuration::from_secs(days * DAY);
            let repository = Repository::plain(&gun).expires("timestamp", &format!("{expires:.0}"));
            server.serve(&gun, RoleFiles::new().with_files(repository.files()));
            configuration = configuration.rule(&format!("{gun}:*"));
        }
        let clock = FakeClock::new().unwrap();
        let wrapper = clock.wrapper();
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let vouchsafe = Vouchsafe::new(&configuration.to_string())
            .unwrap()
            .under(&wrapper);
        vouchsafe.succeed(&["sync"]).unwrap();
        Self {
            clock,
            _server: server,
            certificates: Certificates::new().unwrap(),
            vouchsafe,
        }
    }

    fn serve(&self) -> Serving {
        // By a clock that is far off the first sync may take as long as it likes, but what is stored is answered from.
        self.vouchsafe.serve_unready(&self.certificates).unwrap()
    }

    /// Which repositories are admitted, by the commands.
    fn checked(&self) -> Vec<i64> {
        let images: Vec<String> = EXPIRES
            .iter()
            .map(|days| format!("{}:signed", gun(*days)))
            .collect();
        let verdicts = self.vouchsafe.check("default", &images).unwrap();
        let all = EXPIRES.into_iter().zip(verdicts);
        all.filter(|(_, verdict)| verdict.is_ok())
            .map(|(days, _)| days)
            .collect()
    }

    /// Which repositories a webhook admits.
    fn answered(&self, serving: &Serving) -> Vec<i64> {
        let is_admitted = |days: &i64| {
            let review = pod_review(&[&format!("{}:signed", gun(*days))]);
            let reviewed = serving.ask(&self.certificates, "/mutate", &review).unwrap();
            reviewed.is_allowed()
        };
        EXPIRES.into_iter().filter(is_admitted).collect()
    }
}

/// The time by which Vouchsafe ought to judge, in seconds since the start (docs/commands.md): the latest that the clock
/// showed, but for a leap by more than a week, which counts for as long as the clock shows it.
struct Judged {
    latest: i64,
}

impl Judged {
    fn at(&mut self, clock: i64) -> Vec<i64> {
        if clock - self.latest <= 7 * DAY {
            self.latest = self.latest.max(clock);
        }
        let time = self.latest.max(clock);
        EXPIRES
            .into_iter()
            .filter(|days| time < days * DAY)
            .collect()
    }
}

#[test]
fn a_clock_that_jumps_while_a_webhook_runs_makes_nothing_fresher() {
    let surroundings = Surroundings::new();
    let mut random = Random::seeded(16);
    let mut judged = Judged { latest: 0 };
    let mut serving = surroundings.serve();
    let jumps = effort(40, 200);
    let mut restarts = 0;
    for jump in 0..jumps {
        let to = some_time(&mut random, judged.latest, jump);
        surroundings.clock.set(to).unwrap();
        let expected = judged.at(to);
        // Twice: the first look at the clock must count as the second one does.
        for _ in 0..2 {
            let answered = surroundings.answered(&serving);
            assert_eq!(
                answered, expected,
                "jump {jump} to {to} s, the latest {}",
                judged.latest
            );
        }
        if random.below(6) == 0 {
            // What was seen is written down by a thread of its own, at once.
            thread::sleep(Duration::from_secs(1));
            if random.below(2) == 0 {
                serving.process().kill().unwrap();
            } else {
                serving.process().signal(Signal::Term).unwrap();
                serving
                    .process()
                    .wait_for_exit(Duration::from_mins(1))
                    .unwrap();
            }
            assert!(!serving.log().contains("panicked"), "{}", serving.log());
            serving = surroundings.serve();
            restarts += 1;
        }
    }
    assert!(
        judged.latest > EXPIRES[0] * DAY,
        "nothing expired: {}",
        judged.latest
    );
    let result = format!(
        "over {restarts} restarts, too, each answer as by the latest time seen; nothing got fresher by going back"
    );
    row(
        "the clock jumps while `vouchsafe serve` answers",
        jumps,
        &result,
    );
}

#[test]
fn a_clock_that_jumps_between_commands_makes_nothing_fresher() {
    let surroundings = Surroundings::new();
    let mut random = Random::seeded(17);
    let mut judged = Judged { latest: 0 };
    let jumps = effort(12, 100);
    for jump in 0..jumps {
        let to = some_time(&mut random, judged.latest, jump);
        surroundings.clock.set(to).unwrap();
        // What the server has may be expired by then, which is refused; the time is taken note of.
        let synced = surroundings.vouchsafe.run(&["sync"]).unwrap();
        assert!(!synced.stderr.contains("panicked"), "{synced:?}");
        let expected = judged.at(to);
        assert_eq!(
            surroundings.checked(),
            expected,
            "jump {jump} to {to} s, the latest {}",
            judged.latest
        );
    }
    // The operator knows better, and says so.
    surroundings.clock.set(0).unwrap();
    drop(
        surroundings
            .vouchsafe
            .run(&["reset-clock", "--yes"])
            .unwrap(),
    );
    assert_eq!(surroundings.checked(), EXPIRES);
    row(
        "the clock jumps between `vouchsafe sync` and `check`",
        jumps,
        "each answer as by the latest time seen; `reset-clock` undoes it",
    );
}

/// Where the clock jumps to: some seconds or days on, back, or years off.
fn some_time(random: &mut Random, latest: i64, jump: usize) -> i64 {
    let below = |random: &mut Random, limit: i64| {
        i64::try_from(random.below(usize::try_from(limit).unwrap())).unwrap()
    };
    let to = match jump % 8 {
        0 => latest + below(random, 30),
        1 => latest - below(random, 90),
        2 => 0,
        // So small that time passes slowly.
        3 | 4 => latest + below(random, 2 * DAY),
        5 => latest - below(random, 400 * DAY),
        // A leap, and the way back with the next one.
        6 => latest + 8 * DAY + below(random, 20_000 * DAY),
        _ => -below(random, 15_000 * DAY),
    };
    // The test itself takes a while, which must not decide what has expired.
    let is_near = EXPIRES
        .iter()
        .any(|days| (to - days * DAY).abs() < DAY / 12);
    if is_near { to + DAY / 4 } else { to }
}

fn gun(days: i64) -> String {
    format!("registry.example.com/team/for-{days}-days")
}

fn now() -> Timestamp {
    Timestamp::now()
}
