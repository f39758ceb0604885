//! An allocator that ends the process where one input takes too much memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::process::abort;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, counting.
pub(crate) struct Bounded {
    /// Bytes that are allocated.
    live: AtomicUsize,
    /// As many may be.
    most: AtomicUsize,
}

impl Bounded {
    pub(crate) const fn new() -> Self {
        Self {
            live: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
        }
    }

    /// Begins an input: it may take [`MOST`] more than there is now.
    pub(crate) fn begin(&self) {
        let live = self.live.load(Ordering::Relaxed);
        self.most
            .store(live.saturating_add(MOST), Ordering::Relaxed);
    }

    fn count(&self, size: usize) {
        let live = self
            .live
            .fetch_add(size, Ordering::Relaxed)
            .saturating_add(size);
        if live > self.most.load(Ordering::Relaxed) {
            // Telling takes memory, too.
            self.most.store(usize::MAX, Ordering::Relaxed);
            eprintln!("one input takes more than {MOST} bytes of memory: {size} at once");
            abort();
        }
    }
}

// SAFETY: everything is done by the system's allocator; sizes are only counted.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.count(layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.count(size);
        self.live.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        self.live.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(old, layout) }
    }
}

/// The most bytes that one input may take; the largest has 32 KiB.
const MOST: usize = 64 << 20;
