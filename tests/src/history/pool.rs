//! The keys of generated histories: few, so that they come back in other roles and at other times.

use super::random::Random;
use crate::vector::key::{Flaw, Key, Kind};

/// Which delegation keys a history may draw.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Strength {
    Good,
    /// Some are too weak for Notary.
    Mixed,
}

/// A root key in its certificate for `gun`, other than those `taken`.
pub(super) fn root_key(random: &mut Random, gun: &str, taken: &[Key]) -> Key {
    other_than(taken, || {
        let kinds = [
            (76, Kind::P256),
            (12, Kind::P384),
            (4, Kind::P521),
            (8, Kind::RsaPkcs1),
        ];
        let kind = *random.weighted(&kinds);
        let key = Key::new(kind, &format!("root {}", random.below(5)));
        let prefix = gun.rsplit_once('/').map_or(gun, |(prefix, _)| prefix);
        let names = [(92, gun.to_owned()), (8, format!("{prefix}/*"))];
        let name = random.weighted(&names);
        match random.below(6) {
            0 => key.certified_between(name, "2021-01-01T00:00:00Z", "2100-01-01T00:00:00Z"),
            _ => key.certified(name),
        }
    })
}

/// A key of targets, snapshot or timestamp, other than those `taken`.
pub(super) fn key(random: &mut Random, taken: &[Key]) -> Key {
    other_than(taken, || {
        let kinds = [
            (50, Kind::P256),
            (36, Kind::Ed25519),
            (6, Kind::P384),
            (2, Kind::P521),
            (6, Kind::RsaPss),
        ];
        let kind = *random.weighted(&kinds);
        Key::new(kind, &format!("role {}", random.below(6)))
    })
}

/// A key of a delegation, some of them in certificates, other than those `taken`.
pub(super) fn signer(random: &mut Random, strength: Strength, taken: &[Key]) -> Key {
    let weak = strength == Strength::Mixed && random.percent(40);
    if weak {
        let sha1 = Key::p256("weak")
            .certified("signer")
            .certified_as(Flaw::Sha1);
        let short = Key::new(Kind::RsaShort, "weak").certified("signer");
        let key = random.pick(&[sha1, short]).clone();
        if !taken.contains(&key) {
            return key;
        }
    }
    let kind = |key: &Key| matches!(key.kind(), Kind::P256 | Kind::P384 | Kind::P521);
    let drawn = key(random, taken);
    match random.below(12) {
        0 if kind(&drawn) => drawn.certified("signer"),
        // How long a delegation's certificate is valid does not matter to Notary.
        1 if kind(&drawn) => {
            drawn.certified_between("signer", "2015-01-01T00:00:00Z", "2016-01-01T00:00:00Z")
        }
        _ => drawn,
    }
}

fn other_than(taken: &[Key], mut draw: impl FnMut() -> Key) -> Key {
    loop {
        let key = draw();
        let same = |other: &Key| other.public_key_pem() == key.public_key_pem();
        if !taken.iter().any(same) {
            return key;
        }
    }
}
