//! The immutable, compact view of one session, and the pure fold that builds it.
//!
//! Owns the tables and their memory. Must never do I/O, read a clock, or keep a pointer into the input.
//! One file per entity; `answer` reads the tables, `session` builds them.

pub mod actor;
pub mod build;
pub mod completeness;
pub mod driver;
pub mod gap;
pub mod gaps;
pub mod intern;
pub mod job;
pub mod node;
pub mod placement_group;
pub mod runtime_env;
pub mod submission;
pub mod task;
pub mod text;
pub mod version;
pub mod worker;
pub mod worker_pids;

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

/// The immutable view of one session. Every list is sorted by id.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The session's name.
    pub session_name: String,
    /// Strings of all tables.
    pub strings: Interned,
    /// Ids of all tables that refer to other rows.
    pub ids: Interned,
    /// Long texts of all tables.
    pub texts: Texts,
    /// Task attempts.
    pub tasks: TaskTable,
    /// Bytes of the extra data of the attempt that has most, with 200 for each of its profile events; from `derive`.
    pub longest_profile: usize,
    /// Actors.
    pub actors: Vec<Actor>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Worker processes.
    pub workers: Vec<Worker>,
    /// Drivers, of which no worker event is sent.
    pub drivers: Vec<Driver>,
    /// Driver jobs.
    pub driver_jobs: Vec<DriverJob>,
    /// Submission jobs, as far as events tell.
    pub submission_events: Vec<SubmissionEvents>,
    /// Jobs as the dashboard lists them, merged from all of this by `derive`.
    pub jobs: Vec<UnifiedJob>,
    /// Runtime environments as the agents would list them, from all of this by `derive`.
    pub runtime_envs: Vec<NodeRuntimeEnv>,
    /// Placement groups, as far as events tell.
    pub placement_groups: Vec<PlacementGroup>,
    /// `PLATFORM_EVENT` records as they were sent, each strict JSON, oldest first.
    pub platform_events: Vec<Box<str>>,
    /// What Ray's own log files say.
    pub facts: Facts,
    /// Stored answers of the live dashboard as strict JSON, by URL without its leading `/`.
    pub endpoints: BTreeMap<String, Box<str>>,
    /// Counts taken while it was read and built.
    pub completeness: completeness::Completeness,
    /// Gaps that the stored content shows, the heaviest first.
    pub gaps: Vec<Gap>,
    /// The time of the last event: nothing of a dead session may tick past it.
    pub as_of: Nanos,
}

impl Snapshot {
    /// Fills the tables that are made from events, log files and stored answers together.
    pub fn derive(&mut self) {
        self.jobs = submission::build(self);
        self.runtime_envs = runtime_env::build(self);
        self.longest_profile = self.tasks.iter().map(|attempt| self.weight_of_profile(attempt)).max().unwrap_or_default();
    }

    /// Returns the bytes of an attempt's profile events as rows of an answer, about.
    pub fn weight_of_profile(&self, attempt: Attempt<'_>) -> usize {
        attempt.profile().iter().map(|row| 200 + self.str(row.extra).len()).sum()
    }

    /// Judges what is missing, by the names of the session's files beside all tables. The last step of a load.
    pub fn judge(&mut self, evidence: &gaps::Evidence) {
        self.completeness.running_at_end = completeness::Running::of(self);
        self.completeness.head_log_stored = evidence.gcs_log_stored;
        self.gaps = gaps::of_content(self, evidence);
    }

    /// A string of any table.
    pub fn str(&self, handle: Str) -> &str {
        self.strings.str(handle)
    }

    /// The bytes of an id of any table; empty when there is none.
    pub fn id(&self, handle: Id) -> &[u8] {
        self.ids.id(handle)
    }

    /// Returns the stored answer of a URL without its leading `/`, as strict JSON.
    pub fn endpoint(&self, url: &str) -> Option<&str> {
        self.endpoints.get(url).map(|body| &**body)
    }

    /// A long text of any table.
    pub fn text(&self, handle: Text) -> String {
        self.texts.get(handle)
    }

    /// Memory held, in bytes.
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
            + self.platform_events.iter().map(|record| record.len()).sum::<usize>()
            + self.jobs.iter().map(UnifiedJob::weight).sum::<usize>()
            + self.runtime_envs.iter().map(NodeRuntimeEnv::weight).sum::<usize>()
            + self.facts.weight()
            + self.gaps.iter().map(|gap| size_of::<Gap>() + gap.weight_bytes()).sum::<usize>()
            + self.endpoints.iter().map(|(url, body)| url.len() + body.len()).sum::<usize>()
    }
}
