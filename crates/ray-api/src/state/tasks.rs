//! `/api/v0/tasks`: the task attempts of a session as rows of the state API.
//!
//! Attempts without a definition are never shown. Filters on state, job, actor, name and task are Ray's source
//! filters: `total` and `num_after_truncation` count the attempts that pass them; other filters only reduce
//! `num_filtered`.
//! Source: `protobuf_to_task_state_dict` in `ray/util/state/common.py`.

mod row;
mod truncate;

use super::resource::{self, Counts, Filter, MAX_LIMIT, Notes, Options, Resource};
use crate::{Answer, Query, RayError};
use ray_history_core::base::task::TaskType;
use ray_history_core::snapshot::Snapshot;
pub use row::Tasks;
use std::sync::Arc;

/// Answers `/api/v0/tasks`.
pub fn list(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let options = Options::parse(query)?;
    let tasks = Tasks::new(Arc::clone(snapshot), query.redact);
    let selected = select(&tasks, query, options.exclude_driver)?;
    let counts = options.counts(selected.counts());
    let mut rows = selected.rows;
    if options.limit == MAX_LIMIT {
        truncate::keep_important(&snapshot.tasks, &mut rows, MAX_LIMIT);
    }
    rows.truncate(options.limit);
    Ok(resource::write(tasks, rows, counts, options.detail, Notes::EmptyWarning))
}

/// The attempts that a query selects.
#[derive(Debug)]
pub(super) struct Selected {
    /// Rows of the task table that pass all filters, in Ray's order.
    pub(super) rows: Vec<u32>,
    /// Number of rows that pass the source filters.
    pub(super) at_source: usize,
}

impl Selected {
    /// Returns Ray's counts for these rows.
    pub(super) fn counts(&self) -> Counts {
        Counts {
            total: self.at_source,
            num_after_truncation: self.at_source.min(MAX_LIMIT),
            num_filtered: self.rows.len(),
        }
    }
}

/// Columns whose filters Ray applies at the source of tasks, before it counts.
const SOURCE_FILTERS: [&str; 5] = ["actor_id", "job_id", "task_id", "name", "state"];

/// Applies a query's filters to the whole session.
pub(super) fn select(tasks: &Tasks, query: &Query, exclude_driver: bool) -> Result<Selected, RayError> {
    let filters = resource::parse_filters(query, Tasks::COLUMNS)?;
    let (source, rest): (Vec<Filter>, Vec<Filter>) =
        filters.into_iter().partition(|filter| SOURCE_FILTERS.contains(&filter.column));
    for filter in &source {
        resource::check_id(filter)?;
    }
    let table = &tasks.snapshot().tasks;
    let shown = |attempt: &ray_history_core::snapshot::task::Attempt<'_>| {
        attempt.is_defined() && !(exclude_driver && attempt.shape().task_type == TaskType::DriverTask)
    };
    let mut rows: Vec<u32> = table.iter().filter(shown).map(|attempt| attempt.row() as u32).collect();
    rows.retain(|&row| resource::passes(tasks, row as usize, &source));
    let at_source = rows.len();
    rows.retain(|&row| resource::passes(tasks, row as usize, &rest));
    Ok(Selected { rows, at_source })
}

#[cfg(test)]
mod tests;
