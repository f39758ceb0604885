//! What makes a commit survive a crash: one sync for all who wait, and proof that nothing was lost.
//!
//! sled's own flush uses `sync_file_range(2)`, which promises nothing about the disk's cache or the
//! file's length, so the log is synced once more here. And sled's recovery takes a damaged tail of
//! its log for the end: the number of the last synced generation is kept beside it, and a log that
//! ends before that has lost commits.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::StoreError;
use crate::checksum::Checksum;

/// The order of commits, and the way to the disk.
#[derive(Debug)]
pub(crate) struct Durable {
    dir: PathBuf,
    db: sled::Db,
    checksum: Arc<Checksum>,
    log: File,
    mark: File,
    newest: AtomicU64,
    synced: Mutex<u64>,
    /// When the log began to be written that is being written.
    begun: Mutex<Option<Instant>>,
    /// Why nothing is taken in any more.
    failure: OnceLock<String>,
}

impl Durable {
    /// Takes over after the last generation that `db` holds; `None` if it lost one that had been
    /// synced.
    pub(crate) fn open(
        dir: &Path,
        db: &sled::Db,
        checksum: &Arc<Checksum>,
    ) -> Result<Option<Self>, StoreError> {
        let (held, changes) = match db.get(GENERATION)? {
            None => (0, 0),
            Some(value) => decode_synced(&value)
                .ok_or_else(|| StoreError::damaged("the number of the last generation"))?,
        };
        checksum.require(changes)?;
        let promised = read_mark(&dir.join(MARK)).map_err(StoreError::Io)?;
        if promised.is_some_and(|promised| promised > held) {
            return Ok(None);
        }
        let log = File::open(dir.join("db").join("db")).map_err(StoreError::Io)?;
        let mark = open_mark(&dir.join(MARK)).map_err(StoreError::Io)?;
        Ok(Some(Self {
            dir: dir.to_path_buf(),
            db: db.clone(),
            checksum: Arc::clone(checksum),
            log,
            mark,
            newest: AtomicU64::new(held),
            synced: Mutex::new(held),
            begun: Mutex::default(),
            failure: OnceLock::new(),
        }))
    }

    /// The number of a generation about to be written, above all before it.
    pub(crate) fn next_generation(&self) -> u64 {
        self.newest.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    /// The number of the newest generation. One is counted after each write, too, by [`Durable::sync`].
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::SeqCst)
    }

    /// Makes sure that numbers go on above `generation`.
    pub(crate) fn pass(&self, generation: u64) {
        self.newest.fetch_max(generation, Ordering::SeqCst);
    }

    /// Returns when everything that the caller has written is on the disk. Of many that wait, the
    /// first syncs for all.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.sync_to(self.written())
    }

    /// A number for everything that was written so far: whoever covers it covers that.
    pub(crate) fn written(&self) -> u64 {
        self.next_generation()
    }

    /// Returns when everything up to this number is on the disk.
    pub(crate) fn sync_to(&self, written: u64) -> Result<(), StoreError> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced >= written {
            return Ok(());
        }
        self.require_no_failure()?;
        let covered = self.newest.load(Ordering::SeqCst);
        self.write_log(covered)
            .inspect_err(|error| self.fail_by(error))?;
        self.mark
            .write_all_at(&encode(covered), 0)
            .map_err(StoreError::Io)?;
        *synced = covered;
        Ok(())
    }
}

impl Durable {
    /// The store's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Why nothing is taken in any more: the log could not be written once. sled goes on only when it is opened anew, and
    /// what the operating system could not write it may have dropped.
    ///
    /// A write that does not end counts as one that failed: sled waits for ever where it misses the end of one that did.
    pub(crate) fn failure(&self) -> Option<String> {
        if let Some(failure) = self.failure.get() {
            return Some(failure.clone());
        }
        let begun = *self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let long = begun.is_some_and(|begun| begun.elapsed() > PATIENCE);
        long.then(|| format!("a write did not end within {} s", PATIENCE.as_secs()))
    }

    /// Takes nothing in any more if `error`, which came while something was written, is one of the disk.
    pub(crate) fn fail_by(&self, error: &StoreError) {
        if let StoreError::Engine(_) | StoreError::Io(_) = error {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            self.failure
                .get_or_init(|| cause.unwrap_or_else(|| error.to_string()));
        }
    }

    /// Refuses to write anything after a write that failed: the operating system tells of what it could not write once,
    /// and may have dropped it.
    pub(crate) fn require_no_failure(&self) -> Result<(), StoreError> {
        self.failure.get().map_or(Ok(()), |failure| {
            Err(StoreError::Io(io::Error::other(failure.clone())))
        })
    }

    fn write_log(&self, covered: u64) -> Result<(), StoreError> {
        let set_begun = |to| *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = to;
        set_begun(Some(Instant::now()));
        let written = (|| {
            let changes = self.checksum.changes();
            self.db
                .insert(GENERATION, encode_synced(covered, changes).as_slice())?;
            self.db.flush()?;
            self.log.sync_data().map_err(StoreError::Io)
        })();
        set_begun(None);
        written
    }
}

/// Drops the promise that goes with a database that is set aside.
pub(crate) fn forget_mark(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(MARK)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn open_mark(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
}

/// The generation in the file beside the log. One that is missing or torn promises nothing: it is
/// not synced, so a power failure may take it.
fn read_mark(path: &Path) -> io::Result<Option<u64>> {
    match fs::read(path) {
        Ok(bytes) => Ok(decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A number and its complement, so that torn or zeroed bytes are no number.
fn encode(generation: u64) -> [u8; 16] {
    (u128::from(generation) << 64 | u128::from(!generation)).to_be_bytes()
}

fn decode(bytes: &[u8]) -> Option<u64> {
    let both = u128::from_be_bytes(bytes.try_into().ok()?);
    let generation = u64::try_from(both >> 64).ok()?;
    (encode(generation) == both.to_be_bytes()).then_some(generation)
}

/// What is written at each sync: the newest generation, and how many changes of checked records came before.
fn encode_synced(generation: u64, changes: u64) -> [u8; 24] {
    let mut value = [0; 24];
    let (number, count) = value.split_at_mut(16);
    number.copy_from_slice(&encode(generation));
    count.copy_from_slice(&changes.to_be_bytes());
    value
}

fn decode_synced(value: &[u8]) -> Option<(u64, u64)> {
    let (number, changes) = value.split_at_checked(16)?;
    let changes = changes.try_into().map(u64::from_be_bytes).ok()?;
    Some((decode(number)?, changes))
}

const GENERATION: &[u8] = b"generation";
const MARK: &str = "generation";
/// How long a write may take, on a disk that is slow or comes and goes.
const PATIENCE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_number_is_none() {
        for generation in [0, 1, 77, u64::MAX] {
            let bytes = encode(generation);
            assert_eq!(decode(&bytes), Some(generation));
            assert_eq!(decode(&bytes[1..]), None);
            for at in 0..16 {
                let mut torn = bytes;
                torn[at] ^= 1;
                assert_eq!(decode(&torn), None, "{generation} {at}");
            }
        }
        assert_eq!(decode(&[0; 16]), None);
    }
}
