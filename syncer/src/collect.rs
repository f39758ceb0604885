//! Brings one repository up to date: fetches what changed, and verifies it while fetching.
//!
//! Drives the [`Update`] of the trust crate, so nothing is fetched
//! by a hash that a properly signed parent did not state.

mod anchor;
mod error;
mod files;
mod roots;

use vouchsafe_trust::evidence::{Freshness, Tolerance};
use vouchsafe_trust::metadata::{Envelope, Snapshot};
use vouchsafe_trust::update::{RootChain, Terms, Update};
use vouchsafe_trust::{
    Fault, Gun, RepositoryFacts, RepositoryMetadata, Role, Sha256, VerifiedRepository, VerifyError,
};

pub use self::error::CollectError;
use self::files::Files;
use crate::aside::aside;
use crate::notary::{NotaryClient, RoleFile};

/// What is stored of a repository.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The role files.
    pub metadata: RepositoryMetadata,
    /// What they proved.
    pub facts: RepositoryFacts,
}

/// What became of one repository.
#[derive(Debug)]
pub enum Collected {
    /// The server serves what is stored, under the same pins.
    Unchanged,
    /// There is something new.
    Updated(Box<VerifiedRepository>),
    /// The server says over an authenticated connection that it no longer has the repository.
    Withdrawn,
}

/// Brings `gun` up to date.
///
/// An unchanged repository takes one request; a new one takes four, and one for each delegation.
/// Files whose hash is stored already are not fetched. What a publisher changes between two
/// requests is no error: it starts anew from a fresh timestamp, once.
///
/// # Errors
///
/// [`CollectError`] names the server, the role and the cause.
pub async fn collect(
    client: &NotaryClient,
    gun: &Gun,
    stored: Option<&Stored>,
    terms: Terms<'_>,
) -> Result<Collected, CollectError> {
    let mut collector = Collector {
        stored,
        terms,
        files: Files::new(client, gun, stored, terms.limits),
        chains: 0,
    };
    let Some(timestamp) = collector.timestamp().await? else {
        return Ok(Collected::Withdrawn);
    };
    if collector.is_stored(&timestamp) {
        return Ok(Collected::Unchanged);
    }
    let error = match collector.update(&timestamp).await {
        Err(error) if error.may_be_a_race() => error,
        outcome => return outcome.map(Box::new).map(Collected::Updated),
    };
    match collector.timestamp().await? {
        Some(fresh) if fresh != timestamp => {
            let repository = collector.update(&fresh).await?;
            Ok(Collected::Updated(Box::new(repository)))
        }
        _ => Err(error),
    }
}

struct Collector<'a> {
    stored: Option<&'a Stored>,
    terms: Terms<'a>,
    files: Files<'a>,
    /// How many root chains were verified so far.
    chains: u32,
}

/// Why an update did not get to its end.
struct Setback {
    error: CollectError,
    /// The root that the snapshot states, where it is another one than the newest known.
    stated_root: Option<Sha256>,
}

impl<E: Into<CollectError>> From<E> for Setback {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            stated_root: None,
        }
    }
}

impl Collector<'_> {
    /// The newest timestamp; `None` if the repository is withdrawn.
    async fn timestamp(&mut self) -> Result<Option<Vec<u8>>, CollectError> {
        let limit = self.terms.limits.timestamp;
        let newest = RoleFile::Newest(Role::Timestamp);
        let error = match self.files.fetch(newest, limit).await {
            Err(error) if error.is_not_found_by_notary() => error,
            answer => return Ok(answer.map(Some)?),
        };
        let (server, gun) = (self.files.server().clone(), self.files.gun().clone());
        if self.terms.accepted.is_none() {
            return Err(CollectError::NoTrustData { server, gun });
        }
        let newest = RoleFile::Newest(Role::Root);
        match self.files.root(newest).await {
            Err(error) if error.is_not_found_by_notary() => {
                if server.is_plain() {
                    Err(CollectError::GoneWithoutTls { server, gun })
                } else {
                    Ok(None)
                }
            }
            _ => Err(error.into()),
        }
    }

    /// Whether nothing is to be done: the same timestamp as stored, verified under the same pins,
    /// and nothing expired since. (An expired one is to be reported, not passed over.)
    fn is_stored(&self, timestamp: &[u8]) -> bool {
        self.stored.is_some_and(|stored| {
            let freshness = stored.facts.freshness(self.terms.now, Tolerance::default());
            stored.metadata.timestamp == timestamp
                && stored.facts.pins == self.terms.pins.fingerprint()
                && matches!(freshness, Freshness::Fresh { .. })
        })
    }

    /// Follows the timestamp down to the last delegation. Where the root turns out to have changed
    /// on the way, starts once more with the new one.
    async fn update(&mut self, timestamp: &[u8]) -> Result<VerifiedRepository, CollectError> {
        let chain = self.root_chain().await?;
        let roots = chain.clone().into_roots();
        let Setback { error, stated_root } = match self.follow(chain, timestamp).await {
            Ok(repository) => return Ok(repository),
            Err(setback) => setback,
        };
        if !error.may_be_a_new_root() {
            return Err(error);
        }
        let Some(roots) = self.newer_roots(&roots, stated_root).await? else {
            return Err(error);
        };
        let chain = self.anchor(roots).await?;
        self.follow(chain, timestamp)
            .await
            .map_err(|setback| setback.error)
    }

    async fn follow(
        &mut self,
        chain: RootChain,
        timestamp: &[u8],
    ) -> Result<VerifiedRepository, Setback> {
        let server = self.files.server().clone();
        let refused = |error: VerifyError| CollectError::refused(&server, error);
        let update = Update::new(chain, self.terms);
        let update = aside(timestamp.len(), || update.timestamp(timestamp))
            .await
            .map_err(refused)?;

        let wanted = update.wanted().map_err(refused)?;
        let snapshot = self.files.stated(&wanted).await?;
        let update = match aside(snapshot.len(), || update.snapshot(&snapshot)).await {
            Ok(update) => update,
            Err(error) => {
                let stated_root = aside(snapshot.len(), || stated_root(&error, &snapshot)).await;
                let error = refused(error);
                return Err(Setback { error, stated_root });
            }
        };

        let wanted = update.wanted().map_err(refused)?;
        let targets = self.files.stated(&wanted).await?;
        let mut update = aside(targets.len(), || update.targets(&targets))
            .await
            .map_err(refused)?;

        while let Some(wanted) = update.wanted().map_err(refused)? {
            let file = self.files.stated(&wanted).await?;
            update = aside(file.len(), || update.delegation(&file))
                .await
                .map_err(refused)?;
        }
        Ok(update.finish().map_err(refused)?)
    }
}

/// The root that a snapshot states. Only asked when [`Fault::RootMismatch`] says that everything
/// else about the snapshot holds.
fn stated_root(error: &VerifyError, snapshot: &[u8]) -> Option<Sha256> {
    if !matches!(*error.fault, Fault::RootMismatch { .. }) {
        return None;
    }
    let envelope = Envelope::parse(snapshot).ok()?;
    Snapshot::read(envelope.signed()).ok()?.root.sha256
}
