//! The table `actors`: one row for each actor, by job and actor id.

use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Layout, Stamp};
use crate::row::{self, Columns, Enum, NonZero, Record, Row};
use crate::values::Values;
use bytes::Bytes;
use parquet::basic::Encoding;
use ray_history_core::base::actor::ActorState;
use ray_history_core::base::stored_json;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::{Actor, Incarnation};
use ray_history_core::snapshot::text::Text;
use serde_json::Value;
use std::sync::Arc;

/// A row: an actor, and its session, as in all tables with a file of their own.
#[derive(Clone)]
struct ActorRow {
    cluster: Arc<str>,
    session: Arc<str>,
    actor: Actor,
}

/// Writes the actors of a snapshot, with or without why they died.
pub fn write(
    snapshot: &Snapshot,
    environments: &mut Environments,
    stamp: &Stamp,
    messages: bool,
) -> Result<(Vec<u8>, Expected), Error> {
    let mut actors: Vec<&Actor> = snapshot.actors.iter().collect();
    actors.sort_by_key(|actor| (actor.job, actor.id));
    let (cluster, session): (Arc<str>, Arc<str>) = (stamp.cluster.as_str().into(), stamp.session.as_str().into());
    let rows = actors.into_iter().map(|actor| {
        let mut actor = actor.clone();
        if !messages {
            actor.death_cause = Text::default();
        }
        ActorRow { cluster: Arc::clone(&cluster), session: Arc::clone(&session), actor }
    });
    row::write(&layout()?, snapshot, rows, environments, stamp)
}

/// Reads actors, which are then sorted by id. Runtime environments that `values` does not have are those that the file
/// shows.
pub fn read(bytes: Bytes, stamp: &Stamp, expected: &Expected, values: &mut Values) -> Result<Vec<Actor>, Error> {
    let rows: Vec<ActorRow> = row::read(&layout()?, bytes, stamp, expected, values)?;
    let mut actors: Vec<Actor> = rows.into_iter().map(|row| row.actor).collect();
    actors.sort_by_key(|actor| actor.id);
    Ok(actors)
}

pub(crate) fn layout() -> Result<Layout, Error> {
    Ok(Layout {
        group_rows: 262_144,
        encodings: vec![("actor_id", Encoding::DELTA_BYTE_ARRAY)],
        sorted_by: vec!["job_id", "actor_id"],
        page_statistics: true,
        ..row::layout::<ActorRow>()?
    })
}

impl Enum for ActorState {
    fn word(self) -> &'static str {
        self.name()
    }

    fn of_word(word: &str) -> Option<Self> {
        Self::parse(word)
    }
}

impl Record for Incarnation {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { since, node, worker, pid, port } = self;
        columns.times([("since", since)])?;
        columns.string("node_id", node)?;
        columns.string("worker_id", worker)?;
        columns.number("pid", &mut NonZero(pid))?;
        columns.number("port", &mut NonZero(port))
    }
}

impl Record for ActorRow {
    fn empty() -> Self {
        Self { cluster: "".into(), session: "".into(), actor: Actor::default() }
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { cluster, session, actor } = self;
        columns.string("cluster", cluster)?;
        columns.string("session", session)?;
        describe(actor, columns)
    }
}

fn describe(actor: &mut Actor, columns: &mut impl Columns) -> Result<(), Error> {
    let Actor {
        id,
        defined,
        job,
        name,
        ray_namespace,
        class_name,
        runtime_env,
        resources,
        placement_group,
        is_detached,
        label_selector,
        fallback_strategy,
        call_site,
        repr_name,
        state,
        timestamp,
        start,
        end,
        first_seen,
        incarnations,
        restarts,
        restarts_lineage,
        restarts_preemption,
        death_cause,
    } = actor;
    columns.string("actor_id", id)?;
    columns.string("job_id", job)?;
    columns.string("name", name)?;
    columns.string("ray_namespace", ray_namespace)?;
    columns.string("class_name", class_name)?;
    columns.string("state", state)?;
    columns.flag("is_detached", is_detached)?;
    columns.string("required_resources", resources)?;
    columns.runtime_env(runtime_env)?;
    columns.string("label_selector", label_selector)?;
    columns.string("fallback_strategy", fallback_strategy)?;
    columns.string("call_site", call_site)?;
    columns.string("repr_name", repr_name)?;
    columns.string("placement_group_id", placement_group)?;
    columns.times([("state_at", timestamp), ("start_at", start), ("end_at", end), ("first_seen_at", first_seen)])?;
    columns.number("num_restarts", restarts)?;
    columns.number("_restarts_lineage", restarts_lineage)?;
    columns.number("_restarts_preemption", restarts_preemption)?;
    columns.string("death_cause", death_cause)?;
    let (mut kind, mut message) = columns.value_of(death_cause).and_then(|cause| shown_death(&cause)).unzip();
    columns.string("death_kind", &mut kind)?;
    columns.string("death_message", &mut message)?;
    columns.list("lives", incarnations)?;
    columns.flag("defined", defined)
}

/// Returns the kind of a death, which is the only key of its cause, and its message.
fn shown_death(cause: &str) -> Option<(Box<str>, Box<str>)> {
    let Some(Value::Object(cause)) = stored_json::value(cause) else { return None };
    let (kind, context) = cause.into_iter().next()?;
    let keys = ["errorMessage", "error_message", "formattedExceptionString", "formatted_exception_string"];
    let texts = keys.iter().filter_map(|key| context.get(key)?.as_str());
    let message = texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    Some((kind.into(), message.into()))
}

impl Row for ActorRow {
    const TABLE: &'static str = "actors";

    fn is_before(&self, next: &Self, _values: &Values) -> bool {
        (self.actor.job, self.actor.id) < (next.actor.job, next.actor.id)
    }
}
