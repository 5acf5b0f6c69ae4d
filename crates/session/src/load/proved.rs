//! The proof of an open session, and its losses as gaps.
//!
//! A proof is computed at the load, and again when manifests change or when time makes a difference: what a living node
//! is about to store is a loss once the node is silent.

mod words;

use super::manifests::Manifests;
use super::nodes::{NodeFiles, SegmentObject};
use ray_history_core::base::time::Nanos;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::gap::Gap;
use ray_history_manifest::proof::{FRESH, Found, Head, NamedNode, Proof, proof};
use ray_history_manifest::{Manifest, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Shortest interval between two proofs of an open session. Collectors write manifests each minute.
const INTERVAL: Duration = Duration::from_mins(1);
/// Time after the last write of an open manifest at which nothing that it names may be missing any more.
const SETTLED: Nanos = 300_000_000_000;

/// The proof of an open session.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The verdict and its reasons.
    pub proof: Proof,
    /// The last word of its heads' collectors.
    pub head: Option<Head>,
    /// Records read by node, and nodes named by events: those of the build.
    read: Arc<Read>,
    /// Nodes and spools whose manifests are closed.
    closed: BTreeSet<(String, String)>,
    /// The first segment that counts, by node and spool.
    first_segments: BTreeMap<(String, String), u64>,
    /// The time of the proof.
    at: Nanos,
    /// The next time at which the proof may be another one although nothing changes.
    again_at: Option<Nanos>,
}

/// Facts of a session's events that a proof compares with manifests.
#[derive(Debug, Default)]
struct Read {
    records: BTreeMap<String, u64>,
    named: Vec<NamedNode>,
}

impl Proved {
    /// Proves a session that was just built. Returns `None` if it has no manifests.
    pub(super) fn build(
        snapshot: &Snapshot,
        records: BTreeMap<String, u64>,
        manifests: &Manifests,
        files: NodeFiles,
        now: Nanos,
    ) -> Option<Self> {
        let by_events = snapshot.nodes.iter().filter(|node| !node.is_foreign && (node.defined || node.advanced));
        let named = by_events.map(|node| NamedNode { id: node.id.hex(), start: node.start }).collect();
        Self::of(Arc::new(Read { records, named }), manifests, files, now)
    }

    /// Returns the records that were read of each node.
    pub(crate) fn records(&self) -> &BTreeMap<String, u64> {
        &self.read.records
    }

    /// Proves the session again, with newer manifests and a newer listing of the same events.
    pub(crate) fn again(&self, manifests: &Manifests, files: NodeFiles, now: Nanos) -> Option<Self> {
        Self::of(Arc::clone(&self.read), manifests, files, now)
    }

    fn of(read: Arc<Read>, manifests: &Manifests, mut files: NodeFiles, now: Nanos) -> Option<Self> {
        files.add_records(&read.records);
        let found = &manifests.found;
        let proof = proof(found, &files.stored, &read.named, now)?;
        let understood = || found.iter().filter_map(|found| Some((found, found.manifest.as_ref().ok()?)));
        let is_closed = |state: State| state == State::Closed;
        let closed = understood().filter(|(_, manifest)| is_closed(manifest.state));
        let closed = closed.map(|(Found { node, spool, .. }, _)| (node.clone(), spool.clone())).collect();
        let open = understood().filter(|(_, manifest)| !is_closed(manifest.state));
        let ends = open.flat_map(|(_, manifest)| {
            // A head counts as alive for no longer than `FRESH`.
            let ages = [FRESH, SETTLED, manifest.collector.fresh_for()];
            ages.map(|after| manifest.written.saturating_add(after))
        });
        let starts = read.named.iter().map(|node| node.start.saturating_add(FRESH));
        let again_at = ends.chain(starts).filter(|at| *at > now).min();
        let first = |(found, manifest): (&Found, &Manifest)| {
            ((found.node.clone(), found.spool.clone()), manifest.logs.segments.first)
        };
        let first_segments = understood().map(first).collect();
        Some(Self { proof, head: Head::of(found), read, closed, first_segments, at: now, again_at })
    }

    /// Returns `true` if a node or spool was closed since another proof: its last files may have changed nothing that a
    /// listing shows.
    pub(crate) fn closes_more_than(&self, before: &Self) -> bool {
        self.closed != before.closed
    }

    /// Returns `true` if a segment may hold bytes that are in no settled file.
    pub(crate) fn needs(&self, segment: &SegmentObject) -> bool {
        let first = self.first_segments.get(&(segment.node.clone(), segment.spool.clone()));
        first.is_none_or(|first| segment.number >= *first)
    }

    /// Returns `true` if the session should be proved again: `changed` tells whether a manifest changed.
    pub(super) fn is_due(&self, changed: bool, now: Nanos) -> bool {
        let interval = INTERVAL.as_nanos() as Nanos;
        (changed && now.saturating_sub(self.at) >= interval) || self.again_at.is_some_and(|at| now >= at)
    }

    /// Returns the losses as gaps.
    pub fn gaps(&self) -> Vec<Gap> {
        words::gaps(&self.proof.losses)
    }

    /// Returns every loss as a gap, with its node.
    pub fn losses(&self) -> impl Iterator<Item = (&str, Gap)> {
        self.proof.losses.iter().map(|loss| (loss.node.as_str(), words::gap(loss)))
    }

    /// Returns the facts that are missing for a proof, each with its node.
    pub fn doubts(&self) -> impl Iterator<Item = (&str, String)> {
        self.proof.doubts.iter().map(|doubt| (doubt.node.as_str(), words::doubt(&doubt.why)))
    }

    /// Returns `true` if something is lost. Cheap, because every answer asks it.
    pub fn has_gaps(&self) -> bool {
        !self.proof.losses.is_empty()
    }
}

/// Returns the current time in nanoseconds since 1970.
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().try_into().unwrap_or(Nanos::MAX)
}
