//! The metrics of the collector, in the text format of Prometheus.
//!
//! Names begin with `ray_history_collect_`. Labels have few values: kinds of objects and errors, Ray's event types.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use ray_history_storage::Error;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::AtomicU64;

type Labels = [(&'static str, String); 1];

/// The requests to the store that write; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct StoreMetrics {
    puts: Family<Labels, Counter>,
    errors: Family<Labels, Counter>,
    bytes: Counter,
}

/// The kinds of objects, by a part of their keys; the first that fits counts.
const KINDS: [(&str, &str); 7] = [
    ("/manifest.json", "manifest"),
    ("/quarantine-", "quarantine"),
    (".seg", "log_segment"),
    ("/logs/", "log"),
    ("_events/", "events"),
    ("/fetched_endpoints/", "endpoint"),
    ("cluster-metadata/", "marker"),
];

impl StoreMetrics {
    /// Counts one attempt to write.
    pub fn count(&self, key: &str, length: u64, error: Option<&Error>) {
        if let Some(error) = error {
            self.errors.get_or_create(&[("kind", error.kind().as_str().to_owned())]).inc();
            return;
        }
        let kind = KINDS.iter().find(|(part, _)| key.contains(part)).map_or("other", |(_, kind)| kind);
        self.puts.get_or_create(&[("kind", kind.to_owned())]).inc();
        self.bytes.inc_by(length);
    }
}

/// The numbers of all parts at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Numbers {
    /// Records that were accepted.
    pub accepted: u64,
    /// Batches that Ray sent again.
    pub repeated: u64,
    /// Batches that were refused, because the spool was full or could not be written.
    pub refused: u64,
    /// Records that were set aside.
    pub quarantined: u64,
    /// Bytes in the spool.
    pub spool_bytes: u64,
    /// Seconds since the oldest event that is not stored was accepted.
    pub unflushed_seconds: f64,
    /// Seconds since the oldest bytes of a log were seen that are not stored.
    pub log_lag_seconds: f64,
    /// Events that Ray's agents dropped, by type.
    pub dropped: BTreeMap<String, u64>,
    /// Parts that have troubles.
    pub troubles: u64,
}

/// Returns the exposition.
pub fn render(numbers: &Numbers, store: &StoreMetrics) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("ray_history_collect");
    let mut counter = |name: &str, help: &str, value: u64| {
        let counter: Counter = Counter::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    };
    counter("events_accepted", "Events that were acknowledged", numbers.accepted);
    counter("batches_repeated", "Batches of events that Ray sent again", numbers.repeated);
    counter(
        "batches_refused",
        "Batches of events answered by 503: the spool was full or not writable",
        numbers.refused,
    );
    counter("events_quarantined", "Events that were acknowledged and set aside", numbers.quarantined);
    let dropped: Family<Labels, Counter> = Family::default();
    for (kind, count) in &numbers.dropped {
        dropped.get_or_create(&[("type", kind.clone())]).inc_by(*count);
    }
    registry.register(
        "ray_events_dropped",
        "Events that Ray's agent dropped before they reached the collector",
        dropped,
    );
    let mut gauge = |name: &str, help: &str, unit: Unit, value: f64| {
        let gauge: Gauge<f64, AtomicU64> = Gauge::default();
        gauge.set(value);
        registry.register_with_unit(name, help, unit, gauge);
    };
    gauge("spool", "Size of the spool", Unit::Bytes, numbers.spool_bytes as f64);
    gauge("unflushed", "Age of the oldest event that is not stored", Unit::Seconds, numbers.unflushed_seconds);
    gauge("log_lag", "Age of the oldest bytes of a log that are not stored", Unit::Seconds, numbers.log_lag_seconds);
    let troubles: Gauge = Gauge::default();
    troubles.set(i64::try_from(numbers.troubles).unwrap_or(i64::MAX));
    registry.register("troubles", "Parts with a trouble that /healthz explains", troubles);
    registry.register("puts", "Objects that were written, by kind", store.puts.clone());
    registry.register("put_errors", "Attempts to write an object that failed, by kind of error", store.errors.clone());
    registry.register_with_unit("put", "Bytes of objects that were written", Unit::Bytes, store.bytes.clone());
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_storage::ErrorKind;

    #[test]
    fn all_numbers_are_exposed() {
        let store = StoreMetrics::default();
        store.count("x/n/job_events/01000000/n-1.jsonl.gz", 100, None);
        store.count("x/n/ray-history/s/logs-0000000001.seg", 7, None);
        store.count("x/n/logs/a_events/b.log", 1, None);
        store.count("x", 1, Some(&Error::new(ErrorKind::PermissionDenied, "x")));
        let dropped = [("TASK_LIFECYCLE_EVENT".to_owned(), 900)].into();
        let numbers = Numbers { accepted: 8597, unflushed_seconds: 1.5, dropped, ..Numbers::default() };
        let text = render(&numbers, &store).unwrap();
        for line in [
            "ray_history_collect_events_accepted_total 8597",
            "ray_history_collect_batches_refused_total 0",
            "ray_history_collect_ray_events_dropped_total{type=\"TASK_LIFECYCLE_EVENT\"} 900",
            "ray_history_collect_unflushed_seconds 1.5",
            "ray_history_collect_spool_bytes 0.0",
            "ray_history_collect_puts_total{kind=\"events\"} 1",
            "ray_history_collect_puts_total{kind=\"log_segment\"} 1",
            "ray_history_collect_puts_total{kind=\"log\"} 1",
            "ray_history_collect_put_errors_total{kind=\"permission_denied\"} 1",
            "ray_history_collect_put_bytes_total 108",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
