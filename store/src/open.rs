//! Opening a directory as a store, whatever state it is in.

mod error;
mod holder;
mod quarantine;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use error::OpenError;
pub use quarantine::SetAside;
pub(crate) use quarantine::note_damage;

use crate::cache::Cache;
use crate::durable::Durable;
use crate::latest::Latest;
use crate::outbox::Outbox;
use crate::record::Header;
use crate::store::{HEADER, Trees};
use crate::{Store, StoreError};

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Where its contents went, if they could not be used: the store is empty then.
    /// [`Store::set_aside`] knows why.
    pub set_aside: Option<PathBuf>,
}

impl Store {
    /// Opens the store in `dir`, which is made if it is not there.
    ///
    /// Contents that are damaged or of another format are set aside under another name, never
    /// deleted, and the store starts empty.
    ///
    /// # Errors
    ///
    /// [`OpenError::Held`] if another process has it open; any other [`OpenError`] if the operating
    /// system refuses something, in which case nothing is set aside.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Opened, OpenError> {
        let at = |path: &Path| {
            let path = path.to_path_buf();
            move |source| OpenError::Io { path, source }
        };
        let mut builder = DirBuilder::new();
        let builder = builder.recursive(true).mode(0o700);
        builder.create(dir).map_err(at(dir))?;
        let lock = lock(dir)?;
        let mut set_aside = quarantine::prepare(dir, now).map_err(at(dir))?;
        let mut parts = open_parts(dir)?;
        if let Err(reason) = parts {
            set_aside = Some(quarantine::set_aside(dir, now, reason).map_err(at(dir))?);
            parts = open_parts(dir)?;
        }
        let parts = parts.map_err(|reason| OpenError::Unusable {
            dir: dir.to_path_buf(),
            reason,
        })?;
        let path = set_aside.as_ref().map(|aside| aside.path.clone());
        let store = Self::new(dir.to_path_buf(), set_aside, parts, lock);
        Ok(Opened {
            store,
            set_aside: path,
        })
    }
}

/// What makes up an open store.
pub(crate) struct Parts {
    pub(crate) trees: Trees,
    pub(crate) latest: Latest,
    pub(crate) outbox: Outbox,
    pub(crate) durable: Arc<Durable>,
    pub(crate) cache: Cache,
}

/// Opens the database, or says why its contents cannot be used.
fn open_parts(dir: &Path) -> Result<Result<Parts, String>, OpenError> {
    for attempt in 0.. {
        // sled asserts much about the bytes it recovers, and panics where they are not as it left
        // them. That, too, is damage, and here is the only place where it can be told from a
        // mistake of ours.
        let opened = catch_unwind(AssertUnwindSafe(|| try_parts(dir)));
        let error = match opened {
            Ok(Ok(parts)) => return Ok(Ok(parts)),
            Ok(Err(error)) => error,
            Err(panic) => return Ok(Err(format!("sled panicked: {}", message(&*panic)))),
        };
        match error {
            StoreError::Engine(sled::Error::Io(source)) if is_lock(&source) => {
                // sled's threads give up its lock a moment after a store is dropped, which is longer on a
                // busy machine. Whoever is here holds the directory's own lock, so nobody else does.
                if attempt == SLED_LOCK_ATTEMPTS {
                    return Err(OpenError::held(dir));
                }
                std::thread::sleep(LOCK_PAUSE);
            }
            StoreError::Engine(sled::Error::Io(source)) | StoreError::Io(source)
                if !is_damage(&source) =>
            {
                let path = dir.join("db");
                return Err(OpenError::Io { path, source });
            }
            StoreError::Damaged { what } => return Ok(Err(what)),
            StoreError::Engine(error) => return Ok(Err(error.to_string())),
            StoreError::Io(error) => return Ok(Err(error.to_string())),
            // Opening neither commits nor races.
            error @ (StoreError::Contended { .. }
            | StoreError::Full { .. }
            | StoreError::Superseded { .. }
            | StoreError::Unencodable(_)) => return Ok(Err(error.to_string())),
        }
    }
    Err(OpenError::held(dir))
}

