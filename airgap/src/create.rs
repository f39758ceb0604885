//! Making a bundle of what a store holds.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use vouchsafe_store::{RepositoryState, Store, StoreError};
use vouchsafe_trust::{Denied, DeniedThing, Gun, RepositoryFacts, Role, Server, Sha256};

use crate::bundle::{Contents, PackError, PackWriter, describe};
use crate::manifest::{Base, Manifest, Repository, Withdrawn, digests};
use crate::{Name, Refusal};

/// What a bundle is to be.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Its series.
    pub name: Name,
    /// Its number in the series.
    pub sequence: u64,
    /// Whom it is for; anybody where nobody is named.
    pub audience: BTreeSet<Name>,
    /// When its contents are complete and current.
    pub created_at: Timestamp,
    /// Until when whoever signs it is to vouch for that.
    pub refresh_by: Option<Timestamp>,
    /// The bundle that it adds to, and the digest of that one's manifest.
    pub base: Option<(&'a Manifest, Sha256)>,
    /// How long everything in it has to last. Where `refresh_by` is said, timestamps need not: somebody's
    /// word will stand in for them.
    pub min_remaining: SignedDuration,
    /// What it is to list as denied.
    pub deny: Vec<Denied>,
    /// What it is to list as denied no longer.
    pub lift: Vec<DeniedThing>,
    /// What could not be brought up to date, so that nobody can say that it is current.
    pub unsynced: BTreeSet<(Server, Gun)>,
    /// The time now. What has expired by then goes into no bundle, whenever that is said to be made.
    pub now: Timestamp,
}

impl Order<'_> {
    /// An order of a bundle for anybody, made of what is current at `created_at`; it is `now`.
    pub fn new(name: Name, sequence: u64, created_at: Timestamp, now: Timestamp) -> Self {
        Self {
            name,
            sequence,
            audience: BTreeSet::new(),
            created_at,
            refresh_by: None,
            base: None,
            min_remaining: SignedDuration::ZERO,
            deny: Vec::new(),
            lift: Vec::new(),
            unsynced: BTreeSet::new(),
            now,
        }
    }
}

/// A bundle that is ready to be written, and what could not go into it.
#[derive(Debug)]
pub struct Gathered {
    /// What it says that it holds.
    pub manifest: Manifest,
    /// What to write.
    pub contents: Contents,
    /// The repositories that were wanted and are not in it.
    pub left_out: Vec<LeftOut>,
}

/// A repository that was wanted and cannot go into a bundle.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// The Notary server.
    pub server: Server,
    /// The repository.
    pub gun: Gun,
    /// Why.
    #[serde(flatten)]
    pub why: WhyLeftOut,
}

/// Why a repository cannot go into a bundle.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "camelCase")]
#[non_exhaustive]
pub enum WhyLeftOut {
    /// It has expired.
    #[error("`{role}` expired at {at:.0}")]
    Expired {
        /// The first role to count.
        role: Role,
        /// When it did.
        at: Timestamp,
    },
    /// It would not last as long as it has to.
    #[error("`{role}` expires at {at:.0}, which is too soon")]
    ExpiresSoon {
        /// The first role to count.
        role: Role,
        /// When it will.
        at: Timestamp,
    },
    /// It could not be brought up to date.
    #[error("it could not be brought up to date, so nobody can say that what is stored is current")]
    NotCurrent,
    /// Nothing of it is stored.
    #[error("nothing is stored of it: it was never synced, or is not signed")]
    NotStored,
    /// The pins do not hold for it.
    #[error("it is not proven by the pins: {message}")]
    Unproven {
        /// Why, in words.
        message: String,
    },
    /// Its server said that it is gone.
    #[error("its server said at {at:.0} that it no longer has it")]
    Withdrawn {
        /// When it did.
        at: Timestamp,
    },
}

