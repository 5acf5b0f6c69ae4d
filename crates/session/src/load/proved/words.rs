//! The losses of a proof as gaps, in words.

use ray_history_core::snapshot::gap::{Code, Gap, Weight, count};
use ray_history_manifest::LogRange;
use ray_history_manifest::proof::{Loss, Lost, Uncertain};

/// Maximum number of gaps of one kind that are told one by one.
const TOLD: usize = 20;

/// Returns the losses as gaps, in their order; further ones of a kind are summed.
pub(super) fn gaps(losses: &[Loss]) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for code in
        [Code::DroppedEvents, Code::LostEvents, Code::QuarantinedEvents, Code::NodesWithoutCollector, Code::LostLogs]
    {
        let of_code: Vec<&Loss> = losses.iter().filter(|loss| code_of(&loss.what) == code).collect();
        gaps.extend(of_code.iter().take(TOLD).map(|loss| gap(loss)));
        if let Some(more) = of_code.len().checked_sub(TOLD).filter(|more| *more > 0) {
            let message = format!("{} of this kind; the report has them all", count(more as u64, "further gap"));
            gaps.push(Gap::new(code, Weight::Part, message).missing(more as u64));
        }
    }
    gaps
}

fn code_of(lost: &Lost) -> Code {
    match lost {
        Lost::Dropped { .. } | Lost::NotTaken { .. } | Lost::NotPublished { .. } => Code::DroppedEvents,
        Lost::NotRecorded { .. }
        | Lost::Records { .. }
        | Lost::EventFiles { .. }
        | Lost::EventFile { .. }
        | Lost::ChangedEventFiles => Code::LostEvents,
        Lost::Quarantined { .. } => Code::QuarantinedEvents,
        Lost::LogFiles { .. } | Lost::ChangedLogFiles | Lost::LogSegments { .. } | Lost::Log(_) => Code::LostLogs,
        Lost::NoCollector => Code::NodesWithoutCollector,
    }
}

/// Returns a loss as a gap.
pub(super) fn gap(loss: &Loss) -> Gap {
    let node = &loss.node;
    let are = |n: u64| if n == 1 { "is" } else { "are" };
    let (message, missing, of) = match &loss.what {
        Lost::Dropped { event_type, events } => {
            let message = format!("Ray dropped {} of type {event_type} on node {node}", count(*events, "event"));
            (message, Some(*events), None)
        }
        Lost::NotTaken { events } => {
            (format!("Ray's agent could not take {} on node {node}", count(*events, "event")), Some(*events), None)
        }
        Lost::NotPublished { events } => {
            let events_left = count(*events, "event");
            (
                format!("{events_left} had reached Ray's agent on node {node} when it ended, and never left it"),
                Some(*events),
                None,
            )
        }
        Lost::NotRecorded { events } => {
            let message = format!(
                "{} that the collector of node {node} acknowledged {} in none of its files",
                count(*events, "event"),
                are(*events)
            );
            (message, Some(*events), None)
        }
        Lost::Quarantined { events } => {
            let message = format!(
                "{} of node {node} {} set aside, because no event file may have them",
                count(*events, "event"),
                if *events == 1 { "was" } else { "were" }
            );
            (message, Some(*events), None)
        }
        Lost::Records { missing, of } => {
            let message =
                format!("{missing} of {} that were stored of node {node} could not be read", count(*of, "event"));
            (message, Some(*missing), Some(*of))
        }
        Lost::EventFiles { missing, of } => {
            let message = format!("{missing} of {} of node {node} {} gone", count(*of, "event file"), are(*missing));
            (message, Some(*missing), Some(*of))
        }
        Lost::EventFile { key } => {
            (format!("The event file {key} of node {node} is gone, or shorter than it was"), Some(1), None)
        }
        Lost::ChangedEventFiles => {
            (format!("The event files of node {node} are not those that were stored: one was replaced"), None, None)
        }
        Lost::LogFiles { missing, of } => {
            let message = format!("{missing} of {} of node {node} {} gone", count(*of, "log file"), are(*missing));
            (message, Some(*missing), Some(*of))
        }
        Lost::ChangedLogFiles => {
            (format!("The log files of node {node} are not those that were stored: one was replaced"), None, None)
        }
        Lost::LogSegments { missing, of } => {
            let message = format!("{missing} of {} of node {node} {} gone", count(*of, "log segment"), are(*missing));
            (message, Some(*missing), Some(*of))
        }
        Lost::Log(LogRange { path, from, to, why }) => {
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let what =
                if from < to { format!("Bytes {from} to {to} of the log") } else { "Parts of the log".to_owned() };
            let message = format!("{what} {path} of node {node} are not stored{why}");
            (message, to.checked_sub(*from).filter(|bytes| *bytes > 0), None)
        }
        Lost::NoCollector => (format!("Node {node} had no collector: nothing of it is accounted for"), None, None),
    };
    let mut gap = Gap::new(code_of(&loss.what), Weight::Part, message);
    (gap.missing, gap.of) = (missing, of);
    match advice(&loss.what) {
        Some(advice) => gap.advice(advice),
        None => gap,
    }
}

/// Returns the reason why nothing is proved of a node.
pub(super) fn doubt(why: &Uncertain) -> String {
    match why {
        Uncertain::NotUnderstood(error) => format!("Its manifest is not understood: {error}"),
        Uncertain::NoCounters => "Ray's counters were not read: all that was received is stored".to_owned(),
        Uncertain::UncountedEvents(n) => {
            format!("{} more than Ray's counters account for: one of its agents was never asked", count(*n, "event"))
        }
        Uncertain::UnnamedFiles(n) => {
            format!("{} more than the manifest names: something else wrote here", count(*n, "event file"))
        }
        Uncertain::UnnamedRecords(n) => {
            format!("{} more than the manifest names: something else wrote here", count(*n, "event"))
        }
    }
}

fn advice(lost: &Lost) -> Option<&'static str> {
    match lost {
        Lost::Dropped { .. } => {
            Some("Ray drops events while the collector does not take them: look at its health and its spool.")
        }
        Lost::NotPublished { .. } => {
            Some("Add the preStop hook to the Ray container, which hands over the rest before Ray ends.")
        }
        Lost::NoCollector => Some("Add the collector to this node's worker group."),
        Lost::Quarantined { .. } => Some("They are kept in the node's folder, in files that begin with `quarantine-`."),
        _ => None,
    }
}
