//! Metrics of the list of sessions: its size, its age, and the requests it took.

use super::Registry;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Unit;
use std::time::{SystemTime, UNIX_EPOCH};

/// The purpose of a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Purpose {
    /// All markers.
    Markers,
    /// All folders of the data trees.
    Walk,
    /// The folders of one cluster.
    Cluster,
    /// The logs of a few sessions, to find the one that ran a submission.
    Submission,
    /// The nodes and drivers' logs of a session, for the facts of its jobs.
    Facts,
    /// The ledger of why runs ended.
    Ledger,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PurposeLabel {
    purpose: Purpose,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// The metric families.
#[derive(Debug, Default)]
pub struct Metrics {
    sessions: Family<StateLabel, Gauge>,
    dead_without_logs: Gauge,
    requests: Family<PurposeLabel, Counter>,
    listed: Family<PurposeLabel, Gauge>,
    failures: Family<PurposeLabel, Counter>,
    stale: Gauge,
    unknown_keys: Gauge,
    skipped_places: Gauge,
}

impl Metrics {
    /// Sets the number of listed sessions in a state.
    pub fn sessions(&self, state: &'static str, count: usize) {
        self.sessions.get_or_create(&StateLabel { state }).set(whole(count));
    }

    /// Sets the number of dead sessions with a marker but without logs.
    pub fn dead_without_logs(&self, count: usize) {
        self.dead_without_logs.set(whole(count));
    }

    /// Counts a listed page.
    pub fn request(&self, purpose: Purpose) {
        self.requests.get_or_create(&PurposeLabel { purpose }).inc();
    }

    /// Records the end of a pass over the store: successful at this time, or failed if `None`.
    pub fn passed(&self, purpose: Purpose, at: Option<SystemTime>) {
        let label = PurposeLabel { purpose };
        match at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
            Some(at) => drop(self.listed.get_or_create(&label).set(at.as_secs().cast_signed())),
            None => drop(self.failures.get_or_create(&label).inc()),
        }
    }

    /// Sets the properties of the list.
    pub fn listing(&self, stale: bool, unknown_keys: u64, skipped_places: u64) {
        self.stale.set(stale.into());
        self.unknown_keys.set(unknown_keys.cast_signed());
        self.skipped_places.set(skipped_places.cast_signed());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("catalog_sessions", "Listed sessions, by state of their cluster", self.sessions.clone());
        registry.register(
            "catalog_dead_sessions_without_logs",
            "Dead sessions with a marker but no folder in the data trees: none of their logs was uploaded",
            self.dead_without_logs.clone(),
        );
        registry.register("catalog_list_requests", "Paid list requests (pages), by purpose", self.requests.clone());
        registry.register_with_unit(
            "catalog_last_pass_timestamp",
            "Time of the last successful listing of the markers, and of the last successful walk of the data trees",
            Unit::Seconds,
            self.listed.clone(),
        );
        registry.register("catalog_failed_passes", "Failed passes over the store, by purpose", self.failures.clone());
        registry.register(
            "catalog_stale",
            "Set to 1 if the list is out of date because the store could not be listed, else 0",
            self.stale.clone(),
        );
        registry.register(
            "catalog_unknown_keys",
            "Keys in marker folders that are not markers",
            self.unknown_keys.clone(),
        );
        registry.register(
            "catalog_skipped_places",
            "Folders or links that could not be listed",
            self.skipped_places.clone(),
        );
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
