//! The cost of an answer: how many bytes it goes over, and how many it holds while it is made and sent.
//!
//! Answers that go over few bytes are made at once. All others wait for memory and for their turn, whatever was asked.
//! Both numbers are estimates from above, and finding them is cheap: sums end where they are large enough.

use super::Asked;
use ray_history_core::logs::export::Export;
use ray_history_core::ray_api::pieces::{FIRST_PIECE, PIECE};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::Actor;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::placement_group::Bundle;
use ray_history_core::snapshot::task::Attempt;

/// Bytes that an answer may go over to be made at once: about a millisecond of work.
const SHORT: usize = 512 << 10;
/// Bytes of a row besides its texts.
const ROW: usize = 1 << 10;
/// Bytes of what is on its way to the client: the piece that is made, the one that waits, and the connection's buffer.
const ON_ITS_WAY: usize = FIRST_PIECE + 2 * PIECE;

/// Bytes that an answer goes over and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// `true` for an answer that goes over more than a few bytes.
    pub(super) is_long: bool,
    /// Bytes held until it was sent; not counted for others.
    pub(super) held: usize,
}

impl Cost {
    /// An answer that goes over rows of so many bytes, and holds `held` bytes besides what is on its way.
    fn of(rows: impl IntoIterator<Item = usize>, held: impl FnOnce() -> usize) -> Self {
        let mut sum = 0;
        let is_long = rows.into_iter().any(|bytes| {
            sum += bytes;
            sum > SHORT
        });
        Self { is_long, held: if is_long { ON_ITS_WAY + held() } else { 0 } }
    }
}

/// Bytes that JSON may make of a byte: a control character becomes six.
const ESCAPED: usize = 6;
/// Bytes of the tree that is made of a byte of a JSON map of amounts: an entry of six bytes becomes a node of a map.
const TREE: usize = 20;

/// Bytes of the longest row: pieces end with a row, and a row has several strings and one long text.
fn longest(snapshot: &Snapshot) -> usize {
    ESCAPED * (4 * snapshot.strings.longest() + snapshot.texts.longest())
}

/// Bytes of strings.
fn texts(snapshot: &Snapshot, strings: impl IntoIterator<Item = Str>) -> usize {
    strings.into_iter().map(|string| snapshot.str(string).len()).sum()
}

/// An answer whose size depends on nothing that is stored.
pub(super) fn none(_: &Asked<'_>) -> Cost {
    Cost::default()
}

/// Rows of task attempts.
pub(super) fn tasks(asked: &Asked<'_>) -> Cost {
    let snapshot = asked.snapshot;
    let row = |attempt: Attempt<'_>| {
        let shape = attempt.shape();
        let texts =
            texts(snapshot, [shape.resources, shape.runtime_env, shape.label_selector, shape.fallback_strategy]);
        ROW + texts + snapshot.texts.len_of(attempt.error_message()) + snapshot.weight_of_profile(attempt)
    };
    // The choice of rows ranks each of them.
    let held = || 36 * snapshot.tasks.len() + longest(snapshot) + 2 * snapshot.longest_profile;
    Cost::of(snapshot.tasks.iter().map(row), held)
}

/// Counts of task attempts: by name, or as a tree.
pub(super) fn task_summary(asked: &Asked<'_>) -> Cost {
    let snapshot = asked.snapshot;
    let attempts = snapshot.tasks.len();
    let of_one = if asked.query.get("summary_by") == Some("lineage") { 500 } else { 100 };
    Cost::of([300 * attempts], || of_one * attempts + 4 * snapshot.strings.len() + longest(snapshot))
}

/// Events of the timeline.
pub(super) fn timeline(asked: &Asked<'_>) -> Cost {
    let snapshot = asked.snapshot;
    let row = |attempt: Attempt<'_>| 64 + 100 * attempt.profile().len() + snapshot.weight_of_profile(attempt);
    let held = || 8 * snapshot.tasks.len() + longest(snapshot) + 2 * snapshot.longest_profile;
    Cost::of(snapshot.tasks.iter().map(row), held)
}

