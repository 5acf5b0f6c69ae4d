//! Random numbers that a seed repeats.

use std::time::Duration;

/// A generator (`SplitMix64`).
#[derive(Debug)]
pub(crate) struct Random(Option<u64>);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Some(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635))
    }

    /// A generator that never lets anything happen.
    pub(crate) fn calm() -> Self {
        Self(None)
    }

    fn next(&mut self) -> u64 {
        let Some(state) = &mut self.0 else { return u64::MAX };
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn split(&mut self) -> Self {
        if self.0.is_none() { Self(None) } else { Self(Some(self.next())) }
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.0.is_some() && self.below(many) == 0
    }

    pub(crate) fn hours(&mut self, from: u64, to: u64) -> Duration {
        let hours = from + if self.0.is_some() { self.below(to - from + 1) } else { 0 };
        Duration::from_secs(hours * 3_600)
    }
}
