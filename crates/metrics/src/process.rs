//! Metrics of the process itself: memory, start, version.

use super::Registry;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, info::Info};
use prometheus_client::registry::Unit;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

/// The metric families.
#[derive(Debug)]
pub struct Metrics {
    resident: Gauge,
    start: Gauge,
    log_lines_dropped: Counter,
    /// Returns the log lines dropped since the start; not set if there is no log.
    count_dropped: OnceLock<fn() -> u64>,
}

impl Default for Metrics {
    /// Called once, when the program starts: takes the start time.
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
        let help = "Resident memory of the process; zero if the system does not report it";
        registry.register_common("process_resident_memory", help, Unit::Bytes, self.resident.clone());
        let help = "Log lines dropped because standard error was not read";
        registry.register("log_lines_dropped", help, self.log_lines_dropped.clone());
        let help = "When the process started, in seconds since the epoch";
        registry.register_common("process_start_time", help, Unit::Seconds, self.start.clone());
    }

    /// Sets the source of the number of dropped log lines.
    pub fn count_dropped_log_lines(&self, count: fn() -> u64) {
        let _ = self.count_dropped.set(count);
    }

    /// Updates the values that change.
    pub fn measure(&self) {
        if let Some(count) = self.count_dropped.get() {
            self.log_lines_dropped.inner().store(count(), Ordering::Relaxed);
        }
        self.resident.set(resident_bytes().unwrap_or(0));
    }
}

/// Returns the resident bytes that the kernel reports.
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    // `statm` counts pages, whose size differs between machines; this line is in kB.
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}
