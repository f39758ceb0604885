//! What a publisher does not do: whoever robbed some of the keys, holds the server, or stands on the way.

mod root;
mod served;
mod signature;
mod version;

use super::publisher::Publisher;
use super::random::Random;
use crate::vector::Files;
use crate::vector::repository::Repository;

/// What the publisher served before, oldest first; never nothing.
pub(super) type Past = [Files];

/// Details in words, and what is served instead of a repository's next generation.
type Attack = fn(&Publisher, &Past, &mut Random) -> (String, Files);

const ATTACKS: [(usize, (&str, Attack)); 19] = [
    (5, ("replay of everything", version::replay_everything)),
    (5, ("replay of one file", version::replay_one)),
    (5, ("replay under newer parents", version::replay_listed)),
    (7, ("rollback", version::roll_back)),
    (5, ("equivocation", version::equivocate)),
    (7, ("expired", version::expire)),
    (3, ("version far ahead", version::leap)),
    (6, ("signed by a stranger", signature::by_stranger)),
    (5, ("signed by too few", signature::by_too_few)),
    (3, ("one key under two IDs", signature::under_two_ids)),
    (3, ("root key replaced", root::replace_key)),
    (3, ("root version left out", root::skip)),
    (2, ("root under another version", root::rename)),
    (3, ("bad root certificate", root::spoil_certificate)),
    (4, ("withheld", served::withhold)),
    (4, ("made anew", served::make_anew)),
    (3, ("another repository", served::serve_another)),
    (4, ("another length stated", served::state_another_length)),
    (3, ("another hash stated", served::state_another_hash)),
];

/// An attack: its name, details in words, and what is served.
pub(super) fn attack(
    publisher: &Publisher,
    past: &Past,
    random: &mut Random,
) -> (&'static str, String, Files) {
    let (name, attack) = *random.weighted(&ATTACKS);
    let (what, files) = attack(publisher, past, random);
    (name, what, files)
}

/// The next generation, in which `role` and what states its file are new; now and then the same generation.
pub(super) fn next(publisher: &Publisher, role: &str, random: &mut Random) -> Repository {
    let repository = publisher.repository.clone();
    if random.percent(10) {
        return repository;
    }
    match role {
        "root" => repository.next_root(),
        _ => repository.publish(&[&[role], above(role)].concat()),
    }
}

/// How many generations a publisher goes on, so that his versions are beyond those of an attack.
pub(super) fn overtake(publisher: &mut Publisher) {
    let roles = publisher.targets_roles();
    for _ in 0..ENOUGH {
        publisher.publish(&roles.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Whose files state, directly or not, that of `role`.
fn above(role: &str) -> &'static [&'static str] {
    match role {
        "timestamp" => &[],
        "snapshot" => &["timestamp"],
        _ => &["snapshot", "timestamp"],
    }
}

const ENOUGH: u64 = 3;
