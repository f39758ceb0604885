//! The root chain, extended to what the server has: forward to its newest root, and back to one
//! that a pinned key signed.

use std::collections::BTreeSet;

use vouchsafe_trust::key::Fingerprint;
use vouchsafe_trust::metadata::{Envelope, Root};
use vouchsafe_trust::update::RootChain;
use vouchsafe_trust::{Fault, Role, Sha256, VerifyError, Version};

use super::{CollectError, Collector, aside};
use crate::notary::RoleFile;

impl Collector<'_> {
    /// The chain to start from: the stored one, or one that begins with the server's newest root.
    ///
    /// A stored chain that no longer holds (it expired, the pins are others) may be cured by a
    /// newer root.
    pub(super) async fn root_chain(&mut self) -> Result<RootChain, CollectError> {
        let Some(stored) = self.stored else {
            let newest = RoleFile::Newest(Role::Root);
            let newest = self.files.fetch(newest, self.terms.limits.role).await?;
            return self.anchor(vec![newest]).await;
        };
        let roots = &stored.metadata.roots;
        let same_pins = stored.facts.pins == self.terms.pins.fingerprint();
        match self.verify_roots(roots) {
            Ok(chain) if same_pins => Ok(chain),
            Ok(_) => self.anchor(roots.clone()).await,
            Err(error) => match self.newer_roots(roots, None).await? {
                Some(roots) => self.anchor(roots).await,
                None if same_pins => Err(error),
                None => self.anchor(roots.clone()).await,
            },
        }
    }

    pub(super) fn verify_roots(&self, roots: &[Vec<u8>]) -> Result<RootChain, CollectError> {
        let newest = roots.last().map_or(&[][..], Vec::as_slice);
        aside(newest, || {
            RootChain::verify(self.files.gun(), roots, self.terms)
        })
        .map_err(|error| CollectError::refused(self.files.server(), error))
    }

    /// The server's newest root, or the one with the hash `stated`, with those between it and
    /// `roots`; `None` if that is the newest known one.
    ///
    /// Nothing is verified here. A root behind what was accepted before comes alone: verifying it
    /// says what it is, a rollback or a repository made anew. Any other root that is not newer is
    /// no news: going back to it would undo what the newest known one says.
    pub(super) async fn newer_roots(
        &mut self,
        roots: &[Vec<u8>],
        stated: Option<Sha256>,
    ) -> Result<Option<Vec<Vec<u8>>>, CollectError> {
        let file = match stated {
            Some(sha256) => RoleFile::Content(Role::Root, sha256),
            None => RoleFile::Newest(Role::Root),
        };
        let limit = self.terms.limits.role;
        let newest = match self.files.fetch(file, limit).await {
            Ok(newest) => newest,
            Err(error) if error.label() == "not_found" => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(known) = roots.last() else {
            return Ok(Some(vec![newest]));
        };
        if newest == *known {
            return Ok(None);
        }
        let (Some(from), Some(to)) = (version(known), version(&newest)) else {
            return Ok(Some(vec![newest]));
        };
        if to <= from {
            // Nothing that was accepted before would refuse it, and a newer one has been seen.
            let known = self.terms.accepted.is_some();
            return Ok(known.then(|| vec![newest]));
        }
        let mut all = roots.to_vec();
        let mut next = from.next().unwrap_or(to);
        while next < to {
            let gap = Fault::RootVersionGap {
                expected: next,
                found: to,
            };
            if to.get() - next.get() > MAX_FORWARD {
                return Err(self.root_fault(gap));
            }
            let file = RoleFile::Version(Role::Root, next);
            match self.files.fetch(file, limit).await {
                Ok(root) => all.push(root),
                Err(error) if error.label() == "not_found" => return Err(self.root_fault(gap)),
                Err(error) => return Err(error.into()),
            }
            next = next.next().unwrap_or(to);
        }
        all.push(newest);
        Ok(Some(all))
    }

    /// Extends `roots` backwards until every pin that could anchor the chain does, and the newest
    /// root accepted before is in it; or until there is no older root.
    ///
    /// Rotation is signed by the old key only in the rotating version, so a pin on an old key is
    /// found in an old version alone.
    async fn anchor(&mut self, mut roots: Vec<Vec<u8>>) -> Result<RootChain, CollectError> {
        let mut best = self.verify_roots(&roots);
        for _ in 0..MAX_BACK {
            let missing = match &best {
                Ok(chain) => self.pins_without(chain.anchors()),
                Err(error) if is_curable(error) => self.pins_without(&BTreeSet::new()),
                Err(_) => break,
            };
            let oldest = roots.first().and_then(|root| version(root));
            let Some(before) = oldest.and_then(Version::previous) else {
                break;
            };
            if missing.is_empty() {
                break;
            }
            let file = RoleFile::Version(Role::Root, before);
            let older = match self.files.fetch(file, self.terms.limits.role).await {
                Ok(older) => older,
                Err(error) if error.label() == "not_found" => break,
                Err(error) => return Err(error.into()),
            };
            let helps = self.helps(&older, before, &missing);
            roots.insert(0, older);
            if helps {
                match (self.verify_roots(&roots), &best) {
                    // The part that holds is enough for the pins that it anchors.
                    (Err(_), Ok(_)) => break,
                    (longer, _) => best = longer,
                }
            }
        }
        best
    }

    /// Whether verifying a chain that begins with this root is worth it: verifying after every
    /// step would be quadratic.
    fn helps(&self, root: &[u8], version: Version, missing: &BTreeSet<Fingerprint>) -> bool {
        let accepted = self.terms.accepted.map(|accepted| accepted.root_version);
        let listed = read(root)
            .and_then(|root| root.role_keys(&Role::Root))
            .map(|keys| keys.fingerprints());
        accepted == Some(version) || listed.is_none_or(|listed| !listed.is_disjoint(missing))
    }

    fn pins_without(&self, anchors: &BTreeSet<Fingerprint>) -> BTreeSet<Fingerprint> {
        let pins = self.terms.pins.roots.iter();
        pins.map(|root| root.key().fingerprint())
            .filter(|pin| !anchors.contains(pin))
            .collect()
    }

    fn root_fault(&self, fault: Fault) -> CollectError {
        let error = VerifyError::new(self.files.gun(), &Role::Root, fault);
        CollectError::refused(self.files.server(), error)
    }
}

/// Whether older roots could make a chain hold that does not.
fn is_curable(error: &CollectError) -> bool {
    matches!(
        error,
        CollectError::Refused { error, .. }
            if matches!(*error.fault, Fault::NotPinned { .. } | Fault::RootVersionGap { .. })
    )
}

fn read(root: &[u8]) -> Option<Root> {
    let envelope = Envelope::parse(root).ok()?;
    Root::read(envelope.signed()).ok()
}

fn version(root: &[u8]) -> Option<Version> {
    read(root).map(|root| root.common.version)
}

/// The most versions that one update follows; with this many rotations between two passes,
/// something else is wrong.
const MAX_FORWARD: u64 = 256;
/// The most versions that are looked through for a pinned key.
const MAX_BACK: u32 = 64;
