//! Signs that a session is over, for clusters that nothing watches: from the listing, and from the open session itself.

use super::OpenSession;
use super::catalog::Listing;
use ray_history_core::base::name::SessionKey;

/// A sign that a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The cluster has a newer session.
    NewerSession,
    /// The collector wrote the marker when the head was told to stop.
    Marker,
    /// The head's log reports that it was told to stop.
    HeadLog,
}

impl Ended {
    /// Returns the machine-readable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewerSession => "newer-session",
            Self::Marker => "marker",
            Self::HeadLog => "head-log",
        }
    }

    /// Returns the sign that a session is over, or `None` if there is none. With manifests the marker is no sign: those
    /// collectors write it at the start.
    pub(super) fn find(
        key: &SessionKey,
        listing: &Listing,
        open: Option<&OpenSession>,
        has_manifests: bool,
    ) -> Option<Self> {
        if listing.is_superseded(key) {
            return Some(Self::NewerSession);
        }
        let written = || listing.find(key)?.written;
        let is_marked = || listing.is_marked_at_end(key) || open.is_some_and(|open| is_last(written(), open));
        if !has_manifests && is_marked() {
            return Some(Self::Marker);
        }
        open.filter(|open| open.snapshot.completeness.stopped).map(|_| Self::HeadLog)
    }
}

/// Microseconds after the last event within which a marker of the end is written. A much younger marker was copied.
const MARKER_FOLLOWS: i64 = 15 * 60 * 1_000_000;

/// Returns `true` if the marker was written right after the last event.
fn is_last(written: Option<i64>, open: &OpenSession) -> bool {
    let as_of = open.snapshot.as_of / 1_000;
    written.is_some_and(|written| as_of > 0 && (as_of..as_of + MARKER_FOLLOWS).contains(&written))
}
