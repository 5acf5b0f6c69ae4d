//! Worker payloads: definition and lifecycle (Ray 2.58 and later).

use super::reader::{Reader, Result};
use super::value::{id, time};
use crate::base::id::{JobId, NodeId, WorkerId};
use crate::base::time::Nanos;
use std::borrow::Cow;

/// `WorkerDefinitionEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct WorkerDefinition<'a> {
    pub worker_id: Option<WorkerId>,
    pub node_id: Option<NodeId>,
    pub worker_type: &'a str,
    pub pid: i64,
}

/// Reads a definition.
pub fn definition<'a>(r: &mut Reader<'a>) -> Result<WorkerDefinition<'a>> {
    let mut out = WorkerDefinition::default();
    r.object(|r, key| {
        match key {
            "workerId" | "worker_id" => out.worker_id = id(r)?,
            "nodeId" | "node_id" => out.node_id = id(r)?,
            "workerType" | "worker_type" => out.worker_type = r.plain()?,
            "pid" => out.pid = r.int()?,
            _ => r.unknown("workerDefinitionEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// `WorkerLifecycleEvent`.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct WorkerLifecycle<'a> {
    pub worker_id: Option<WorkerId>,
    pub job_id: Option<JobId>,
    pub transitions: Vec<WorkerTransition<'a>>,
}

/// One state of a worker; times in Unix milliseconds, zero where unknown.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "the fields of Ray's protobuf messages, under their names")]
pub struct WorkerTransition<'a> {
    pub state: &'a str,
    pub timestamp: Nanos,
    pub launch_ms: u64,
    pub launched_ms: u64,
    pub start_ms: u64,
    pub end_ms: u64,
    pub exit_type: &'a str,
    pub exit_detail: Cow<'a, str>,
}

/// Reads a lifecycle.
pub fn lifecycle<'a>(r: &mut Reader<'a>) -> Result<WorkerLifecycle<'a>> {
    let mut out = WorkerLifecycle::default();
    r.object(|r, key| {
        match key {
            "workerId" | "worker_id" => out.worker_id = id(r)?,
            "jobId" | "job_id" => out.job_id = id(r)?,
            "stateTransitions" | "state_transitions" => r.array(|r| {
                out.transitions.push(transition(r)?);
                Ok(())
            })?,
            _ => r.unknown("workerLifecycleEvent", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}

fn transition<'a>(r: &mut Reader<'a>) -> Result<WorkerTransition<'a>> {
    let mut out = WorkerTransition::default();
    let milliseconds = |r: &mut Reader<'_>| -> Result<u64> { Ok(r.plain()?.parse().unwrap_or(0)) };
    r.object(|r, key| {
        match key {
            "state" => out.state = r.plain()?,
            "timestamp" => out.timestamp = time(r)?,
            "workerLaunchTimeMs" | "worker_launch_time_ms" => out.launch_ms = milliseconds(r)?,
            "workerLaunchedTimeMs" | "worker_launched_time_ms" => out.launched_ms = milliseconds(r)?,
            "startTimeMs" | "start_time_ms" => out.start_ms = milliseconds(r)?,
            "endTimeMs" | "end_time_ms" => out.end_ms = milliseconds(r)?,
            "deathInfo" | "death_info" => r.object(|r, key| {
                match key {
                    "exitType" | "exit_type" => out.exit_type = r.plain()?,
                    "exitDetail" | "exit_detail" => out.exit_detail = r.string()?,
                    "memoryUsedBytes" | "memory_used_bytes" => {
                        r.skip()?;
                    }
                    _ => r.unknown("workerLifecycleEvent.deathInfo", key)?,
                }
                Ok(())
            })?,
            _ => r.unknown("workerLifecycleEvent.stateTransitions", key)?,
        }
        Ok(())
    })?;
    Ok(out)
}
