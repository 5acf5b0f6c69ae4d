//! `logs/dashboard_agent.log`: where a node's agent listened, and what its job manager did.
//!
//! The job manager of Ray (`dashboard/modules/job/job_manager.py`) runs in the agent that accepted a submission.
//! `Starting job with submission_id: X` is written just before Ray takes `start_time` (same millisecond or one less in
//! recorded sessions). Two failures are told nowhere else, because Ray leaves its monitor loop without an event:
//! a supervisor that did not start in time, and one that was never found.

use super::line::{number_after, records};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of the head that are wanted: the agent's address, and the submissions of a session of normal length.
pub(super) const HEAD: u64 = 8 * 1024 * 1024;
/// Bytes of the tail that are wanted.
pub(super) const TAIL: u64 = 24 * 1024 * 1024;

/// A supervisor that did not start in time; Ray's line does not name the job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartTimeout {
    /// When it was noticed: local milliseconds as if they were UTC.
    pub local_ms: i64,
    /// The time that was allowed, in seconds.
    pub allowed_s: i64,
    /// Ray's message.
    pub message: Box<str>,
}

/// What the agents say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Agents {
    /// Address (`host:port`) by node, with the local time it was said: the last one counts.
    addresses: BTreeMap<Box<str>, (i64, Box<str>)>,
    /// Local milliseconds by submission, of every request that named it: one that is refused is noted too.
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
                self.address(node.into(), (record.local_ms, address.trim().into()));
            } else if let Some(id) = message.strip_prefix("Starting job with submission_id: ") {
                self.requested.entry(id.into()).or_default().insert(record.local_ms);
            } else if let Some(id) = message.strip_prefix("Failed to get job supervisor for job ") {
                self.lose(id.strip_suffix('.').unwrap_or(id).into(), record.local_ms);
            } else if message.starts_with("Job supervisor actor failed to start within ")
                && let Some(allowed_s) = number_after(message, "within ")
            {
                let timeout = StartTimeout { local_ms: record.local_ms, allowed_s, message: message.into() };
                self.timeouts.insert(timeout);
            }
        }
    }

    fn address(&mut self, node: Box<str>, said: (i64, Box<str>)) {
        let known = self.addresses.entry(node).or_insert_with(|| said.clone());
        if *known < said {
            *known = said;
        }
    }

    fn lose(&mut self, id: Box<str>, local_ms: i64) {
        let known = self.never_found.entry(id).or_insert(local_ms);
        *known = (*known).max(local_ms);
    }

    /// Where the agent of a node listened: `host:port`.
    pub fn address_of(&self, node: &str) -> Option<&str> {
        self.addresses.get(node).map(|(_, address)| &**address)
    }

    /// When a submission was asked for, in local milliseconds as if they were UTC, oldest first. Asking again for an
    /// id that exists is refused after the line is written.
    pub fn requested_local_ms(&self, submission: &str) -> impl Iterator<Item = i64> {
        self.requested.get(submission).into_iter().flatten().copied()
    }

    /// When it was noticed that the supervisor of a submission cannot be found, in local milliseconds.
    pub fn never_found(&self, submission: &str) -> Option<i64> {
        self.never_found.get(submission).copied()
    }

    /// Supervisors that did not start in time, oldest first.
    pub fn timeouts(&self) -> impl Iterator<Item = &StartTimeout> {
        self.timeouts.iter()
    }

    /// Takes over what another reader found.
    pub(super) fn merge(&mut self, other: Self) {
        for (node, said) in other.addresses {
            self.address(node, said);
        }
        for (id, times) in other.requested {
            self.requested.entry(id).or_default().extend(times);
        }
        for (id, local_ms) in other.never_found {
            self.lose(id, local_ms);
        }
        self.timeouts.extend(other.timeouts);
    }

    /// Memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        let addresses = self.addresses.iter().map(|(node, said)| node.len() + said.1.len() + 72);
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
    fn addresses_and_starts_are_found_among_the_noise() {
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
