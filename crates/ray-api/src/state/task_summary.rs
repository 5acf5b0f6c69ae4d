//! `/api/v0/tasks/summarize`: counts of states by name or by lineage, over the whole session.
//!
//! Ray counts at most 10,000 rows; this counts all. Source: `TaskSummaries` in `ray/util/state/common.py`.

mod lineage;
mod state_counts;

use super::resource::{self, Counts, Notes};
use super::tasks::{self, Tasks};
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError, pieces};
use lineage::Lineage;
use ray_history_core::base::task::TaskType;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::version::RayVersion;
use state_counts::{StateCounts, write_state_counts};
use std::sync::Arc;

/// Ray's response body for an uncaught exception.
const UNCAUGHT: &str = "500 Internal Server Error\n\nServer got itself in trouble";

/// Answers `/api/v0/tasks/summarize`.
pub fn summarize(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let by = query.get("summary_by").unwrap_or("func_name");
    let by_lineage = match by {
        "func_name" | "task_name" | "" => false,
        "lineage" => true,
        _ => return Err(RayError::Failed(UNCAUGHT.to_owned())),
    };
    let tasks = Tasks::new(Arc::clone(snapshot), query.redact);
    let selected = tasks::select(&tasks, query, true)?;
    let mut w = pieces::writer(0);
    // All rows are counted, so none is cut off: clients warn if fewer rows were fetched than exist.
    let counts = Counts { num_after_truncation: selected.at_source, ..selected.counts() };
    resource::begin_summary(&mut w, counts);
    let totals = totals(snapshot, &selected.rows);
    let end = move |w: &mut JsonWriter| {
        for (key, total) in totals {
            w.key(key);
            w.int(total);
        }
        w.key("summary_by");
        w.string(if by_lineage { "lineage" } else { "func_name" });
        for _ in 0..3 {
            w.end_object();
        }
        resource::end(w, Notes::EmptyWarning);
    };
    if by_lineage {
        let mut lineage = Lineage::new(Arc::clone(snapshot), &selected.rows);
        return Ok(pieces::steps(w, move |w| lineage.write_next(w), end));
    }
    w.begin_object();
    let snapshot = Arc::clone(snapshot);
    let groups = by_name(&snapshot, &selected.rows);
    Ok(pieces::answer(
        w,
        groups,
        move |group, w| group.write(&snapshot, w),
        move |w| {
            w.end_object();
            end(w);
        },
    ))
}

/// Counts of one name; the type is that of the first attempt, as in Ray.
struct Group {
    name: Str,
    task_type: TaskType,
    states: StateCounts,
}

fn by_name(snapshot: &Snapshot, rows: &[u32]) -> Vec<Group> {
    let by_function = RayVersion::of(snapshot).is_some_and(|version| version < RayVersion::NAMED_SUMMARIES);
    // Names are small numbers: an array finds a name's group without hashing.
    let mut group_of = vec![u32::MAX; snapshot.strings.len()];
    let mut groups: Vec<Group> = Vec::new();
    for &row in rows {
        let attempt = snapshot.tasks.get(row as usize);
        let shape = attempt.shape();
        let nameless = by_function || attempt.name().is_empty();
        let name = if nameless { shape.func_or_class_name } else { attempt.name() };
        let Some(at) = group_of.get_mut(name.0 as usize) else { continue };
        if *at == u32::MAX {
            *at = groups.len() as u32;
            groups.push(Group { name, task_type: shape.task_type, states: [0; 16] });
        }
        groups[*at as usize].states[attempt.state() as usize] += 1;
    }
    groups
}

impl Group {
    fn write(&self, snapshot: &Snapshot, w: &mut JsonWriter) {
        w.key_escaped(snapshot.str(self.name));
        w.begin_object();
        // Ray writes the task's name here too, even if the function has another name.
        w.key("func_or_class_name");
        w.string(snapshot.str(self.name));
        w.key("type");
        w.string(self.task_type.name());
        w.key("state_counts");
        write_state_counts(&self.states, w);
        w.end_object();
    }
}

fn totals(snapshot: &Snapshot, rows: &[u32]) -> [(&'static str, usize); 3] {
    let mut of_type = [0usize; 4];
    for &row in rows {
        of_type[snapshot.tasks.get(row as usize).shape().task_type as usize] += 1;
    }
    [
        ("total_tasks", of_type[TaskType::NormalTask as usize]),
        ("total_actor_tasks", of_type[TaskType::ActorTask as usize]),
        ("total_actor_scheduled", of_type[TaskType::ActorCreationTask as usize]),
    ]
}
