//! Older files, expired ones, and versions that were not the publisher's.

use super::{Past, above, next};
use crate::history::publisher::Publisher;
use crate::history::random::Random;
use crate::vector::Files;

pub(super) fn replay_everything(
    _: &Publisher,
    past: &Past,
    random: &mut Random,
) -> (String, Files) {
    let generation = random.below(past.len());
    (format!("generation {generation}"), past[generation].clone())
}

pub(super) fn replay_one(
    publisher: &Publisher,
    past: &Past,
    random: &mut Random,
) -> (String, Files) {
    let (role, old) = old_file(&publisher.roles(), past, random);
    let next = next(publisher, &role, random);
    let next = next.edit_served(&role, move |bytes| bytes.clone_from(&old));
    (role, next.files())
}

pub(super) fn replay_listed(
    publisher: &Publisher,
    past: &Past,
    random: &mut Random,
) -> (String, Files) {
    let mut roles = publisher.targets_roles();
    roles.push("snapshot".to_owned());
    let (role, old) = old_file(&roles, past, random);
    let next = next(publisher, &role, random);
    let next = next.edit_bytes(&role, move |bytes| bytes.clone_from(&old));
    (role, next.files())
}

pub(super) fn roll_back(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let role = random.pick(&publisher.roles()).clone();
    let version = publisher.repository.version_of(&role);
    let back = *random.pick(&[1, 2, 3]);
    let lower = version.saturating_sub(back).max(1);
    let next = next(publisher, &role, random).version(&role, lower);
    (format!("{role} {version} to {lower}"), next.files())
}

pub(super) fn equivocate(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let role = random.pick(&publisher.roles()).clone();
    let repository = publisher.repository.clone();
    let repository = repository
        .expires(&role, "2098-07-06T05:04:03Z")
        .publish(above(&role));
    (role, repository.files())
}

pub(super) fn expire(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let role = random.pick(&publisher.roles()).clone();
    let time = *random.pick(&[
        "2020-01-01T00:00:00Z",
        "2026-01-01T00:00:00.5+14:00",
        "0001-01-01T00:00:00Z",
    ]);
    let next = next(publisher, &role, random).expires(&role, time);
    (role, next.files())
}

pub(super) fn leap(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let role = random.pick(&publisher.roles()).clone();
    let versions = [1 << 31, 1 << 53, (1 << 53) + 2, 1 << 62, u64::MAX];
    let version = *random.pick(&versions);
    let next = next(publisher, &role, random).version(&role, version);
    (format!("{role} to {version}"), next.files())
}

/// The file that one of `roles` had in some generation.
fn old_file(roles: &[String], past: &Past, random: &mut Random) -> (String, Vec<u8>) {
    let generation = random.pick(past);
    let file = |role: &String| {
        Some((
            role.clone(),
            generation.get(&format!("{role}.json"))?.clone(),
        ))
    };
    let files: Vec<_> = roles.iter().filter_map(file).collect();
    random.pick(&files).clone()
}
