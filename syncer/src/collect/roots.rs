//! The root chain, extended to the newest root that the server has.

use vouchsafe_trust::metadata::{Envelope, Root};
use vouchsafe_trust::update::RootChain;
use vouchsafe_trust::{Fault, Role, Sha256, VerifyError, Version};

use super::{CollectError, Collector};
use crate::aside::aside;
use crate::notary::RoleFile;

impl Collector<'_> {
    /// The chain to start from: the stored one, or one that begins with the server's newest root.
    ///
    /// A stored chain that no longer holds (it expired, the pins are others) may be cured by a
    /// newer root.
    pub(super) async fn root_chain(&mut self) -> Result<RootChain, CollectError> {
        let Some(stored) = self.stored else {
            let newest = RoleFile::Newest(Role::Root);
            let newest = self.files.root(newest).await?;
            return self.anchor(vec![newest]).await;
        };
        let roots = &stored.metadata.roots;
        let same_pins = stored.facts.pins == self.terms.pins.fingerprint();
        match self.verify_roots(roots).await {
            Ok(chain) if same_pins => Ok(chain),
            held @ Ok(_) => self.walk_back(roots.clone(), held).await,
            Err(error) => match self.newer_roots(roots, None).await? {
                Some(roots) => self.anchor(roots).await,
                None if same_pins => Err(error),
                None => self.walk_back(roots.clone(), Err(error)).await,
            },
        }
    }

    pub(super) async fn verify_roots(
        &mut self,
        roots: &[Vec<u8>],
    ) -> Result<RootChain, CollectError> {
        self.chains += 1;
        let (gun, terms) = (self.files.gun(), self.terms);
        let verified = aside(total(roots), || RootChain::verify(gun, roots, terms)).await;
        verified.map_err(|error| CollectError::refused(self.files.server(), error))
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
        let newest = match self.files.root(file).await {
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
        let (Some(from), Some(to)) = (version(known).await, version(&newest).await) else {
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
            match self.files.root(file).await {
                Ok(root) => all.push(root),
                Err(error) if error.label() == "not_found" => return Err(self.root_fault(gap)),
                Err(error) => return Err(error.into()),
            }
            next = next.next().unwrap_or(to);
        }
        all.push(newest);
        Ok(Some(all))
    }

    fn root_fault(&self, fault: Fault) -> CollectError {
        let error = VerifyError::new(self.files.gun(), &Role::Root, fault);
        CollectError::refused(self.files.server(), error)
    }
}

fn read_version(root: &[u8]) -> Option<Version> {
    let envelope = Envelope::parse(root).ok()?;
    Some(Root::read(envelope.signed()).ok()?.common.version)
}

/// The version that a root states, unproven.
pub(super) async fn version(root: &[u8]) -> Option<Version> {
    aside(root.len(), || read_version(root)).await
}

/// How many bytes they are in all.
pub(super) fn total(roots: &[Vec<u8>]) -> usize {
    roots.iter().map(Vec::len).sum()
}

/// The most versions that one update follows; with this many rotations between two passes,
/// something else is wrong.
const MAX_FORWARD: u64 = 256;
