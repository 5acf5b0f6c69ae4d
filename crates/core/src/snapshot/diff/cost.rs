//! Lists ranked by cost, and which differences are worth telling.

use serde::{Deserialize, Serialize};

/// Rows of a list that are kept.
const MAX_ROWS: usize = 50;
/// Differences of times below this are noise, in seconds.
const LEAST_SECONDS: f64 = 0.1;
/// A difference is told if it is this part of the greater of two values,
const OF_ITSELF: f64 = 0.05;
/// or this part of all that was spent.
const OF_ALL: f64 = 0.01;

/// The rows of a list that cost most, and the number of those that are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ranked<T> {
    /// The rows, what cost most first.
    pub rows: Vec<T>,
    /// Rows that are left out.
    pub omitted: u64,
}

impl<T> Default for Ranked<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), omitted: 0 }
    }
}

impl<T> Ranked<T> {
    /// Ranks rows by the size of their cost; rows of equal cost stay in their order.
    pub(super) fn by(rows: impl IntoIterator<Item = T>, cost: impl Fn(&T) -> f64) -> Self {
        let mut rows: Vec<T> = rows.into_iter().collect();
        rows.sort_by(|a, b| cost(b).abs().total_cmp(&cost(a).abs()));
        let omitted = rows.len().saturating_sub(MAX_ROWS) as u64;
        rows.truncate(MAX_ROWS);
        Self { rows, omitted }
    }
}

/// Returns `true` if a difference of seconds is more than noise, where `all` seconds were spent.
pub(super) fn is_noticed(a: f64, b: f64, all: f64) -> bool {
    let difference = (b - a).abs();
    difference >= LEAST_SECONDS && (difference >= OF_ITSELF * a.max(b) || difference >= OF_ALL * all)
}

/// Returns a number with as many digits as are worth telling.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

/// Returns microseconds in seconds.
pub(super) fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}
