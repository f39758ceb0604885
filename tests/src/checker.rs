//! An independent, slow check of a repository: what acceptance by Vouchsafe claims, found out anew.
//!
//! Written from the rules of the Notary client and of Vouchsafe's design, over its own readers of
//! JSON, DER and times; nothing of the `trust` crate is used, and signatures are verified by other
//! implementations where there are others. It is made to be read: it looks at everything again
//! whenever it is asked, and refuses where it cannot tell.
//!
//! It answers for acceptance only. Where it has no objection the `trust` crate may still refuse, for
//! example because a file is too large.

mod certificate;
mod der;
mod file;
pub mod json;
mod key;
mod keys;
mod roots;
mod speak;
mod time;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use key::PublicKey;
pub use speak::{Answer, answer};

use crate::vector::repository::Metadata;

/// What a repository is checked by.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// The repository's name.
    pub gun: &'a str,
    /// The pinned keys, each as DER `SubjectPublicKeyInfo`; one of them has to hold.
    pub pins: &'a [Vec<u8>],
    /// The time, in nanoseconds from 1970 on.
    pub now: i128,
    /// The roles whose files must not have expired.
    pub unexpired: &'a [&'a str],
    /// Whether the root certificates must be made out to the repository.
    pub certificate_name: bool,
    /// Whether the root certificates must be valid now.
    pub certificate_validity: bool,
    /// What was accepted before.
    pub before: Option<&'a Claims>,
}

/// What can be said of a repository to which there is no objection.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Claims {
    /// The newest root.
    pub root: Vec<u8>,
    /// The pinned keys that are listed in, and signed, one of the roots.
    pub anchors: BTreeSet<Vec<u8>>,
    /// The role files that count, by the role's full name; `root` is the newest one.
    pub roles: BTreeMap<String, Role>,
    /// What became of every role that is delegated to.
    pub delegations: BTreeMap<String, Delegation>,
    /// What each role names, by tag: nothing where there is no SHA-256.
    pub targets: BTreeMap<String, BTreeMap<String, Option<Vec<u8>>>>,
    /// The newest file of each role that was ever accepted, those that are gone among them.
    pub newest: BTreeMap<String, Role>,
}

/// A role file that counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Role {
    /// Its version.
    pub version: u64,
    /// When it expires, in nanoseconds from 1970 on.
    pub expires: i128,
    /// The file.
    pub bytes: Vec<u8>,
    /// The keys that could have signed it; for `root`, nothing is said.
    pub keys: BTreeSet<PublicKey>,
}

/// What became of a role that is delegated to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Delegation {
    /// It speaks for targets with one of these prefixes.
    Speaks(Vec<String>),
    /// Too few of its keys signed.
    UnderSigned,
    /// The snapshot states no file of it.
    Unpublished,
    /// The snapshot states its file no longer.
    Vanished,
}

/// Why a repository must not be accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Objection {
    /// The role at fault.
    pub role: String,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.role, self.what)
    }
}

/// Checks a repository.
///
/// # Errors
///
/// The [`Objection`] to it.
pub fn check(repository: &Metadata, terms: &Terms<'_>) -> Result<Claims, Objection> {
    let roots = roots::check(&repository.roots, terms)?;
    tree::check(repository, roots, terms)
}

/// Version and expiry (nanoseconds from 1970 on) of a role file of the type `kind`.
///
/// # Errors
///
/// The [`Objection`] to it.
pub fn common(kind: &str, bytes: &[u8]) -> Result<(u64, i128), Objection> {
    let file = file::File::read(kind, kind, bytes)?;
    Ok((file.version, file.expires))
}

/// The key that a role file lists as `keytype` with `public` (base64), if its signatures count: DER
/// `SubjectPublicKeyInfo`.
pub fn listed_key(keytype: &str, public: &str) -> Option<Vec<u8>> {
    let listed = keys::Listed::read(keytype, public)?;
    Some(listed.key()?.spki().to_vec())
}

/// The time that `text` is in RFC 3339 as Go reads it, in nanoseconds from 1970 on.
pub fn rfc3339(text: &str) -> Option<i128> {
    time::rfc3339(text)
}

/// `Some`, or the objection that `what` is wrong with the file of `role`.
fn require<T>(value: Option<T>, role: &str, what: &'static str) -> Result<T, Objection> {
    value.ok_or_else(|| Objection {
        role: role.to_owned(),
        what,
    })
}

/// The objection that `what` is wrong with the file of `role`, unless `holds`.
fn demand(holds: bool, role: &str, what: &'static str) -> Result<(), Objection> {
    require(holds.then_some(()), role, what)
}
