//! Gaps that depend on a session's marker and on its state. Both may change while the session is open.

use crate::snapshot::Snapshot;
use crate::snapshot::completeness::Running;
use crate::snapshot::gap::{Code, Gap, Weight, count};

/// Facts about a session that may change while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// `true` if its marker was listed.
    pub marked: bool,
    /// `true` if its cluster is known to be alive; missing files may still arrive.
    pub live: bool,
    /// `true` if the session is known to be over: its cluster is dead, or has a newer session.
    pub over: bool,
    /// `true` if the manifest of its head is closed; `None` without such a manifest. Collectors that write manifests
    /// write the marker and the head's logs from the start, so neither shows an end.
    pub closed: Option<bool>,
}

impl Standing {
    /// Returns `true` if the session is known to be over; rows without an end ran when it ended.
    pub fn is_over(self, snapshot: &Snapshot) -> bool {
        !self.live && (self.over || snapshot.completeness.stopped)
    }

    /// Returns `true` if there is a gap. Cheap, because every answer calls it.
    pub fn has_gaps(self, snapshot: &Snapshot) -> bool {
        self.lacks_marker() || self.lacks_end(snapshot)
    }

    /// Returns the current gaps.
    pub fn gaps(self, snapshot: &Snapshot) -> Vec<Gap> {
        let mut found = Vec::new();
        if self.lacks_end(snapshot) {
            let ran = &snapshot.completeness.running_at_end;
            let message = format!(
                "The end was not recorded: {} running at the last event, and no stored file shows the outcome",
                counts_with_verb(ran)
            );
            found.push(Gap::new(Code::EndNotRecorded, Weight::Part, message).missing(ran.jobs()).advice(
                "The head was killed: the last state of its pod and the Events of its cluster show why (out of memory, \
                 eviction).",
            ));
        }
        if self.lacks_marker() {
            let message = "The session has no marker: its head was killed, or the marker was removed";
            found.push(Gap::new(Code::NoMarker, Weight::Doubt, message));
        }
        found
    }

    fn lacks_marker(self) -> bool {
        !self.live && !self.marked && self.closed.is_none()
    }

    /// Returns `true` if the session is over, jobs ran at its last event, and no end was recorded. Collectors upload
    /// the head's logs when a session is over.
    fn lacks_end(self, snapshot: &Snapshot) -> bool {
        let known = &snapshot.completeness;
        let ended = self.over || self.closed.unwrap_or(known.head_log_stored);
        !self.live && ended && !known.stopped && known.running_at_end.jobs() > 0
    }
}

/// Returns counts with a verb, such as `1 job, 3 task attempts and 2 nodes were`.
fn counts_with_verb(ran: &Running) -> String {
    let counts = [
        (ran.jobs(), "job"),
        (ran.attempts, "task attempt"),
        (ran.actors, "actor"),
        (ran.workers, "worker"),
        (ran.nodes, "node"),
    ];
    let words: Vec<String> = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, one)| count(n, one)).collect();
    let one = words.len() == 1 && ran.jobs() == 1;
    let listed = match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    };
    format!("{listed} {}", if one { "was" } else { "were" })
}
