//! The chain of roots, from a pinned key to the newest one.

use std::collections::{BTreeMap, BTreeSet};

use super::certificate::Certificate;
use super::file::File;
use super::keys::{Listed, RoleKeys, listed};
use super::{Objection, Role, Terms, demand, require};

/// What the roots say.
pub(super) struct Roots {
    pub(super) newest: Role,
    pub(super) anchors: BTreeSet<Vec<u8>>,
    /// The keys of the four base roles.
    pub(super) keys: BTreeMap<&'static str, RoleKeys>,
}

/// Checks consecutive roots, oldest first.
pub(super) fn check(roots: &[Vec<u8>], terms: &Terms<'_>) -> Result<Roots, Objection> {
    let mut anchors = BTreeSet::new();
    let mut previous: Option<Root> = None;
    for (index, bytes) in roots.iter().enumerate() {
        let root = Root::read(bytes)?;
        let is_newest = index + 1 == roots.len();
        let own = |certificate: &Certificate| {
            let valid =
                !is_newest || !terms.certificate_validity || certificate.is_valid_at(terms.now);
            valid && speaks(certificate, terms)
        };
        let signers = root.signers(&root.file, own);
        demand(
            signers.len() >= root.threshold(),
            ROOT,
            "too few certificates signed it",
        )?;
        let signers: BTreeSet<_> = signers.into_iter().map(|key| key.spki().to_vec()).collect();
        anchors.extend(
            terms
                .pins
                .iter()
                .filter(|pin| signers.contains(*pin))
                .cloned(),
        );
        if let Some(previous) = previous {
            let follows = root.file.version == previous.file.version + 1;
            demand(follows, ROOT, "it does not follow the one before")?;
            let signers = previous.signers(&root.file, |certificate| speaks(certificate, terms));
            let handed_over = signers.len() >= previous.threshold();
            demand(
                handed_over,
                ROOT,
                "too few keys of the one before signed it",
            )?;
        }
        previous = Some(root);
    }
    let newest = require(previous, ROOT, "there is none")?;
    demand(!anchors.is_empty(), ROOT, "no pinned key signed one")?;
    newest.file.demand_unexpired(ROOT, terms)?;
    if let Some(before) = terms.before {
        // Roots go on from the one that was accepted before, and nowhere else.
        demand(
            roots.contains(&before.root),
            ROOT,
            "the one from before is not there",
        )?;
    }
    Ok(Roots {
        newest: newest.file.counts(BTreeSet::new()),
        anchors,
        keys: newest.keys,
    })
}

/// Whether a certificate may speak at all.
fn speaks(certificate: &Certificate, terms: &Terms<'_>) -> bool {
    certificate.is_strong && (!terms.certificate_name || certificate.names(terms.gun))
}

struct Root {
    file: File,
    keys: BTreeMap<&'static str, RoleKeys>,
    own: RoleKeys,
}

impl Root {
    fn read(bytes: &[u8]) -> Result<Self, Objection> {
        let file = File::read(ROOT, "Root", bytes)?;
        let listed = file.signed.get("keys").and_then(listed);
        let listed = require(listed, ROOT, "its keys are not what their IDs say")?;
        let roles = require(file.signed.get("roles"), ROOT, "it has no roles")?;
        let mut keys = BTreeMap::new();
        for role in [ROOT, "snapshot", "targets", "timestamp"] {
            let read = roles
                .get(role)
                .and_then(|role| RoleKeys::read(role, &listed));
            keys.insert(role, require(read, ROOT, "a role of it makes no sense")?);
        }
        let own = require(keys.get(ROOT).cloned(), ROOT, "it has no role of its own")?;
        Ok(Self { file, keys, own })
    }

    const fn threshold(&self) -> usize {
        self.own.threshold
    }

    /// The distinct keys of this root's certificates, of those that are `allowed`, which signed `file`.
    fn signers(
        &self,
        file: &File,
        allowed: impl Fn(&Certificate) -> bool,
    ) -> BTreeSet<super::PublicKey> {
        let allowed = |listed: &Listed| match listed {
            Listed::Certified(certificate) => allowed(certificate),
            Listed::Bare(_) | Listed::Useless => false,
        };
        self.own.signers(&file.message(), &file.signatures, allowed)
    }
}

const ROOT: &str = "root";
