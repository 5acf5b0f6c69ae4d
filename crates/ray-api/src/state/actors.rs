//! `/api/v0/actors`: actors as rows of the state API.
//!
//! If an optional field of Ray's actor table is not set (`node_id` before the first process, `placement_group_id`,
//! `call_site`, `fallback_strategy`, `death_cause`), the column is null, and no filter on it matches, not even `!=`,
//! because Ray tests for the key first. `node_id` and `pid` are those of the last process, also while the actor is
//! being restarted. Restart counts are strings, as protobuf writes 64-bit numbers.
//! `total` and `num_after_truncation` count rows before all filters (seen live). Source: `list_actors` in
//! `dashboard/state_aggregator.py`, `ActorState` in `util/state/common.py`.

use super::resource;
use super::resource::{Column, Counts, Kind, MAX_LIMIT, Notes, Options, Predicate, Resource};
use crate::cell::Cell;
use crate::dashboard::actors::death::write_snake_case;
use crate::json::JsonWriter;
use crate::redact::RedactedEnvs;
use crate::{Answer, Query, RayError};
use ray_history_core::base::actor::ActorState;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::Actor;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::text::TextReader;
use std::borrow::Cow;
use std::sync::Arc;

/// Answers `/api/v0/actors`.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let options = Options::parse(query)?;
    let actors = Actors::new(Arc::clone(snapshot), query.redact);
    let mut rows = select(&actors, query)?;
    let counts = options.counts(actors.counts(rows.len()));
    rows.truncate(options.limit);
    Ok(resource::write(actors, rows, counts, options.detail, Notes::EmptyWarning))
}

/// Returns the rows that pass a query's filters, in order of actor id.
pub(super) fn select(actors: &Actors, query: &Query) -> Result<Vec<u32>, RayError> {
    let filters = resource::parse_filters(query, Actors::COLUMNS)?;
    for filter in filters.iter().filter(|filter| filter.predicate == Predicate::Equal) {
        resource::check_id(filter)?;
        let state = filter.given.to_uppercase();
        if filter.column == "state" && ActorState::parse(&state).is_none() {
            return Err(RayError::BadQuery(format!("Invalid actor state for filtering: {state}")));
        }
    }
    let mut rows: Vec<u32> = (0..actors.rows() as u32).collect();
    rows.retain(|&row| resource::passes(actors, row as usize, &filters));
    Ok(rows)
}

/// The actors of a snapshot as rows.
#[derive(Debug)]
pub struct Actors {
    snapshot: Arc<Snapshot>,
    redact: bool,
    redacted_envs: RedactedEnvs,
    /// Keeps the last block of death causes decompressed.
    deaths: TextReader,
}

impl Actors {
    /// Creates the rows of a snapshot; `redact` hides the values of environment variables.
    pub fn new(snapshot: Arc<Snapshot>, redact: bool) -> Self {
        Self { snapshot, redact, redacted_envs: RedactedEnvs::default(), deaths: TextReader::default() }
    }

    /// Returns the actor in a row.
    pub(super) fn actor(&self, row: usize) -> Option<&Actor> {
        self.snapshot.actors.get(row)
    }

    /// Returns the counts of a list of which `num_filtered` rows passed the filters.
    pub(super) fn counts(&self, num_filtered: usize) -> Counts {
        let total = self.rows();
        Counts { total, num_after_truncation: total.min(MAX_LIMIT), num_filtered }
    }
}

impl Resource for Actors {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("actor_id", Kind::Text),
        Column::filterable("class_name", Kind::Text),
        Column::filterable("state", Kind::Text),
        Column::filterable("job_id", Kind::Text),
        Column::filterable("name", Kind::Text),
        Column::filterable("node_id", Kind::Text).optional(),
        Column::filterable("pid", Kind::IntOrNull),
        Column::filterable("ray_namespace", Kind::Text),
        Column::plain("serialized_runtime_env").only_detail(),
        Column::plain("required_resources").only_detail(),
        Column::plain("death_cause").only_detail(),
        Column::plain("is_detached").only_detail(),
        Column::filterable("placement_group_id", Kind::Text).only_detail().optional(),
        Column::filterable("repr_name", Kind::Text).only_detail(),
        Column::plain("num_restarts").only_detail(),
        Column::plain("num_restarts_due_to_lineage_reconstruction").only_detail(),
        Column::plain("num_restarts_due_to_node_preemption").only_detail(),
        Column::plain("call_site").only_detail(),
        Column::plain("label_selector").only_detail(),
        Column::plain("fallback_strategy").only_detail(),
    ];

    fn rows(&self) -> usize {
        self.snapshot.actors.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        let snapshot = &*self.snapshot;
        let Some(actor) = self.actor(row) else { return Cell::Null };
        let text = |text: Str| Cell::Str(Cow::Borrowed(snapshot.str(text)));
        let map = |json: Str| match snapshot.str(json) {
            "" => Cell::Json(Cow::Borrowed(b"{}")),
            json => Cell::Json(Cow::Borrowed(json.as_bytes())),
        };
        let count = |count: u32| Cell::Str(Cow::Owned(count.to_string()));
        match column {
            "actor_id" => Cell::Hex(&actor.id.0),
            "class_name" => text(actor.class_name),
            "state" => Cell::Str(Cow::Borrowed(actor.state.name())),
            "job_id" => Cell::Hex(&actor.job.0),
            "name" => text(actor.name),
            "node_id" => {
                Cell::hex_or_null(actor.incarnations.last().map_or(&[], |incarnation| snapshot.id(incarnation.node)))
            }
            "pid" => Cell::Int(actor.incarnations.last().map_or(0, |incarnation| i64::from(incarnation.pid))),
            "ray_namespace" => text(actor.ray_namespace),
            "serialized_runtime_env" => text(actor.runtime_env),
            "required_resources" => map(actor.resources),
            "is_detached" => Cell::Bool(actor.is_detached),
            "placement_group_id" => Cell::hex_or_null(snapshot.id(actor.placement_group)),
            "repr_name" => text(actor.repr_name),
            "num_restarts" => count(actor.restarts),
            "num_restarts_due_to_lineage_reconstruction" => count(actor.restarts_lineage),
            "num_restarts_due_to_node_preemption" => count(actor.restarts_preemption),
            "call_site" => Cell::text_or_null(snapshot.str(actor.call_site)),
            "label_selector" => map(actor.label_selector),
            _ => Cell::Null,
        }
    }

    fn write(&mut self, row: usize, column: &'static str, w: &mut JsonWriter) {
        let snapshot = Arc::clone(&self.snapshot);
        let Some(actor) = snapshot.actors.get(row) else { return w.null() };
        match column {
            "death_cause" => write_snake_case(w, self.deaths.get(&snapshot.texts, actor.death_cause)),
            "fallback_strategy" => write_snake_case(w, snapshot.str(actor.fallback_strategy)),
            "serialized_runtime_env" if self.redact => w.string(self.redacted_envs.get(&snapshot, actor.runtime_env)),
            column => self.cell(row, column).write(w),
        }
    }
}

#[cfg(test)]
mod tests;
