//! How many attempts are in which state, as summaries show it.

use super::json::JsonWriter;
use crate::base::task::TaskState;

/// Attempts per state, by state number.
pub(super) type StateCounts = [u32; 16];

/// States that were reached by at least one attempt.
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
