//! The numbers that a spool reports: to health and metrics, and to the manifest.

use super::live::{Live, Moment, wall_clock};
use super::state::Counts;
use super::{Inner, Spool};
use ray_history_core::base::name::SessionName;
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::NodeKeys;
use ray_history_manifest::{Events, GrowingFile, SealedFiles};
use tokio::time::Instant;

impl Spool {
    /// Returns the arrival of the last batch with records, since this process began.
    pub fn last_event_at(&self) -> Option<Instant> {
        self.inner.lock().last_event
    }

    /// Returns the arrival of the first record that the bucket does not have.
    pub fn unstored_since(&self) -> Option<Instant> {
        self.inner.lock().unstored_since().map(|moment| moment.at)
    }

    /// Returns the time, in nanoseconds since 1970, before which all that was accepted is in the bucket.
    pub fn flushed_to(&self) -> Nanos {
        self.inner.lock().unstored_since().map_or_else(wall_clock, |moment| moment.wall)
    }

    /// Returns what was accepted of all sessions, over all starts of a collector.
    pub fn counts(&self) -> Counts {
        let inner = self.inner.lock();
        let mut sum = Counts { repeated: inner.uncounted.0, refused: inner.uncounted.1, ..Counts::default() };
        for counts in inner.state.counts.values() {
            sum.batches += counts.batches;
            sum.records += counts.records;
            sum.quarantined += counts.quarantined;
            sum.repeated += counts.repeated;
            sum.refused += counts.refused;
        }
        sum
    }

    /// Returns the events of a session that the bucket has below a node: never more than it holds.
    pub fn manifest_part(&self, session: &SessionName, node: &NodeKeys) -> Events {
        let inner = self.inner.lock();
        let counts = inner.state.counts.get(session.as_str()).copied().unwrap_or_default();
        let sealed = inner.state.sealed.get(node.prefix()).copied().unwrap_or_default();
        let is_last = inner.state.session.as_deref() == Some(session.as_str());
        let uncounted = if is_last { inner.uncounted } else { (0, 0) };
        let mut events = Events {
            batches: counts.batches,
            records: sealed.records,
            repeated: counts.repeated + uncounted.0,
            quarantined: sealed.quarantined,
            refused: counts.refused + uncounted.1,
            sealed: SealedFiles {
                objects: sealed.objects,
                bytes: sealed.bytes,
                records: sealed.records,
                digest: sealed.digest,
            },
            growing: Vec::new(),
        };
        for file in inner.state.files.values() {
            let (Some(object), Some(stored)) = (&file.object, file.stored) else { continue };
            if object.node != node.prefix() {
                continue;
            }
            if file.is_quarantine() {
                events.quarantined += stored.records;
            } else {
                events.records += stored.records;
                let growing = GrowingFile { key: object.key.clone(), size: stored.size, records: stored.records };
                events.growing.push(growing);
            }
        }
        events
    }
}

impl Inner {
    fn unstored_since(&self) -> Option<Moment> {
        self.live.values().filter_map(Live::unstored_since).min()
    }
}
