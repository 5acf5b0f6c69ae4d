//! Metrics of loads and the cache of open sessions.

use super::{Registry, from_zero};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Unit;
use std::time::Duration;

/// The outcome of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Outcome {
    /// All stored files were read.
    Whole,
    /// Some files could not be read; the load is retried soon.
    Incomplete,
    /// The load failed with an error.
    Failed,
    /// The load took longer than `loading.timeout`.
    TimedOut,
    /// The session does not fit into `cache.maxMemory`.
    TooLarge,
    /// The program stopped.
    Stopped,
}

const OUTCOMES: [Outcome; 6] =
    [Outcome::Whole, Outcome::Incomplete, Outcome::Failed, Outcome::TimedOut, Outcome::TooLarge, Outcome::Stopped];

/// The reason why an open session was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Eviction {
    /// `cache.maxSessions`.
    Count,
    /// `cache.maxMemory`, or a load that needed memory.
    Memory,
    /// `cache.ttl`.
    Expired,
}

const EVICTIONS: [Eviction; 3] = [Eviction::Count, Eviction::Memory, Eviction::Expired];

/// The result of checking the store for newer files of an open session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum FreshnessCheck {
    /// Nothing new.
    Same,
    /// Log files that are only displayed: no rebuild.
    Logs,
    /// Manifests, or only time passed: the session was proved again without a rebuild.
    Manifests,
    /// Files that the snapshot is built from.
    Changed,
    /// The store could not be listed.
    Failed,
}

/// The completeness of an open session, in the words of our API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completeness {
    /// Proved by manifests.
    Complete,
    /// Proved up to a time.
    CompleteTo,
    /// Something is missing.
    Gaps,
    /// Neither.
    NoKnownGaps,
}

const COMPLETENESS: [(Completeness, &str); 4] = [
    (Completeness::Complete, "complete"),
    (Completeness::CompleteTo, "complete-to"),
    (Completeness::Gaps, "gaps"),
    (Completeness::NoKnownGaps, "no-known-gaps"),
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CompletenessLabel {
    completeness: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: Eviction,
}

/// The end of a read of the small files of a session that tell of its jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum FactsRead {
    /// The files that are stored were read.
    Read,
    /// The store could not be read; it is tried again later.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FactsReadLabel {
    outcome: FactsRead,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FoundLabel {
    found: FreshnessCheck,
}

/// The metric families.
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
    completeness: Family<CompletenessLabel, Gauge>,
    cached: Gauge,
    cached_bytes: Gauge,
    memory_used: Gauge,
    memory_limit: Gauge,
    hits: Counter,
    misses: Counter,
    evictions: Family<ReasonLabel, Counter>,
    not_cached: Counter,
    freshness_checks: Family<FoundLabel, Counter>,
    facts_reads: Family<FactsReadLabel, Counter>,
    facts_requests: Counter,
    facts_sessions: Gauge,
    facts_bytes: Gauge,
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
            completeness: Family::default(),
            cached: Gauge::default(),
            cached_bytes: Gauge::default(),
            memory_used: Gauge::default(),
            memory_limit: Gauge::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            evictions: from_zero(EVICTIONS.map(|reason| ReasonLabel { reason })),
            not_cached: Counter::default(),
            freshness_checks: Family::default(),
            facts_reads: from_zero([FactsRead::Read, FactsRead::Failed].map(|outcome| FactsReadLabel { outcome })),
            facts_requests: Counter::default(),
            facts_sessions: Gauge::default(),
            facts_bytes: Gauge::default(),
        }
    }
}

