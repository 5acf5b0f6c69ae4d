//! Gaps that depend on what is known of a session beside its files: its marker, and whether it is over. Both may change
//! while it is open.

use crate::snapshot::Snapshot;
use crate::snapshot::completeness::Running;
use crate::snapshot::gap::{Code, Gap, Weight, count};

/// What is known of a session at the moment of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether its marker was listed.
    pub marked: bool,
    /// Whether its cluster is known to live: what is missing may still come.
    pub live: bool,
    /// Whether it is known to be over: its cluster is dead, or has a newer session.
    pub over: bool,
}

/// What is missing as things stand.
pub fn of_standing(snapshot: &Snapshot, standing: Standing) -> Vec<Gap> {
    let known = &snapshot.completeness;
    let mut found = Vec::new();
    if standing.live {
        return found;
    }
    let ran = &known.running_at_end;
    // Collectors upload the head's logs when its session is over.
    if ran.jobs() > 0 && !known.stopped && (standing.over || known.head_log_stored) {
        let message = format!(
            "The end was not recorded: {} running at the last event, and nothing stored says how that ended",
            in_words(ran)
        );
        found.push(Gap::new(Code::EndNotRecorded, Weight::Part, message).missing(ran.jobs()).advice(
            "The head was killed: the last state of its pod, and the Events of its cluster, say why (out of memory, eviction).",
        ));
    }
    if !standing.marked {
        let message = "The session has no marker: its head was killed, or the marker was removed";
        found.push(Gap::new(Code::NoMarker, Weight::Doubt, message));
    }
    found
}

/// `1 job, 3 task attempts and 2 nodes were`.
fn in_words(ran: &Running) -> String {
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
