//! Times of a table: microseconds, which every engine reads, and apart from them the nanoseconds below.
//!
//! Ray's milliseconds go through a float and come out equal only with the nanoseconds.

use ray_history_core::base::time::Nanos;

/// Nanoseconds of a microsecond.
const MICRO: i64 = 1_000;
/// Bits of the nanoseconds below a microsecond.
const BITS: usize = 10;
/// Times to a number.
const PACKED: usize = 6;

/// Returns the microseconds of a time, and the nanoseconds below.
pub(crate) fn split(at: Nanos) -> (i64, i64) {
    (at.div_euclid(MICRO), at.rem_euclid(MICRO))
}

/// Returns the time of microseconds and nanoseconds; `None` if it is out of range, or if these are not below one
/// microsecond.
pub(crate) fn join(micros: i64, nanos: i64) -> Option<Nanos> {
    if !(0..MICRO).contains(&nanos) {
        return None;
    }
    let whole = micros.checked_mul(MICRO).and_then(|whole| whole.checked_add(nanos));
    // Only the first microsecond of all does not begin within range.
    whole.or_else(|| i64::try_from(i128::from(micros) * i128::from(MICRO) + i128::from(nanos)).ok())
}

/// Nanoseconds of several times, packed into numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packed(pub(crate) [i64; 3]);

impl Packed {
    /// Sets the nanoseconds of the `n`th time, which were zero; there is room for 18.
    pub(crate) fn set(&mut self, n: usize, nanos: i64) {
        if let Some(number) = self.0.get_mut(n / PACKED) {
            *number |= nanos << (n % PACKED * BITS);
        }
    }

    /// Returns the nanoseconds of the `n`th time.
    pub(crate) fn get(self, n: usize) -> i64 {
        self.0.get(n / PACKED).map_or(0, |number| number >> (n % PACKED * BITS) & ((1 << BITS) - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_comes_back() {
        for at in [0, 1, -1, 999, 1_000, -1_000, i64::MIN, i64::MAX, 1_795_389_142_673_123_456] {
            let (micros, nanos) = split(at);
            assert_eq!(join(micros, nanos), Some(at));
        }
        for (micros, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, 1_000), (0, -1), (i64::MAX / 1_000, 999)] {
            assert_eq!(join(micros, nanos), None, "{micros} {nanos}");
        }
    }

    #[test]
    fn eighteen_times_fit() {
        let mut packed = Packed::default();
        for (n, nanos) in (982..=999).rev().enumerate() {
            packed.set(n, nanos);
        }
        assert_eq!((0..18).map(|n| packed.get(n)).collect::<Vec<_>>(), (982..=999).rev().collect::<Vec<_>>());
        assert_eq!(packed.get(18), 0);
    }
}
