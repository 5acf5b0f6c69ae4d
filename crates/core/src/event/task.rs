//! Task payloads: definition, lifecycle (and the `taskExecutionEvent` of Ray 2.49), profile.

use super::message::message;
use super::reader::{Reader, Result};
use super::value::{bool, id, int, known, list, map, optional, plain, string, time, variant};
use crate::base::id::{ActorId, JobId, NodeId, PlacementGroupId, TaskId, WorkerId};
use crate::base::task::{Language, TaskState, TaskType};
use crate::base::time::Nanos;
use std::borrow::Cow;

message! {
    /// `TaskDefinitionEvent` or `ActorTaskDefinitionEvent`. An empty string means "not sent".
    pub struct TaskDefinition<'a> in "taskDefinitionEvent" {
        task_id: Option<TaskId> = id from "taskId" | "task_id",
        attempt: i64 = int from "taskAttempt" | "task_attempt",
        /// `None` if not sent, as for actor tasks, or if a later Ray added it.
        task_type: Option<TaskType> = variant(TaskType::parse) from "taskType" | "task_type",
        language: Option<Language> = variant(Language::parse) from "language",
        function: Function<'a> = function from "taskFunc" | "task_func" | "actorFunc" | "actor_func",
        name: Cow<'a, str> = string from "taskName" | "task_name" | "actorTaskName" | "actor_task_name",
        /// JSON text of a `map<string, double>`.
        required_resources: &'a str = map from "requiredResources" | "required_resources",
        job_id: Option<JobId> = id from "jobId" | "job_id",
        actor_id: Option<ActorId> = id from "actorId" | "actor_id",
        parent_task_id: Option<TaskId> = id from "parentTaskId" | "parent_task_id",
        placement_group_id: Option<PlacementGroupId> = id from "placementGroupId" | "placement_group_id",
        serialized_runtime_env: Cow<'a, str> =
            string from "serializedRuntimeEnv" | "serialized_runtime_env"
            or runtime_env_info from "runtimeEnvInfo" | "runtime_env_info",
        call_site: Cow<'a, str> = string from "callSite" | "call_site",
        /// JSON text of a `map<string, string>`.
        label_selector: &'a str = map from "labelSelector" | "label_selector",
        /// JSON text of a `FallbackStrategy`.
        fallback_strategy: &'a str = map from "fallbackStrategy" | "fallback_strategy",
    }
    skips "refIds" | "ref_ids" | "isDetachedActor" | "is_detached_actor"
}

/// Reads the runtime environment of a `RuntimeEnvInfo`, which Ray 2.49 sent whole.
fn runtime_env_info<'a>(r: &mut Reader<'a>) -> Result<Cow<'a, str>> {
    let mut out = Cow::Borrowed("");
    r.object(|r, key| {
        match key {
            "serializedRuntimeEnv" | "serialized_runtime_env" => out = r.string()?,
            _ => {
                r.skip()?;
            }
        }
        Ok(())
    })?;
    Ok(out)
}

/// A function descriptor of any language.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "Ray's own names")]
pub enum Function<'a> {
    #[default]
    None,
    Python(FunctionDescriptor<'a>),
    Java(FunctionDescriptor<'a>),
    Cpp(FunctionDescriptor<'a>),
}

message! {
    /// The descriptor of one language, limited to the names that the state API shows.
    pub struct FunctionDescriptor<'a> in "functionDescriptor" {
        class_name: Cow<'a, str> = string from "className" | "class_name",
        function_name: Cow<'a, str> = string from "functionName" | "function_name",
    }
    skips "functionHash" | "function_hash" | "moduleName" | "module_name" | "signature" | "caller"
}

/// Reads a `FunctionDescriptor`, a `oneof` whose key is the language.
fn function<'a>(r: &mut Reader<'a>) -> Result<Function<'a>> {
    let mut out = Function::None;
    r.object(|r, language| {
        let descriptor = FunctionDescriptor::read(r)?;
        match language {
            "pythonFunctionDescriptor" | "python_function_descriptor" => out = Function::Python(descriptor),
            "javaFunctionDescriptor" | "java_function_descriptor" => out = Function::Java(descriptor),
            "cppFunctionDescriptor" | "cpp_function_descriptor" => out = Function::Cpp(descriptor),
            _ => {}
        }
        Ok(())
    })?;
    Ok(out)
}

impl Function<'_> {
    /// Returns `Class.func` or `func`, as the state API prints it (Ray's `FunctionDescriptor::CallString`).
    pub fn call_string(&self) -> Cow<'_, str> {
        let short = |name: &str| -> usize { name.rfind('.').map_or(0, |dot| dot + 1) };
        let (Self::Python(descriptor) | Self::Java(descriptor) | Self::Cpp(descriptor)) = self else {
            return Cow::Borrowed("");
        };
        let FunctionDescriptor { class_name, function_name } = descriptor;
        match self {
            Self::Python(_) if class_name.is_empty() => Cow::Borrowed(&function_name[short(function_name)..]),
            Self::Python(_) => {
                Cow::Owned(format!("{}.{}", &class_name[short(class_name)..], &function_name[short(function_name)..]))
            }
            Self::Java(_) if !class_name.is_empty() => Cow::Owned(format!("{class_name}.{function_name}")),
            _ => Cow::Borrowed(function_name),
        }
    }
}

