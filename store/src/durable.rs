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
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::StoreError;

/// The order of commits, and the way to the disk.
#[derive(Debug)]
pub(crate) struct Durable {
    dir: PathBuf,
    db: sled::Db,
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
    pub(crate) fn open(dir: &Path, db: &sled::Db) -> Result<Option<Self>, StoreError> {
        let held = match db.get(GENERATION)? {
            None => 0,
            Some(value) => decode(&value)
                .ok_or_else(|| StoreError::damaged("the number of the last generation"))?,
        };
        let promised = read_mark(&dir.join(MARK)).map_err(StoreError::Io)?;
        if promised.is_some_and(|promised| promised > held) {
            return Ok(None);
        }
        let log = File::open(dir.join("db").join("db")).map_err(StoreError::Io)?;
        let mark = open_mark(&dir.join(MARK)).map_err(StoreError::Io)?;
        Ok(Some(Self {
            dir: dir.to_path_buf(),
            db: db.clone(),
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
        // Taken after the caller's last write: whoever covers this number covers that write.
        let mine = self.next_generation();
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced >= mine {
            return Ok(());
        }
        let covered = self.newest.load(Ordering::SeqCst);
        self.write_log(covered).inspect_err(|error| {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            self.failure
                .get_or_init(|| cause.unwrap_or_else(|| error.to_string()));
        })?;
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

    fn write_log(&self, covered: u64) -> Result<(), StoreError> {
        let set_begun = |to| *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = to;
        set_begun(Some(Instant::now()));
        let written = (|| {
            self.db.insert(GENERATION, encode(covered).as_slice())?;
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
