//! The proof that a session is whole, from its manifests and what was found in the bucket.
//!
//! Ray's agents count what they received, published, left out and dropped; collectors count what they accepted and
//! stored. Where all of these agree with the listing and with the records that were read, nothing that Ray handed over is
//! missing. Where they do not, the difference is an exact loss.
//!
//! Outside of the proof: events that a process had not handed to its agent when it was killed hard (up to a second), and
//! events that overflowed in a worker.

mod agents;
mod head;
mod node;

pub use head::{Head, Life};

pub use crate::manifest::FRESH;
use crate::manifest::{LogRange, Manifest, NotUnderstood};
use node::Facts;
use ray_history_core::base::time::Nanos;
use std::collections::{BTreeMap, BTreeSet};

/// Number of losses that are listed: names come from the input.
pub const MAX_LOSSES: usize = 1_000;
const SECOND: Nanos = 1_000_000_000;

/// A manifest that was found in the bucket.
#[derive(Clone, Debug)]
pub struct Found {
    /// The node in whose folder it is, in hex.
    pub node: String,
    /// The spool in whose folder it is.
    pub spool: String,
    /// Its content.
    pub manifest: Result<Manifest, NotUnderstood>,
    /// `true` if it was written after the listing, so that what it names may not be listed.
    pub newer: bool,
}

/// The stored files of one node, and what was read of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Event files: their keys below the node and their sizes.
    pub events: Vec<(String, u64)>,
    /// Log files: the same.
    pub logs: Vec<(String, u64)>,
    /// Numbers of the log segments, by spool.
    pub segments: BTreeMap<String, BTreeSet<u64>>,
    /// Records read from the event files.
    pub records: u64,
}

/// A node that events of the session name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNode {
    /// Its id in hex.
    pub id: String,
    /// The time at which it started; zero if unknown.
    pub start: Nanos,
}

/// The result of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All that Ray handed over is stored, up to this time: the last look at Ray's counters, after which nothing came.
    Complete(Nanos),
    /// The same up to this time; later, something may be missing.
    CompleteTo(Nanos),
    /// Something is missing: [`Proof::losses`] has the list.
    Gaps,
    /// Nothing is known to be missing, but [`Proof::doubts`] prevent a proof.
    NoKnownGaps,
}

impl Verdict {
    /// The words of all verdicts.
    pub const WORDS: [&str; 4] = ["complete", "complete-to", "gaps", "no-known-gaps"];

    /// Returns the word of the API, of headers and of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete(_) => "complete",
            Self::CompleteTo(_) => "complete-to",
            Self::Gaps => "gaps",
            Self::NoKnownGaps => "no-known-gaps",
        }
    }
}

/// A verdict and its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The verdict.
    pub verdict: Verdict,
    /// All that is known to be missing, at most [`MAX_LOSSES`].
    pub losses: Vec<Loss>,
    /// Number of further losses.
    pub unlisted: u64,
    /// Facts that are missing for a proof.
    pub doubts: Vec<Doubt>,
    /// Nodes that limit the time of the verdict.
    pub limits: Vec<Limit>,
    /// Number of nodes that have manifests.
    pub nodes: usize,
    /// Number of records that the collectors stored.
    pub records: u64,
}

/// Something that is missing, of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The node, in hex.
    pub node: String,
    /// The part that is missing.
    pub what: Lost,
}

