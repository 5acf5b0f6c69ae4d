//! The columns of `tasks`.

use crate::file::Layout;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::basic::Encoding;
use ray_history_core::base::task::TaskState;
use std::sync::{Arc, LazyLock};

/// The states, the columns of the times at which attempts reached them, in declaration order.
pub(super) const REACHED: [(TaskState, &str); 14] = [
    // An event may name it; the view of transitions has no use for it.
    (TaskState::Nil, "_nil_at"),
    (TaskState::PendingArgsAvail, "pending_args_avail_at"),
    (TaskState::PendingNodeAssignment, "pending_node_assignment_at"),
    (TaskState::PendingObjStoreMemAvail, "pending_obj_store_mem_avail_at"),
    (TaskState::PendingArgsFetch, "pending_args_fetch_at"),
    (TaskState::SubmittedToWorker, "submitted_to_worker_at"),
    (TaskState::PendingActorTaskArgsFetch, "pending_actor_task_args_fetch_at"),
    (TaskState::PendingActorTaskOrderingOrConcurrency, "pending_actor_task_ordering_or_concurrency_at"),
    (TaskState::Running, "running_at"),
    (TaskState::RunningInRayGet, "running_in_ray_get_at"),
    (TaskState::RunningInRayWait, "running_in_ray_wait_at"),
    (TaskState::Finished, "finished_at"),
    (TaskState::Failed, "failed_at"),
    (TaskState::GettingAndPinningArgs, "getting_and_pinning_args_at"),
];

/// Returns the columns of the times of states that have a name.
pub(crate) fn state_columns() -> Vec<&'static str> {
    REACHED.iter().map(|(_, column)| *column).filter(|column| !column.starts_with('_')).collect()
}

/// Columns of the times below the microsecond: 10 bits each, of the states reached in declaration order.
pub(super) const NANOS: [&str; 3] = ["_nanos_a", "_nanos_b", "_nanos_c"];

/// Columns that are for queries alone: they follow from others, or from the session.
pub(super) const DERIVED: [&str; 8] =
    ["cluster", "session", "job_id", "actor_id", "state", "num_cpus", "num_gpus", "run_us"];

/// The layout of `tasks`.
pub(crate) static LAYOUT: LazyLock<Layout> = LazyLock::new(|| {
    let delta = |name| (name, Encoding::DELTA_BINARY_PACKED);
    let mut encodings = vec![("task_id", Encoding::DELTA_BYTE_ARRAY), delta("run_us")];
    encodings.extend(REACHED.map(|(_, name)| delta(name)));
    encodings.extend(["stdout_start", "stdout_end", "stderr_start", "stderr_end"].map(delta));
    encodings.extend(NANOS.map(|name| (name, Encoding::PLAIN)));
    Layout {
        table: "tasks",
        schema: Arc::new(Schema::new(fields())),
        group_rows: 262_144,
        page_rows: 8_192,
        encodings,
        sorted_by: vec!["job_id", "actor_id", "task_id"],
        page_statistics: true,
    }
});

/// The type of all times.
pub(crate) fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn fields() -> Vec<Field> {
    use DataType::{Boolean, Float64, Int32, Int64, Utf8};
    let all = |names: &[&'static str], data_type: DataType| -> Vec<Field> {
        names.iter().map(|name| Field::new(*name, data_type.clone(), true)).collect()
    };
    [
        all(&["cluster", "session", "task_id"], Utf8),
        all(&["attempt"], Int32),
        all(&["job_id", "actor_id", "name", "func_or_class_name", "type", "language", "state"], Utf8),
        all(&["parent_task_id", "placement_group_id", "node_id", "worker_id"], Utf8),
        all(&["worker_pid"], Int32),
        all(&["error_type", "error_message"], Utf8),
        all(&["required_resources", "label_selector", "fallback_strategy"], Utf8),
        all(&["num_cpus", "num_gpus"], Float64),
        all(&["runtime_env", "call_site"], Utf8),
        all(&REACHED.map(|(_, name)| name)[1..], time()),
        all(&["run_us"], Int64),
        all(&["stdout_file", "stderr_file"], Utf8),
        all(&["stdout_start", "stdout_end", "stderr_start", "stderr_end"], Int64),
        all(&["defined", "debugger_paused", "_has_log", "_log_of_worker", "_node_of_owner"], Boolean),
        all(&["_nil_at"], time()),
        all(&NANOS, Int64),
        all(&["_profile_component", "_profile_component_id", "_profile_node_ip"], Utf8),
        all(&["_profile_events", "_runtime_env"], Int32),
        all(&["_job_id", "_actor_id"], Utf8),
    ]
    .concat()
}
