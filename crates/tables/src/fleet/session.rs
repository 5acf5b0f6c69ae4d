//! The rows of one session in all rollups.

use super::located::Place;
use super::node::NodeRow;
use super::run::{RunRow, Told};
use crate::error::Error;
use crate::head::Head;
use crate::small::failures::FailureRow;
use crate::small::functions::Function;
use crate::values::Values;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::{Day, LargeTable, PersistedKeys};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::functions::Histogram;
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::submission::UnifiedJob;

/// Rows of one session. What is beyond is in its own tables and its head alone.
const MAX_JOBS: usize = 1_000;
const MAX_NODES: usize = 10_000;
const MAX_FUNCTIONS: usize = 1_000;
const MAX_FAILURES: usize = 100;
/// Longest runtime environment of a job, in bytes.
const MAX_ENVIRONMENT: usize = 4 << 10;
/// Attempts from which on a function has its histogram.
const HISTOGRAM_FROM: u64 = 100;

/// The rows of one session.
#[derive(Clone, Debug)]
pub struct FleetSession {
    pub(super) place: Place,
    pub(super) run: RunRow,
    pub(super) jobs: Vec<UnifiedJob>,
    pub(super) nodes: Vec<NodeRow>,
    pub(super) functions: Vec<Function>,
    pub(super) failures: Vec<FailureRow>,
    key: SessionKey,
}

impl FleetSession {
    /// Returns the rows of a session by its head, an object of this size and tag below `root`.
    ///
    /// # Errors
    /// Fails if a member of the head is damaged.
    pub fn of(
        head: &Head,
        key: &SessionKey,
        root: &str,
        (bytes, etag): (u64, Option<&str>),
        told: &Told,
    ) -> Result<Self, Error> {
        let (about, stamp, mut values) = (&head.about, head.about.stamp(), Values::default());
        let (known, messages) = (about.session.namespace_known, about.options.messages);
        let mut jobs: Vec<UnifiedJob> = head.small(&stamp, &mut values)?;
        jobs.truncate(MAX_JOBS);
        for job in &mut jobs {
            if job.runtime_env.len() > MAX_ENVIRONMENT {
                job.runtime_env = Box::default();
            }
        }
        let nodes: Vec<Node> = head.small(&stamp, &mut values)?;
        let (strings, texts) = (values.strings.freeze(), values.texts.freeze());
        let snapshot = Snapshot { strings, texts, ..Snapshot::default() };
        let own = nodes.iter().filter(|node| !node.is_foreign).take(MAX_NODES);
        let mut functions: Vec<Function> = head.functions()?.iter().flat_map(Function::rows).collect();
        functions.truncate(MAX_FUNCTIONS);
        for row in functions.iter_mut().filter(|row| row.stats.attempts < HISTOGRAM_FROM) {
            row.stats.histogram = Histogram::default();
        }
        let tasks_key = PersistedKeys::new(root, key).table(LargeTable::Tasks, known, 0);
        Ok(Self {
            place: Place::of(key, known),
            run: RunRow::of(about, head.totals()?, told, tasks_key).with_head(bytes, etag),
            jobs,
            nodes: own.map(|node| NodeRow::of(&snapshot, node, messages)).collect(),
            functions,
            failures: FailureRow::first(&head.failures()?, MAX_FAILURES),
            key: key.clone(),
        })
    }

    /// Returns the session.
    pub fn key(&self) -> &SessionKey {
        &self.key
    }

    /// Returns the day of its rollups.
    pub fn day(&self) -> Day {
        Day::of(&self.key.session)
    }
}
