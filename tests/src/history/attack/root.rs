//! Roots that are not the next ones, or by keys that may not.

use std::slice;

use super::Past;
use crate::history::pool;
use crate::history::publisher::Publisher;
use crate::history::random::Random;
use crate::vector::Files;
use crate::vector::key::{Flaw, Key, Kind};

pub(super) fn replace_key(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let old = publisher.repository.keys_of("root").to_vec();
    let new = pool::root_key(random, &publisher.gun, &old);
    let rotated = publisher.repository.clone().rotate_root(&new);
    let (what, signers) = match random.below(3) {
        0 => ("without the old key", vec![new]),
        1 => ("without the new key", old),
        _ => ("without enough old keys", [&old[1..], &[new]].concat()),
    };
    let mut rotated = rotated.threshold("root", 1).signed_by("root", &signers);
    if random.percent(40) {
        rotated = rotated.next_root().signed_by("root", &signers);
    }
    (what.to_owned(), rotated.files())
}

pub(super) fn skip(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let repository = publisher.repository.clone();
    let version = repository.version_of("root");
    let new = pool::root_key(random, &publisher.gun, repository.keys_of("root"));
    let (what, further) = match random.below(3) {
        0 => {
            let further = repository.rotate_root(&new).version("root", version + 2);
            ("the number", further)
        }
        1 => {
            let further = repository.next_root().version("root", version + 2);
            ("the number, under the same key", further)
        }
        _ => {
            let third = pool::root_key(random, &publisher.gun, slice::from_ref(&new));
            let further = repository.rotate_root(&new).rotate_root(&third);
            ("the file", further.without_root(version + 1))
        }
    };
    (what.to_owned(), further.files())
}

pub(super) fn rename(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let repository = publisher.repository.clone();
    let version = repository.version_of("root");
    let old = repository.keys_of("root").to_vec();
    let first = pool::root_key(random, &publisher.gun, &old);
    let second = pool::root_key(random, &publisher.gun, slice::from_ref(&first));
    let chain = repository.rotate_root(&first).rotate_root(&second);
    let all = [&old[..], &[first, second]].concat();
    let chain = chain.signed_by("root", &all).next_root();
    let (from, to) = *random.pick(&[
        (version + 2, version + 1),
        (version, version + 1),
        (version + 1, version + 2),
    ]);
    (
        format!("{from} as {to}"),
        chain.rename_root(from, to).files(),
    )
}

pub(super) fn spoil_certificate(
    publisher: &Publisher,
    _: &Past,
    random: &mut Random,
) -> (String, Files) {
    let gun = &publisher.gun;
    let key = Key::p256("spoilt");
    let (early, late) = ("2015-01-01T00:00:00Z", "2016-01-01T00:00:00Z");
    let (soon, then) = ("2090-01-01T00:00:00Z", "2100-01-01T00:00:00Z");
    let (what, spoilt) = match random.below(7) {
        0 => ("expired", key.certified_between(gun, early, late)),
        1 => ("not yet valid", key.certified_between(gun, soon, then)),
        2 => (
            "an authority's",
            key.certified(gun).certified_as(Flaw::Authority),
        ),
        3 => ("over SHA-1", key.certified(gun).certified_as(Flaw::Sha1)),
        4 => (
            "of a short key",
            Key::new(Kind::RsaShort, "spoilt").certified(gun),
        ),
        5 => (
            "of another name",
            key.certified("registry.example.com/other"),
        ),
        _ => ("none at all", key),
    };
    let mut keys = vec![spoilt];
    if random.percent(40) {
        keys.extend_from_slice(publisher.repository.keys_of("root"));
    }
    let threshold = u64::try_from(random.between(1, keys.len())).expect("a count");
    let next = publisher
        .repository
        .clone()
        .rotate_root_to(&keys, threshold);
    (
        format!("{what}, {threshold} of {}", keys.len()),
        next.files(),
    )
}
