//! The part of why runs ended that is missing, for lists to say.

use crate::http::state::State;

/// Returns the part that is missing, in words; `None` if nothing is.
pub(in crate::http) fn missing(state: &State) -> Option<&'static str> {
    let counts = state.sessions.obituaries().counts();
    // The store's message may contain hosts and paths, so it is logged and not sent.
    if counts.error.is_some() {
        Some(
            "The ledger of why runs ended cannot be read at the moment, so causes may be missing. It is tried again; the server's log has the reason.",
        )
    } else if counts.days_left_out > 0 || counts.dropped > 0 {
        Some(
            "Why the oldest runs ended is not shown: it does not fit into the memory for it, a part of cache.maxMemory.",
        )
    } else if counts.damaged > 0 || counts.malformed > 0 || counts.refused > 0 {
        Some(
            "A part of the ledger of why runs ended is damaged, so causes may be missing; the server's log says which.",
        )
    } else if !counts.is_read {
        Some("Why runs ended is still being read, so causes may be missing.")
    } else {
        None
    }
}
