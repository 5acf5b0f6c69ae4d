//! The columns of a task attempt, read directly from its row.

use crate::cell::Cell;
use crate::json::JsonWriter;
use crate::json::proto_json;
use crate::logs::ansi;
use crate::redact::RedactedEnvs;
use crate::state::resource::{Column, Kind, Resource};
use ray_history_core::base::task::{TaskState, TaskType};
use ray_history_core::base::time::{Nanos, float_ms};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use ray_history_core::snapshot::task::Attempt;
use ray_history_core::snapshot::text::TextReader;
use std::borrow::Cow;
use std::sync::Arc;

/// The attempts of a snapshot as rows.
#[derive(Debug)]
pub struct Tasks {
    snapshot: Arc<Snapshot>,
    redact: bool,
    redacted_envs: RedactedEnvs,
    /// Keeps the last block of error texts decompressed.
    errors: TextReader,
}

impl Tasks {
    /// Creates the rows of a snapshot; `redact` hides the values of environment variables.
    pub fn new(snapshot: Arc<Snapshot>, redact: bool) -> Self {
        Self { snapshot, redact, redacted_envs: RedactedEnvs::default(), errors: TextReader::default() }
    }

    /// Returns the snapshot of the rows.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    fn write_runtime_env_info(&mut self, env: Str, w: &mut JsonWriter) {
        w.begin_object();
        w.key("serialized_runtime_env");
        if self.redact {
            w.string(self.redacted_envs.get(&self.snapshot, env));
        } else {
            w.string(self.snapshot.str(env));
        }
        // No event contains the config; these are Ray's defaults, which the live API shows too.
        w.key("runtime_env_config");
        w.raw(br#"{"setup_timeout_seconds":600,"eager_install":true,"log_files":[]}"#);
        w.end_object();
    }

    fn write_error_message(&mut self, row: usize, w: &mut JsonWriter) {
        let attempt = self.snapshot.tasks.get(row);
        if attempt.state() == TaskState::Failed && !attempt.error_type().is_empty() {
            let text = self.errors.get(&self.snapshot.texts, attempt.error_message());
            w.string(&ansi::without_escapes(text));
        } else {
            w.null();
        }
    }
}

impl Resource for Tasks {
    const COLUMNS: &'static [Column] = &[
        Column::filterable("task_id", Kind::Text),
        Column::filterable("attempt_number", Kind::Int),
        Column::filterable("name", Kind::Text),
        Column::filterable("state", Kind::Text),
        Column::filterable("job_id", Kind::Text),
        Column::filterable("actor_id", Kind::Text),
        Column::filterable("type", Kind::Text),
        Column::filterable("func_or_class_name", Kind::Text),
        Column::filterable("parent_task_id", Kind::Text),
        Column::filterable("node_id", Kind::Text),
        Column::filterable("worker_id", Kind::Text),
        Column::filterable("worker_pid", Kind::IntOrNull),
        Column::filterable("error_type", Kind::Text).optional(),
        Column::filterable("language", Kind::Text).only_detail(),
        Column::plain("required_resources").only_detail(),
        Column::plain("runtime_env_info").only_detail(),
        Column::filterable("placement_group_id", Kind::Text).only_detail(),
        Column::plain("events").only_detail(),
        Column::plain("profiling_data").only_detail(),
        Column::plain("creation_time_ms").only_detail(),
        Column::plain("start_time_ms").only_detail(),
        Column::plain("end_time_ms").only_detail(),
        Column::plain("task_log_info").only_detail(),
        Column::plain("error_message").only_detail(),
        Column::filterable("is_debugger_paused", Kind::BoolOrNull).only_detail(),
        Column::plain("call_site").only_detail(),
        Column::plain("label_selector").only_detail(),
        Column::plain("fallback_strategy").only_detail(),
    ];

    fn rows(&self) -> usize {
        self.snapshot.tasks.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        let (s, attempt) = (&*self.snapshot, self.snapshot.tasks.get(row));
        match column {
            "task_id" => Cell::Hex(&attempt.task_id().0),
            "attempt_number" => Cell::Int(attempt.attempt_number().into()),
            "name" => Cell::Str(s.str(attempt.name()).into()),
            "state" => Cell::Str(attempt.state().name().into()),
            "job_id" => Cell::Str(attempt.job_id().hex().into()),
            "actor_id" => Cell::hex_or_null(s.id(attempt.actor_id())),
            "type" => Cell::Str(attempt.shape().task_type.name().into()),
            "func_or_class_name" => Cell::Str(s.str(attempt.shape().func_or_class_name).into()),
            "parent_task_id" => Cell::hex_or_null(s.id(attempt.parent_task_id())),
            "node_id" => Cell::hex_or_null(s.id(attempt.node_id())),
            "worker_id" => Cell::hex_or_null(s.id(attempt.worker_id())),
            "worker_pid" if attempt.worker_pid() != 0 => Cell::Int(attempt.worker_pid().into()),
            // Only FAILED attempts show an error; the others were retried within the same attempt.
            "error_type" if attempt.state() == TaskState::Failed => Cell::text_or_null(s.str(attempt.error_type())),
            "language" => Cell::Str(attempt.shape().language.name().into()),
            "required_resources" => object_or_empty(s.str(attempt.shape().resources)),
            "placement_group_id" => Cell::hex_or_null(s.id(attempt.placement_group_id())),
            "creation_time_ms" => time_cell(attempt.time_of(TaskState::PendingArgsAvail)),
            "start_time_ms" => time_cell(attempt.time_of(TaskState::Running)),
            "end_time_ms" => time_cell(end_time(&attempt)),
            "is_debugger_paused" => attempt.is_debugger_paused().map_or(Cell::Null, Cell::Bool),
            "call_site" => Cell::text_or_null(s.str(attempt.shape().call_site)),
            "label_selector" => object_or_empty(s.str(attempt.shape().label_selector)),
            // Drivers have none.
            "fallback_strategy" if attempt.shape().task_type == TaskType::DriverTask => Cell::Null,
            "fallback_strategy" => fallback_strategy(s.str(attempt.shape().fallback_strategy)),
            _ => Cell::Null,
        }
    }

    fn write(&mut self, row: usize, column: &'static str, w: &mut JsonWriter) {
        let attempt = self.snapshot.tasks.get(row);
        match column {
            "job_id" => w.hex(&attempt.job_id().0),
            "runtime_env_info" => {
                let env = attempt.shape().runtime_env;
                self.write_runtime_env_info(env, w);
            }
            "events" => write_events(&attempt, w),
            "profiling_data" => write_profiling_data(&self.snapshot, &attempt, w),
            "task_log_info" => write_log_info(&self.snapshot, &attempt, w),
            "error_message" => self.write_error_message(row, w),
            _ => self.cell(row, column).write(w),
        }
    }
}

