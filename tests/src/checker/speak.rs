//! Who speaks for a tag, and what they say.

use super::{Claims, Delegation};

/// What a repository says about a tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Everybody who has to sign it signed this SHA-256.
    Signed(Vec<u8>),
    /// Somebody did not, or not the same.
    NotSigned,
}

/// Who signed `tag` at `now` (nanoseconds from 1970 on): all of the delegations `signers`, by their full
/// names; where none is named, `targets/releases` if it is delegated to and was ever published,
/// otherwise `targets`.
pub fn answer(claims: &Claims, tag: &str, signers: &[&str], now: i128) -> Answer {
    let signers = if signers.is_empty() {
        let releases = claims.delegations.get(RELEASES);
        let publishes = releases.is_some_and(|state| *state != Delegation::Unpublished);
        vec![if publishes { RELEASES } else { "targets" }]
    } else {
        signers.to_vec()
    };
    let stated = signers.iter().map(|role| stated(claims, tag, role, now));
    let Some(mut stated) = stated.collect::<Option<Vec<_>>>() else {
        return Answer::NotSigned;
    };
    let first = stated.pop().unwrap_or_default();
    if stated.iter().all(|other| *other == first) {
        Answer::Signed(first)
    } else {
        Answer::NotSigned
    }
}

/// The SHA-256 that `role` states for `tag`, if it may.
fn stated(claims: &Claims, tag: &str, role: &str, now: i128) -> Option<Vec<u8>> {
    // A delegation speaks only if each one above it does.
    for (end, _) in role.match_indices('/').chain([(role.len(), "")]).skip(1) {
        let name = role.get(..end)?;
        let Delegation::Speaks(_) = claims.delegations.get(name)? else {
            return None;
        };
        if claims.roles.get(name)?.expires < now {
            return None;
        }
    }
    if role != "targets" {
        let Delegation::Speaks(paths) = claims.delegations.get(role)? else {
            return None;
        };
        if !paths.iter().any(|path| tag.starts_with(path)) {
            return None;
        }
    }
    claims.targets.get(role)?.get(tag)?.clone()
}

const RELEASES: &str = "targets/releases";
