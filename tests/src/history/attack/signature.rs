//! Signatures by the wrong keys, or by too few.

use super::{Past, next};
use crate::history::publisher::Publisher;
use crate::history::random::Random;
use crate::vector::Files;
use crate::vector::key::Key;

pub(super) fn by_stranger(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let role = random.pick(&publisher.roles()).clone();
    let stranger = match role.as_str() {
        "root" => Key::p256("stranger").certified(&publisher.gun),
        _ => Key::p256("stranger"),
    };
    let mut signers = vec![stranger];
    // Beside good signatures it changes nothing.
    if random.percent(25) {
        signers.extend_from_slice(publisher.repository.keys_of(&role));
    }
    let next = next(publisher, &role, random).signed_by(&role, &signers);
    (role, next.files())
}

pub(super) fn by_too_few(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let role = random.pick(&publisher.roles()).clone();
    let keys = publisher.repository.keys_of(&role);
    let (signing, first) = (random.below(keys.len()), random.below(keys.len()));
    let signers = keys.iter().cycle().skip(first).take(signing);
    let mut signers: Vec<_> = signers.cloned().collect();
    // The same signature twice counts once.
    if random.percent(30) {
        signers.extend(signers.clone());
    }
    let mut next = next(publisher, &role, random).signed_by(&role, &signers);
    if random.percent(30) && role != "root" {
        let needed = publisher.repository.threshold_of(&role) + 1;
        next = match role.rsplit_once('/') {
            None => next.next_root(),
            Some((parent, _)) => next.publish(&[parent]),
        };
        next = next.threshold(&role, needed);
    }
    (
        format!("{role} by {signing} of {}", keys.len()),
        next.files(),
    )
}

/// The same key, once bare and once in a certificate, where two are needed.
pub(super) fn under_two_ids(
    publisher: &Publisher,
    _: &Past,
    random: &mut Random,
) -> (String, Files) {
    let mut roles = publisher.targets_roles();
    roles.extend(["snapshot".to_owned(), "timestamp".to_owned()]);
    let role = random.pick(&roles).clone();
    let key = Key::p256("twice");
    let keys = [key.clone(), key.certified("twice")];
    let next = publisher.repository.clone();
    let next = match role.rsplit_once('/') {
        Some((parent, _)) => next.publish(&[parent, "snapshot", "timestamp"]),
        None => next.next_root(),
    };
    let next = next.keys(&role, &keys).threshold(&role, 2);
    (role.clone(), next.publish(&[&role]).files())
}
