//! Other files than those that belong together: missing ones, another repository's, and what is stated wrongly.

use std::slice;

use super::{Past, next};
use crate::history::pool;
use crate::history::publisher::Publisher;
use crate::history::random::Random;
use crate::vector::Files;
use crate::vector::json::Json;
use crate::vector::repository::Repository;

pub(super) fn withhold(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    if random.percent(15) {
        return ("everything".to_owned(), Files::new());
    }
    let role = random.pick(&publisher.roles()).clone();
    let next = next(publisher, &role, random).withheld(&format!("{role}.json"));
    (role, next.files())
}

/// As after `notary delete` and `notary init`: the same root key or another, in a new certificate, and versions from 1.
pub(super) fn make_anew(publisher: &Publisher, _: &Past, random: &mut Random) -> (String, Files) {
    let key = &publisher.repository.keys_of("root")[0];
    let (from, until) = ("2023-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    let (what, key) = match random.below(3) {
        0 => {
            let other = pool::root_key(random, &publisher.gun, slice::from_ref(key));
            ("with another key", other)
        }
        1 => {
            let renewed = key.certified_between(&publisher.gun, from, until);
            ("with a new certificate", renewed)
        }
        _ => ("with the same certificate", key.clone()),
    };
    let anew = Repository::with_root_key(key).tag("targets", "1.0", "an image made anew");
    (what.to_owned(), anew.files())
}

/// A genuine repository by the same publisher, under the wrong name.
pub(super) fn serve_another(
    publisher: &Publisher,
    _: &Past,
    random: &mut Random,
) -> (String, Files) {
    let name = *random.pick(&[
        "registry.example.com/other",
        "registry.example.com/team/app2",
        "*",
        "",
    ]);
    let key = publisher.repository.keys_of("root")[0].certified(name);
    let mut other = Repository::with_root_key(key).tag("targets", "1.0", "an image of another");
    for role in ["timestamp", "snapshot", "targets"] {
        other = other.version(role, 90);
    }
    if random.percent(50) {
        other = other.next_root().next_root();
    }
    (format!("`{name}`"), other.files())
}

pub(super) fn state_another_length(
    publisher: &Publisher,
    _: &Past,
    random: &mut Random,
) -> (String, Files) {
    let (parent, role) = stated(publisher, random);
    let length = random
        .pick(&[
            Json::Int(0),
            Json::Int(10),
            Json::Int(100_000),
            Json::Int(200_000_000),
            Json::raw("-1", "-1"),
        ])
        .clone();
    let shown = String::from_utf8_lossy(&length.wire()).into_owned();
    let what = format!("of {role} in {parent}: {shown}");
    let next = next(publisher, &role, random).edit(parent, move |signed| {
        let stated = signed.at(&["meta", &role, "length"]);
        stated.set(length.clone());
    });
    (what, next.files())
}

pub(super) fn state_another_hash(
    publisher: &Publisher,
    _: &Past,
    random: &mut Random,
) -> (String, Files) {
    let (parent, role) = stated(publisher, random);
    let how = *random.pick(&[
        "no SHA-256",
        "no SHA-512",
        "a short SHA-512",
        "a SHA-512 as SHA-256",
    ]);
    let what = format!("of {role} in {parent}: {how}");
    let next = next(publisher, &role, random).edit(parent, move |signed| {
        let hashes = signed.at(&["meta", &role, "hashes"]);
        match how {
            "no SHA-256" => hashes.remove("sha256"),
            "no SHA-512" => hashes.remove("sha512"),
            "a short SHA-512" => hashes.at(&["sha512"]).set("AAAA".into()),
            _ => {
                let other = hashes.take("sha512");
                hashes.at(&["sha256"]).set(other);
            }
        }
    });
    (what, next.files())
}

/// A role, and one whose file it states.
fn stated(publisher: &Publisher, random: &mut Random) -> (&'static str, String) {
    if random.percent(30) {
        return ("timestamp", "snapshot".to_owned());
    }
    let mut roles = publisher.targets_roles();
    roles.push("root".to_owned());
    ("snapshot", random.pick(&roles).clone())
}