fn try_parts(dir: &Path) -> Result<Parts, StoreError> {
    remove_unfinished_snapshots(&dir.join("db")).map_err(StoreError::Io)?;
    let db = sled::Config::new()
        .path(dir.join("db"))
        .cache_capacity(CACHE)
        // Commits flush by themselves; nothing else is worth a thread that wakes up.
        .flush_every_ms(None)
        .open()?;
    let cache = Cache::keep(db.open_tree(HEADER)?)?;
    let trees = Trees::open(&db, &cache)?;
    let checksum = trees.header.checksum();
    let durable = Durable::open(dir, &db, checksum)?
        .ok_or_else(|| StoreError::damaged("commits that had been synced are missing"))?;
    for (number, header) in (1..).zip(trees.header.iter()) {
        cache.count_walk(number);
        let (key, raw) = header?;
        crate::key::RepoKey::parse(&key)
            .ok_or_else(|| StoreError::damaged("a header of no repository"))?;
        durable.pass(Header::parse(raw)?.generation);
    }
    trees.sweep_begun()?;
    let durable = Arc::new(durable);
    Ok(Parts {
        latest: Latest::open(&trees.time, &durable)?,
        outbox: Outbox::open(&db)?,
        trees,
        durable,
        cache,
    })
}

/// Removes the snapshots that sled was writing when it was killed. The one before them and the log
/// hold all that they would have held, and sled would take the last of them for the newest: what it
/// passes over has another suffix than what it writes (sled 0.34.7, `get_snapshot_files` and
/// `write_snapshot`).
fn remove_unfinished_snapshots(db: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(db) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Locks the directory. A file of its own, since sled's lock goes with what is set aside.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path);
    let at = |source| OpenError::Io {
        path: path.clone(),
        source,
    };
    let file = file.map_err(at)?;
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => {
                holder::write(&file);
                return Ok(file);
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(source)) => return Err(at(source)),
        }
    }
    Err(OpenError::held(dir))
}

/// Whether this is sled's own complaint about its lock; it has no kind of its own.
fn is_lock(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string().contains("could not acquire lock")
}

/// Whether reading failed because of what is in the files, rather than because the operating
/// system refused.
fn is_damage(error: &io::Error) -> bool {
    let kind = error.kind();
    let missing = [io::ErrorKind::NotFound, io::ErrorKind::UnexpectedEof];
    let unusable = [
        io::ErrorKind::InvalidData,
        io::ErrorKind::InvalidInput,
        io::ErrorKind::Other,
    ];
    missing.contains(&kind) || (unusable.contains(&kind) && error.raw_os_error().is_none())
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a message")
        .chars()
        .take(200)
        .collect()
}

/// Writes a small file to the disk, and removes it.
pub(crate) fn try_to_write(dir: &Path) -> io::Result<()> {
    let probe = dir.join("probe");
    let written = fs::write(&probe, vec![1; PROBE]).and_then(|()| File::open(&probe)?.sync_all());
    let removed = fs::remove_file(&probe);
    written.and(removed)
}

/// Writes a small file so that it is there whole or not at all, even after a power failure.
fn write_whole(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let path = dir.join(name);
    let new = dir.join(format!("{name}.new"));
    fs::write(&new, text)?;
    File::open(&new)?.sync_all()?;
    fs::rename(&new, &path)?;
    File::open(dir)?.sync_all()
}

/// What sled may keep of the disk in memory, besides what it has not counted yet. Headers and pages of 10,000
/// repositories take some 45 MiB.
const CACHE: u64 = 8 << 20;
/// How much is written to find out whether a disk can be.
const PROBE: usize = 64 << 10;
const LOCK: &str = "lock";
const LOCK_ATTEMPTS: u32 = 20;
const SLED_LOCK_ATTEMPTS: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);