/// The part of a node that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Ray's agent dropped events of a type.
    Dropped {
        /// Ray's name of the type.
        event_type: String,
        /// Their number.
        events: u64,
    },
    /// Ray's agent could not take events.
    NotTaken {
        /// Their number.
        events: u64,
    },
    /// Events had reached Ray's agent when the node ended, and never left it.
    NotPublished {
        /// Their number.
        events: u64,
    },
    /// Events were acknowledged, and are not among the records of the collector.
    NotRecorded {
        /// Their number.
        events: u64,
    },
    /// Events were set aside, because they belong to no event file. They are stored, and not shown.
    Quarantined {
        /// Their number.
        events: u64,
    },
    /// Records that the collector stored could not be read.
    Records {
        /// Their number.
        missing: u64,
        /// Number that was stored.
        of: u64,
    },
    /// Event files are gone.
    EventFiles {
        /// Their number.
        missing: u64,
        /// Number that was stored.
        of: u64,
    },
    /// An event file is gone, or is shorter than it was.
    EventFile {
        /// Its key below the node.
        key: String,
    },
    /// There are as many event files as were stored, but one has another name or length.
    ChangedEventFiles,
    /// Log files are gone.
    LogFiles {
        /// Their number.
        missing: u64,
        /// Number that was stored.
        of: u64,
    },
    /// There are as many log files as were stored, but one has another name or length.
    ChangedLogFiles,
    /// Log segments are gone, and with them the ends of log files.
    LogSegments {
        /// Their number.
        missing: u64,
        /// Number that was stored.
        of: u64,
    },
    /// A range of a log file.
    Log(LogRange),
    /// Everything: the node has no manifest.
    NoCollector,
}

/// A fact of a node that is missing for a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The node, in hex.
    pub node: String,
    /// The reason.
    pub why: Uncertain,
}

/// The reason why nothing is proved of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uncertain {
    /// A manifest is not understood.
    NotUnderstood(NotUnderstood),
    /// Ray's counters were not read: all that was received is stored.
    NoCounters,
    /// More was stored than Ray's counters account for: one of its agents was never asked.
    UncountedEvents(u64),
    /// More is stored than the manifest accounts for: something else wrote it.
    UnnamedFiles(u64),
    /// More records were read than the manifest accounts for.
    UnnamedRecords(u64),
}

/// A node that limits the time to which a session is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The node, in hex.
    pub node: String,
    /// The time up to which all of it is stored.
    pub to: Nanos,
    /// `true` if it is alive: more of it is stored soon.
    pub alive: bool,
    /// The part that may be missing at most: from what the collector stored last, or from the last look at Ray's counters
    /// to Ray's end; `None` if that end was not seen.
    pub most: Option<Most>,
}

/// The seconds of a node that may be missing at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most {
    /// Of events.
    pub events: u64,
    /// Of users' logs; zero if unknown.
    pub logs: u64,
    /// Of Ray's own logs; zero if unknown.
    pub system_logs: u64,
}

/// Proves a session, or returns `None` for one without manifests. `stored` is by node; `now` is the time of the listing.
pub fn proof(manifests: &[Found], stored: &BTreeMap<String, Stored>, named: &[NamedNode], now: Nanos) -> Option<Proof> {
    let nodes = by_node(manifests);
    if nodes.is_empty() {
        return None;
    }
    let nothing = Stored::default();
    let mut facts = Facts::default();
    for (node, manifests) in &nodes {
        facts.add(node, manifests, Some(stored.get(*node).unwrap_or(&nothing)), now);
    }
    for node in named.iter().filter(|node| !nodes.contains_key(node.id.as_str())) {
        facts.without_manifest(node, now);
    }
    Some(facts.into_proof(nodes.len()))
}

/// Returns what the manifests alone say: nothing is compared with stored files, and a node without a manifest is not
/// noticed. Returns `None` without manifests.
pub fn claims(manifests: &[Found], now: Nanos) -> Option<Proof> {
    let nodes = by_node(manifests);
    let mut facts = Facts::default();
    for (node, manifests) in &nodes {
        facts.add(node, manifests, None, now);
    }
    (!nodes.is_empty()).then(|| facts.into_proof(nodes.len()))
}

fn by_node(manifests: &[Found]) -> BTreeMap<&str, Vec<&Found>> {
    let mut nodes = BTreeMap::<&str, Vec<&Found>>::new();
    for found in manifests {
        nodes.entry(&found.node).or_default().push(found);
    }
    nodes
}

#[cfg(test)]
mod tests;