/// Bytes of an actor's row.
fn actor_row(snapshot: &Snapshot, actor: &Actor) -> usize {
    let strings = [actor.resources, actor.runtime_env, actor.label_selector, actor.fallback_strategy];
    ROW + texts(snapshot, strings) + snapshot.texts.len_of(actor.death_cause)
}

/// Rows of actors.
pub(super) fn actors(asked: &Asked<'_>) -> Cost {
    let snapshot = asked.snapshot;
    let rows = snapshot.actors.iter().map(|actor| actor_row(snapshot, actor));
    Cost::of(rows, || 64 * snapshot.actors.len() + TREE * snapshot.strings.longest() + longest(snapshot))
}

/// One actor.
pub(super) fn actor(asked: &Asked<'_>) -> Cost {
    let snapshot = asked.snapshot;
    let found = ray_history_core::ray_api::actors::find(snapshot, asked.id);
    let row = found.map(|actor| actor_row(snapshot, actor));
    Cost::of(row, || TREE * snapshot.strings.longest() + longest(snapshot))
}

/// Rows of nodes.
pub(super) fn nodes(asked: &Asked<'_>) -> Cost {
    let snapshot = asked.snapshot;
    let row = |node: &Node| {
        ROW + 2 * texts(snapshot, [node.labels, node.resources]) + snapshot.texts.len_of(node.death_message)
    };
    let rows = snapshot.nodes.iter().map(row).chain([64 * snapshot.workers.len()]);
    Cost::of(rows, || 100 * snapshot.nodes.len() + TREE * snapshot.strings.longest() + longest(snapshot))
}

/// One node with its actors and workers.
pub(super) fn node(asked: &Asked<'_>) -> Cost {
    let (nodes, actors) = (nodes(asked), actors(asked));
    let others = 300 * (asked.snapshot.workers.len() + asked.snapshot.actors.len());
    Cost { is_long: nodes.is_long || actors.is_long, held: nodes.held.max(actors.held) + others }
}

/// Rows of workers and drivers.
pub(super) fn workers(asked: &Asked<'_>) -> Cost {
    let snapshot = asked.snapshot;
    let exits = || snapshot.drivers.iter().filter_map(|driver| driver.exit.as_ref());
    let exits = || exits().map(|(kind, detail)| kind.len() + detail.len());
    let workers = snapshot.workers.iter().map(|worker| ROW + snapshot.texts.len_of(worker.exit_detail));
    let count = snapshot.workers.len() + snapshot.drivers.len();
    Cost::of(workers.chain([ROW * snapshot.drivers.len()]).chain(exits()), || {
        100 * count + ESCAPED * exits().max().unwrap_or_default() + longest(snapshot)
    })
}

/// Rows of placement groups.
pub(super) fn placement_groups(asked: &Asked<'_>) -> Cost {
    let snapshot = asked.snapshot;
    let stored = snapshot.endpoints.iter().filter(|(url, _)| url.starts_with("api/v0/placement_groups"));
    let stored: usize = stored.map(|(_, body)| body.len()).sum();
    let bundle = |bundle: &Bundle| 300 + ESCAPED * texts(snapshot, [bundle.unit_resources, bundle.label_selector]);
    let rows = || {
        let groups = snapshot.placement_groups.iter();
        groups.map(|group| ROW + group.bundles.iter().map(bundle).sum::<usize>())
    };
    Cost::of(rows().chain([stored]), || {
        let row = rows().max().unwrap_or_default();
        64 * snapshot.placement_groups.len() + row + 8 * stored + longest(snapshot)
    })
}

/// Rows of runtime environments.
pub(super) fn runtime_envs(asked: &Asked<'_>) -> Cost {
    let envs = &asked.snapshot.runtime_envs;
    let bytes = || envs.iter().map(|env| ROW + env.runtime_env.len());
    Cost::of(bytes(), || 4 * envs.len() + 2 * bytes().max().unwrap_or_default())
}

