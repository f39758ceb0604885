//! Taking in what a `TrustRepository` claims: verified as if a server had just served it, or left.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use vouchsafe_policy::Config;
use vouchsafe_store::{RepositoryState, Store, StoreError, SyncOutcome, SyncResult};
use vouchsafe_trust::update::{Expiry, Limits, Terms};
use vouchsafe_trust::{Pins, RepositoryMetadata, Role, Sha256, verify};

use crate::trust_repository::{Claim, UnpackError};

/// What became of an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Taken {
    /// No rule of the policy asks about its repository.
    NotAsked,
    /// It says what is stored.
    Unchanged,
    /// What it carries is proven, and stored.
    Updated,
    /// Its server no longer has the repository; that is stored.
    Withdrawn,
    /// It changes nothing.
    Refused(Refused),
}

/// Why an object changes nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// The stable, short name of the cause.
    pub label: &'static str,
    /// The cause in words.
    pub message: String,
    /// Whether it may well be taken in later as it is.
    pub transient: bool,
}

impl Taken {
    /// The stable, short name of the outcome.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::Unchanged => "unchanged",
            Self::Updated => "updated",
            Self::Withdrawn => "withdrawn",
            Self::Refused(refused) => refused.label,
        }
    }
}

impl Refused {
    pub(crate) fn new(label: &'static str, message: &dyn fmt::Display) -> Self {
        Self {
            label,
            message: message.to_string(),
            transient: false,
        }
    }

    pub(crate) fn for_now(label: &'static str, message: &dyn fmt::Display) -> Self {
        Self {
            transient: true,
            ..Self::new(label, message)
        }
    }
}

impl From<UnpackError> for Refused {
    fn from(error: UnpackError) -> Self {
        Self {
            // Parts are written before the object that names them; but a cache may be behind.
            transient: matches!(error, UnpackError::PartMissing { .. }),
            ..Self::new(error.label(), &error)
        }
    }
}

/// Takes in what `claim` and the `parts` that it names carry, if it is asked about and holds at `now`.
///
/// `last_synced` is what the object said before of when it was brought up to date, if that is known: a withdrawal from before that
/// is an old one.
///
/// # Errors
///
/// [`StoreError`] if the store cannot be read or written; it is as it was then.
pub fn take(
    store: &Store,
    config: &Config,
    (claim, parts): (&Claim, &BTreeMap<String, String>),
    last_synced: Option<Timestamp>,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let (server, gun) = (&claim.server, &claim.gun);
    let Some(pins) = config.pins(server, gun) else {
        return Ok(Taken::NotAsked);
    };
    let state = store.status_of(server.clone(), gun.clone())?.state;
    let taken = match (claim.withdrawn_at, state) {
        (None, state) => prove(store, (claim, parts), &state, &pins, now)?,
        (Some(at), RepositoryState::Active(_)) => withdraw(store, claim, (at, last_synced), now)?,
        // Nothing may fall behind its last files, also where it comes back one day.
        (Some(at), state @ RepositoryState::Unknown) if claim.has_files() => {
            match prove(store, (claim, parts), &state, &pins, now)? {
                Taken::Updated => withdraw(store, claim, (at, None), now)?,
                taken @ (Taken::NotAsked
                | Taken::Refused(_)
                | Taken::Unchanged
                | Taken::Withdrawn) => taken,
            }
        }
        (Some(_), RepositoryState::Unknown | RepositoryState::Withdrawn { .. }) => Taken::Withdrawn,
    };
    remember(store, claim, &taken, now)?;
    Ok(taken)
}

