//! Choices that a seed makes: the same on every machine and with every version of every crate.

use crate::harness::random;

/// A generator of numbers.
#[derive(Clone, Debug)]
pub struct Random(random::Random);

impl Random {
    /// The generator of `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(random::Random::new(seed))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_number()
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0.below(limit)
    }

    /// A number in `from..=to`.
    pub fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, of which there are some.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// One of `items`, each as often as its weight says.
    pub fn weighted<'a, T>(&mut self, items: &'a [(usize, T)]) -> &'a T {
        let mut at = self.below(items.iter().map(|(weight, _)| weight).sum());
        for (weight, item) in items {
            match at.checked_sub(*weight) {
                Some(beyond) => at = beyond,
                None => return item,
            }
        }
        unreachable!("it is below the sum of all weights")
    }
}
