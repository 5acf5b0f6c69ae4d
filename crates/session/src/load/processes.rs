//! Reads the logs of Ray's C++ processes for facts that events leave out.
//!
//! ```text
//! every session, in parallel with its events ──► drivers' own logs, and a short log of the GCS    (`read_early`)
//! then, by what the events left out ───────────► logs of workers without events and their raylets (`read_missing`)
//! if no event locates the output of tasks ─────► the outputs of workers, before Ray 2.55 (`outputs`)
//! ```
//!
//! The amount that is read is bounded, because raylets of a long session write gigabytes. Unread bytes are counted.

use super::facts::Unreadable;
use super::fetch;
use super::objects::{LogObject, SessionObjects};
use crate::load_permit::LoadPermit;
use crate::progress::Counters;
use futures_util::{StreamExt, stream};
use ray_history_core::base::id::{NodeId, WorkerId};
use ray_history_core::logs::processes::{LogScan, ProcessLogs, Source};
use ray_history_core::snapshot::build::Builder;
use ray_history_core::snapshot::driver::is_driver;
use ray_history_storage::{ReadRange, Storage};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Files read concurrently.
const FETCHES: usize = 48;
/// Maximum number of workers' own logs that are read. Each costs one or two requests.
const MAX_OWN_LOGS: usize = 5_000;
/// Bytes read from the start of a process's own log, where it registers.
const OWN_HEAD: u64 = 16 << 10;
/// Bytes read from the end of a process's own log, where it states why it leaves.
const OWN_TAIL: u64 = 48 << 10;
/// Bytes read from the start of the logs of the GCS and of raylets, for the facts of a node about itself.
const LONG_HEAD: u64 = 64 << 10;
/// Bytes read from the end of these logs.
const LONG_TAIL: u64 = 128 << 20;
/// Size up to which the log of the GCS is read for every session.
const SHORT_GCS: u64 = 32 << 20;
/// Bytes read of all long logs together.
const MAX_LONG_BYTES: u64 = 512 << 20;

/// Bytes read from the start of a worker's output, to find its tasks.
const MAX_OUTPUT: u64 = 8 << 20;
/// Bytes read of all outputs together.
const MAX_OUTPUT_BYTES: u64 = 128 << 20;
/// Maximum number of outputs that are read; a worker has two.
const MAX_OUTPUTS: usize = 2 * MAX_OWN_LOGS;

/// A log to read, and the ranges to read of it.
struct Reading {
    source: Source,
    node: NodeId,
    object: LogObject,
    parts: Vec<ReadRange>,
}

/// The facts of process logs, and the files that could not be read.
#[derive(Default)]
pub(super) struct ProcessFacts {
    pub(super) logs: ProcessLogs,
    pub(super) unreadable: Unreadable,
}

/// Reads the logs that are useful for every session: drivers' own logs, which no event covers, and the GCS's unless it
/// is long.
pub(super) async fn read_early(
    store: &Arc<dyn Storage>,
    objects: &SessionObjects,
    counters: &Counters,
    permit: &Arc<LoadPermit>,
) -> ProcessFacts {
    let mut facts = ProcessFacts::default();
    let mut own = logs(objects, Source::of, |source, _| matches!(source, Source::Worker(id) if is_driver(&id)));
    leave_out(&mut facts.logs, own.drain(own.len().min(MAX_OWN_LOGS)..));
    let gcs = logs(objects, Source::of, |source, _| source == Source::Gcs);
    let short = bytes(&gcs) <= SHORT_GCS;
    let gcs = gcs.into_iter().filter(|_| short).map(|log| in_parts(log, LONG_HEAD, LONG_TAIL));
    let readings = own.into_iter().map(|log| in_parts(log, OWN_HEAD, OWN_TAIL)).chain(gcs);
    scan(store, readings, &mut facts, counters, permit).await;
    facts
}

