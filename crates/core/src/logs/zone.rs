//! The local time zone of a session, learned from lines with two times: local, and since 1970.
//!
//! Ray's Python logs have local times without a zone. The supervisors' lines end with `timestamp_ns=`, so the
//! difference, rounded to quarter hours, of which every zone is a multiple, is the zone at that moment.

use std::collections::BTreeMap;

/// Offsets from UTC over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Zone {
    /// Offsets in minutes, by local time in milliseconds.
    offsets: BTreeMap<i64, i32>,
}

const QUARTER_MS: i64 = 15 * 60 * 1_000;
/// The greatest time between a head's start and the moment its session is named after.
const START_MS: u64 = 4 * 60 * 1_000;
/// The greatest offset of any zone, in quarter hours.
const MAX_QUARTERS: i64 = 15 * 4;

impl Zone {
    /// Learns from a moment in both clocks, in milliseconds; impossible offsets are ignored.
    pub fn learn(&mut self, local_ms: i64, utc_ms: i64) {
        let quarters = (local_ms.saturating_sub(utc_ms).saturating_add(QUARTER_MS / 2)).div_euclid(QUARTER_MS);
        if quarters.abs() > MAX_QUARTERS {
            return;
        }
        let minutes = i32::try_from(quarters * 15).unwrap_or_default();
        let known = self.offsets.entry(local_ms).or_insert(minutes);
        *known = (*known).max(minutes);
    }

    /// Learns from the moment that a session is named after, local to its head, and its head's start, in milliseconds:
    /// they are minutes apart. A restarted head started long after, and is ignored.
    pub fn learn_start(&mut self, named_ms: i64, started_ms: i64) {
        let off_quarter = (named_ms.saturating_sub(started_ms).saturating_add(QUARTER_MS / 2)).rem_euclid(QUARTER_MS);
        if off_quarter.abs_diff(QUARTER_MS / 2) < START_MS {
            self.learn(named_ms, started_ms);
        }
    }

    /// Returns a local time in UTC, by the nearest known moment; `None` if there is none.
    pub fn utc_ms(&self, local_ms: i64) -> Option<i64> {
        let before = self.offsets.range(..=local_ms).next_back();
        let after = self.offsets.range(local_ms..).next();
        let nearest = match (before, after) {
            (Some(b), Some(a)) if a.0.abs_diff(local_ms) < b.0.abs_diff(local_ms) => a,
            (Some(b), _) => b,
            (None, a) => a?,
        };
        Some(local_ms - i64::from(*nearest.1) * 60_000)
    }

    /// Merges the moments of another reader.
    pub fn merge(&mut self, other: Self) {
        for (local, minutes) in other.offsets {
            let known = self.offsets.entry(local).or_insert(minutes);
            *known = (*known).max(minutes);
        }
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.offsets.len() * 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_moment_gives_the_zone() {
        let mut zone = Zone::default();
        assert_eq!(zone.utc_ms(0), None);
        zone.learn(7_200_000 + 3, 0);
        zone.learn(100 * 3_600_000, 99 * 3_600_000);
        zone.learn(5, 900 * 3_600_000);
        assert_eq!(zone.utc_ms(7_300_000), Some(100_000));
        assert_eq!(zone.utc_ms(101 * 3_600_000), Some(100 * 3_600_000));
    }
}
