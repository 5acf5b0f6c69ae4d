//! Metrics of the process itself: memory, start, version.

use super::Registry;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, info::Info};
use prometheus_client::registry::Unit;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// The families.
#[derive(Debug)]
pub struct Metrics {
    resident: Gauge,
    start: Gauge,
    log_lines_dropped: Counter,
    /// Counts them for as long as the process runs; none are, where nobody logs.
    count_dropped: OnceLock<fn() -> u64>,
}

impl Default for Metrics {
    /// Taken once, when the program starts.
    fn default() -> Self {
        let start: Gauge = Gauge::default();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        start.set(i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        Self {
            resident: Gauge::default(),
            start,
            log_lines_dropped: Counter::default(),
            count_dropped: OnceLock::new(),
        }
    }
}

impl Metrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", version);
        let help = "Resident memory of the process; zero where the system does not say";
        registry.register_common("process_resident_memory", help, Unit::Bytes, self.resident.clone());
        let help = "Log lines dropped because standard error was not read";
        registry.register("log_lines_dropped", help, self.log_lines_dropped.clone());
        let help = "When the process started, in seconds since the epoch";
        registry.register_common("process_start_time", help, Unit::Seconds, self.start.clone());
    }

    /// Takes the number of log lines that were dropped from here.
    pub fn count_dropped_log_lines(&self, count: fn() -> u64) {
        let _ = self.count_dropped.set(count);
    }

    /// Reads what changes.
    pub fn measure(&self) {
        if let Some(count) = self.count_dropped.get() {
            self.log_lines_dropped.inner().store(count(), Ordering::Relaxed);
        }
        self.resident.set(resident_bytes().unwrap_or(0));
    }
}

/// Resident bytes as the kernel counts them.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    // `statm` counts pages, whose size differs between machines; this line says kB.
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
