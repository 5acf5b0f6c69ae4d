//! Immutable in-memory tables of one session, and the pure fold that builds them from events.
//!
//! There is one file per entity; `build` makes the tables and the crate `ray-api` reads them. This module does no I/O,
//! reads no clock, and keeps no pointer into the input.

pub mod actor;
mod asked;
pub mod build;
pub mod completeness;
pub mod diff;
pub mod digest;
pub mod driver;
pub mod failures;
pub mod functions;
pub mod gap;
pub mod gaps;
pub mod intern;
pub mod job;
pub mod node;
pub mod placement_group;
pub mod redact;
pub mod run_facts;
pub mod runtime_env;
pub mod submission;
pub mod task;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod version;
pub mod worker;
pub mod worker_pids;
mod zone;

use crate::base::time::Nanos;
use crate::logs::Facts;
use actor::Actor;
use driver::Driver;
use gap::Gap;
use intern::{Id, Interned, Str};
use job::{DriverJob, SubmissionEvents};
use node::Node;
use placement_group::PlacementGroup;
use runtime_env::NodeRuntimeEnv;
use std::collections::BTreeMap;
use submission::UnifiedJob;
use task::{Attempt, TaskTable};
use text::{Text, Texts};
use worker::Worker;

/// The immutable tables of one session. Every list is sorted by id unless stated otherwise.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The session's name.
    pub session_name: String,
    /// Interned strings of all tables.
    pub strings: Interned,
    /// Interned ids by which rows of all tables refer to other rows.
    pub ids: Interned,
    /// Long texts of all tables.
    pub texts: Texts,
    /// Task attempts.
    pub tasks: TaskTable,
    /// Largest `weight_of_profile` of all attempts, in bytes; set by `derive`.
    pub longest_profile: usize,
    /// Actors.
    pub actors: Vec<Actor>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Worker processes.
    pub workers: Vec<Worker>,
    /// Drivers, for which Ray sends no worker event.
    pub drivers: Vec<Driver>,
    /// Driver jobs.
    pub driver_jobs: Vec<DriverJob>,
    /// Submission jobs as reported by events.
    pub submission_events: Vec<SubmissionEvents>,
    /// Jobs as the dashboard lists them, merged from all sources by `derive`.
    pub jobs: Vec<UnifiedJob>,
    /// Runtime environments as the agents would list them; set by `derive`.
    pub runtime_envs: Vec<NodeRuntimeEnv>,
    /// Placement groups as reported by events.
    pub placement_groups: Vec<PlacementGroup>,
    /// `PLATFORM_EVENT` records as sent, each as strict JSON, oldest first.
    pub platform_events: Vec<Box<str>>,
    /// Facts read from Ray's own log files.
    pub facts: Facts,
    /// Stored answers of the live dashboard as strict JSON, by URL without its leading `/`.
    pub endpoints: BTreeMap<String, Box<str>>,
    /// Counts taken while the session was read and built.
    pub completeness: completeness::Completeness,
    /// Gaps that the stored content shows, heaviest first.
    pub gaps: Vec<Gap>,
    /// The time of the last event. It stands in for the current time of a dead session.
    pub as_of: Nanos,
}

impl Snapshot {
    /// Fills the tables that combine events, log files and stored answers.
    pub fn derive(&mut self) {
        self.jobs = submission::build(self);
        self.runtime_envs = runtime_env::build(self);
        self.longest_profile =
            self.tasks.iter().map(|attempt| self.weight_of_profile(attempt)).max().unwrap_or_default();
    }

    /// Returns the approximate size of an attempt's profile events in an answer, in bytes: 200 for each event, and its
    /// extra data.
    pub fn weight_of_profile(&self, attempt: Attempt<'_>) -> usize {
        attempt.profile().iter().map(|row| 200 + self.str(row.extra).len()).sum()
    }

    /// Finds the gaps of the session from its tables and from the names of its files. This is the last step of a load.
    pub fn judge(&mut self, evidence: &gaps::Evidence) {
        self.completeness.running_at_end = completeness::Running::of(self);
        self.completeness.head_log_stored = evidence.gcs_log_stored;
        self.gaps = gaps::of_content(self, evidence);
    }

    /// Returns the string of a handle.
    #[inline]
    pub fn str(&self, handle: Str) -> &str {
        self.strings.str(handle)
    }

    /// Returns the bytes of an id; empty for no id.
    #[inline]
    pub fn id(&self, handle: Id) -> &[u8] {
        self.ids.id(handle)
    }

    /// Returns the stored answer to a URL, given without its leading `/`, as strict JSON.
    pub fn endpoint(&self, url: &str) -> Option<&str> {
        self.endpoints.get(url).map(|body| &**body)
    }

    /// Returns the long text of a handle.
    pub fn text(&self, handle: Text) -> String {
        self.texts.get(handle)
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        fn rows<T>(rows: &Vec<T>) -> usize {
            rows.capacity() * size_of::<T>()
        }
        let incarnations: usize = self.actors.iter().map(|actor| rows(&actor.incarnations)).sum();
        let bundles: usize = self.placement_groups.iter().map(|group| rows(&group.bundles)).sum();
        self.strings.weight()
            + self.ids.weight()
            + self.texts.weight()
            + self.tasks.weight()
            + rows(&self.actors)
            + incarnations
            + rows(&self.nodes)
            + rows(&self.workers)
            + rows(&self.drivers)
            + self.drivers.iter().map(Driver::weight).sum::<usize>()
            + rows(&self.driver_jobs)
            + rows(&self.submission_events)
            + rows(&self.placement_groups)
            + bundles
            + rows(&self.platform_events)
            + self.platform_events.iter().map(|record| record.len()).sum::<usize>()
            + self.jobs.iter().map(UnifiedJob::weight).sum::<usize>()
            + self.runtime_envs.iter().map(NodeRuntimeEnv::weight).sum::<usize>()
            + self.facts.weight()
            + self.gaps.iter().map(|gap| size_of::<Gap>() + gap.weight_bytes()).sum::<usize>()
            + self.endpoints.iter().map(|(url, body)| url.len() + body.len()).sum::<usize>()
    }
}
