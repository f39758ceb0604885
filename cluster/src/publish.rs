//! Publishing what a store holds as `TrustRepository` objects.
//!
//! What the objects carry is taken in first, so that a store which begins empty takes no step back either. Parts are written
//! before the object that names them, and taken away long after none does.

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use kube::api::{Api, DeleteParams, PostParams, Preconditions};
use serde_json::Value;
use tokio::task::{JoinError, spawn_blocking};
use vouchsafe_policy::Config;
use vouchsafe_store::{RepositoryState, Store, StoreError};
use vouchsafe_trust::{Clock, Gun, Server, Sha256};

use crate::Connection;
use crate::failure::is_status;
use crate::feed::object::{self, Object, Objects};
use crate::intake::{self, Refused, Taken};
use crate::trust_repository::{
    Claim, PackError, Packed, TrustRepository, TrustRepositoryPart, TrustRepositoryPartSpec,
    TrustRepositorySpec, object_name, pack, withdrawn,
};

pub use report::{PublishFailure, PublishReport};

/// Publishes what a store holds.
#[expect(
    missing_debug_implementations,
    reason = "the client holds credentials and has no Debug"
)]
pub struct Publisher {
    objects: Objects,
    /// What there was at the beginning, by name.
    found: BTreeMap<String, Found>,
}

/// An object that there was at the beginning.
#[derive(Debug)]
struct Found {
    uid: Option<String>,
    /// Counts the changes of everything but the status.
    generation: Option<i64>,
    /// What it claims, if that makes sense.
    says: Option<Says>,
}

/// What an object claims.
#[derive(Debug)]
struct Says {
    server: Server,
    gun: Gun,
    withdrawn_at: Option<Timestamp>,
    /// Nothing if it changes nothing: what is wrong with it is to be put right.
    identity: Option<Sha256>,
}

