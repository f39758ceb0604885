//! Frees what sled's cache has dropped, beside those who read.
//!
//! sled leaves each page that its cache gives up to crossbeam's epochs, and now and then a reader frees those of all,
//! thousands of allocations at once, in the middle of its answer. In a store that is much larger than the cache that is one
//! answer in fifty. So a thread of its own frees them sooner.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};

use crate::StoreError;

/// The thread that frees. It sleeps while nobody reads, and ends with the store.
#[derive(Debug)]
pub(crate) struct Garbage {
    reads: AtomicUsize,
    is_over: Arc<AtomicBool>,
    collector: Thread,
}

impl Garbage {
    /// Starts the thread.
    pub(crate) fn collect() -> Result<Self, StoreError> {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = thread::Builder::new().name("store-garbage".to_owned());
        let collector = thread.spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                thread::park();
                // What was dropped may be freed when the epoch has moved on twice.
                for _ in 0..2 {
                    crossbeam_epoch::pin().flush();
                }
            }
        });
        Ok(Self {
            reads: AtomicUsize::new(0),
            is_over,
            collector: collector.map_err(StoreError::Io)?.thread().clone(),
        })
    }

    /// Counts a read, which may have made room in the cache for what it needed.
    pub(crate) fn count(&self) {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        if reads.is_multiple_of(READS) {
            self.collector.unpark();
        }
    }
}

impl Drop for Garbage {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.collector.unpark();
    }
}

/// After so many reads, what they left is freed: a few dozen pages, which take some ten microseconds.
const READS: usize = 16;
