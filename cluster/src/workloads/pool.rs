//! What many objects have in common, kept once.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::entry::{OwnedBy, Running};

/// Everything that objects share.
#[derive(Debug, Default)]
pub(super) struct Pools {
    pub(super) texts: Pool<str>,
    pub(super) images: Pool<[Arc<str>]>,
    pub(super) runs: Pool<[Running]>,
    pub(super) owners: Pool<[OwnedBy]>,
}

/// Values that many share; one that nobody uses any more is dropped some time.
#[derive(Debug)]
pub(super) struct Pool<T: ?Sized>(Mutex<Shared<T>>);

#[derive(Debug)]
struct Shared<T: ?Sized> {
    values: BTreeSet<Arc<T>>,
    /// How many there may be before those are dropped that nobody uses any more.
    room: usize,
}

impl<T: Ord + ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Shared {
            values: BTreeSet::new(),
            room: MIN_ROOM,
        }))
    }
}

impl<T: Ord + ?Sized> Pool<T> {
    /// The one that equals `value`.
    pub(super) fn share(&self, value: &T) -> Arc<T>
    where
        for<'v> Arc<T>: From<&'v T>,
    {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = shared.values.get(value) {
            return Arc::clone(known);
        }
        if shared.values.len() >= shared.room {
            shared.values.retain(|value| Arc::strong_count(value) > 1);
            shared.room = MIN_ROOM.max(shared.values.len().saturating_mul(2));
        }
        let value: Arc<T> = value.into();
        shared.values.insert(Arc::clone(&value));
        value
    }
}

const MIN_ROOM: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shared_and_dropped_when_nobody_uses_them() {
        let pool = Pool::<str>::default();
        let (one, other) = (pool.share("app:1"), pool.share("app:1"));
        assert!(Arc::ptr_eq(&one, &other));
        for number in 0..10 * MIN_ROOM {
            drop(pool.share(&number.to_string()));
        }
        let known = pool.0.lock().unwrap().values.len();
        assert!(known <= 2 * MIN_ROOM, "{known}");
        assert!(Arc::ptr_eq(&one, &pool.share("app:1")));
    }
}