/// Why nothing can be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The API server cannot be asked, or says no.
    #[error("the API server cannot be asked for TrustRepository objects: {0}")]
    ApiServer(#[from] kube::Error),
    /// The store is at fault.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why one repository cannot be published.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("its object was changed by somebody else meanwhile")]
    Changed,
    #[error("cannot be written as an object: {0}")]
    Json(#[from] serde_json::Error),
    #[error("could not be packed: {0}")]
    Panicked(#[from] JoinError),
    #[error(transparent)]
    ApiServer(#[from] kube::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Pack(#[from] PackError),
}

impl Publisher {
    /// Reads the objects that there are, and takes in what they carry as a webhook would.
    ///
    /// # Errors
    ///
    /// [`PublishError`] if they cannot be read, or if the store fails.
    pub async fn begin(
        connection: &Connection,
        store: &Store,
        config: &Arc<Config>,
        clock: &dyn Clock,
    ) -> Result<Self, PublishError> {
        let objects = Objects::new(connection);
        let api = objects.api();
        let mut every = pin!(object::every(&api));
        let mut found = BTreeMap::new();
        while let Some(object) = every.try_next().await? {
            let name = object::name(&object).to_owned();
            let one = take_in(&objects, object, store, config, clock.now()).await?;
            found.insert(name, one);
        }
        Ok(Self { objects, found })
    }

    /// Writes what `store` holds of the repositories that `config` asks about, where the objects do not say it already, and
    /// takes away the objects that nobody asks about any more.
    ///
    /// One repository that fails does not stop the others.
    ///
    /// # Errors
    ///
    /// [`PublishError`] if the store or the list of objects cannot be read.
    pub async fn publish(
        &self,
        store: &Store,
        config: &Arc<Config>,
        now: Timestamp,
    ) -> Result<PublishReport, PublishError> {
        let mut report = PublishReport::default();
        let wanted = store.repositories()?.into_iter();
        let wanted = wanted.filter(|(server, gun)| config.pins(server, gun).is_some());
        let written = stream::iter(wanted.map(|(server, gun)| async move {
            let result = self.publish_one(store, (&server, &gun), now).await;
            (gun, result)
        }));
        let mut written = written.buffer_unordered(AT_ONCE);
        while let Some((gun, result)) = written.next().await {
            match result {
                Ok(None) => {}
                Ok(Some(true)) => report.written += 1,
                Ok(Some(false)) => report.unchanged += 1,
                Err(fault) => report.fail(gun.as_str(), &fault),
            }
        }
        drop(written);
        self.remove_unasked(config, &mut report).await;
        if report.failures.is_empty() {
            self.sweep_parts(now, &mut report).await?;
        }
        Ok(report)
    }

    /// Whether the object of a repository was written anew; nothing if there is nothing to say of it.
    async fn publish_one(
        &self,
        store: &Store,
        (server, gun): (&Server, &Gun),
        now: Timestamp,
    ) -> Result<Option<bool>, Fault> {
        let name = object_name(server, gun);
        let found = self.found.get(&name);
        let says = found.and_then(|found| found.says.as_ref());
        let status = store.status_of(server.clone(), gun.clone())?;
        let packed = match status.state {
            RepositoryState::Unknown => return Ok(None),
            RepositoryState::Withdrawn { at } => {
                if says.is_some_and(|says| says.withdrawn_at == Some(at)) {
                    return Ok(Some(false));
                }
                withdrawn(server, gun, at)
            }
            // What does not hold under the pins is nobody's proof.
            RepositoryState::Active(active) if active.unproven.is_some() => return Ok(None),
            RepositoryState::Active(_) => match packed(store, server, gun, now).await? {
                Some(packed) => packed,
                None => return Ok(None),
            },
        };
        if says.is_some_and(|says| says.identity == Some(packed.spec.identity())) {
            return Ok(Some(false));
        }
        self.write_parts(packed.parts).await?;
        self.write(&name, found, packed.spec).await?;
        Ok(Some(true))
    }

    /// Writes the parts that an object is going to name.
    async fn write_parts(&self, parts: BTreeMap<String, String>) -> Result<(), kube::Error> {
        let api = self.objects.typed::<TrustRepositoryPart>();
        for (name, data) in parts {
            let part = TrustRepositoryPart::new(&name, TrustRepositoryPartSpec { data });
            match api.create(&PostParams::default(), &part).await {
                Ok(_) => {}
                // Its name says what is in it; whoever reads it holds it to that.
                Err(error) if is_status(&error, 409) => {
                    replace_damaged(&api, &name, &part).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes an object in the place of what was found, with whatever people added to its metadata.
    async fn write(
        &self,
        name: &str,
        found: Option<&Found>,
        spec: TrustRepositorySpec,
    ) -> Result<(), Fault> {
        let (api, params) = (self.objects.api(), PostParams::default());
        let mut attempts = 0;
        loop {
            attempts += 1;
            let written = match api.get_opt(name).await? {
                None => {
                    let object = TrustRepository::new(name, spec.clone());
                    self.objects
                        .typed()
                        .create(&params, &object)
                        .await
                        .map(drop)
                }
                Some(current) if found.is_some_and(|found| !found.is(&current)) => {
                    // Whoever changed it meanwhile may know better: the next pass sees.
                    return Err(Fault::Changed);
                }
                Some(mut current) => {
                    let spec = succeeding(&current, &spec)?;
                    if let Some(members) = current.data.as_object_mut() {
                        members.insert("spec".to_owned(), spec);
                    }
                    api.replace(name, &params, &current).await.map(drop)
                }
            };
            match written {
                // Its status was written meanwhile, or somebody else created it.
                Err(error) if is_status(&error, 409) && attempts < ATTEMPTS => {}
                written => return Ok(written?),
            }
        }
    }

    /// Takes away the objects of repositories that nobody asks about any more. What makes no sense is left for people to see.
    async fn remove_unasked(&self, config: &Config, report: &mut PublishReport) {
        for (name, found) in &self.found {
            let Some(says) = &found.says else {
                report.foreign += 1;
                continue;
            };
            if config.pins(&says.server, &says.gun).is_some() {
                continue;
            }
            let params = DeleteParams::default().preconditions(Preconditions {
                uid: found.uid.clone(),
                resource_version: None,
            });
            match self.objects.api().delete(name, &params).await {
                Ok(_) => report.removed += 1,
                Err(error) if is_status(&error, 404) => {}
                Err(error) => report.fail(says.gun.as_str(), &error),
            }
        }
    }

    /// Takes away the parts that no object names, and that are too old to be of one that is being written.
    async fn sweep_parts(
        &self,
        now: Timestamp,
        report: &mut PublishReport,
    ) -> Result<(), kube::Error> {
        let parts = self.objects.parts_api();
        // Only those that may have been left: none, in most clusters.
        let every = object::every(&parts).try_filter_map(async |part| {
            let created = part.metadata.creation_timestamp.as_ref().map(|time| time.0);
            let is_old = created.is_some_and(|at| now.duration_since(at) > PART_STAYS);
            Ok(part.metadata.name.filter(|_| is_old))
        });
        let old: Vec<String> = every.try_collect().await?;
        if old.is_empty() {
            return Ok(());
        }
        let named = self.named_parts().await?;
        for name in old.iter().filter(|name| !named.contains(*name)) {
            match parts.delete(name, &DeleteParams::default()).await {
                Ok(_) => report.swept += 1,
                Err(error) if is_status(&error, 404) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The parts that objects name now.
    async fn named_parts(&self) -> Result<BTreeSet<String>, kube::Error> {
        let api = self.objects.api();
        let mut every = pin!(object::every(&api));
        let mut named = BTreeSet::new();
        while let Some(object) = every.try_next().await? {
            if let Ok(claim) = object::read(&object) {
                named.extend(claim.parts().map(str::to_owned));
            }
        }
        Ok(named)
    }
}

impl Found {
    /// Whether an object is the one that was found, whatever its status says by now.
    fn is(&self, object: &Object) -> bool {
        let metadata = &object.metadata;
        self.uid == metadata.uid && self.generation == metadata.generation
    }
}

/// What is stored of a repository, as objects; nothing if it is gone by now.
async fn packed(
    store: &Store,
    server: &Server,
    gun: &Gun,
    now: Timestamp,
) -> Result<Option<Packed>, Fault> {
    let (store, server, gun) = (store.clone(), server.clone(), gun.clone());
    let packed = spawn_blocking(move || -> Result<Option<Packed>, Fault> {
        let metadata = store.metadata(&server, &gun)?;
        let packed = metadata.map(|metadata| pack(&server, &metadata, now));
        Ok(packed.transpose()?)
    });
    packed.await?
}

/// What comes after what `current` says: where that is that the repository is gone, its last files stay, behind which none may fall.
fn succeeding(current: &Object, spec: &TrustRepositorySpec) -> Result<Value, serde_json::Error> {
    let mut next = serde_json::to_value(spec)?;
    let files = current.data.pointer("/spec/files");
    if let (Some(_), Some(files), Some(next)) = (&spec.withdrawn_at, files, next.as_object_mut()) {
        next.insert("files".to_owned(), files.clone());
    }
    Ok(next)
}

/// Reads an object, and takes in what it carries, if anything of it holds.
async fn take_in(
    objects: &Objects,
    object: Object,
    store: &Store,
    config: &Arc<Config>,
    now: Timestamp,
) -> Result<Found, PublishError> {
    let claim = object::read(&object).ok();
    let mut found = Found {
        uid: object.metadata.uid,
        generation: object.metadata.generation,
        says: claim.as_ref().map(|claim| Says {
            server: claim.server.clone(),
            gun: claim.gun.clone(),
            withdrawn_at: claim.withdrawn_at,
            identity: None,
        }),
    };
    let Some(claim) = claim.filter(|it| config.pins(&it.server, &it.gun).is_some()) else {
        return Ok(found);
    };
    let (gun, identity) = (claim.gun.clone(), claim.identity);
    let refused = match taken(objects, claim, store, config, now).await? {
        Taken::Refused(refused) => refused,
        Taken::NotAsked | Taken::Unchanged | Taken::Updated | Taken::Withdrawn => {
            if let Some(says) = &mut found.says {
                says.identity = Some(identity);
            }
            return Ok(found);
        }
    };
    let (reason, error) = (refused.label, refused.message);
    tracing::warn!(%gun, reason, %error, "a TrustRepository changes nothing");
    Ok(found)
}

/// What becomes of a claim. That a repository is gone is not believed where it is stored: the server is asked anyway.
async fn taken(
    objects: &Objects,
    claim: Claim,
    store: &Store,
    config: &Arc<Config>,
    now: Timestamp,
) -> Result<Taken, PublishError> {
    let status = store.status_of(claim.server.clone(), claim.gun.clone())?;
    if claim.withdrawn_at.is_some() && matches!(status.state, RepositoryState::Active(_)) {
        return Ok(Taken::Unchanged);
    }
    let parts = match objects.parts(&claim).await {
        Ok(parts) => parts,
        Err(refused) => return Ok(Taken::Refused(refused)),
    };
    let (store, config) = (store.clone(), Arc::clone(config));
    let work = move || intake::take(&store, &config, (&claim, &parts), None, now);
    match spawn_blocking(work).await {
        Ok(taken) => Ok(taken?),
        Err(error) => Ok(Taken::Refused(Refused::for_now("panicked", &error))),
    }
}

/// Writes a part whose name is taken, unless what has the name is what is to be written.
async fn replace_damaged(
    api: &Api<TrustRepositoryPart>,
    name: &str,
    part: &TrustRepositoryPart,
) -> Result<(), kube::Error> {
    let found = api.get(name).await?;
    if found.spec == part.spec {
        return Ok(());
    }
    let mut part = part.clone();
    part.metadata.resource_version = found.metadata.resource_version;
    api.replace(name, &PostParams::default(), &part).await?;
    Ok(())
}

/// How many repositories are published at once.
const AT_ONCE: usize = 8;
/// How often an object is written whose status is written at the same time.
const ATTEMPTS: u32 = 4;
/// How long a part stays that no object names: whoever writes, writes it first; whoever reads may be behind.
const PART_STAYS: SignedDuration = SignedDuration::from_hours(1);
