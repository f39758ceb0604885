//! Keeps sled's cache to its size, beside those who read.
//!
//! sled leaves each page that its cache gives up to crossbeam's epochs, and now and then a reader frees those of all,
//! thousands of allocations at once, in the middle of its answer. In a store that is much larger than the cache that is one
//! answer in fifty. So a thread of its own frees them sooner.
//!
//! And it gives up a page late: the cache has 256 shards by the page's number, and one looks at its size only after 64
//! accesses to it (sled 0.34.7, `Lru::accessed`). Whoever reads each of some thousand pages once has all of them in
//! memory, whatever the size. So after many of those the same thread reads a few pages again and again, until nearly each
//! shard has looked. A store of fewer repositories than that has no need of it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, Thread};

use sled::{IVec, Tree};

use crate::StoreError;
use crate::key::RepoKey;

/// The thread that keeps the cache to its size. It sleeps while nobody reads, and ends with the store.
#[derive(Debug)]
pub(crate) struct Cache {
    reads: AtomicUsize,
    recent: Recent,
    orders: Arc<Orders>,
    keeper: Thread,
    /// The thread has them only while it reads: the store is closed by whoever drops it.
    _headers: Arc<Tree>,
}

#[derive(Debug, Default)]
struct Orders {
    is_over: AtomicBool,
    /// Whether each shard is to look at its size.
    is_to_shrink: AtomicBool,
}

impl Cache {
    /// Starts the thread; `headers` is what it reads so that the cache shrinks.
    pub(crate) fn keep(headers: Tree) -> Result<Self, StoreError> {
        let (orders, headers) = (Arc::new(Orders::default()), Arc::new(headers));
        let (given, read) = (Arc::clone(&orders), Arc::downgrade(&headers));
        let thread = thread::Builder::new().name("store-cache".to_owned());
        let keeper = thread.spawn(move || keep(&read, &given));
        Ok(Self {
            reads: AtomicUsize::new(0),
            recent: Recent::default(),
            orders,
            keeper: keeper.map_err(StoreError::Io)?.thread().clone(),
            _headers: headers,
        })
    }

    /// Counts a read of one repository, which may have made room in the cache for what it needed.
    pub(crate) fn count(&self, repo: &RepoKey) {
        if self.recent.note(repo) {
            self.shrink();
        }
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        if reads.is_multiple_of(READS) {
            self.wake();
        }
    }

    /// Counts one more record of a walk over all, by its number.
    pub(crate) fn count_walk(&self, number: usize) {
        if number.is_multiple_of(MANY) {
            self.shrink();
        }
    }

    fn shrink(&self) {
        self.orders.is_to_shrink.store(true, Ordering::Relaxed);
        self.wake();
    }

    fn wake(&self) {
        self.keeper.unpark();
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.orders.is_over.store(true, Ordering::Relaxed);
        self.wake();
    }
}

fn keep(headers: &Weak<Tree>, orders: &Orders) {
    let mut pages = Pages::default();
    while !orders.is_over.load(Ordering::Relaxed) {
        thread::park();
        free();
        if !orders.is_to_shrink.swap(false, Ordering::Relaxed) {
            continue;
        }
        let Some(headers) = headers.upgrade() else {
            return;
        };
        // sled panics where a page is not as it left it. Whoever reads for an answer says so.
        let shrink = || pages.read_often(&headers, &orders.is_over);
        if !matches!(catch_unwind(AssertUnwindSafe(shrink)), Ok(Ok(()))) {
            pages = Pages::default();
        }
    }
}

/// Frees what was dropped, which may be done when the epoch has moved on twice.
fn free() {
    for _ in 0..2 {
        crossbeam_epoch::pin().flush();
    }
}

/// Keys of headers in as many pages, more or less.
#[derive(Debug, Default)]
struct Pages(Vec<IVec>);

impl Pages {
    /// Reads each a few times, so that every shard looks at its size, as chance spreads the pages over them.
    fn read_often(&mut self, headers: &Tree, is_over: &AtomicBool) -> Result<(), sled::Error> {
        if self.0.len() < PAGES {
            *self = Self::choose(headers)?;
        }
        for _ in 0..ROUNDS {
            for key in &self.0 {
                headers.get(key)?;
            }
            free();
            if is_over.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }

    fn choose(headers: &Tree) -> Result<Self, sled::Error> {
        let keys = headers.iter().keys().take(APART * PAGES).step_by(APART);
        keys.collect::<Result<_, _>>().map(Self)
    }
}

/// Which repositories were read of late, about.
#[derive(Debug)]
struct Recent {
    /// A bit for each remainder of a hash.
    bits: [AtomicU64; MANY / 32],
    count: AtomicUsize,
}

impl Default for Recent {
    fn default() -> Self {
        Self {
            bits: [const { AtomicU64::new(0) }; MANY / 32],
            count: AtomicUsize::new(0),
        }
    }
}

impl Recent {
    /// Notes a repository; returns whether many different ones have been since it last did, and starts anew then.
    fn note(&self, repo: &RepoKey) -> bool {
        let mut hasher = DefaultHasher::new();
        repo.as_bytes().hash(&mut hasher);
        let hash = hasher.finish();
        let (word, bit) = (hash >> 6, 1 << (hash % 64));
        let words = u64::try_from(self.bits.len()).unwrap_or(u64::MAX);
        let word = usize::try_from(word % words).unwrap_or_default();
        let Some(word) = self.bits.get(word) else {
            return false;
        };
        if word.load(Ordering::Relaxed) & bit != 0
            || word.fetch_or(bit, Ordering::Relaxed) & bit != 0
            || self.count.fetch_add(1, Ordering::Relaxed) + 1 != MANY
        {
            return false;
        }
        for word in &self.bits {
            word.store(0, Ordering::Relaxed);
        }
        self.count.store(0, Ordering::Relaxed);
        true
    }
}

/// After so many reads, what they left is freed: a few dozen pages, which take some ten microseconds.
const READS: usize = 16;
/// After so many different repositories the cache is to shrink, half of the bits that there are for them: they took some
/// thousand pages, and shrinking takes about 15 ms of the thread's own time.
const MANY: usize = 1024;
/// How many pages are read so that it shrinks: two or more for each shard, which therefore stay in memory.
const PAGES: usize = 512;
/// How many keys apart: about as many headers are in one page.
const APART: usize = 6;
/// How often each: 64 accesses for a shard that has two of them.
const ROUNDS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_repositories_are_told_from_a_few_that_are_read_again() {
        let recent = Recent::default();
        let server = "https://notary.example.com".parse().unwrap();
        let repo = |number: usize| {
            let gun = format!("example.com/app-{number}").parse().unwrap();
            RepoKey::new(&server, &gun)
        };
        let few: Vec<_> = (0..500).map(repo).collect();
        assert!(
            !few.iter()
                .cycle()
                .take(20_000)
                .any(|repo| recent.note(repo))
        );
        let due = (0..10_000).filter(|number| recent.note(&repo(*number)));
        // Each of them fills half of the bits, which takes 1,420 repositories on average.
        assert!((6..9).contains(&due.count()));
    }
}
