//! Conversion of drafts into the columns of a `TaskTable`, with transitions and profile events sorted into their rows.

use super::{Draft, ForcedEnds, NONE, OWNERS, Tasks};
use crate::base::task::{TaskState, TaskType};
use crate::base::time::Nanos;
use crate::snapshot::build::Catalogue;
use crate::snapshot::build::actor_workers::Reprs;
use crate::snapshot::intern::Str;
use crate::snapshot::task::{LogInfo, ProfileRow, Shape, TaskTable, flag};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Converts the drafts into a table. Each list is freed as soon as its column is made.
pub(super) fn table(tasks: Tasks, values: &mut Catalogue, forced_ends: &ForcedEnds, reprs: &Reprs) -> TaskTable {
    let Tasks { drafts, index, transitions, profile, logs, sources, shapes, .. } = tasks;
    drop(index);
    let mut order: Vec<u32> = (0..drafts.len() as u32).collect();
    order.sort_unstable_by_key(|&number| {
        let draft = &drafts[number as usize];
        (draft.id, std::cmp::Reverse(draft.attempt))
    });
    let row_of = inverse(&order);
    // Drafts are copied into row order once, so that every column reads them sequentially.
    let drafts: Vec<Draft> = order.iter().map(|&number| drafts[number as usize]).collect();
    let mut out = TaskTable { shapes, logs: checked_logs(logs), profile_sources: sources, ..TaskTable::default() };
    let mut names = DisplayNames::new(values, reprs);
    fill_rows(&mut out, &drafts, &mut names);
    drop(drafts);
    let times = by_row(transitions.iter().map(|&(number, state, at)| (number, (state, at))), &row_of, order.len());
    drop(transitions);
    fill_states(&mut out, times, forced_ends);
    let spans = by_row(profile.iter().copied(), &row_of, order.len());
    drop(profile);
    fill_profile(&mut out, spans, names.values);
    out
}

/// Returns the row of each draft.
fn inverse(order: &[u32]) -> Vec<u32> {
    let mut row_of = vec![0; order.len()];
    for (row, &number) in order.iter().enumerate() {
        row_of[number as usize] = row as u32;
    }
    row_of
}

fn fill_rows(out: &mut TaskTable, drafts: &[Draft], names: &mut DisplayNames<'_>) {
    let rows = || drafts.iter();
    out.ids = rows().map(|d| d.id).collect();
    out.attempts = rows().map(|d| d.attempt).collect();
    out.jobs = rows().map(|d| d.job).collect();
    out.flags = rows().map(flags).collect();
    out.shape = rows().map(|d| d.definition.get().shape).collect();
    out.names = rows().map(|d| names.displayed(d, &out.shapes)).collect();
    out.actors = rows().map(|d| d.definition.get().actor).collect();
    out.parents = rows().map(|d| d.definition.get().parent).collect();
    out.placement_groups = rows().map(|d| d.definition.get().placement_group).collect();
    out.nodes = rows().map(|d| d.node.get()).collect();
    out.workers = rows().map(|d| d.worker.get()).collect();
    out.pids = rows().map(|d| d.pid.get()).collect();
    out.error_types = rows().map(|d| d.error.error_type()).collect();
    out.error_messages = rows().map(|d| d.error.message()).collect();
    out.log = rows().map(|d| d.log).collect();
    out.profile_source = rows().map(|d| d.profile_source).collect();
}

fn flags(draft: &Draft) -> u8 {
    let mut flags = 0;
    if draft.definition.is_set() {
        flags |= flag::DEFINED;
    }
    if draft.debugger_paused.is_set() {
        flags |= flag::DEBUGGER_SENT;
    }
    if draft.debugger_paused.get() {
        flags |= flag::DEBUGGER_PAUSED;
    }
    if draft.node.is_set() && draft.node.at() == OWNERS {
        flags |= flag::NODE_OF_OWNER;
    }
    flags
}

/// Displayed names. By Ray's rule an actor's `repr` replaces its class if the task has no name of its own.
struct DisplayNames<'a> {
    values: &'a mut Catalogue,
    /// Those that no update has; before Ray 2.54 none has any.
    reprs: &'a Reprs,
    known: HashMap<(Str, Str), Str, RandomState>,
}

impl<'a> DisplayNames<'a> {
    fn new(values: &'a mut Catalogue, reprs: &'a Reprs) -> Self {
        Self { values, reprs, known: HashMap::default() }
    }