message! {
    /// `TaskLifecycleEvent`, or the `TaskExecutionEvent` of Ray 2.49, which has a map of states instead of transitions.
    /// An empty string or `None` means "not sent".
    pub struct TaskLifecycle<'a> in "taskLifecycleEvent" {
        task_id: Option<TaskId> = id from "taskId" | "task_id",
        attempt: i64 = int from "taskAttempt" | "task_attempt",
        job_id: Option<JobId> = id from "jobId" | "job_id",
        transitions: Vec<(TaskState, Nanos)> =
            known(transition) from "stateTransitions" | "state_transitions"
            or execution_states from "taskState" | "task_state",
        error: Option<TaskError<'a>> = optional(TaskError::read) from "rayErrorInfo" | "ray_error_info",
        node_id: Option<NodeId> = id from "nodeId" | "node_id",
        worker_id: Option<WorkerId> = id from "workerId" | "worker_id",
        worker_pid: i64 = int from "workerPid" | "worker_pid",
        is_debugger_paused: Option<bool> = optional(bool) from "isDebuggerPaused" | "is_debugger_paused",
        actor_repr_name: Cow<'a, str> = string from "actorReprName" | "actor_repr_name",
        log: Option<TaskLog<'a>> = optional(TaskLog::read) from "taskLogInfo" | "task_log_info",
    }
}

message! {
    struct TaskTransition<'a> in "taskLifecycleEvent.stateTransitions" {
        state: &'a str = plain from "state",
        timestamp: Nanos = time from "timestamp",
    }
}

/// Reads a transition; `None` if a later Ray added its state.
fn transition(r: &mut Reader<'_>) -> Result<Option<(TaskState, Nanos)>> {
    let transition = TaskTransition::read(r)?;
    Ok(TaskState::parse(transition.state).map(|state| (state, transition.timestamp)))
}

/// Reads the transitions of Ray 2.49: a map from the number of a state to its time.
fn execution_states(r: &mut Reader<'_>) -> Result<Vec<(TaskState, Nanos)>> {
    let mut out = Vec::new();
    r.object(|r, number| {
        let at = time(r)?;
        match number.parse().ok().and_then(TaskState::from_number) {
            Some(state) => out.push((state, at)),
            None => r.unknown_state(),
        }
        Ok(())
    })?;
    Ok(out)
}

message! {
    /// `RayErrorInfo`, limited to the fields that the state API shows.
    pub struct TaskError<'a> in "rayErrorInfo" {
        error_type: &'a str = plain from "errorType" | "error_type",
        error_message: Cow<'a, str> = string from "errorMessage" | "error_message",
    }
    skips "actorUnavailableError" | "actor_unavailable_error" | "actorDiedError" | "actor_died_error"
        | "runtimeEnvSetupFailedError" | "runtime_env_setup_failed_error"
}

message! {
    /// `TaskLogInfo`.
    pub struct TaskLog<'a> in "taskLogInfo" {
        stdout_file: Cow<'a, str> = string from "stdoutFile" | "stdout_file",
        stderr_file: Cow<'a, str> = string from "stderrFile" | "stderr_file",
        stdout_start: Option<i64> = optional(int) from "stdoutStart" | "stdout_start",
        stdout_end: Option<i64> = optional(int) from "stdoutEnd" | "stdout_end",
        stderr_start: Option<i64> = optional(int) from "stderrStart" | "stderr_start",
        stderr_end: Option<i64> = optional(int) from "stderrEnd" | "stderr_end",
    }
}

message! {
    /// `TaskProfileEvents`.
    pub struct TaskProfile<'a> in "taskProfileEvents" {
        task_id: Option<TaskId> = id from "taskId" | "task_id",
        attempt: i64 = int from "attemptNumber" | "attempt_number",
        job_id: Option<JobId> = id from "jobId" | "job_id",
        profile: ProfileEvents<'a> = ProfileEvents::read from "profileEvents" | "profile_events",
    }
}

message! {
    /// `ProfileEvents`.
    pub struct ProfileEvents<'a> in "taskProfileEvents.profileEvents" {
        component_type: Cow<'a, str> = string from "componentType" | "component_type",
        component_id: Option<WorkerId> = id from "componentId" | "component_id",
        node_ip: Cow<'a, str> = string from "nodeIpAddress" | "node_ip_address",
        events: Vec<ProfileSpan<'a>> = list(ProfileSpan::read) from "events",
    }
}

message! {
    /// One entry of `ProfileEvents`.
    pub struct ProfileSpan<'a> in "taskProfileEvents.events" {
        start: Nanos = int from "startTime" | "start_time",
        end: Nanos = int from "endTime" | "end_time",
        name: Cow<'a, str> = string from "eventName" | "event_name",
        /// JSON text; empty when not sent.
        extra_data: Cow<'a, str> = string from "extraData" | "extra_data",
    }
}
