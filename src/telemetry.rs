//! The program's own log: what is written, and how.

use tracing_subscriber::EnvFilter;

/// Starts the log on standard error. `RUST_LOG` filters it; `RAY_HISTORY_LOG_FORMAT=json` makes each line an object.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = std::env::var("RAY_HISTORY_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json"));
    // A second start (tests in one process) keeps the first log.
    let _ = if json { log.json().try_init() } else { log.try_init() };
}
