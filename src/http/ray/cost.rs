//! The cost of an answer: the bytes it reads, and the memory it holds until it is sent.
//!
//! Answers that read few bytes are built inline; all others wait for memory and for a slot. Both numbers are upper
//! estimates, and cheap to compute: a sum stops as soon as it exceeds the limit.

use super::source::{ApiCall, Cost};
use ray_history_core::logs::export::Export;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::Actor;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::placement_group::Bundle;
use ray_history_core::snapshot::task::Attempt;
use ray_history_ray_api::pieces::PIECE;

/// Bytes that an answer may read to be built inline: about a millisecond of work.
pub(super) const SHORT: usize = 512 << 10;
/// Bytes of a row without its texts.
const ROW: usize = 1 << 10;
/// Bytes in transit to the client: the piece being built, the piece that waits, and the connection's buffer.
const IN_TRANSIT: usize = 3 * PIECE;

impl Cost {
    /// Returns the cost of an answer that reads rows of these sizes and holds `held` bytes in addition to `IN_TRANSIT`.
    fn of(rows: impl IntoIterator<Item = usize>, held: impl FnOnce() -> usize) -> Self {
        let mut sum = 0;
        let is_long = rows.into_iter().any(|bytes| {
            sum += bytes;
            sum > SHORT
        });
        Self { is_long, held: if is_long { IN_TRANSIT + held() } else { 0 } }
    }
}

/// Largest growth of a byte in JSON: a control character becomes six bytes.
const ESCAPED: usize = 6;
/// Bytes of a parsed tree per byte of a JSON map of amounts: an entry of six bytes becomes a map node.
const TREE: usize = 20;

/// Returns the bytes of the longest row. Pieces end with a row, and a row has several strings and one long text.
fn longest(snapshot: &Snapshot) -> usize {
    ESCAPED * (4 * snapshot.strings.longest() + snapshot.texts.longest())
}

/// Returns the total bytes of the strings.
fn texts(snapshot: &Snapshot, strings: impl IntoIterator<Item = Str>) -> usize {
    strings.into_iter().map(|string| snapshot.str(string).len()).sum()
}

/// An answer of constant size.
pub(in crate::http) fn none(_: &ApiCall<'_>) -> Cost {
    Cost::default()
}

/// Rows of task attempts.
pub(in crate::http) fn tasks(api_call: &ApiCall<'_>) -> Cost {
    let snapshot = api_call.snapshot;
    let row = |attempt: Attempt<'_>| {
        let shape = attempt.shape();
        let texts =
            texts(snapshot, [shape.resources, shape.runtime_env, shape.label_selector, shape.fallback_strategy]);
        ROW + texts + snapshot.texts.len_of(attempt.error_message()) + snapshot.weight_of_profile(attempt)
    };
    // Selecting rows ranks every attempt.
    let held = || 36 * snapshot.tasks.len() + longest(snapshot) + 2 * snapshot.longest_profile;
    Cost::of(snapshot.tasks.iter().map(row), held)
}

/// Counts of task attempts: by name, or as a tree.
pub(in crate::http) fn task_summary(api_call: &ApiCall<'_>) -> Cost {
    let snapshot = api_call.snapshot;
    let attempts = snapshot.tasks.len();
    let of_one = if api_call.query.get("summary_by") == Some("lineage") { 500 } else { 100 };
    Cost::of([300 * attempts], || of_one * attempts + 4 * snapshot.strings.len() + longest(snapshot))
}

/// Events of the timeline.
pub(in crate::http) fn timeline(api_call: &ApiCall<'_>) -> Cost {
    let snapshot = api_call.snapshot;
    let row = |attempt: Attempt<'_>| 64 + 100 * attempt.profile().len() + snapshot.weight_of_profile(attempt);
    let held = || 8 * snapshot.tasks.len() + longest(snapshot) + 2 * snapshot.longest_profile;
    Cost::of(snapshot.tasks.iter().map(row), held)
}

/// Returns the bytes of an actor's row.
fn actor_row(snapshot: &Snapshot, actor: &Actor) -> usize {
    let strings = [actor.resources, actor.runtime_env, actor.label_selector, actor.fallback_strategy];
    ROW + texts(snapshot, strings) + snapshot.texts.len_of(actor.death_cause)
}

/// Rows of actors.
pub(in crate::http) fn actors(api_call: &ApiCall<'_>) -> Cost {
    let snapshot = api_call.snapshot;
    let rows = snapshot.actors.iter().map(|actor| actor_row(snapshot, actor));
    Cost::of(rows, || 64 * snapshot.actors.len() + TREE * snapshot.strings.longest() + longest(snapshot))
}

/// One actor.
pub(in crate::http) fn actor(api_call: &ApiCall<'_>) -> Cost {
    let snapshot = api_call.snapshot;
    let found = ray_history_ray_api::dashboard::actors::find(snapshot, api_call.id);
    let row = found.map(|actor| actor_row(snapshot, actor));
    Cost::of(row, || TREE * snapshot.strings.longest() + longest(snapshot))
}

/// Rows of nodes.
pub(in crate::http) fn nodes(api_call: &ApiCall<'_>) -> Cost {
    let snapshot = api_call.snapshot;
    let row = |node: &Node| {
        ROW + 2 * texts(snapshot, [node.labels, node.resources]) + snapshot.texts.len_of(node.death_message)
    };
    let rows = snapshot.nodes.iter().map(row).chain([64 * snapshot.workers.len()]);
    Cost::of(rows, || 100 * snapshot.nodes.len() + TREE * snapshot.strings.longest() + longest(snapshot))
}

