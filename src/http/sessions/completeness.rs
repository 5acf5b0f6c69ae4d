//! The time up to which a session is complete, for headers, our own API and the lists.

use ray_history_core::base::time::Nanos;
use ray_history_manifest::proof::Verdict;

/// Returns the time up to which a session is complete, RFC 3339, or `None` for a session that is not.
pub(in crate::http) fn complete_to(verdict: Verdict) -> Option<String> {
    match verdict {
        Verdict::Complete(to) | Verdict::CompleteTo(to) => time(to),
        Verdict::Gaps | Verdict::NoKnownGaps => None,
    }
}

/// Returns a time in nanoseconds since 1970, RFC 3339, or `None` for zero.
pub(in crate::http) fn time(nanos: Nanos) -> Option<String> {
    let at = jiff::Timestamp::from_nanosecond(nanos.into()).ok()?;
    (nanos != 0).then(|| at.to_string())
}
