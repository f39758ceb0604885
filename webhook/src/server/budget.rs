//! Amounts that requests share, and what one of them has taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};

use super::body::LEAST;
use super::client::Client;

/// An amount that many take from. Nobody waits for it, and nothing is locked.
#[derive(Debug)]
pub(super) struct Budget {
    amount: usize,
    taken: AtomicUsize,
}

impl Budget {
    pub(super) const fn new(amount: usize) -> Self {
        Self {
            amount,
            taken: AtomicUsize::new(0),
        }
    }

    /// Takes `amount`, or nothing where there is less of it.
    fn take(&self, amount: usize) -> bool {
        let more = |taken: usize| {
            let taken = taken.checked_add(amount);
            taken.filter(|taken| *taken <= self.amount)
        };
        self.taken
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, more)
            .is_ok()
    }

    /// Takes `amount` even where there is less of it.
    fn overdraw(&self, amount: usize) {
        self.taken.fetch_add(amount, Ordering::AcqRel);
    }

    fn give(&self, amount: usize) {
        self.taken.fetch_sub(amount, Ordering::AcqRel);
    }

    fn left(&self) -> usize {
        self.amount.saturating_sub(self.taken())
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
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
    ///
    /// A peer gets no more than it leaves to all others, so that several that take what they can
    /// come to have the same; and a little in any case, whatever the others have.
    pub(super) fn take_bytes(&mut self, bytes: usize) -> bool {
        let (own, all) = (&self.client.bodies, &self.client.state.bodies);
        if !own.take(bytes) {
            return false;
        }
        if own.taken() <= RESERVED {
            all.overdraw(bytes);
        } else if !all.take(bytes) {
            own.give(bytes);
            return false;
        } else if own.taken() > all.left() {
            own.give(bytes);
            all.give(bytes);
            return false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        true
    }

    /// Takes or gives back until it has so many bytes, and what every request counts for. Whether
    /// there are.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        let bytes = bytes.max(LEAST);
        if let Some(more) = bytes.checked_sub(self.bytes) {
            return self.take_bytes(more);
        }
        self.give_bytes(self.bytes.saturating_sub(bytes));
        true
    }

    fn give_bytes(&mut self, bytes: usize) {
        self.client.bodies.give(bytes);
        self.client.state.bodies.give(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Gives back the place where the review was judged.
    pub(super) fn leave_place(&mut self) {
        let judging = std::mem::take(&mut self.judging);
        self.client.state.judging.give(usize::from(judging));
    }

    /// Counts as long as anything of `answer` is not sent, however slowly it is read.
    pub(super) fn hold(self, answer: impl AsRef<[u8]> + Send + 'static) -> Body {
        Body::from(Bytes::from_owner(Held {
            answer,
            _claim: self,
        }))
    }

    /// Takes one of the places where a review is judged. Whether there is one.
    pub(super) fn take_place(&mut self) -> bool {
        self.judging = self.judging || self.client.state.judging.take(1);
        self.judging
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.give_bytes(self.bytes);
        self.leave_place();
    }
}

/// An answer and what it counts for.
struct Held<A> {
    answer: A,
    _claim: Claim,
}

impl<A: AsRef<[u8]>> AsRef<[u8]> for Held<A> {
    fn as_ref(&self) -> &[u8] {
        self.answer.as_ref()
    }
}

/// Bytes that every peer may have, even where there are none left: a few requests at a time. There are
/// no more peers than connections.
const RESERVED: usize = 64 * 1024;

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
