//! Job payloads: driver jobs, and submission jobs (defined by Ray since 2.55, never sent up to 2.60).

use super::message::message;
use super::reader::{Reader, Result};
use super::value::{entries, id, int, known, list, optional, plain, string, time};
use crate::base::id::{JobId, NodeId};
use crate::base::time::Nanos;
use std::borrow::Cow;

message! {
    /// `Config` of either kind of job.
    pub struct JobConfig<'a> in "jobConfig" {
        serialized_runtime_env: Cow<'a, str> = string from "serializedRuntimeEnv" | "serialized_runtime_env",
        metadata: Vec<(Cow<'a, str>, Cow<'a, str>)> = entries from "metadata",
    }
}

message! {
    /// `DriverJobDefinitionEvent`.
    pub struct DriverJobDefinition<'a> in "driverJobDefinitionEvent" {
        job_id: Option<JobId> = id from "jobId" | "job_id",
        driver_pid: i64 = int from "driverPid" | "driver_pid",
        driver_node_id: Option<NodeId> = id from "driverNodeId" | "driver_node_id",
        entrypoint: Cow<'a, str> = string from "entrypoint",
        config: JobConfig<'a> = JobConfig::read from "config",
    }
}

message! {
    /// `DriverJobLifecycleEvent`.
    pub struct DriverJobLifecycle in "driverJobLifecycleEvent" {
        job_id: Option<JobId> = id from "jobId" | "job_id",
        transitions: Vec<(DriverJobState, Nanos)> =
            known(driver_transition) from "stateTransitions" | "state_transitions",
    }
}

/// The state of a driver job.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "Ray's own names")]
pub enum DriverJobState {
    Created,
    Finished,
}

message! {
    struct DriverJobTransition<'a> in "driverJobLifecycleEvent.stateTransitions" {
        state: &'a str = plain from "state",
        timestamp: Nanos = time from "timestamp",
    }
}

/// Reads a transition; `None` if a later Ray added its state.
fn driver_transition(r: &mut Reader<'_>) -> Result<Option<(DriverJobState, Nanos)>> {
    let transition = DriverJobTransition::read(r)?;
    let state = match transition.state {
        "CREATED" => DriverJobState::Created,
        "FINISHED" => DriverJobState::Finished,
        _ => return Ok(None),
    };
    Ok(Some((state, transition.timestamp)))
}

message! {
    /// `SubmissionJobDefinitionEvent`.
    pub struct SubmissionJobDefinition<'a> in "submissionJobDefinitionEvent" {
        submission_id: Cow<'a, str> = string from "submissionId" | "submission_id",
        entrypoint: Cow<'a, str> = string from "entrypoint",
        config: JobConfig<'a> = JobConfig::read from "config",
    }
    skips "entrypointResources" | "entrypoint_resources"
}

message! {
    /// `SubmissionJobLifecycleEvent`.
    pub struct SubmissionJobLifecycle<'a> in "submissionJobLifecycleEvent" {
        submission_id: Cow<'a, str> = string from "submissionId" | "submission_id",
        transitions: Vec<SubmissionTransition<'a>> =
            list(SubmissionTransition::read) from "stateTransitions" | "state_transitions",
    }
}

message! {
    /// One state of a submission.
    pub struct SubmissionTransition<'a> in "submissionJobLifecycleEvent.stateTransitions" {
        state: &'a str = plain from "state",
        timestamp: Nanos = time from "timestamp",
        message: Cow<'a, str> = string from "message",
        error_type: Cow<'a, str> = string from "errorType" | "error_type",
        driver_node_id: Option<NodeId> = id from "driverNodeId" | "driver_node_id",
        driver_agent_http_address: Cow<'a, str> = string from "driverAgentHttpAddress" | "driver_agent_http_address",
        driver_exit_code: Option<i64> = optional(int) from "driverExitCode" | "driver_exit_code",
    }
}
