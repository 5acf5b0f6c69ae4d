//! `logs/dashboard_agent.log`: the address of a node's agent, and the actions of its job manager.
//!
//! The job manager of Ray (`dashboard/modules/job/job_manager.py`) runs in the agent that accepted a submission.
//! `Starting job with submission_id: X` is written just before Ray takes `start_time` (same millisecond or one less in
//! recorded sessions). Two failures are found in no other file, because Ray leaves its monitor loop without an event: a
//! supervisor that did not start in time, and one that was never found.

use super::line::{number_after, records};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of the head that are wanted: the agent's address, and all submissions of a session of normal length.
pub(super) const HEAD: u64 = 8 * 1024 * 1024;
/// Bytes of the tail that are wanted.
pub(super) const TAIL: u64 = 24 * 1024 * 1024;

/// A supervisor that did not start in time; Ray's line does not name the job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartTimeout {
    /// The time it was noticed: local milliseconds as if they were UTC.
    pub local_ms: i64,
    /// The time allowed, in seconds.
    pub allowed_s: i64,
    /// Ray's message.
    pub message: Box<str>,
}

/// The facts of all agents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agents {
    /// Addresses (`host:port`) by node, with the local time of the line: the last one counts.
    addresses: BTreeMap<Box<str>, (i64, Box<str>)>,
    /// Local milliseconds of every request for a submission, including refused ones.
    requested: BTreeMap<Box<str>, BTreeSet<i64>>,
    /// Submissions whose supervisor was never found, with the local time this was noticed.
    never_found: BTreeMap<Box<str>, i64>,
    /// Supervisors that did not start in time.
    timeouts: BTreeSet<StartTimeout>,
}

impl Agents {
    /// Reads one file, or its head and tail.
    pub(super) fn read(&mut self, node: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for record in records(&text) {
            let message = record.message;
            if let Some(address) = message.strip_prefix("Dashboard agent http address: ") {
                self.add_address(node.into(), (record.local_ms, address.trim().into()));
            } else if let Some(id) = message.strip_prefix("Starting job with submission_id: ") {
                self.requested.entry(id.into()).or_default().insert(record.local_ms);
            } else if let Some(id) = message.strip_prefix("Failed to get job supervisor for job ") {
                self.add_never_found(id.strip_suffix('.').unwrap_or(id).into(), record.local_ms);
            } else if message.starts_with("Job supervisor actor failed to start within ")
                && let Some(allowed_s) = number_after(message, "within ")
            {
                let timeout = StartTimeout { local_ms: record.local_ms, allowed_s, message: message.into() };
                self.timeouts.insert(timeout);
            }
        }
    }

    fn add_address(&mut self, node: Box<str>, entry: (i64, Box<str>)) {
        let known = self.addresses.entry(node).or_insert_with(|| entry.clone());
        if *known < entry {
            *known = entry;
        }
    }

    fn add_never_found(&mut self, id: Box<str>, local_ms: i64) {
        let known = self.never_found.entry(id).or_insert(local_ms);
        *known = (*known).max(local_ms);
    }

    /// Returns the address of a node's agent: `host:port`.
    pub fn address_of(&self, node: &str) -> Option<&str> {
        self.addresses.get(node).map(|(_, address)| &**address)
    }

    /// Returns the times of requests for a submission, in local milliseconds as if they were UTC, oldest first. Ray
    /// refuses a request for an existing id only after it wrote the line.
    pub fn requested_local_ms(&self, submission: &str) -> impl Iterator<Item = i64> {
        self.requested.get(submission).into_iter().flatten().copied()
    }

    /// Returns the time it was noticed that a submission's supervisor cannot be found, in local milliseconds.
    pub fn never_found(&self, submission: &str) -> Option<i64> {
        self.never_found.get(submission).copied()
    }

    /// Returns the supervisors that did not start in time, oldest first.
    pub fn timeouts(&self) -> impl Iterator<Item = &StartTimeout> {
        self.timeouts.iter()
    }

    /// Merges the facts of another reader.
    pub(super) fn merge(&mut self, other: Self) {
        for (node, entry) in other.addresses {
            self.add_address(node, entry);
        }
        for (id, times) in other.requested {
            self.requested.entry(id).or_default().extend(times);
        }
        for (id, local_ms) in other.never_found {
            self.add_never_found(id, local_ms);
        }
        self.timeouts.extend(other.timeouts);
    }

    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let addresses = self.addresses.iter().map(|(node, entry)| node.len() + entry.1.len() + 72);
        let requested = self.requested.iter().map(|(id, times)| id.len() + 48 + times.len() * 16);
        let lost = self.never_found.keys().map(|id| id.len() + 40);
        addresses.chain(requested).chain(lost).sum::<usize>()
            + self.timeouts.iter().map(|t| t.message.len() + 48).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_addresses_starts_and_failures() {
        let text = "2026-11-22 23:11:46,189\tINFO http_server_agent.py:138 -- Dashboard agent http address: 127.0.0.3:52372\n\
            2026-11-22 23:11:46,189\tERROR async_publisher_client.py:165 -- Failed to send events\nTraceback\n\
            2026-11-22 23:12:17,758\tINFO job_manager.py:533 -- Starting job with submission_id: a b\n\
            2026-11-22 23:12:17,775\tINFO job_manager.py:581 -- Runtime env is setting up.\n\
            2026-11-22 23:12:18,000\tERROR job_manager.py:201 -- Failed to get job supervisor for job z.1.\n\
            2026-11-22 23:12:19,000\tERROR job_manager.py:190 -- Job supervisor actor failed to start within 900.0 seconds. This\n";
        let mut agents = Agents::default();
        agents.read("node", text.as_bytes());
        assert_eq!(agents.address_of("node"), Some("127.0.0.3:52372"));
        assert_eq!(agents.requested_local_ms("a b").map(|ms| ms % 1_000).collect::<Vec<_>>(), [758]);
        assert!(agents.never_found("z.1").is_some() && agents.never_found("a b").is_none());
        assert_eq!(agents.timeouts().map(|t| t.allowed_s).collect::<Vec<_>>(), [900]);
    }
}
