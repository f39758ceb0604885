//! Taking in what a `TrustRepository` claims: verified as if a server had just served it, or left.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
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
    let taken = match claim.withdrawn_at {
        Some(at) => withdraw(store, claim, (at, last_synced), now)?,
        None => match claim.unpack(parts, Limits::default()) {
            Ok(metadata) => prove(store, claim, &metadata, &pins, now)?,
            Err(error) => Taken::Refused(error.into()),
        },
    };
    remember(store, claim, &taken, now)?;
    Ok(taken)
}

/// Takes in the role files.
fn prove(
    store: &Store,
    claim: &Claim,
    metadata: &RepositoryMetadata,
    pins: &Pins,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let (server, gun) = (&claim.server, &claim.gun);
    let status = store.status_of(server.clone(), gun.clone())?;
    match &status.state {
        RepositoryState::Withdrawn { at } if claim.synced_at <= *at => {
            let message =
                format!("its server said at {at:.0} that it no longer has it, which is later");
            return Ok(Taken::Refused(Refused::new("withdrawn", &message)));
        }
        RepositoryState::Active(active) if active.unproven.is_none() => {
            let stored = active
                .roles
                .iter()
                .map(|(role, file)| (role.clone(), file.sha256));
            if active.pins == pins.fingerprint() && is_stored(metadata, &stored.collect()) {
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
        // What a cluster keeps may have run out since; every decision looks at that.
        expiry: Expiry::EnforceAuthority,
        limits: Limits::default(),
    };
    let repository = match verify(metadata, terms) {
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

/// Takes in that the server no longer has the repository.
fn withdraw(
    store: &Store,
    claim: &Claim,
    (at, last_synced): (Timestamp, Option<Timestamp>),
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let (server, gun) = (&claim.server, &claim.gun);
    // Both are by the clock of whoever synced.
    if let Some(last) = last_synced.filter(|last| at < *last) {
        let message = format!("says that it was gone at {at:.0}, but it was there at {last:.0}");
        return Ok(Taken::Refused(Refused::new("superseded", &message)));
    }
    let status = store.status_of(server.clone(), gun.clone())?;
    match status.state {
        RepositoryState::Unknown | RepositoryState::Withdrawn { .. } => Ok(Taken::Unchanged),
        RepositoryState::Active(_) => {
            // It must be possible to have it back.
            let latest = now.checked_add(AHEAD).unwrap_or(Timestamp::MAX);
            store.withdraw(server, gun, at.min(latest))?;
            Ok(Taken::Withdrawn)
        }
    }
}

/// Remembers with the repository how it went, as a sync does; where nothing came of it, only what is new.
fn remember(store: &Store, claim: &Claim, taken: &Taken, at: Timestamp) -> Result<(), StoreError> {
    let (server, gun) = (&claim.server, &claim.gun);
    let result = match taken {
        Taken::NotAsked => return Ok(()),
        Taken::Unchanged => {
            let status = store.status_of(server.clone(), gun.clone())?;
            let known = status.last_sync.map(|outcome| outcome.result);
            if known == Some(SyncResult::Ok) {
                return Ok(());
            }
            SyncResult::Ok
        }
        Taken::Updated | Taken::Withdrawn => SyncResult::Ok,
        Taken::Refused(Refused { label, message, .. }) => SyncResult::Err {
            label: (*label).to_owned(),
            message: message.clone(),
        },
    };
    store.record_sync(server, gun, &SyncOutcome { at, result })
}

/// How far the clock of whoever synced may be ahead of this one.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);
