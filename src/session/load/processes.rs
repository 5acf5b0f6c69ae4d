//! Reads the logs of Ray's C++ processes, where events leave something out that these tell.
//!
//! ```text
//! of every session, beside its events ──► drivers' own logs, and the GCS's where it is short     (`read_early`)
//! then, by what the events left out ────► logs of workers without events and of their raylets   (`read_missing`)
//! ```
//!
//! Owns how much of them is worth reading: raylets of a long session write gigabytes. What is left unread is counted.

use super::facts::Unreadable;
use super::fetch;
use super::held::Held;
use super::objects::{LogObject, SessionObjects};
use crate::session::progress::Counters;
use futures_util::{StreamExt, stream};
use ray_history_core::base::id::{NodeId, WorkerId};
use ray_history_core::logs::processes::{LogScan, ProcessLogs, Source};
use ray_history_core::snapshot::build::Builder;
use ray_history_core::snapshot::driver::is_driver;
use ray_history_storage::{ReadRange, Storage};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Files read at once.
const FETCHES: usize = 48;
/// Own logs of workers that are read; each costs one or two requests.
const MAX_OWN_LOGS: usize = 5_000;
/// A process registers within its first bytes, and says why it leaves within its last ones.
const OWN_HEAD: u64 = 16 << 10;
const OWN_TAIL: u64 = 48 << 10;
/// Of the logs of the GCS and of raylets so much is read: from the start, for what a node says about itself, and from
/// the end.
const LONG_HEAD: u64 = 64 << 10;
const LONG_TAIL: u64 = 128 << 20;
/// The GCS's log is read of every session up to this size.
const SHORT_GCS: u64 = 32 << 20;
/// Of all of them together.
const MAX_LONG_BYTES: u64 = 512 << 20;

/// A log to read, and which parts of it.
struct Reading {
    source: Source,
    node: NodeId,
    object: LogObject,
    parts: Vec<ReadRange>,
}

/// Facts of process logs, and the files that could not be read.
#[derive(Default)]
pub(super) struct ProcessFacts {
    pub(super) logs: ProcessLogs,
    pub(super) unreadable: Unreadable,
}

/// Reads what is worth it of every session: drivers' own logs, of which no event tells, and the GCS's unless it is long.
pub(super) async fn read_early(
    store: &Arc<dyn Storage>,
    objects: &SessionObjects,
    counters: &Counters,
    held: &Arc<Held>,
) -> ProcessFacts {
    let mut facts = ProcessFacts::default();
    let mut own = logs(objects, |source, _| matches!(source, Source::Worker(worker) if is_driver(&worker)));
    leave_out(&mut facts.logs, own.drain(own.len().min(MAX_OWN_LOGS)..));
    let gcs = logs(objects, |source, _| source == Source::Gcs);
    let short = bytes(&gcs) <= SHORT_GCS;
    let gcs = gcs.into_iter().filter(|_| short).map(|log| in_parts(log, LONG_HEAD, LONG_TAIL));
    let readings = own.into_iter().map(|log| in_parts(log, OWN_HEAD, OWN_TAIL)).chain(gcs);
    scan(store, readings, &mut facts, counters, held).await;
    facts
}

/// Reads what the events of this session leave out.
pub(super) async fn read_missing(
    store: &Arc<dyn Storage>,
    objects: &SessionObjects,
    builder: &Builder,
    named: &ProcessLogs,
    early: &ProcessLogs,
    counters: &Counters,
    held: &Arc<Held>,
) -> ProcessFacts {
    let mut facts = ProcessFacts::default();
    let registered = named.workers.iter().filter(|(_, log)| log.has_registered()).map(|(id, _)| *id);
    let unreported = builder.unreported_workers(registered);
    // A driver that left no word was killed.
    let silent =
        early.workers.iter().filter(|(id, log)| is_driver(id) && !log.has_ended() && builder.driver_has_ended(id));
    let silent: BTreeSet<WorkerId> = silent.map(|(id, _)| *id).collect();
    let mut own = logs(objects, |source, _| matches!(source, Source::Worker(worker) if unreported.contains(&worker)));
    leave_out(&mut facts.logs, own.drain(own.len().min(MAX_OWN_LOGS)..));

    let wanted = unreported.iter().chain(&silent);
    let nodes: BTreeSet<NodeId> = wanted.filter_map(|worker| named.workers.get(worker)?.node).collect();
    let gcs = !early.gcs.read && (!unreported.is_empty() || !silent.is_empty() || builder.lacks_a_kind());
    let mut long = logs(objects, |source, node| match source {
        Source::Gcs => gcs,
        Source::Raylet => nodes.contains(&node),
        Source::Worker(_) => false,
    });
    // The GCS's log first: it tells of all nodes.
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
    // Of a long log of the GCS that tells nothing else that is missing, only how it ended is of interest.
    let ended = !early.gcs.read && !gcs && builder.has_unfinished_jobs();
    let ends = logs(objects, |source, _| ended && source == Source::Gcs);
    let readings = own.into_iter().map(|log| in_parts(log, OWN_HEAD, OWN_TAIL));
    let readings = readings.chain(ends.into_iter().map(|log| in_parts(log, 0, OWN_TAIL)));
    let readings = readings.chain(long.into_iter().map(|log| in_parts(log, LONG_HEAD, LONG_TAIL)));
    scan(store, readings, &mut facts, counters, held).await;
    facts
}

fn bytes(logs: &[Log]) -> u64 {
    logs.iter().map(|(_, _, object)| object.size).sum()
}

type Log = (Source, NodeId, LogObject);

/// The stored logs of processes that are wanted.
fn logs(objects: &SessionObjects, wanted: impl Fn(Source, NodeId) -> bool) -> Vec<Log> {
    let found = objects.logs().filter_map(|(node, path, object)| {
        let (source, node) = (Source::of(path)?, NodeId::from_hex(node)?);
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
    held: &Arc<Held>,
) {
    let mut scanned = stream::iter(logs)
        .map(|Reading { source, node, object, parts }| async move {
            let mut scan = LogScan::new(source, node);
            let mut failed = None;
            for part in parts {
                if let Err(error) = fetch::each(&**store, &object.key, part, counters, |piece| scan.push(piece)).await {
                    failed = Some((object.key.clone(), error.to_string()));
                }
                // Whatever stands between two parts ends here.
                scan.push(b"\n");
            }
            (scan.finish(), failed)
        })
        .buffer_unordered(FETCHES);
    while let Some((found, failed)) = scanned.next().await {
        held.add(found.weight() as u64);
        facts.logs.merge(found);
        facts.unreadable.extend(failed);
    }
}