/// Decrements its gauge when dropped.
#[derive(Debug)]
pub struct GaugeGuard(Gauge);

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Metrics {
    /// Records the outcome and duration of a load.
    pub fn loaded(&self, outcome: Outcome, took: Duration) {
        self.loads.get_or_create(&OutcomeLabel { outcome }).inc();
        self.load_seconds.observe(took.as_secs_f64());
    }

    /// Records the time that a load waited in the queue.
    pub fn queued(&self, waited: Duration) {
        self.queued_seconds.observe(waited.as_secs_f64());
    }

    /// Counts a running load until the guard is dropped.
    pub fn loading(&self) -> GaugeGuard {
        self.loading.inc();
        GaugeGuard(self.loading.clone())
    }

    /// Counts a request that waits for a load until the guard is dropped.
    pub fn waiting(&self) -> GaugeGuard {
        self.waiting.inc();
        GaugeGuard(self.waiting.clone())
    }

    /// Records the bytes that a load read, the files it could not read, and the damaged records it found.
    pub fn read(&self, bytes: u64, unread_files: u64, damaged_records: u64) {
        self.read_bytes.inc_by(bytes);
        self.unread_files.inc_by(unread_files);
        self.damaged_records.inc_by(damaged_records);
    }

    /// Sets the numbers of open sessions by completeness.
    pub fn completeness(&self, open: impl Iterator<Item = Completeness>) {
        let open: Vec<Completeness> = open.collect();
        for (kind, completeness) in COMPLETENESS {
            let sessions = open.iter().filter(|open| **open == kind).count() as u64;
            self.completeness.get_or_create(&CompletenessLabel { completeness }).set(count(sessions));
            if kind == Completeness::Gaps {
                self.sessions_with_gaps.set(count(sessions));
            }
        }
    }

    /// Sets the number of cached sessions and their bytes.
    pub fn cached(&self, sessions: usize, bytes: u64) {
        self.cached.set(count(sessions as u64));
        self.cached_bytes.set(count(bytes));
    }

    /// Sets the memory budget, and how much of it open sessions and loads use.
    pub fn memory(&self, used: u64, limit: u64) {
        self.memory_used.set(count(used));
        self.memory_limit.set(count(limit));
    }

    /// Counts a request as a cache hit if its session was open, else as a miss.
    pub fn cache_lookup(&self, open: bool) {
        if open {
            self.hits.inc()
        } else {
            self.misses.inc()
        };
    }

    /// Counts sessions that were closed.
    pub fn evicted(&self, reason: Eviction, count: u64) {
        self.evictions.get_or_create(&ReasonLabel { reason }).inc_by(count);
    }

    /// Counts a loaded session that was too large for the cache.
    pub fn not_cached(&self) {
        self.not_cached.inc();
    }

    /// Counts a check of the store for newer files of an open session.
    pub fn freshness_checked(&self, found: FreshnessCheck) {
        self.freshness_checks.get_or_create(&FoundLabel { found }).inc();
    }

    /// Counts a read of the facts of a session's jobs, and its requests to the store.
    pub fn facts_read(&self, outcome: FactsRead, requests: u64) {
        self.facts_reads.get_or_create(&FactsReadLabel { outcome }).inc();
        self.facts_requests.inc_by(requests);
    }

    /// Sets the number of sessions the facts of whose jobs are known, and their bytes.
    pub fn facts(&self, sessions: usize, bytes: u64) {
        self.facts_sessions.set(count(sessions as u64));
        self.facts_bytes.set(count(bytes));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("loads", "Loads of sessions, by outcome", self.loads.clone());
        let help = "Duration of a load, including its time in the queue";
        registry.register_with_unit("load_duration", help, Unit::Seconds, self.load_seconds.clone());
        let help = "Time that a load waited in the queue and for memory";
        registry.register_with_unit("load_queue_duration", help, Unit::Seconds, self.queued_seconds.clone());
        registry.register("loads_running", "Loads that are running or queued", self.loading.clone());
        registry.register("load_waiters", "Requests that wait for a load", self.waiting.clone());
        registry.register_with_unit("load_read", "Stored bytes read by loads", Unit::Bytes, self.read_bytes.clone());
        let help = "Stored files that loads could not read completely";
        registry.register("load_unread_files", help, self.unread_files.clone());
        registry.register("load_damaged_records", "Damaged event records found by loads", self.damaged_records.clone());
        registry.register("sessions_with_gaps", "Open sessions with known gaps", self.sessions_with_gaps.clone());
        registry.register("open_sessions", "Open sessions, by completeness", self.completeness.clone());
        registry.register("cache_sessions", "Sessions in the cache", self.cached.clone());
        registry.register_with_unit("cache", "Bytes of sessions in the cache", Unit::Bytes, self.cached_bytes.clone());
        let help = "Bytes used by open sessions, cached or still in use, by loads, long answers and what is known of other sessions";
        registry.register_with_unit("memory_used", help, Unit::Bytes, self.memory_used.clone());
        let help = "The budget for open sessions and loads (cache.maxMemory)";
        registry.register_with_unit("memory_limit", help, Unit::Bytes, self.memory_limit.clone());
        registry.register("cache_hits", "Requests whose session was open", self.hits.clone());
        registry.register("cache_misses", "Requests whose session had to be loaded", self.misses.clone());
        registry.register("cache_evictions", "Sessions evicted from the cache, by reason", self.evictions.clone());
        let help = "Loaded sessions that were too large for the cache";
        registry.register("cache_rejections", help, self.not_cached.clone());
        let help = "Checks of the store for newer files of open sessions, by result";
        registry.register("freshness_checks", help, self.freshness_checks.clone());
        let help = "Reads of the small files of sessions that are not open, for the outcome of their jobs";
        registry.register("run_facts_reads", help, self.facts_reads.clone());
        let help = "Requests to the store of these reads, both lists and reads";
        registry.register("run_facts_requests", help, self.facts_requests.clone());
        let help = "Sessions the outcome of whose jobs is kept, or was asked for in vain";
        registry.register("run_facts_sessions", help, self.facts_sessions.clone());
        let help = "Bytes of what is kept of their jobs, a part of cache.maxMemory";
        registry.register_with_unit("run_facts", help, Unit::Bytes, self.facts_bytes.clone());
    }
}
