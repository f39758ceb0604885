//! Numbers that look random and can be had again.

use std::time::Duration;

/// Numbers that look random and follow from a seed (`SplitMix64`, Steele, Lea and Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers that follow from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The numbers that follow from the environment variable `VOUCHSAFE_SEED`, or from `seed` where there is none. Prints
    /// which it was, so that a failure can be had again.
    #[expect(clippy::print_stdout, reason = "whoever runs a test again needs it")]
    pub fn seeded(seed: u64) -> Self {
        let given = std::env::var_os("VOUCHSAFE_SEED");
        let given = given.and_then(|seed| seed.to_str()?.parse().ok());
        let seed = given.unwrap_or(seed);
        println!("VOUCHSAFE_SEED={seed}");
        Self(seed)
    }

    /// Any number.
    pub fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 where that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next_number() % limit).unwrap_or(usize::MAX)
    }

    /// A time from nothing to `most`.
    pub fn time(&mut self, most: Duration) -> Duration {
        let part = u32::try_from(self.next_number() >> 32).unwrap_or(u32::MAX);
        most.mul_f64(f64::from(part) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_the_seed_and_keep_their_limits() {
        let (mut one, mut other) = (Random::new(7), Random::new(7));
        for limit in 0..100 {
            let number = one.below(limit);
            assert_eq!(number, other.below(limit));
            assert!(number < limit.max(1));
        }
        let most = Duration::from_secs(1);
        assert!((0..100).all(|_| one.time(most) <= most));
        assert_ne!(Random::new(8).next_number(), Random::new(9).next_number());
    }
}
