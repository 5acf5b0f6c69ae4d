//! The completeness of a session in one word, for headers, our own API and the lists.

use crate::session::OpenSession;
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::gaps::Standing;
use ray_history_manifest::proof::Verdict;

/// The completeness of an open session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Completeness {
    /// All that Ray handed over is stored: up to the last look at Ray's counters, after which nothing came.
    Complete(Nanos),
    /// The same up to a time.
    CompleteTo(Nanos),
    /// Something is known to be missing.
    Gaps,
    /// Nothing is known to be missing, and nothing is proved.
    NoKnownGaps,
}

impl From<Verdict> for Completeness {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Complete(to) => Self::Complete(to),
            Verdict::CompleteTo(to) => Self::CompleteTo(to),
            Verdict::Gaps => Self::Gaps,
            Verdict::NoKnownGaps => Self::NoKnownGaps,
        }
    }
}

impl Completeness {
    /// Returns the completeness of a session for its standing.
    pub(in crate::http) fn of(session: &OpenSession, standing: Standing) -> Self {
        session.verdict(standing).into()
    }

    /// Returns the word of the header and of our own API.
    pub(in crate::http) fn as_str(self) -> &'static str {
        match self {
            Self::Complete(to) => Verdict::Complete(to),
            Self::CompleteTo(to) => Verdict::CompleteTo(to),
            Self::Gaps => Verdict::Gaps,
            Self::NoKnownGaps => Verdict::NoKnownGaps,
        }
        .as_str()
    }

    /// Returns the time up to which the session is complete, RFC 3339.
    pub(in crate::http) fn to(self) -> Option<String> {
        match self {
            Self::Complete(to) | Self::CompleteTo(to) => time(to),
            Self::Gaps | Self::NoKnownGaps => None,
        }
    }
}

/// Returns a time in nanoseconds since 1970, RFC 3339, or `None` for zero.
pub(in crate::http) fn time(nanos: Nanos) -> Option<String> {
    let at = jiff::Timestamp::from_nanosecond(nanos.into()).ok()?;
    (nanos != 0).then(|| at.to_string())
}
