//! Gaps of stored data that could not be read or parsed.

use super::{Evidence, advice};
use crate::snapshot::Snapshot;
use crate::snapshot::completeness::Completeness;
use crate::snapshot::gap::{Code, Gap, Weight, count};
use crate::snapshot::version::RayVersion;

const NOTHING: &str = "No task data, and jobs, actors and nodes are known from logs only";
const NEWER: &str = "A newer version of this server may know them.";

pub(super) fn find(snapshot: &Snapshot, evidence: &Evidence) -> Vec<Gap> {
    let known = &snapshot.completeness;
    let found = [
        no_events(snapshot, evidence),
        unreadable_files(known, evidence),
        damaged_events(known),
        unknown_types(known),
        unknown_states(known),
        nodes_without_logs(snapshot),
        damaged_logs(snapshot),
        long_process_logs(known),
        skewed_events(known),
    ];
    found.into_iter().flatten().collect()
}

/// Returns the weight of missing files and events.
fn weight(known: &Completeness) -> Weight {
    if known.has_no_valid_record() { Weight::Everything } else { Weight::Part }
}

fn no_events(snapshot: &Snapshot, evidence: &Evidence) -> Option<Gap> {
    let known = &snapshot.completeness;
    let (empty, of) = (known.empty_event_files, evidence.event_files);
    if empty > 0 {
        let message = if empty == of {
            format!("{NOTHING}: {} empty", all(of, "event file"))
        } else {
            let (are, their) = if empty == 1 { ("is", "its") } else { ("are", "their") };
            format!("{empty} of {} {are} empty: {their} events are lost", count(of, "event file"))
        };
        let gap = Gap::new(Code::EmptyEventFiles, weight(known), message).missing(empty).of(of);
        return Some(gap.advice("The collector stopped before it wrote them: check its log and its memory limit."));
    }
    if of == 0 {
        let logs = match evidence.logged_workers {
            0 => String::new(),
            workers => format!("; logs mention {}", count(workers, "worker")),
        };
        let gap = Gap::new(Code::NoEvents, Weight::Everything, format!("{NOTHING}: no event was stored{logs}"));
        return Some(gap.advice(advice::export_anything(RayVersion::of(snapshot))));
    }
    let without = known.records == 0 && known.unreadable_files.count == 0;
    without
        .then(|| Gap::new(Code::NoEvents, Weight::Everything, format!("{NOTHING}: the event files contain no event")))
}

fn unreadable_files(known: &Completeness, evidence: &Evidence) -> Option<Gap> {
    let n = known.unreadable_files.count;
    let files = count(n, "file");
    let message = if known.has_no_valid_record() && n >= evidence.event_files.max(1) {
        format!("{NOTHING}: {files} could not be read")
    } else {
        format!("{files} could not be read, or not to the end")
    };
    (n > 0).then(|| {
        Gap::new(Code::UnreadableFiles, weight(known), message).missing(n).advice(
            "Reads that the store refused are retried automatically; the report has examples with their reasons.",
        )
    })
}

fn damaged_events(known: &Completeness) -> Option<Gap> {
    let (n, of) = (known.damaged_records.count, known.records);
    let message = if known.has_no_valid_record() {
        format!("No task data: {} unreadable", all(of, "record"))
    } else {
        format!("{n} of {} {} damaged and left out", count(of, "stored event"), if n == 1 { "is" } else { "are" })
    };
    (n > 0).then(|| Gap::new(Code::DamagedEvents, weight(known), message).missing(n).of(of))
}

fn unknown_types(known: &Completeness) -> Option<Gap> {
    let n: u64 = known.unknown_event_types.values().sum();
    let types: Vec<&str> = known.unknown_event_types.keys().map(String::as_str).collect();
    let message = format!("{} of types that this version does not know: {}", count(n, "event"), types.join(", "));
    (n > 0).then(|| Gap::new(Code::UnknownEventTypes, Weight::Part, message).missing(n).advice(NEWER))
}

fn unknown_states(known: &Completeness) -> Option<Gap> {
    let n = known.unknown_states;
    let message = format!("{} to states that this version does not know", count(n, "change"));
    (n > 0).then(|| Gap::new(Code::UnknownStates, Weight::Part, message).missing(n).advice(NEWER))
}

fn nodes_without_logs(snapshot: &Snapshot) -> Option<Gap> {
    let (n, of) = (snapshot.completeness.nodes_without_logs.len() as u64, snapshot.nodes.len() as u64);
    let message = format!("No log file was stored for {n} of {}", count(of, "node"));
    (n > 0).then(|| {
        Gap::new(Code::NodesWithoutLogs, Weight::Part, message)
            .missing(n)
            .of(of)
            .advice("Collectors upload logs when their pod ends: it was killed before, or its node went away.")
    })
}

fn damaged_logs(snapshot: &Snapshot) -> Option<Gap> {
    let n = snapshot.facts.damage.files().count() as u64;
    let message = format!("{} with lines that cannot be parsed", count(n, "log file"));
    (n > 0).then(|| Gap::new(Code::DamagedLogs, Weight::Part, message).missing(n))
}

fn long_process_logs(known: &Completeness) -> Option<Gap> {
    let n = known.unread_process_logs;
    let message = format!(
        "{} of Ray's own processes too large to be read whole: starts and ends of some workers may be missing",
        count(n, "log")
    );
    (n > 0).then(|| {
        Gap::new(Code::LongProcessLogs, Weight::Doubt, message)
            .missing(n)
            .advice("Export worker events, so that these logs need not be read.")
    })
}

fn skewed_events(known: &Completeness) -> Option<Gap> {
    let (n, of) = (known.skewed_events.count, known.records);
    let (later, their) =
        if n == 1 { ("is later than its file", "its") } else { ("are later than their files", "their") };
    let message = format!(
        "{n} of {} {later}: a machine's clock was wrong, and {their} times are shown as sent",
        count(of, "stored event")
    );
    (n > 0).then(|| Gap::new(Code::SkewedEvents, Weight::Doubt, message).missing(n).of(of))
}

/// Returns `all 3 records are`, or `the only record is`.
fn all(n: u64, one: &str) -> String {
    if n == 1 { format!("the only {one} is") } else { format!("all {} are", count(n, one)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let message = |records: u64, damaged: u64| {
            let mut known = Completeness { records: records - damaged, ..Completeness::default() };
            (1..=damaged).for_each(|line| known.add_damaged("file", line, "no JSON"));
            damaged_events(&known).unwrap().message
        };
        assert_eq!(message(1, 1), "No task data: the only record is unreadable");
        assert_eq!(message(2, 2), "No task data: all 2 records are unreadable");
        assert_eq!(message(9, 1), "1 of 9 stored events is damaged and left out");
        assert_eq!(message(9, 2), "2 of 9 stored events are damaged and left out");
        let empty = |empty: u64, event_files: u64| {
            let completeness = Completeness { empty_event_files: empty, records: 1, ..Completeness::default() };
            let snapshot = Snapshot { completeness, ..Snapshot::default() };
            no_events(&snapshot, &Evidence { event_files, ..Evidence::default() }).unwrap().message
        };
        assert!(empty(1, 1).ends_with(": the only event file is empty"), "{}", empty(1, 1));
        assert_eq!(empty(1, 3), "1 of 3 event files is empty: its events are lost");
        assert_eq!(empty(2, 3), "2 of 3 event files are empty: their events are lost");
        let mut known = Completeness { records: 3, ..Completeness::default() };
        known.skewed_events.add("file", 1, "late");
        assert!(skewed_events(&known).unwrap().message.starts_with("1 of 3 stored events is later than its file: "));
    }
}
