//! The table `actors`, by job and actor.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::rows::Kind::{Flag, Int, Micros, Text};
use crate::rows::{RowReader, RowWriter, Table};
use crate::values::Values;
use bytes::Bytes;
use ray_history_core::base::actor::ActorState;
use ray_history_core::base::id::push_hex;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::{Actor, Incarnation};
use ray_history_core::snapshot::intern::Id;
use serde::{Deserialize, Serialize};

pub(crate) const TABLE: Table = Table {
    name: "actors",
    columns: &[
        ("cluster", Text),
        ("session", Text),
        ("actor_id", Text),
        ("job_id", Text),
        ("defined", Flag),
        ("name", Text),
        ("ray_namespace", Text),
        ("class_name", Text),
        ("state", Text),
        ("is_detached", Flag),
        ("required_resources", Text),
        ("runtime_env", Text),
        ("_runtime_env", Int),
        ("label_selector", Text),
        ("fallback_strategy", Text),
        ("call_site", Text),
        ("repr_name", Text),
        ("placement_group_id", Text),
        ("state_at", Micros),
        ("_state_ns", Int),
        ("start_at", Micros),
        ("_start_ns", Int),
        ("end_at", Micros),
        ("_end_ns", Int),
        ("first_seen_at", Micros),
        ("_first_seen_ns", Int),
        ("num_restarts", Int),
        ("_restarts_lineage", Int),
        ("_restarts_preemption", Int),
        ("death_kind", Text),
        ("death_message", Text),
        ("death_cause", Text),
        ("lives", Text),
    ],
};

/// A process of an actor in the column `lives`. The time is exact, as text because JSON's numbers are too short.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Life {
    since_ns: String,
    node_id: String,
    worker_id: String,
    pid: u32,
    port: i32,
}

/// Writes the actors of a snapshot. Runtime environments get their places in `environments`.
pub fn write(
    snapshot: &Snapshot,
    environments: &mut Environments,
    stamp: &Stamp,
    messages: bool,
) -> Result<(Vec<u8>, Expected), Error> {
    let mut actors: Vec<&Actor> = snapshot.actors.iter().collect();
    actors.sort_by_key(|actor| (actor.job, actor.id));
    TABLE.write(stamp, actors, |out, actor| {
        out.str(&stamp.cluster);
        out.str(&stamp.session);
        push(snapshot, environments, out, actor, messages);
    })
}

fn push(snapshot: &Snapshot, environments: &mut Environments, out: &mut RowWriter, actor: &Actor, messages: bool) {
    let Actor { id, defined, job, name, ray_namespace, class_name, runtime_env, resources, placement_group, .. } =
        actor;
    let Actor { is_detached, label_selector, fallback_strategy, call_site, repr_name, state, timestamp, .. } = actor;
    let Actor { start, end, first_seen, incarnations, restarts, restarts_lineage, restarts_preemption, .. } = actor;
    out.hex(&id.0);
    out.id(job);
    out.flag(Some(*defined));
    out.str(snapshot.str(*name));
    out.str(snapshot.str(*ray_namespace));
    out.str(snapshot.str(*class_name));
    out.str(state.name());
    out.flag(Some(*is_detached));
    out.str(snapshot.str(*resources));
    out.environment(snapshot.str(*runtime_env), environments);
    for text in [label_selector, fallback_strategy, call_site, repr_name] {
        out.str(snapshot.str(*text));
    }
    out.hex(snapshot.id(*placement_group));
    for at in [timestamp, start, end, first_seen] {
        out.time(*at);
    }
    for number in [restarts, restarts_lineage, restarts_preemption] {
        out.int(Some(i64::from(*number)));
    }
    let cause = snapshot.text(actor.death_cause);
    let (kind, message) = death(&cause);
    out.text(kind.as_deref());
    out.text(message.as_deref().filter(|_| messages));
    out.str(if messages { &cause } else { "" });
    let life = |incarnation: &Incarnation| {
        let Incarnation { since, node, worker, pid, port } = *incarnation;
        Life { since_ns: since.to_string(), node_id: hex(snapshot, node), worker_id: hex(snapshot, worker), pid, port }
    };
    let lives: Vec<Life> = incarnations.iter().map(life).collect();
    // Numbers and texts always have a form in JSON.
    out.text((!lives.is_empty()).then(|| serde_json::to_string(&lives).unwrap_or_default()).as_deref());
}

fn hex(snapshot: &Snapshot, id: Id) -> String {
    let mut hex = Vec::new();
    push_hex(&mut hex, snapshot.id(id));
    String::from_utf8(hex).unwrap_or_default()
}

/// Returns the only key of a cause of death, and its message.
fn death(cause: &str) -> (Option<String>, Option<String>) {
    let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_str(cause).unwrap_or_default();
    let Some((kind, context)) = parsed.into_iter().next() else { return (None, None) };
    let message = context.get("errorMessage").or_else(|| context.get("formattedExceptionString"));
    (Some(kind), message.and_then(|message| message.as_str()).map(str::to_owned))
}

/// Reads actors, in the order of their ids.
pub fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected, values: &mut Values) -> Result<Vec<Actor>, Error> {
    let mut actors = TABLE.read(bytes, stamp, expected, values, pull)?;
    actors.sort_by_key(|actor| actor.id);
    Ok(actors)
}

fn pull(row: &mut RowReader<'_, '_>) -> Result<Actor, Error> {
    row.skip(2);
    Ok(Actor {
        id: row.id()?,
        job: row.id()?,
        defined: row.flag().unwrap_or_default(),
        name: row.str(),
        ray_namespace: row.str(),
        class_name: row.str(),
        state: {
            let name = row.text().unwrap_or_default();
            ActorState::parse(name).ok_or_else(|| row.malformed(format!("{name:?} is no state of an actor")))?
        },
        is_detached: row.flag().unwrap_or_default(),
        resources: row.str(),
        runtime_env: row.environment()?,
        label_selector: row.str(),
        fallback_strategy: row.str(),
        call_site: row.str(),
        repr_name: row.str(),
        placement_group: row.any_id()?,
        timestamp: row.time(),
        start: row.time(),
        end: row.time(),
        first_seen: row.time(),
        restarts: row.small()?,
        restarts_lineage: row.small()?,
        restarts_preemption: row.small()?,
        death_cause: {
            row.skip(2);
            row.long_text()
        },
        incarnations: lives(row)?,
    })
}

fn lives(row: &mut RowReader<'_, '_>) -> Result<Vec<Incarnation>, Error> {
    let stored: Vec<Life> = row.json()?;
    let of = |Life { since_ns, node_id, worker_id, pid, port }| {
        let known = |id: String| Some(id).filter(|id| !id.is_empty());
        let values = row.values();
        let (node, worker) = (values.id(known(node_id).as_deref()), values.id(known(worker_id).as_deref()));
        let (since, node, worker) = (since_ns.parse().ok(), node, worker);
        let made = since.zip(node).zip(worker);
        let made = made.map(|((since, node), worker)| Incarnation { since, node, worker, pid, port });
        made.ok_or_else(|| row.malformed("a life of an actor is malformed"))
    };
    stored.into_iter().map(of).collect()
}
