//! How the HTTP server treats its clients and how it ends: bounds that are fixed when the program starts.
//!
//! Owns their flags, environment twins and defaults; `http` and wiring read them. Pure.

use clap::{Args, ValueEnum};
use std::num::NonZeroUsize;
use std::time::Duration;

/// Bounds of the server.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(next_help_heading = "Server")]
pub struct Server {
    /// How log lines are written.
    #[arg(long, env = "RAY_HISTORY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, ignore_case = true)]
    pub log_format: LogFormat,
    /// When asked to stop: how long to go on answering as "not ready", so that load balancers look away first.
    #[arg(long, env = "RAY_HISTORY_DRAIN_WAIT", value_name = "DURATION", default_value = "0s", value_parser = duration)]
    pub drain_wait: Duration,
    /// After that wait: how long requests in flight, and the loads they wait for, may take before the program ends.
    #[arg(long, env = "RAY_HISTORY_SHUTDOWN_TIMEOUT", value_name = "DURATION", default_value = "30s",
          value_parser = duration)]
    pub shutdown_timeout: Duration,
    /// A request whose head has not come whole after this time is refused.
    #[arg(long, env = "RAY_HISTORY_HEAD_TIMEOUT", value_name = "DURATION", default_value = "10s",
          value_parser = duration)]
    pub head_timeout: Duration,
    /// How long an idle connection is kept; longer than the load balancer in front keeps it.
    #[arg(long, env = "RAY_HISTORY_KEEP_ALIVE", value_name = "DURATION", default_value = "75s",
          value_parser = duration)]
    pub keep_alive: Duration,
    /// An answer is dropped when its client has taken nothing of it for this time.
    #[arg(long, env = "RAY_HISTORY_SEND_TIMEOUT", value_name = "DURATION", default_value = "60s",
          value_parser = duration)]
    pub send_timeout: Duration,
    /// Connections at a time; more wait to be accepted.
    #[arg(long, env = "RAY_HISTORY_MAX_CONNECTIONS", value_name = "COUNT", default_value = "4096")]
    pub max_connections: NonZeroUsize,
    /// Requests at a time, those that wait for a load included; more get 503. Probes and metrics are not counted.
    #[arg(long, env = "RAY_HISTORY_MAX_REQUESTS", value_name = "COUNT", default_value = "2048")]
    pub max_requests: NonZeroUsize,
    /// Long answers (task lists, summaries and timelines of big sessions) that are made at a time; more wait for their
    /// turn. One that waits for its client takes no turn. Default: two for each core, at least four.
    #[arg(long, env = "RAY_HISTORY_MAX_HEAVY_REQUESTS", value_name = "COUNT")]
    pub max_heavy_requests: Option<NonZeroUsize>,
}

impl Default for Server {
    /// As the flags have it.
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
    /// Returns how many long answers are made at a time.
    pub fn heavy_requests(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.max_heavy_requests.map_or_else(|| (2 * cores()).max(4), NonZeroUsize::get)
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// A duration as Kubernetes writes it: `30s`, `1m30s`, `500ms`.
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
    fn flags_that_are_not_given_have_the_defaults() {
        let Flags { server } = clap::Parser::parse_from(["ray-history"]);
        assert_eq!(server, Server::default());
    }

    #[test]
    fn durations_are_written_as_in_kubernetes() {
        assert_eq!(duration("1m30s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("0s").unwrap(), Duration::ZERO);
        for bad in ["", "30", "-5s", "soon"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }
}