/// Takes in the role files.
fn prove(
    store: &Store,
    (claim, parts): (&Claim, &BTreeMap<String, String>),
    state: &RepositoryState,
    pins: &Pins,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let metadata = match claim.unpack(parts, LIMITS) {
        Ok(metadata) => metadata,
        Err(error) => return Ok(Taken::Refused(error.into())),
    };
    let (server, gun) = (&claim.server, &claim.gun);
    match state {
        // Nobody has brought it up to date in the future.
        RepositoryState::Withdrawn { at } if claim.synced_at.min(now) <= *at => {
            let message =
                format!("its server said at {at:.0} that it no longer has it, which is later");
            return Ok(Taken::Refused(Refused::new("withdrawn", &message)));
        }
        RepositoryState::Active(active) if active.unproven.is_none() => {
            let stored = active.roles.iter();
            let stored = stored.map(|(role, file)| (role.clone(), file.sha256));
            if active.pins == pins.fingerprint() && is_stored(&metadata, &stored.collect()) {
                return Ok(Taken::Unchanged);
            }
        }
        RepositoryState::Active(_)
        | RepositoryState::Unknown
        | RepositoryState::Withdrawn { .. } => {}
    }
    let accepted = store.accepted(server, gun)?;
    let terms = Terms {
        pins,
        accepted: accepted.as_ref(),
        now,
        // What a cluster keeps may have run out since, and is what the next must not fall behind all the same. Every decision
        // looks at expiry.
        expiry: Expiry::Record,
        limits: LIMITS,
    };
    let repository = match verify(&metadata, terms) {
        Ok(repository) => repository,
        Err(error) => return Ok(Taken::Refused(Refused::new(error.label(), &error))),
    };
    match store.commit(server, &repository) {
        Ok(_) => Ok(Taken::Updated),
        Err(error @ StoreError::Superseded { .. }) => {
            Ok(Taken::Refused(Refused::new(error.label(), &error)))
        }
        Err(error) => Err(error),
    }
}

/// Whether these role files are the stored ones. The timestamp states the snapshot, and that everything else.
fn is_stored(metadata: &RepositoryMetadata, stored: &BTreeMap<Role, Sha256>) -> bool {
    let newest_root = metadata.roots.last();
    let files = [
        (Role::Timestamp, Some(&metadata.timestamp)),
        (Role::Snapshot, Some(&metadata.snapshot)),
        (Role::Targets, Some(&metadata.targets)),
        (Role::Root, newest_root),
    ];
    files
        .into_iter()
        .all(|(role, file)| file.is_some_and(|file| stored.get(&role) == Some(&Sha256::of(file))))
}

/// Takes in that the server no longer has a repository which is stored.
fn withdraw(
    store: &Store,
    claim: &Claim,
    (at, last_synced): (Timestamp, Option<Timestamp>),
    now: Timestamp,
) -> Result<Taken, StoreError> {
    // Both are by the clock of whoever synced.
    if let Some(last) = last_synced.filter(|last| at < *last) {
        let message = format!("says that it was gone at {at:.0}, but it was there at {last:.0}");
        return Ok(Taken::Refused(Refused::new("superseded", &message)));
    }
    // One from the future would keep it from coming back.
    store.withdraw(&claim.server, &claim.gun, at.min(now))?;
    Ok(Taken::Withdrawn)
}

/// Remembers with the repository how it went, as a sync does; only what is new, and only of what is stored: whoever may write objects
/// must not fill the disk with what is not.
fn remember(store: &Store, claim: &Claim, taken: &Taken, at: Timestamp) -> Result<(), StoreError> {
    let (server, gun) = (&claim.server, &claim.gun);
    let status = store.status_of(server.clone(), gun.clone())?;
    let result = match taken {
        Taken::NotAsked => return Ok(()),
        Taken::Unchanged | Taken::Updated | Taken::Withdrawn => SyncResult::Ok,
        Taken::Refused(Refused { label, message, .. }) => SyncResult::Err {
            label: (*label).to_owned(),
            message: message.clone(),
        },
    };
    let known = status.last_sync.map(|outcome| outcome.result);
    let is_news = matches!(taken, Taken::Updated) || known.as_ref() != Some(&result);
    if !is_news || matches!(status.state, RepositoryState::Unknown) {
        return Ok(());
    }
    store.record_sync(server, gun, &SyncOutcome { at, result })
}

/// How large what an object carries may be: far more than any repository has, and not so much that the memory of a replica ends with
/// some of them.
pub(crate) const LIMITS: Limits = Limits {
    root: 4 << 20,
    role: MAX_REPOSITORY,
    timestamp: 64 << 10,
    repository: MAX_REPOSITORY,
};
/// The most bytes of all role files of a repository, unpacked; one of 20,000 tags has 2 MiB.
pub(crate) const MAX_REPOSITORY: u64 = 24 << 20;
