//! The store itself: its trees, and who may write when.

use std::cmp::Ordering;
use std::fs::File;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use sled::{Db, Tree};
use vouchsafe_trust::{Gun, Server};

use crate::cache::Cache;
use crate::checksum::{Checked, Checksum};
use crate::durable::Durable;
use crate::key::RepoKey;
use crate::latest::Latest;
use crate::open::Parts;
use crate::outbox::Outbox;
use crate::turn::Turns;
use crate::{RefusedConfig, SetAside, StoreError};

/// Verified repositories on disk.
///
/// Cheap to clone; all clones are one store, which is closed with the last of them. Reads never
/// wait for a commit. Commits of different repositories only share the wait for the disk.
#[derive(Clone, Debug)]
pub struct Store(pub(crate) Arc<Inner>);

/// What all clones of a store share. The lock is last, so that it is given up after sled's.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) dir: PathBuf,
    pub(crate) set_aside: Option<SetAside>,
    pub(crate) trees: Trees,
    pub(crate) latest: Latest,
    pub(crate) outbox: Outbox,
    pub(crate) durable: Arc<Durable>,
    pub(crate) cache: Cache,
    pub(crate) turns: Turns,
    /// Held while a bundle is taken in.
    pub(crate) importing: Mutex<()>,
    pub(crate) refused_config: Mutex<Option<RefusedConfig>>,
    _lock: File,
}

/// The records by kind.
#[derive(Debug)]
pub(crate) struct Trees {
    /// Header by repository.
    pub(crate) header: Checked,
    /// Chunks of role files, and of long header bodies, by repository and digest.
    pub(crate) file: Tree,
    /// Pages of targets by repository, digest of the role's file, and place.
    pub(crate) page: Tree,
    /// What tags pointed to, by repository and tag.
    pub(crate) history: Tree,
    /// Where a role stated a digest before, by repository, role and digest.
    pub(crate) retained: Checked,
    /// How the last update went, by repository.
    pub(crate) sync: Tree,
    /// The syncer's state by server.
    pub(crate) server: Tree,
    /// The latest bundle that was taken in, by series.
    pub(crate) bundle: Checked,
    /// The number of the latest bundle that was made, by series.
    pub(crate) made: Checked,
    /// Repositories that a commit has begun to write and not yet tidied up after.
    pub(crate) begun: Tree,
    /// The latest time seen.
    pub(crate) time: Checked,
}

impl Trees {
    pub(crate) fn open(db: &Db, cache: &Cache) -> Result<Self, StoreError> {
        let names = [HEADER, "retained", "bundle", "made", "time"];
        let checked = Checksum::open(db, names, |number| cache.count_walk(number))?;
        let [header, retained, bundle, made, time] = checked;
        Ok(Self {
            header,
            file: db.open_tree("file")?,
            page: db.open_tree("page")?,
            history: db.open_tree("history")?,
            retained,
            sync: db.open_tree("sync")?,
            server: db.open_tree("server")?,
            bundle,
            made,
            begun: db.open_tree("begun")?,
            time,
        })
    }
}

impl Store {
    pub(crate) fn new(dir: PathBuf, set_aside: Option<SetAside>, parts: Parts, lock: File) -> Self {
        let Parts {
            trees,
            latest,
            outbox,
            durable,
            cache,
        } = parts;
        Self(Arc::new(Inner {
            dir,
            set_aside,
            trees,
            latest,
            outbox,
            durable,
            cache,
            turns: Turns::default(),
            importing: Mutex::default(),
            refused_config: Mutex::default(),
            _lock: lock,
        }))
    }

    /// The directory that holds the store.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// What was set aside when the store was opened, and why.
    pub fn set_aside(&self) -> Option<&SetAside> {
        self.0.set_aside.as_ref()
    }

    /// Why nothing is taken in any more, if that is so: the disk could not be written once, and nothing is until the store is
    /// opened anew. What is stored is still read.
    pub fn failure(&self) -> Option<String> {
        self.0.durable.failure()
    }

    /// Makes sure that a commit would find room on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] if it would not.
    pub fn require_room(&self) -> Result<(), StoreError> {
        self.0.durable.room_for_commit(0)
    }

    /// Whether it takes in what it is given: its disk has room for that, and has not failed.
    pub fn takes_in(&self) -> bool {
        self.failure().is_none() && self.require_room().is_ok()
    }

    /// Whether its directory can be written, with room for what comes next: tried, on the disk.
    pub fn can_be_written(&self) -> bool {
        self.0.durable.free_for_commit(0).is_ok() && crate::open::try_to_write(&self.0.dir).is_ok()
    }

    /// A number that grows, at the latest, when a reader sees something that was not there before. It grows as well when
    /// nothing of interest was written.
    pub fn generation(&self) -> u64 {
        self.0.durable.newest()
    }

    /// The repositories of which something is known: stored, withdrawn, or tried in vain.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn repositories(&self) -> Result<Vec<(Server, Gun)>, StoreError> {
        let keys = self.repo_keys();
        keys.map(|key| key.map(|(_, server, gun)| (server, gun)))
            .collect()
    }

    /// The keys of all of them, in order, each read when it is asked for.
    pub(crate) fn repo_keys(
        &self,
    ) -> impl Iterator<Item = Result<(RepoKey, Server, Gun), StoreError>> + use<> {
        let store = self.clone();
        let keys = |tree: &Tree| tree.iter().keys().peekable();
        let trees = &self.0.trees;
        let (mut headers, mut outcomes) = (keys(trees.header.tree()), keys(&trees.sync));
        let keys = iter::from_fn(move || {
            match (headers.peek(), outcomes.peek()) {
                (Some(Ok(header)), Some(Ok(outcome))) => match header.cmp(outcome) {
                    Ordering::Less => {}
                    Ordering::Equal => drop(outcomes.next()),
                    Ordering::Greater => return outcomes.next(),
                },
                (Some(_), None) | (Some(Err(_)), _) => {}
                (None, _) | (_, Some(Err(_))) => return outcomes.next(),
            }
            headers.next()
        });
        (1..).zip(keys).map(move |(number, key)| {
            store.0.cache.count_walk(number);
            let key = key?;
            let (server, gun) = store.repository_of(&key)?;
            Ok((RepoKey::new(&server, &gun), server, gun))
        })
    }

    /// The repository that a key is of.
    pub(crate) fn repository_of(&self, key: &[u8]) -> Result<(Server, Gun), StoreError> {
        RepoKey::parse(key).ok_or_else(|| self.note(StoreError::damaged("a key of no repository")))
    }

    /// As [`Store::note`], of an error that came while something was written: after one of the disk, nothing is taken in any
    /// more.
    pub(crate) fn note_write(&self, error: StoreError) -> StoreError {
        self.0.durable.fail_by(&error);
        self.note(error)
    }

    /// Leaves a note for the next opening if `error` shows that the store is damaged.
    pub(crate) fn note(&self, error: StoreError) -> StoreError {
        if let StoreError::Damaged { what } = &error {
            crate::open::note_damage(&self.0.dir, what);
        }
        error
    }
}

/// The name of the tree of headers.
pub(crate) const HEADER: &str = "header";
