//! Formats settings for the log, with the field names of `RayHistory`.

use super::{Cache, Clusters, Loading};
use std::fmt;
use std::time::Duration;

impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ttl = self.ttl.unwrap_or_default();
        write!(f, "maxSessions {}, maxMemory {} MiB, ttl {}", self.max_sessions, self.max_memory >> 20, seconds(ttl))
    }
}

impl fmt::Display for Loading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [timeout, request] = [self.timeout, self.request_timeout].map(seconds);
        write!(f, "timeout {timeout}, maxConcurrent {}, requestTimeout {request}", self.max_concurrent)
    }
}

impl fmt::Display for Clusters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespaces = if self.namespaces.is_empty() { "all".to_owned() } else { self.namespaces.join(", ") };
        write!(f, "namespaces {namespaces}, sharedStorage {}", self.shared_storage)
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_the_defaults() {
        let formatted = [Cache::default().to_string(), Loading::default().to_string(), Clusters::default().to_string()];
        assert_eq!(
            formatted,
            [
                "maxSessions 100, maxMemory 2048 MiB, ttl 0s",
                "timeout 600s, maxConcurrent 4, requestTimeout 25s",
                "namespaces all, sharedStorage false",
            ]
        );
    }
}