/// One node with its actors and workers.
pub(in crate::http) fn node(api_call: &ApiCall<'_>) -> Cost {
    let (nodes, actors) = (nodes(api_call), actors(api_call));
    let others = 300 * (api_call.snapshot.workers.len() + api_call.snapshot.actors.len());
    Cost { is_long: nodes.is_long || actors.is_long, held: nodes.held.max(actors.held) + others }
}

/// Rows of workers and drivers.
pub(in crate::http) fn workers(api_call: &ApiCall<'_>) -> Cost {
    let snapshot = api_call.snapshot;
    let exits = || snapshot.drivers.iter().filter_map(|driver| driver.exit.as_ref());
    let exits = || exits().map(|(kind, detail)| kind.len() + detail.len());
    let workers = snapshot.workers.iter().map(|worker| ROW + snapshot.texts.len_of(worker.exit_detail));
    let count = snapshot.workers.len() + snapshot.drivers.len();
    Cost::of(workers.chain([ROW * snapshot.drivers.len()]).chain(exits()), || {
        100 * count + ESCAPED * exits().max().unwrap_or_default() + longest(snapshot)
    })
}

/// Rows of placement groups.
pub(in crate::http) fn placement_groups(api_call: &ApiCall<'_>) -> Cost {
    let snapshot = api_call.snapshot;
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
pub(in crate::http) fn runtime_envs(api_call: &ApiCall<'_>) -> Cost {
    let envs = &api_call.snapshot.runtime_envs;
    let bytes = || envs.iter().map(|env| ROW + env.runtime_env.len());
    Cost::of(bytes(), || 4 * envs.len() + 2 * bytes().max().unwrap_or_default())
}

/// Rows of jobs, or one job found among them.
pub(in crate::http) fn jobs(api_call: &ApiCall<'_>) -> Cost {
    let jobs = &api_call.snapshot.jobs;
    let bytes = |job: &ray_history_core::snapshot::submission::UnifiedJob| ROW + job.weight();
    Cost::of(jobs.iter().map(bytes), || 8 * jobs.len() + 2 * jobs.iter().map(bytes).max().unwrap_or_default())
}

/// Rows of Ray's event files.
pub(in crate::http) fn events(api_call: &ApiCall<'_>) -> Cost {
    let events = &api_call.snapshot.facts.events;
    let bytes = || events.rows().map(|row| row.json.len());
    Cost::of(bytes().map(|bytes| 4 * bytes), || 200 * events.keys().count() + 32 * bytes().max().unwrap_or_default())
}

/// Events of the platform.
pub(in crate::http) fn platform_events(api_call: &ApiCall<'_>) -> Cost {
    let events = &api_call.snapshot.platform_events;
    let bytes = || events.iter().map(|event| event.len());
    Cost::of(bytes(), || 2 * bytes().max().unwrap_or_default())
}

/// The autoscaler's text, stored or built from all nodes.
pub(in crate::http) fn cluster_status(api_call: &ApiCall<'_>) -> Cost {
    let stored = api_call.snapshot.facts.monitor.status().map_or(0, str::len);
    let nodes = nodes(api_call);
    let resources: usize = api_call.snapshot.nodes.iter().map(|node| api_call.snapshot.str(node.resources).len()).sum();
    Cost { is_long: nodes.is_long || stored > SHORT, held: nodes.held + 4 * stored + TREE * resources }
}

/// A stored answer, sent unchanged.
pub(in crate::http) fn stored(api_call: &ApiCall<'_>) -> Cost {
    // Answers of up to MAX_TREE bytes are parsed into a tree.
    let bytes = api_call.snapshot.endpoint(api_call.path.trim_matches('/')).map_or(0, str::len);
    Cost::of([bytes], || 16 * bytes.min(ray_history_ray_api::libraries::serve::MAX_TREE))
}

/// The version, read from a stored answer.
pub(in crate::http) fn version(api_call: &ApiCall<'_>) -> Cost {
    Cost::of(api_call.snapshot.endpoint("api/v0/cluster_metadata").map(str::len), || 0)
}

/// Rows from a stored answer and from export files.
fn exported(api_call: &ApiCall<'_>, url: &str, kinds: &[Export]) -> Cost {
    let stored = api_call.snapshot.endpoint(url).map_or(0, str::len);
    let rows =
        || kinds.iter().flat_map(|kind| api_call.snapshot.facts.exports.rows(*kind)).map(|(_, row)| row.json.len());
    Cost::of(rows().map(|bytes| 16 * bytes).chain([stored]), || 16 * rows().sum::<usize>() + 8 * stored)
}

/// Datasets of a job.
pub(in crate::http) fn datasets(api_call: &ApiCall<'_>) -> Cost {
    exported(api_call, &format!("api/data/datasets/{}", api_call.id), &[Export::Dataset])
}

/// Ray Train runs.
pub(in crate::http) fn train(api_call: &ApiCall<'_>) -> Cost {
    let exported = exported(api_call, "api/train/v2/runs/v1", &[Export::TrainRun, Export::TrainRunAttempt]);
    let logs = api_call.snapshot.facts.train.controllers();
    let logged: usize = logs.flat_map(|(_, log)| &log.messages).map(|(_, message)| message.len()).sum();
    Cost { is_long: exported.is_long || logged > SHORT, held: exported.held + 8 * logged }
}

/// Names of a node's log files.
pub(in crate::http) fn log_names(api_call: &ApiCall<'_>) -> Cost {
    let files = api_call.session.logs.count();
    Cost::of([200 * files], || 200 * files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_stop_above_the_limit() {
        assert_eq!(Cost::of([SHORT], || 7), Cost { is_long: false, held: 0 });
        assert_eq!(Cost::of([SHORT, 1], || 7), Cost { is_long: true, held: IN_TRANSIT + 7 });
        assert!(Cost::of(std::iter::repeat(1), || 0).is_long, "an endless sum ends");
    }
}
