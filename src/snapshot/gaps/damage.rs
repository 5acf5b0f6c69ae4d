//! Gaps of what is stored and could not be read or understood.

use super::{Evidence, advice};
use crate::snapshot::Snapshot;
use crate::snapshot::gap::{Code, Gap, Weight, count};
use crate::snapshot::version::RayVersion;

pub(super) fn find(snapshot: &Snapshot, evidence: &Evidence) -> Vec<Gap> {
    let known = &snapshot.completeness;
    let mut found = Vec::new();
    let understood = known.records.saturating_sub(known.damaged_records.count);
    let nothing = understood == 0;
    let weight = if nothing { Weight::Everything } else { Weight::Part };
    if known.empty_event_files > 0 {
        let (empty, of) = (known.empty_event_files, evidence.event_files);
        let files = count(of, "event file");
        let message = if empty == of {
            format!("{NOTHING}: all {files} are empty (0 bytes)")
        } else {
            format!("{empty} of {files} are empty (0 bytes): what they should hold is lost")
        };
        found.push(
            Gap::new(Code::EmptyEventFiles, weight, message)
                .missing(empty)
                .of(of)
                .advice("The collector stopped before it had written them: look at its log, and at its memory limit."),
        );
    } else if evidence.event_files == 0 {
        let logs = match evidence.logged_workers {
            0 => String::new(),
            workers => format!("; logs tell of {}", count(workers, "worker")),
        };
        let message = format!("{NOTHING}: no event was stored{logs}");
        let way_out = advice::export_anything(RayVersion::of(snapshot));
        found.push(Gap::new(Code::NoEvents, Weight::Everything, message).advice(way_out));
    } else if known.records == 0 && known.unreadable_files.count == 0 {
        found.push(Gap::new(Code::NoEvents, Weight::Everything, format!("{NOTHING}: the event files hold no event")));
    }
    if known.unreadable_files.count > 0 {
        let n = known.unreadable_files.count;
        let message = if nothing && n >= evidence.event_files.max(1) {
            format!("{NOTHING}: {} could not be read", count(n, "file"))
        } else {
            format!("{} could not be read, or not to the end", count(n, "file"))
        };
        found.push(Gap::new(Code::UnreadableFiles, weight, message).missing(n).advice(
            "What a store refused is tried again by itself; the examples in the report name the files and the reasons.",
        ));
    }
    if known.damaged_records.count > 0 {
        let (n, of) = (known.damaged_records.count, known.records);
        let message = if nothing {
            format!("No task data: all {of} records unreadable")
        } else {
            format!("{n} of {of} stored events are damaged and left out")
        };
        found.push(Gap::new(Code::DamagedEvents, weight, message).missing(n).of(of));
    }
    let unknown: u64 = known.unknown_event_types.values().sum();
    if unknown > 0 {
        let types: Vec<&str> = known.unknown_event_types.keys().map(String::as_str).collect();
        let message =
            format!("{} of types that this version does not know: {}", count(unknown, "event"), types.join(", "));
        found.push(Gap::new(Code::UnknownEventTypes, Weight::Part, message).missing(unknown).advice(NEWER));
    }
    if known.unknown_states > 0 {
        let message = format!("{} to states that this version does not know", count(known.unknown_states, "change"));
        found.push(Gap::new(Code::UnknownStates, Weight::Part, message).missing(known.unknown_states).advice(NEWER));
    }
    if !known.nodes_without_logs.is_empty() {
        let n = known.nodes_without_logs.len() as u64;
        let message = format!("No log file was stored of {} of {}", n, count(snapshot.nodes.len() as u64, "node"));
        found.push(
            Gap::new(Code::NodesWithoutLogs, Weight::Part, message)
                .missing(n)
                .of(snapshot.nodes.len() as u64)
                .advice("Collectors upload logs when their pod ends: it was killed before, or its node went away."),
        );
    }
    let damaged_logs = snapshot.facts.damage.files().count() as u64;
    if damaged_logs > 0 {
        let message = format!("{} with lines that cannot be understood", count(damaged_logs, "log file"));
        found.push(Gap::new(Code::DamagedLogs, Weight::Part, message).missing(damaged_logs));
    }
    if known.unread_process_logs > 0 {
        let n = known.unread_process_logs;
        let message = format!(
            "{} of Ray's own processes too large to be read whole: starts and ends of some workers may be missing",
            count(n, "log")
        );
        found.push(
            Gap::new(Code::LongProcessLogs, Weight::Doubt, message)
                .missing(n)
                .advice("Export worker events: then these logs need not be read."),
        );
    }
    found
}

const NOTHING: &str = "No task data, and nothing of jobs, actors and nodes but what logs tell";
const NEWER: &str = "A newer version of this server may know them.";
