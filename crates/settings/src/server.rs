//! Settings of the HTTP server and of its shutdown, which are fixed when the program starts.
//!
//! Contains their flags, environment variables and defaults; `http` and wiring read them. Pure.

use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::time::Duration;

/// Limits and timeouts of the server.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// Format of log lines.
    #[arg(long, env = "RAY_HISTORY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, ignore_case = true)]
    pub log_format: LogFormat,
    /// Time to keep serving, but as "not ready", after a request to stop, so that load balancers stop sending requests.
    #[arg(long, env = "RAY_HISTORY_DRAIN_WAIT", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub drain_wait: Duration,
    /// Maximum time after that wait for requests in flight, and the loads they wait for, before the program ends.
    #[arg(long, env = "RAY_HISTORY_SHUTDOWN_TIMEOUT", value_name = "DURATION", default_value = "30s",
          value_parser = duration)]
    pub shutdown_timeout: Duration,
    /// Maximum time until the complete head of a request has arrived; after it the request is refused.
    #[arg(long, env = "RAY_HISTORY_HEAD_TIMEOUT", value_name = "DURATION", default_value = "10s",
          value_parser = duration)]
    pub head_timeout: Duration,
    /// Time that an idle connection is kept open. Should be longer than that of the load balancer in front.
    #[arg(long, env = "RAY_HISTORY_KEEP_ALIVE", value_name = "DURATION", default_value = "75s",
          value_parser = duration)]
    pub keep_alive: Duration,
    /// A response is dropped if its client reads nothing of it for this time.
    #[arg(long, env = "RAY_HISTORY_SEND_TIMEOUT", value_name = "DURATION", default_value = "60s",
          value_parser = duration)]
    pub send_timeout: Duration,
    /// Maximum number of open connections; further ones wait to be accepted.
    #[arg(long, env = "RAY_HISTORY_MAX_CONNECTIONS", value_name = "COUNT", default_value = "4096")]
    pub max_connections: NonZeroUsize,
    /// Maximum number of concurrent requests, including those that wait for a load; further ones get 503. Probes and
    /// metrics are not counted.
    #[arg(long, env = "RAY_HISTORY_MAX_REQUESTS", value_name = "COUNT", default_value = "2048")]
    pub max_requests: NonZeroUsize,
    /// Maximum number of long responses (task lists, summaries and timelines of big sessions) built concurrently;
    /// further ones are queued. One that waits for its client is not counted. Default: two per core, at least four.
    #[arg(long, env = "RAY_HISTORY_MAX_HEAVY_REQUESTS", value_name = "COUNT")]
    pub max_heavy_requests: Option<NonZeroUsize>,
}

impl Default for Server {
    /// Returns the defaults of the flags.
    fn default() -> Self {
        let count = |count| NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
        Self {
            log_format: LogFormat::Text,
            drain_wait: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(30),
            head_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(75),
            send_timeout: Duration::from_secs(60),
            max_connections: count(4096),
            max_requests: count(2048),
            max_heavy_requests: None,
        }
    }
}

impl Server {
    /// Returns the maximum number of long responses built concurrently.
    pub fn heavy_requests(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.max_heavy_requests.map_or_else(|| (2 * cores()).max(4), NonZeroUsize::get)
    }
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Parses a duration as Kubernetes writes it: `30s`, `1m30s`, `500ms`.
fn duration(text: &str) -> Result<Duration, String> {
    if text.is_empty() {
        return Err("write 30s, 500ms or 1m30s".to_owned());
    }
    let parsed: kube::core::Duration = text.parse().map_err(|error| format!("{error}; write 30s, 500ms or 1m30s"))?;
    if parsed.is_negative() {
        return Err("a duration cannot be negative".to_owned());
    }
    Ok(parsed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        server: Server,
    }

    #[test]
    fn missing_flags_have_the_defaults() {
        let Flags { server } = clap::Parser::parse_from(["ray-history"]);
        assert_eq!(server, Server::default());
    }

    #[test]
    fn parses_durations_as_in_kubernetes() {
        assert_eq!(duration("1m30s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("0s").unwrap(), Duration::ZERO);
        for bad in ["", "30", "-5s", "soon"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
