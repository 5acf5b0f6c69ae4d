//! Counts of attempts per state, as summaries show them.

use crate::json::JsonWriter;
use ray_history_core::base::task::TaskState;

/// Number of attempts per state, indexed by state number.
pub(super) type StateCounts = [u32; 16];

/// Writes the counts of all states that at least one attempt is in.
pub(super) fn write_state_counts(states: &StateCounts, w: &mut JsonWriter) {
    w.begin_object();
    for (number, &count) in (0u8..).zip(states) {
        if let (Some(state), 1..) = (TaskState::from_number(number), count) {
            w.key(state.name());
            w.int(count);
        }
    }
    w.end_object();
}