/// Returns the time of FAILED, else that of FINISHED: Ray takes the last one in declaration order.
fn end_time(attempt: &Attempt<'_>) -> Option<Nanos> {
    attempt.time_of(TaskState::Failed).or_else(|| attempt.time_of(TaskState::Finished))
}

fn time_cell<'a>(at: Option<Nanos>) -> Cell<'a> {
    at.map_or(Cell::Null, |at| Cell::Float(float_ms(at)))
}

fn object_or_empty(json: &str) -> Cell<'_> {
    Cell::Json(if json.is_empty() { b"{}".into() } else { json.as_bytes().into() })
}

/// Returns the fallback strategy, which Ray always shows; events contain it in camelCase.
pub(crate) fn fallback_strategy(json: &str) -> Cell<'_> {
    if json.is_empty() {
        Cell::Json(Cow::Borrowed(br#"{"options":[]}"#))
    } else {
        Cell::Json(Cow::Owned(proto_json::snake_case_keys(json).into_bytes()))
    }
}

fn write_events(attempt: &Attempt<'_>, w: &mut JsonWriter) {
    w.begin_array();
    for (state, at) in attempt.states() {
        w.begin_object();
        w.key("state");
        w.string(state.name());
        w.key("created_ms");
        w.float(float_ms(at));
        w.end_object();
    }
    w.end_array();
}

fn write_profiling_data(snapshot: &Snapshot, attempt: &Attempt<'_>, w: &mut JsonWriter) {
    w.begin_object();
    if let Some(source) = attempt.profile_source() {
        w.key("component_type");
        w.string(snapshot.str(source.component_type));
        w.key("component_id");
        w.hex(snapshot.id(source.component_id));
        w.key("node_ip_address");
        w.string(snapshot.str(source.node_ip));
        w.key("events");
        w.begin_array();
        for event in attempt.profile() {
            w.begin_object();
            w.key("start_time");
            w.float(event.start as f64 / 1e6);
            w.key("end_time");
            w.float(event.end as f64 / 1e6);
            w.key("extra_data");
            let extra = snapshot.str(event.extra);
            w.raw_with(|out| attempt.push_extra_data(extra.as_bytes(), out));
            w.key("event_name");
            w.string(snapshot.str(event.name));
            w.end_object();
        }
        w.end_array();
    }
    w.end_object();
}

/// Returns `true` if the attempt ended because its worker did (`ErrorType` in `common.proto`).
fn ended_with_its_worker(snapshot: &Snapshot, attempt: &Attempt<'_>) -> bool {
    attempt.state() == TaskState::Failed
        && matches!(snapshot.str(attempt.error_type()), "WORKER_DIED" | "NODE_DIED" | "OUT_OF_MEMORY" | "ACTOR_DIED")
}

fn write_log_info(snapshot: &Snapshot, attempt: &Attempt<'_>, w: &mut JsonWriter) {
    // An attempt that succeeded without reporting its log has none in Ray either; one that ended with its worker
    // has a stored log that Ray's page would not offer.
    let shown = |attempt: &Attempt<'_>| !attempt.is_log_of_worker() || ended_with_its_worker(snapshot, attempt);
    let Some(log) = attempt.log_info().filter(|_| shown(attempt)) else { return w.null() };
    w.begin_object();
    for (key, file) in [("stdout_file", log.stdout_file), ("stderr_file", log.stderr_file)] {
        if !file.is_empty() {
            w.key(key);
            w.string(snapshot.str(file));
        }
    }
    let offsets = [
        ("stdout_start", log.stdout_start),
        ("stdout_end", log.stdout_end),
        ("stderr_start", log.stderr_start),
        ("stderr_end", log.stderr_end),
    ];
    for (key, offset) in offsets {
        if let Some(offset) = offset {
            w.key(key);
            w.int(offset);
        }
    }
    w.end_object();
}
