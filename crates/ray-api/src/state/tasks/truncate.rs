//! Truncates a list with more attempts than one answer may have.
//!
//! Ray takes the 10,000 attempts whose states the GCS received last, finished ones first (`HandleGetTaskEvents`), so
//! that failed attempts are missing first. Here failed attempts are kept first; the others are the latest, as in Ray.

use ray_history_core::base::task::TaskState;
use ray_history_core::snapshot::task::TaskTable;
use std::cmp::Reverse;

/// Keeps at most `limit` rows, failed attempts first and then the latest, without changing their order.
pub(super) fn keep_important(tasks: &TaskTable, rows: &mut Vec<u32>, limit: usize) {
    if rows.len() <= limit || limit == 0 {
        rows.truncate(limit);
        return;
    }
    let rank = |row: &u32| {
        let attempt = tasks.get(*row as usize);
        let state = attempt.state();
        (state != TaskState::Failed, Reverse(attempt.time_of(state)))
    };
    let mut ranked: Vec<_> = rows.iter().map(|row| (rank(row), *row)).collect();
    ranked.select_nth_unstable(limit - 1);
    ranked.truncate(limit);
    rows.clear();
    rows.extend(ranked.into_iter().map(|(_, row)| row));
    // Rows are numbered in Ray's order.
    rows.sort_unstable();
}
