//! Generated histories of repositories: what a seed makes a publisher do, and what a server then serves.
//!
//! Everything follows from the seed, keys and signatures included, so a history can be had again by its number alone.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a history that cannot be made is a mistake in the generator, which must stop there"
)]

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::vector::Files;
use crate::vector::json::Json;
use crate::vector::key::Key;

mod attack;
mod mutation;
mod pool;
mod publisher;
mod random;

use attack::{attack, next, overtake};
use mutation::{mutate, mutate_bytes};
use pool::Strength;
use publisher::Publisher;
pub use publisher::{DELEGATIONS, TAGS};
pub use random::Random;

/// What a server serves of one repository, step by step.
#[derive(Clone, Debug)]
pub struct History {
    /// What it was made from.
    pub seed: u64,
    /// The repository.
    pub gun: String,
    /// The pinned root keys, in the certificates that the repository lists at its beginning.
    pub pins: Vec<Key>,
    /// All root keys at that time.
    pub first_keys: Vec<Key>,
    /// What was served at that time, which may be before the first step.
    pub origin: Files,
    /// Whether some delegation may have a key that is too weak for Notary.
    pub has_weak_keys: bool,
    /// What is served, in order.
    pub steps: Vec<Step>,
}

/// What is served at one time.
#[derive(Clone, Debug)]
pub struct Step {
    /// Whose doing it is.
    pub kind: Kind,
    /// What happened since the step before, in words.
    pub what: String,
    /// The files by name, as a server offers them.
    pub files: Files,
}

/// Whose doing a step is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// The publisher's.
    Genuine,
    /// An attack, by its name.
    Attack(&'static str),
    /// One value of one file is another, and its role's keys sign that.
    Resigned,
    /// One value of one file is another, or some of its bytes are, and the signatures are the old ones.
    NotResigned,
}

impl History {
    /// The history of `seed`.
    pub fn generate(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let gun = *random.pick(&GUNS);
        let strength = *random.weighted(&[(95, Strength::Good), (5, Strength::Mixed)]);
        let mut publisher = Publisher::begin(&mut random, gun, strength);
        let keys = publisher.repository.keys_of("root");
        let pins = match random.below(12) {
            0 => vec![random.pick(keys).clone()],
            _ => keys.to_vec(),
        };
        let first_keys = keys.to_vec();
        let origin = publisher.repository.files();
        if random.percent(8) {
            for _ in 0..random.between(1, 6) {
                publisher.change(&mut random);
            }
        }
        let mut history = Self {
            seed,
            gun: gun.to_owned(),
            pins,
            first_keys,
            origin,
            has_weak_keys: strength == Strength::Mixed,
            steps: Vec::new(),
        };
        let mut past = vec![history.origin.clone()];
        for number in 0..random.between(3, 7) {
            // What is met for the first time is not compared with anything, so it deserves some attention, too.
            let hostile = random.percent(if number == 0 { 25 } else { 50 });
            let step = if hostile {
                wrong_step(&mut publisher, &past, &mut random)
            } else {
                let most = if number == 0 { 0 } else { 4 };
                genuine_step(&mut publisher, &mut past, &mut random, most)
            };
            history.steps.push(step);
        }
        history
    }
}

/// What a publisher serves who did at most `most` things.
fn genuine_step(
    publisher: &mut Publisher,
    past: &mut Vec<Files>,
    random: &mut Random,
    most: usize,
) -> Step {
    let changes = *random.weighted(&[(70, 1), (20, 2), (10, 4)]);
    let what = (0..changes.min(most)).map(|_| publisher.change(random));
    let what: Vec<_> = what.collect();
    let files = publisher.repository.files();
    past.push(files.clone());
    Step {
        kind: Kind::Genuine,
        what: what.join("; "),
        files,
    }
}

fn wrong_step(publisher: &mut Publisher, past: &[Files], random: &mut Random) -> Step {
    let (kind, what, files) = wrong(publisher, past, random);
    if random.percent(80) {
        overtake(publisher);
    }
    Step { kind, what, files }
}

/// What a publisher does not do.
fn wrong(publisher: &mut Publisher, past: &[Files], random: &mut Random) -> (Kind, String, Files) {
    if random.percent(45) {
        let (name, what, files) = attack(publisher, past, random);
        return (Kind::Attack(name), what, files);
    }
    let role = random.pick(&publisher.roles()).clone();
    let seed = random.number();
    let next = next(publisher, &role, random);
    // The file is made, and then changed, when all files are.
    let told = Rc::new(RefCell::new(String::new()));
    let tell = Rc::clone(&told);
    let value = move |json: &mut Json| drop(tell.replace(mutate(json, seed)));
    let bytes = move |file: &mut Vec<u8>| mutate_bytes(file, seed);
    let (kind, how, changed) = match random.below(10) {
        0..=5 => (Kind::Resigned, "a value", next.edit(&role, value)),
        6 | 7 => (
            Kind::NotResigned,
            "a value",
            next.edit_envelope(&role, value),
        ),
        8 => (
            Kind::NotResigned,
            "stated bytes",
            next.edit_bytes(&role, bytes),
        ),
        _ => (
            Kind::NotResigned,
            "served bytes",
            next.edit_served(&role, bytes),
        ),
    };
    let files = changed.files();
    // What was changed and signed in a root stays in the chain of roots, whoever accepts it.
    if role == "root" && kind == Kind::Resigned && random.percent(40) {
        publisher.repository = changed.next_root().without_edits("root");
    }
    (kind, format!("{how} of {role}: {}", told.borrow()), files)
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {}, {} of {} root keys pinned",
            self.seed,
            self.gun,
            self.pins.len(),
            self.first_keys.len()
        )?;
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "  {number}. {}: {}", step.kind, step.what)?;
        }
        Ok(())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Genuine => "genuine",
            Self::Attack(name) => name,
            Self::Resigned => "changed and signed",
            Self::NotResigned => "changed, not signed",
        })
    }
}

const GUNS: [&str; 3] = [
    "registry.example.com/team/app",
    "docker.io/library/nginx",
    "registry.example.com:5000/a/b_c",
];