/// Reads logs for the facts that the events of this session leave out.
pub(super) async fn read_missing(
    store: &Arc<dyn Storage>,
    objects: &SessionObjects,
    builder: &Builder,
    named: &ProcessLogs,
    early: &ProcessLogs,
    counters: &Counters,
    permit: &Arc<LoadPermit>,
) -> ProcessFacts {
    let mut facts = ProcessFacts::default();
    let registered = named.workers.iter().filter(|(_, log)| log.has_registered()).map(|(id, _)| *id);
    let unreported = builder.unreported_workers(registered);
    // A driver whose log has no end was killed.
    let killed =
        early.workers.iter().filter(|(id, log)| is_driver(id) && !log.has_ended() && builder.driver_has_ended(id));
    let killed: BTreeSet<WorkerId> = killed.map(|(id, _)| *id).collect();
    let wanted = |source, _| matches!(source, Source::Worker(worker) if unreported.contains(&worker));
    let mut own = logs(objects, Source::of, wanted);
    leave_out(&mut facts.logs, own.drain(own.len().min(MAX_OWN_LOGS)..));

    let wanted = unreported.iter().chain(&killed);
    let nodes: BTreeSet<NodeId> = wanted.filter_map(|worker| named.workers.get(worker)?.node).collect();
    let gcs = !early.gcs.read && (!unreported.is_empty() || !killed.is_empty() || builder.lacks_a_kind());
    let mut long = logs(objects, Source::of, |source, node| match source {
        Source::Gcs => gcs,
        Source::Raylet => nodes.contains(&node),
        Source::Worker(_) | Source::Tasks(..) => false,
    });
    // The log of the GCS first, because it covers all nodes.
    long.sort_by_key(|(source, ..)| *source != Source::Gcs);
    let mut bytes = 0;
    let fits = long.iter().position(|(_, _, object)| {
        bytes += object.size.min(LONG_HEAD + LONG_TAIL);
        bytes > MAX_LONG_BYTES
    });
    leave_out(&mut facts.logs, long.drain(fits.unwrap_or(long.len())..));
    for (_, _, object) in &long {
        let unread = object.size.saturating_sub(LONG_HEAD + LONG_TAIL);
        facts.logs.unread_files += u64::from(unread > 0);
        facts.logs.unread_bytes += unread;
    }
    // If nothing else is missing, only the end of a long GCS log is needed: how the session ended.
    let ended = !early.gcs.read && !gcs && builder.has_unfinished_jobs();
    let ends = logs(objects, Source::of, |source, _| ended && source == Source::Gcs);
    let readings = own.into_iter().map(|log| in_parts(log, OWN_HEAD, OWN_TAIL));
    let readings = readings.chain(ends.into_iter().map(|log| in_parts(log, 0, OWN_TAIL)));
    let readings = readings.chain(long.into_iter().map(|log| in_parts(log, LONG_HEAD, LONG_TAIL)));
    let readings = readings.chain(outputs(objects, builder.workers_to_read()));
    scan(store, readings, &mut facts, counters, permit).await;
    facts
}

/// Returns the outputs of workers, as far as they are read.
fn outputs(objects: &SessionObjects, workers: BTreeSet<WorkerId>) -> impl Iterator<Item = Reading> + use<> {
    let wanted = move |source, _| matches!(source, Source::Tasks(worker, _) if workers.contains(&worker));
    let mut bytes = 0;
    let all = logs(objects, Source::tasks_of, wanted).into_iter().take(MAX_OUTPUTS).take_while(move |(.., object)| {
        bytes += object.size.min(MAX_OUTPUT);
        bytes <= MAX_OUTPUT_BYTES
    });
    all.map(|(source, node, object)| {
        let part = if object.size > MAX_OUTPUT { ReadRange::Between(0, MAX_OUTPUT) } else { ReadRange::Full };
        Reading { source, node, object, parts: vec![part] }
    })
}

fn bytes(logs: &[Log]) -> u64 {
    logs.iter().map(|(_, _, object)| object.size).sum()
}

type Log = (Source, NodeId, LogObject);

/// Returns the stored logs that satisfy a predicate.
fn logs(
    objects: &SessionObjects,
    source_of: impl Fn(&str) -> Option<Source>,
    wanted: impl Fn(Source, NodeId) -> bool,
) -> Vec<Log> {
    let found = objects.logs().filter_map(|(node, path, object)| {
        let (source, node) = (source_of(path)?, NodeId::from_hex(node)?);
        (object.size > 0 && wanted(source, node)).then(|| (source, node, object.clone()))
    });
    found.collect()
}

fn leave_out(processes: &mut ProcessLogs, logs: impl Iterator<Item = Log>) {
    for (_, _, object) in logs {
        processes.unread_files += 1;
        processes.unread_bytes += object.size;
    }
}

fn in_parts((source, node, object): Log, head: u64, tail: u64) -> Reading {
    let parts = if object.size <= head + tail {
        vec![ReadRange::Full]
    } else if head == 0 {
        vec![ReadRange::Tail(tail)]
    } else {
        vec![ReadRange::Between(0, head), ReadRange::Tail(tail)]
    };
    Reading { source, node, object, parts }
}

async fn scan(
    store: &Arc<dyn Storage>,
    logs: impl Iterator<Item = Reading>,
    facts: &mut ProcessFacts,
    counters: &Counters,
    permit: &Arc<LoadPermit>,
) {
    let mut scanned = stream::iter(logs)
        .map(|Reading { source, node, object, parts }| async move {
            let mut scan = LogScan::new(source, node);
            let mut failed = None;
            let whole = parts.iter().all(|part| matches!(part, ReadRange::Full));
            for (number, part) in parts.into_iter().enumerate() {
                if number > 0 {
                    scan.next_part();
                }
                if let Err(error) = fetch::each(&**store, &object.key, part, counters, |piece| scan.push(piece)).await {
                    failed = Some((object.key.clone(), error.to_string()));
                }
            }
            (scan.finish(whole && failed.is_none()), failed)
        })
        .buffer_unordered(FETCHES);
    while let Some((found, failed)) = scanned.next().await {
        permit.add(found.weight() as u64);
        facts.logs.merge(found);
        facts.unreadable.extend(failed);
    }
}
