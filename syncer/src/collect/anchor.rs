//! The root chain, extended back to the roots that pinned keys signed.

use std::collections::BTreeSet;

use vouchsafe_trust::key::Fingerprint;
use vouchsafe_trust::metadata::{Envelope, Root};
use vouchsafe_trust::pin::Check;
use vouchsafe_trust::update::RootChain;
use vouchsafe_trust::{Fault, Gun, Role, Version};

use super::roots::{total, version};
use super::{CollectError, Collector};
use crate::aside::aside;
use crate::notary::RoleFile;

/// What is looked for in older roots, none of which is proven meanwhile.
#[derive(Debug)]
struct Sought<'a> {
    gun: &'a Gun,
    any_name: bool,
    /// Pinned keys that no root so far is signed by.
    pins: BTreeSet<Fingerprint>,
    /// Whether some pinned key has signed a root so far.
    is_anchored: bool,
    /// The newest root accepted before, if it is older than every root so far.
    accepted: Option<Version>,
}

/// Older roots, and how many of them a chain could use.
#[derive(Debug, Default)]
struct Older {
    /// From the newest to the oldest.
    roots: Vec<Vec<u8>>,
    /// The fewest that may make a chain hold.
    fewest: Option<usize>,
    /// The fewest that have everything that was found.
    most: Option<usize>,
}

impl<'a> Collector<'a> {
    /// The chain of `roots`, extended backwards where it has to be.
    pub(super) async fn anchor(&mut self, roots: Vec<Vec<u8>>) -> Result<RootChain, CollectError> {
        let held = self.verify_roots(&roots).await;
        self.walk_back(roots, held).await
    }

    /// Extends `roots`, of which `held` came when they were verified, backwards until every pin
    /// that could anchor the chain does, and the newest root accepted before is in it; or until
    /// there is no older root.
    ///
    /// Rotation is signed by the old key only in the rotating version, so a pin on an old key is
    /// found in an old version alone. The older roots are fetched first and no more than looked at;
    /// then the whole chain is verified once, and once more where only its newer part may hold.
    pub(super) async fn walk_back(
        &mut self,
        mut roots: Vec<Vec<u8>>,
        held: Result<RootChain, CollectError>,
    ) -> Result<RootChain, CollectError> {
        let Some(first) = roots.first() else {
            return held;
        };
        let Some(oldest) = version(first).await else {
            return held;
        };
        let Some(mut sought) = self.sought(&roots, oldest, &held).await else {
            return held;
        };
        let Older {
            roots: older,
            fewest,
            most,
        } = self.older(oldest, &mut sought).await?;
        let known = older.len();
        roots.splice(0..0, older.into_iter().rev());
        let mut failed = None;
        for taken in [most, fewest.filter(|_| fewest != most)]
            .into_iter()
            .flatten()
        {
            let longer = roots.get(known - taken..).unwrap_or_default();
            match self.verify_roots(longer).await {
                Ok(chain) => return Ok(chain),
                Err(error) => failed = Some(error),
            }
        }
        match (held, failed) {
            // What held before is enough for the pins that it anchors.
            (Err(_), Some(error)) => Err(error),
            (held, _) => held,
        }
    }

    /// What older roots have to show; `None` if they could not help.
    async fn sought(
        &self,
        roots: &[Vec<u8>],
        oldest: Version,
        held: &Result<RootChain, CollectError>,
    ) -> Option<Sought<'a>> {
        let pins = self.terms.pins.roots.iter();
        let mut sought = Sought {
            gun: self.files.gun(),
            any_name: self.terms.pins.certificate_name == Check::Record,
            pins: pins.map(|root| root.key().fingerprint()).collect(),
            is_anchored: false,
            accepted: None,
        };
        match held {
            Ok(chain) => {
                sought.pins.retain(|pin| !chain.anchors().contains(pin));
                sought.is_anchored = true;
            }
            Err(error) if is_curable(error) => {
                let accepted = self.terms.accepted.map(|accepted| accepted.root_version);
                sought.accepted = accepted.filter(|accepted| *accepted < oldest);
                aside(total(roots), || {
                    for root in roots {
                        sought.look_at(root);
                    }
                })
                .await;
            }
            Err(_) => return None,
        }
        Some(sought)
    }

    /// Fetches the roots before version `oldest`, until everything sought is found.
    async fn older(
        &mut self,
        oldest: Version,
        sought: &mut Sought<'_>,
    ) -> Result<Older, CollectError> {
        let mut older = Older::default();
        let mut at = oldest;
        while !sought.is_found() && older.roots.len() < MAX_BACK {
            let Some(before) = at.previous() else { break };
            let file = RoleFile::Version(Role::Root, before);
            let root = match self.files.root(file).await {
                Ok(root) => root,
                Err(error) if matches!(error.label(), "not_found" | "too_large") => break,
                Err(error) => return Err(error.into()),
            };
            let (is_next, helps) = aside(root.len(), || sought.look_back(&root, before)).await;
            if !is_next {
                break;
            }
            older.roots.push(root);
            if helps {
                older.most = Some(older.roots.len());
                older.fewest = older.fewest.or(older.most);
            }
            at = before;
        }
        Ok(older)
    }
}

impl Sought<'_> {
    fn is_found(&self) -> bool {
        self.accepted.is_none() && self.pins.is_empty()
    }

    /// Whether `root` is the one of version `expected`, and whether a chain that begins with it may
    /// hold and is worth more than one that begins later.
    fn look_back(&mut self, root: &[u8], expected: Version) -> (bool, bool) {
        let before = (self.pins.len(), self.accepted);
        if self.look_at(root) != Some(expected) {
            return (false, false);
        }
        self.accepted = self.accepted.filter(|accepted| *accepted < expected);
        let is_more = before != (self.pins.len(), self.accepted);
        (true, is_more && self.is_anchored && self.accepted.is_none())
    }

    /// Notes which pinned keys signed `root`, and returns its version. A pin costs a verification,
    /// other keys cost none.
    fn look_at(&mut self, root: &[u8]) -> Option<Version> {
        let envelope = Envelope::parse(root).ok()?;
        let root = Root::read(envelope.signed()).ok()?;
        let ids = root
            .certificates()
            .filter(|(_, c)| self.pins.contains(&c.key().fingerprint()))
            .filter(|(_, c)| c.is_strong() && (self.any_name || c.names(self.gun)))
            .map(|(id, _)| id)
            .collect();
        for pin in envelope.signatures().signers(&root.root_keys_among(&ids)) {
            self.pins.remove(&pin);
            self.is_anchored = true;
        }
        Some(root.common.version)
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

/// The most versions that are looked through for a pinned key.
const MAX_BACK: usize = 64;

#[cfg(test)]
mod tests;