    fn displayed(&mut self, draft: &Draft, shapes: &[Shape]) -> Str {
        let definition = draft.definition.get();
        let (name, mut repr) = (definition.name, draft.repr_name.get());
        if repr.is_empty() && draft.pid.get() > 0 {
            // The process would have sent it with its id.
            repr = self.reprs.get(&draft.worker.get()).copied().unwrap_or_default();
        }
        let Some(shape) = shapes.get(definition.shape as usize) else { return name };
        if repr.is_empty() || shape.task_type != TaskType::ActorTask || name != shape.func_or_class_name {
            return name;
        }
        if let Some(&known) = self.known.get(&(name, repr)) {
            return known;
        }
        let method = self.values.resolve(name).rsplit('.').next().unwrap_or_default();
        let displayed = format!("{}.{method}", self.values.resolve(repr));
        let displayed = self.values.str(&displayed);
        self.known.insert((name, repr), displayed);
        displayed
    }
}

/// Removes ends of zero after a start: Ray before 2.58 sends unset offsets as zero. Any other end before its start is
/// kept, because it lies in the next file after a rotation.
fn checked_logs(mut logs: Vec<LogInfo>) -> Vec<LogInfo> {
    for log in &mut logs {
        for (start, end) in [(log.stdout_start, &mut log.stdout_end), (log.stderr_start, &mut log.stderr_end)] {
            if *end == Some(0) && start > Some(0) {
                *end = None;
            }
        }
    }
    logs
}

/// Returns the items in the order of their rows and the end of each row's range, by a counting sort.
fn by_row<T: Copy>(
    items: impl Iterator<Item = (u32, T)> + Clone,
    row_of: &[u32],
    rows: usize,
) -> (Vec<Option<T>>, Vec<u32>) {
    let row = |number: u32| row_of.get(number as usize).copied();
    let mut ends = vec![0u32; rows];
    let mut total = 0;
    for row in items.clone().filter_map(|(number, _)| row(number)) {
        ends[row as usize] += 1;
        total += 1;
    }
    let mut next = 0;
    for end in &mut ends {
        let count = *end;
        *end = next;
        next += count;
    }
    let mut out = vec![None; total];
    for (number, item) in items {
        if let Some(row) = row(number) {
            let at = &mut ends[row as usize];
            out[*at as usize] = Some(item);
            *at += 1;
        }
    }
    (out, ends)
}

/// Fills in states and their times. Of several times of one state the latest is kept, as in Ray's map.
fn fill_states(
    out: &mut TaskTable,
    (items, ends): (Vec<Option<(TaskState, Nanos)>>, Vec<u32>),
    forced_ends: &ForcedEnds,
) {
    out.states.reserve_exact(ends.len());
    out.time_ends.reserve_exact(ends.len());
    out.times.reserve(items.len());
    let mut start = 0;
    for (row, &end) in ends.iter().enumerate() {
        let mut reached: [Option<Nanos>; 16] = [None; 16];
        for (state, at) in items[start as usize..end as usize].iter().flatten() {
            let slot = &mut reached[*state as usize];
            *slot = (*slot).max(Some(*at));
        }
        start = end;
        let over = reached[TaskState::Finished as usize].is_some() || reached[TaskState::Failed as usize].is_some();
        // An attempt without a definition is never shown, and a forced end would make it look as if it had states.
        let defined = out.flags[row] & flag::DEFINED != 0;
        if !over
            && defined
            && let Some(forced) = forced_ends.end_of(out.workers[row], out.jobs[row])
        {
            reached[TaskState::Failed as usize] = Some(forced.at);
            out.error_types[row] = forced.error_type;
            out.error_messages[row] = forced.error_message;
        }
        let mut mask = 0u16;
        for (bit, at) in reached.iter().enumerate() {
            if let Some(at) = at {
                mask |= 1 << bit;
                out.times.push(*at);
            }
        }
        out.states.push(mask);
        out.time_ends.push(out.times.len() as u32);
    }
    out.times.shrink_to_fit();
}

fn fill_profile(out: &mut TaskTable, (items, ends): (Vec<Option<ProfileRow>>, Vec<u32>), values: &Catalogue) {
    out.profile.reserve(items.len());
    out.profile_ends.reserve_exact(ends.len());
    let mut start = 0;
    let mut spans: Vec<ProfileRow> = Vec::new();
    for &end in &ends {
        spans.clear();
        spans.extend(items[start as usize..end as usize].iter().flatten());
        start = end;
        spans.sort_unstable_by(|a, b| {
            (a.end, a.start)
                .cmp(&(b.end, b.start))
                .then_with(|| values.compare_str(a.name, b.name))
                .then_with(|| values.compare_str(a.extra, b.extra))
        });
        spans.dedup();
        out.profile.extend_from_slice(&spans);
        out.profile_ends.push(out.profile.len() as u32);
    }
    out.profile.shrink_to_fit();
    debug_assert!(out.log.iter().all(|&log| log == NONE || (log as usize) < out.logs.len()));
}