/// Why a bundle cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CreateError {
    /// What was asked for cannot be in one bundle.
    #[error(transparent)]
    Impossible(#[from] Refusal),
    /// A file cannot be written.
    #[error("cannot gather the role files")]
    Io(#[from] io::Error),
    /// A role file cannot be added.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Gathers what `store` holds of the repositories `wanted`, for a bundle as `order` says. Role files
/// are gathered in the folder `spool`.
///
/// # Errors
///
/// [`CreateError`]. That a repository cannot go into the bundle is none: it is left out, and said.
pub fn gather(
    store: &Store,
    wanted: &BTreeSet<(Server, Gun)>,
    order: &Order<'_>,
    spool: &Path,
) -> Result<Gathered, CreateError> {
    let mut pack = PackWriter::new(spool)?;
    let known = known(order);
    let (mut repositories, mut left_out) = (Vec::new(), Vec::new());
    for (server, gun) in wanted {
        let (facts, tags) = match usable(store, server, gun, order)? {
            Ok(usable) => usable,
            Err(why) => {
                left_out.push(LeftOut {
                    server: server.clone(),
                    gun: gun.clone(),
                    why,
                });
                continue;
            }
        };
        let Some(metadata) = store.metadata(server, gun)? else {
            continue;
        };
        let mut files = describe(&metadata)?;
        let is_as_before = known
            .get(&(server, gun))
            .is_some_and(|known| digests(&known.files).eq(digests(&files)));
        if !is_as_before {
            pack.carry(&metadata, &mut files)?;
        }
        repositories.push(Repository {
            server: server.clone(),
            gun: gun.clone(),
            verified_at: facts.verified_at,
            tags,
            files,
        });
    }
    let pack = pack.finish()?;
    let manifest = Manifest {
        audience: order.audience.clone(),
        refresh_by: order.refresh_by,
        base: order.base.map(|(base, manifest)| Base {
            sequence: base.sequence,
            manifest,
        }),
        pack: pack.as_ref().map(crate::bundle::PackFile::pack),
        repositories,
        withdrawn: withdrawn(store, &known, wanted)?,
        deny: order.deny.clone(),
        lift: order.lift.clone(),
        ..Manifest::empty(order.name.clone(), order.sequence, order.created_at)
    };
    Ok(Gathered {
        contents: Contents::new(&manifest, pack)?,
        manifest,
        left_out,
    })
}

/// What is known of a repository and how many tags it signs, if it can go into the bundle.
fn usable(
    store: &Store,
    server: &Server,
    gun: &Gun,
    order: &Order<'_>,
) -> Result<Result<(RepositoryFacts, u64), WhyLeftOut>, StoreError> {
    if order.unsynced.contains(&(server.clone(), gun.clone())) {
        return Ok(Err(WhyLeftOut::NotCurrent));
    }
    let status = store.status_of(server.clone(), gun.clone())?;
    let tags = match &status.state {
        RepositoryState::Active(active) => match &active.unproven {
            None => active.tags,
            Some(why) => {
                let message = why.message.clone();
                return Ok(Err(WhyLeftOut::Unproven { message }));
            }
        },
        RepositoryState::Unknown => return Ok(Err(WhyLeftOut::NotStored)),
        RepositoryState::Withdrawn { at } => return Ok(Err(WhyLeftOut::Withdrawn { at: *at })),
    };
    let Some(facts) = status.facts() else {
        return Ok(Err(WhyLeftOut::NotStored));
    };
    Ok(lasts(&facts, order).map(|()| (facts, tags)))
}

/// Whether everything that counts is unexpired, and for long enough.
fn lasts(facts: &RepositoryFacts, order: &Order<'_>) -> Result<(), WhyLeftOut> {
    let now = order.created_at;
    let needed = now
        .checked_add(order.min_remaining)
        .unwrap_or(Timestamp::MAX);
    for (role, file) in &facts.roles {
        let at = file.expires;
        let is_base = !matches!(role, Role::Delegation(_));
        // An expired delegation drops itself.
        if at < now.max(order.now) && is_base {
            return Err(WhyLeftOut::Expired {
                role: role.clone(),
                at,
            });
        }
        let is_vouched = order.refresh_by.is_some() && *role == Role::Timestamp;
        if at >= now && at < needed && !is_vouched {
            return Err(WhyLeftOut::ExpiresSoon {
                role: role.clone(),
                at,
            });
        }
    }
    Ok(())
}

/// The repositories of the base.
type Known<'o> = BTreeMap<(&'o Server, &'o Gun), &'o Repository>;

fn known<'o>(order: &'o Order<'_>) -> Known<'o> {
    let base = order.base.iter();
    base.flat_map(|(manifest, _)| &manifest.repositories)
        .map(|repository| ((&repository.server, &repository.gun), repository))
        .collect()
}

/// What was wanted, or the base lists, and its server says is gone.
fn withdrawn(
    store: &Store,
    known: &Known<'_>,
    wanted: &BTreeSet<(Server, Gun)>,
) -> Result<Vec<Withdrawn>, StoreError> {
    let mut withdrawn = Vec::new();
    let base = known.keys();
    let base = base.map(|&(server, gun)| (server.clone(), gun.clone()));
    let asked: BTreeSet<(Server, Gun)> = base.chain(wanted.iter().cloned()).collect();
    for (server, gun) in asked {
        let status = store.status_of(server.clone(), gun.clone())?;
        if let RepositoryState::Withdrawn { at } = status.state {
            withdrawn.push(Withdrawn { server, gun, at });
        }
    }
    Ok(withdrawn)
}
