//! Whether there is room on the disk, asked before anything is written.
//!
//! After a write that failed, sled takes nothing in any more until it is opened anew (sled 0.34.7,
//! `Config::set_global_error`). So nothing is begun that would fill the disk to its last byte: it is refused, what is
//! stored is answered from, and the next attempt finds the room that somebody made.

use std::path::Path;

use crate::StoreError;
use crate::durable::Durable;

impl Durable {
    /// Refuses to write a commit with `contents` bytes of role files while the disk is as good as full, or after it failed.
    pub(crate) fn room_for_commit(&self, contents: usize) -> Result<(), StoreError> {
        self.require_no_failure()?;
        self.free_for_commit(contents)
    }

    /// Whether there would be room for a commit if the store were opened anew.
    pub(crate) fn free_for_commit(&self, contents: usize) -> Result<(), StoreError> {
        // They are written as they are, and what they state once more.
        let contents = u64::try_from(contents).unwrap_or(u64::MAX);
        require(
            self.dir(),
            FOR_COMMITS.saturating_add(contents.saturating_mul(2)),
        )
    }

    /// Refuses to write a small record while the disk is as good as full, or after it failed. Alerts and states are still
    /// taken in when commits are not.
    pub(crate) fn room(&self) -> Result<(), StoreError> {
        self.require_no_failure()?;
        require(self.dir(), FOR_RECORDS)
    }
}

fn require(dir: &Path, needed: u64) -> Result<(), StoreError> {
    // A file system that does not tell says so when it is written.
    let Ok(disk) = rustix::fs::statvfs(dir) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return Ok(());
    }
    Err(StoreError::Full {
        dir: dir.to_path_buf(),
        free,
        needed,
    })
}

/// What is left free for records that are taken in beside one another, and for taking alerts out; sled's log grows by
/// 512 KiB at a time.
const FOR_RECORDS: u64 = 4 << 20;
const FOR_COMMITS: u64 = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_disk_has_is_refused_with_both_figures() {
        let dir = std::env::temp_dir();
        require(&dir, 0).unwrap();
        let error = require(&dir, u64::MAX).unwrap_err();
        assert_eq!(error.label(), "store_full");
        let text = error.to_string();
        assert!(
            text.contains("is full") && text.contains("make room"),
            "{text}"
        );
        require(Path::new("/does/not/exist"), u64::MAX).unwrap();
    }
}
