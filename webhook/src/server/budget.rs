//! Amounts that requests share, and what one of them has taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::client::Client;

/// An amount that many take from. Nobody waits for it, and nothing is locked.
#[derive(Debug)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    pub(super) const fn new(amount: usize) -> Self {
        Self(AtomicUsize::new(amount))
    }

    /// Takes `amount`, or nothing where there is less of it.
    fn take(&self, amount: usize) -> bool {
        let less = |left: usize| left.checked_sub(amount);
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, less)
            .is_ok()
    }

    fn give(&self, amount: usize) {
        self.0.fetch_add(amount, Ordering::AcqRel);
    }
}

/// What one request has taken; given back when dropped.
#[derive(Debug)]
pub(super) struct Claim {
    client: Arc<Client>,
    bytes: usize,
    judging: bool,
}

impl Claim {
    /// A claim that has taken nothing yet.
    pub(super) const fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            bytes: 0,
            judging: false,
        }
    }

    /// Takes so many bytes for a body. Whether there are.
    pub(super) fn take_bytes(&mut self, bytes: usize) -> bool {
        let (own, all) = (&self.client.bodies, &self.client.state.bodies);
        if !own.take(bytes) {
            return false;
        }
        if !all.take(bytes) {
            own.give(bytes);
            return false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        true
    }

    /// Takes one of the places where a review is judged. Whether there is one.
    pub(super) fn take_place(&mut self) -> bool {
        self.judging = self.judging || self.client.state.judging.take(1);
        self.judging
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.client.bodies.give(self.bytes);
        self.client.state.bodies.give(self.bytes);
        self.client.state.judging.give(usize::from(self.judging));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_taken_of_what_does_not_suffice() {
        let budget = Budget::new(10);
        assert!(budget.take(7));
        assert!(!budget.take(4));
        assert!(budget.take(3));
        budget.give(10);
        assert!(budget.take(10));
    }
}
