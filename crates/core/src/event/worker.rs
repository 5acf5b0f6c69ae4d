//! Worker payloads: definition and lifecycle (Ray 2.58 and later).

use super::message::message;
use super::value::{id, int, list, plain, string, time, unsigned};
use crate::base::id::{JobId, NodeId, WorkerId};
use crate::base::time::Nanos;
use std::borrow::Cow;

message! {
    /// `WorkerDefinitionEvent`.
    pub struct WorkerDefinition<'a> in "workerDefinitionEvent" {
        worker_id: Option<WorkerId> = id from "workerId" | "worker_id",
        node_id: Option<NodeId> = id from "nodeId" | "node_id",
        worker_type: &'a str = plain from "workerType" | "worker_type",
        pid: i64 = int from "pid",
    }
}

message! {
    /// `WorkerLifecycleEvent`.
    pub struct WorkerLifecycle<'a> in "workerLifecycleEvent" {
        worker_id: Option<WorkerId> = id from "workerId" | "worker_id",
        job_id: Option<JobId> = id from "jobId" | "job_id",
        transitions: Vec<WorkerTransition<'a>> =
            list(WorkerTransition::read) from "stateTransitions" | "state_transitions",
    }
}

message! {
    /// One state of a worker; times in Unix milliseconds, zero where unknown.
    pub struct WorkerTransition<'a> in "workerLifecycleEvent.stateTransitions" {
        state: &'a str = plain from "state",
        timestamp: Nanos = time from "timestamp",
        launch_ms: u64 = unsigned from "workerLaunchTimeMs" | "worker_launch_time_ms",
        launched_ms: u64 = unsigned from "workerLaunchedTimeMs" | "worker_launched_time_ms",
        start_ms: u64 = unsigned from "startTimeMs" | "start_time_ms",
        end_ms: u64 = unsigned from "endTimeMs" | "end_time_ms",
        death: WorkerDeath<'a> = WorkerDeath::read from "deathInfo" | "death_info",
    }
}

message! {
    /// `WorkerLifecycleEvent.DeathInfo`.
    pub struct WorkerDeath<'a> in "workerLifecycleEvent.deathInfo" {
        exit_type: &'a str = plain from "exitType" | "exit_type",
        exit_detail: Cow<'a, str> = string from "exitDetail" | "exit_detail",
    }
    skips "memoryUsedBytes" | "memory_used_bytes"
}