/// Rows of jobs, or one that is looked for among them.
pub(super) fn jobs(asked: &Asked<'_>) -> Cost {
    let jobs = &asked.snapshot.jobs;
    let bytes = |job: &ray_history_core::snapshot::submission::UnifiedJob| ROW + job.weight();
    Cost::of(jobs.iter().map(bytes), || 8 * jobs.len() + 2 * jobs.iter().map(bytes).max().unwrap_or_default())
}

/// Rows of Ray's event files.
pub(super) fn events(asked: &Asked<'_>) -> Cost {
    let events = &asked.snapshot.facts.events;
    let bytes = || events.rows().map(|row| row.json.len());
    Cost::of(bytes().map(|bytes| 4 * bytes), || 200 * events.keys().count() + 32 * bytes().max().unwrap_or_default())
}

/// Events of the platform.
pub(super) fn platform_events(asked: &Asked<'_>) -> Cost {
    let events = &asked.snapshot.platform_events;
    let bytes = || events.iter().map(|event| event.len());
    Cost::of(bytes(), || 2 * bytes().max().unwrap_or_default())
}

/// The autoscaler's text, stored or made of all nodes.
pub(super) fn cluster_status(asked: &Asked<'_>) -> Cost {
    let stored = asked.snapshot.facts.monitor.status().map_or(0, str::len);
    let nodes = nodes(asked);
    let resources: usize = asked.snapshot.nodes.iter().map(|node| asked.snapshot.str(node.resources).len()).sum();
    Cost { is_long: nodes.is_long || stored > SHORT, held: nodes.held + 4 * stored + TREE * resources }
}

/// A stored answer, sent as it is.
pub(super) fn stored(asked: &Asked<'_>) -> Cost {
    // Short ones are made into a tree.
    let bytes = asked.snapshot.endpoint(asked.pattern.trim_matches('/')).map_or(0, str::len);
    Cost::of([bytes], || 16 * bytes.min(ray_history_core::ray_api::serve::MAX_TREE))
}

/// The version, of which the stored answer tells.
pub(super) fn version(asked: &Asked<'_>) -> Cost {
    Cost::of(asked.snapshot.endpoint("api/v0/cluster_metadata").map(str::len), || 0)
}

/// Rows out of a stored answer and of export files.
fn exported(asked: &Asked<'_>, url: &str, kinds: &[Export]) -> Cost {
    let stored = asked.snapshot.endpoint(url).map_or(0, str::len);
    let rows = || kinds.iter().flat_map(|kind| asked.snapshot.facts.exports.rows(*kind)).map(|(_, row)| row.json.len());
    Cost::of(rows().map(|bytes| 16 * bytes).chain([stored]), || 16 * rows().sum::<usize>() + 8 * stored)
}

/// Datasets of a job.
pub(super) fn datasets(asked: &Asked<'_>) -> Cost {
    exported(asked, &format!("api/data/datasets/{}", asked.id), &[Export::Dataset])
}

/// Runs of Train.
pub(super) fn train(asked: &Asked<'_>) -> Cost {
    let exported = exported(asked, "api/train/v2/runs/v1", &[Export::TrainRun, Export::TrainRunAttempt]);
    let logs = asked.snapshot.facts.train.controllers();
    let logged: usize = logs.flat_map(|(_, log)| &log.messages).map(|(_, message)| message.len()).sum();
    Cost { is_long: exported.is_long || logged > SHORT, held: exported.held + 8 * logged }
}

/// Names of a node's log files.
pub(super) fn log_names(asked: &Asked<'_>) -> Cost {
    let files = asked.session.logs.count();
    Cost::of([200 * files], || 200 * files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_end_where_they_are_large_enough() {
        assert_eq!(Cost::of([SHORT], || 7), Cost { is_long: false, held: 0 });
        assert_eq!(Cost::of([SHORT, 1], || 7), Cost { is_long: true, held: ON_ITS_WAY + 7 });
        assert!(Cost::of(std::iter::repeat(1), || 0).is_long, "an endless sum ends");
    }
}
