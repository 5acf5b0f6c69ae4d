//! Metrics of loads and the cache of open sessions.

use super::{Registry, from_zero};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Unit;
use std::time::Duration;

/// How a load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// With everything that is stored.
    Whole,
    /// Without files that could not be read: it is tried again soon.
    Incomplete,
    /// With an error.
    Failed,
    /// It took longer than `loading.timeout`.
    TimedOut,
    /// It would not fit into `cache.maxMemory`.
    TooLarge,
    /// The program stopped.
    Stopped,
}

const OUTCOMES: [Outcome; 6] =
    [Outcome::Whole, Outcome::Incomplete, Outcome::Failed, Outcome::TimedOut, Outcome::TooLarge, Outcome::Stopped];

/// Why an open session was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Eviction {
    /// `cache.maxSessions`.
    Count,
    /// `cache.maxMemory`, or a load that needed room.
    Memory,
    /// `cache.ttl`.
    Expired,
}

const EVICTIONS: [Eviction; 3] = [Eviction::Count, Eviction::Memory, Eviction::Expired];

/// What a look at the store of an open session found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Look {
    /// Nothing new.
    Same,
    /// Log files that are only shown: no rebuild.
    Logs,
    /// Something that the snapshot is made of.
    Changed,
    /// The store could not be listed.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: Eviction,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FoundLabel {
    found: Look,
}

/// The families.
#[derive(Debug)]
pub struct Metrics {
    loads: Family<OutcomeLabel, Counter>,
    load_seconds: Histogram,
    queued_seconds: Histogram,
    loading: Gauge,
    waiting: Gauge,
    read_bytes: Counter,
    unread_files: Counter,
    damaged_records: Counter,
    sessions_with_gaps: Gauge,
    kept: Gauge,
    kept_bytes: Gauge,
    memory_used: Gauge,
    memory_limit: Gauge,
    hits: Counter,
    misses: Counter,
    evictions: Family<ReasonLabel, Counter>,
    not_kept: Counter,
    looks: Family<FoundLabel, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        // 10 ms to 11 minutes.
        let seconds = || Histogram::new(exponential_buckets(0.01, 3.0, 11));
        Self {
            loads: from_zero(OUTCOMES.map(|outcome| OutcomeLabel { outcome })),
            load_seconds: seconds(),
            queued_seconds: seconds(),
            loading: Gauge::default(),
            waiting: Gauge::default(),
            read_bytes: Counter::default(),
            unread_files: Counter::default(),
            damaged_records: Counter::default(),
            sessions_with_gaps: Gauge::default(),
            kept: Gauge::default(),
            kept_bytes: Gauge::default(),
            memory_used: Gauge::default(),
            memory_limit: Gauge::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            evictions: from_zero(EVICTIONS.map(|reason| ReasonLabel { reason })),
            not_kept: Counter::default(),
            looks: Family::default(),
        }
    }
}

/// Counts something while it lasts.
#[derive(Debug)]
pub struct During(Gauge);

impl Drop for During {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Metrics {
    /// A load ended after so long.
    pub fn loaded(&self, outcome: Outcome, took: Duration) {
        self.loads.get_or_create(&OutcomeLabel { outcome }).inc();
        self.load_seconds.observe(took.as_secs_f64());
    }

    /// A load waited so long for its turn.
    pub fn queued(&self, waited: Duration) {
        self.queued_seconds.observe(waited.as_secs_f64());
    }

    /// A load runs, until this is dropped.
    pub fn loading(&self) -> During {
        self.loading.inc();
        During(self.loading.clone())
    }

    /// A request waits for a load, until this is dropped.
    pub fn waiting(&self) -> During {
        self.waiting.inc();
        During(self.waiting.clone())
    }

    /// What a load read, and what it could not read.
    pub fn read(&self, bytes: u64, unread_files: u64, damaged_records: u64) {
        self.read_bytes.inc_by(bytes);
        self.unread_files.inc_by(unread_files);
        self.damaged_records.inc_by(damaged_records);
    }

    /// So many open sessions have known gaps.
    pub fn gaps(&self, sessions: usize) {
        self.sessions_with_gaps.set(count(sessions as u64));
    }

    /// So many sessions are kept, of so many bytes.
    pub fn kept(&self, sessions: usize, bytes: u64) {
        self.kept.set(count(sessions as u64));
        self.kept_bytes.set(count(bytes));
    }

    /// The budget, and how much of it is held by open sessions and builds.
    pub fn memory(&self, used: u64, limit: u64) {
        self.memory_used.set(count(used));
        self.memory_limit.set(count(limit));
    }

    /// A request found its session open, or did not.
    pub fn asked(&self, open: bool) {
        if open {
            self.hits.inc()
        } else {
            self.misses.inc()
        };
    }

    /// So many sessions were let go.
    pub fn evicted(&self, reason: Eviction, count: u64) {
        self.evictions.get_or_create(&ReasonLabel { reason }).inc_by(count);
    }

    /// A loaded session was too large to be kept.
    pub fn not_kept(&self) {
        self.not_kept.inc();
    }

    /// The store was looked at again for an open session.
    pub fn looked(&self, found: Look) {
        self.looks.get_or_create(&FoundLabel { found }).inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("loads", "Loads of sessions, by how they ended", self.loads.clone());
        let help = "Time from a load's start to its end, waiting for its turn included";
        registry.register_with_unit("load_duration", help, Unit::Seconds, self.load_seconds.clone());
        let help = "Time a load waited for its turn and for memory";
        registry.register_with_unit("load_queue_duration", help, Unit::Seconds, self.queued_seconds.clone());
        registry.register("loads_running", "Loads that run or wait for their turn", self.loading.clone());
        registry.register("load_waiters", "Requests that wait for a load", self.waiting.clone());
        registry.register_with_unit("load_read", "Stored bytes read by loads", Unit::Bytes, self.read_bytes.clone());
        let help = "Stored files that loads could not read, or not to their end";
        registry.register("load_unread_files", help, self.unread_files.clone());
        registry.register("load_damaged_records", "Damaged event records that loads met", self.damaged_records.clone());
        registry.register("sessions_with_gaps", "Open sessions with known gaps", self.sessions_with_gaps.clone());
        registry.register("cache_sessions", "Open sessions that are kept", self.kept.clone());
        registry.register_with_unit(
            "cache",
            "Bytes of open sessions that are kept",
            Unit::Bytes,
            self.kept_bytes.clone(),
        );
        let help = "Bytes held by open sessions, kept or still in use, and by loads";
        registry.register_with_unit("memory_used", help, Unit::Bytes, self.memory_used.clone());
        let help = "The budget for open sessions and loads (cache.maxMemory)";
        registry.register_with_unit("memory_limit", help, Unit::Bytes, self.memory_limit.clone());
        registry.register("cache_hits", "Requests whose session was open", self.hits.clone());
        registry.register("cache_misses", "Requests whose session had to be loaded", self.misses.clone());
        registry.register("cache_evictions", "Sessions let go, by reason", self.evictions.clone());
        let help = "Loaded sessions that were too large to be kept";
        registry.register("cache_rejections", help, self.not_kept.clone());
        let help = "Looks at the store for newer files of open sessions, by what they found";
        registry.register("freshness_checks", help, self.looks.clone());
    }
}
