//! Decodes one record into one event: the envelope and its payload, in any order.

use super::actor::{ActorDefinition, ActorLifecycle};
use super::job::{DriverJobDefinition, DriverJobLifecycle, SubmissionJobDefinition, SubmissionJobLifecycle};
use super::node::{NodeDefinition, NodeLifecycle};
use super::placement_group::{PlacementGroupDefinition, PlacementGroupLifecycle};
use super::reader::{Damaged, Reader, Result};
use super::task::{TaskDefinition, TaskLifecycle, TaskProfile};
use super::value::{id, time};
use super::worker::{WorkerDefinition, WorkerLifecycle};
use super::{Event, Payload};

/// Decodes one record. The payload's key, not `eventType`, determines its type, as in a protobuf `oneof`.
pub fn decode(record: &str) -> Result<Event<'_>> {
    let mut event = Event {
        event_type: "",
        session_name: "",
        timestamp: 0,
        node_id: None,
        payload: Payload::Unknown,
        unknown_fields: Vec::new(),
        unknown_states: 0,
        has_escaped: false,
    };
    let mut r = Reader::new(record);
    if !r.is_object() {
        return Err(Damaged { at: 0 });
    }
    r.object(|r, key| {
        match key {
            "eventType" | "event_type" => event.event_type = r.plain()?,
            "sessionName" | "session_name" => event.session_name = r.plain()?,
            "timestamp" => event.timestamp = time(r)?,
            "nodeId" | "node_id" => event.node_id = id(r)?,
            _ => {
                if let Some(payload) = payload(r, key)? {
                    event.payload = payload;
                }
            }
        }
        Ok(())
    })?;
    r.end()?;
    event.has_escaped = r.has_escaped();
    event.unknown_states = r.unknown_states();
    event.unknown_fields = r.take_unknown();
    if matches!(event.payload, Payload::Unknown) {
        // The whole payload is unknown, and is counted by event type.
        event.unknown_fields.clear();
    }
    Ok(event)
}

/// Reads the payload under a key; skips the value of any other key.
fn payload<'a>(r: &mut Reader<'a>, key: &'a str) -> Result<Option<Payload<'a>>> {
    Ok(Some(match key {
        "taskLifecycleEvent" | "task_lifecycle_event" | "taskExecutionEvent" | "task_execution_event" => {
            Payload::TaskLifecycle(Box::new(TaskLifecycle::read(r)?))
        }
        "taskProfileEvents" | "task_profile_events" => Payload::TaskProfile(TaskProfile::read(r)?),
        "taskDefinitionEvent" | "task_definition_event" => Payload::TaskDefinition(Box::new(TaskDefinition::read(r)?)),
        "actorTaskDefinitionEvent" | "actor_task_definition_event" => {
            Payload::ActorTaskDefinition(Box::new(TaskDefinition::read(r)?))
        }
        "driverJobDefinitionEvent" | "driver_job_definition_event" => {
            Payload::DriverJobDefinition(DriverJobDefinition::read(r)?)
        }
        "driverJobLifecycleEvent" | "driver_job_lifecycle_event" => {
            Payload::DriverJobLifecycle(DriverJobLifecycle::read(r)?)
        }
        "submissionJobDefinitionEvent" | "submission_job_definition_event" => {
            Payload::SubmissionJobDefinition(SubmissionJobDefinition::read(r)?)
        }
        "submissionJobLifecycleEvent" | "submission_job_lifecycle_event" => {
            Payload::SubmissionJobLifecycle(SubmissionJobLifecycle::read(r)?)
        }
        "nodeDefinitionEvent" | "node_definition_event" => Payload::NodeDefinition(NodeDefinition::read(r)?),
        "nodeLifecycleEvent" | "node_lifecycle_event" => Payload::NodeLifecycle(NodeLifecycle::read(r)?),
        "actorDefinitionEvent" | "actor_definition_event" => {
            Payload::ActorDefinition(Box::new(ActorDefinition::read(r)?))
        }
        "actorLifecycleEvent" | "actor_lifecycle_event" => Payload::ActorLifecycle(ActorLifecycle::read(r)?),
        "workerDefinitionEvent" | "worker_definition_event" => Payload::WorkerDefinition(WorkerDefinition::read(r)?),
        "workerLifecycleEvent" | "worker_lifecycle_event" => Payload::WorkerLifecycle(WorkerLifecycle::read(r)?),
        "placementGroupDefinitionEvent" | "placement_group_definition_event" => {
            Payload::PlacementGroupDefinition(Box::new(PlacementGroupDefinition::read(r)?))
        }
        "placementGroupLifecycleEvent" | "placement_group_lifecycle_event" => {
            Payload::PlacementGroupLifecycle(PlacementGroupLifecycle::read(r)?)
        }
        "platformEvent" | "platform_event" => {
            r.skip()?;
            Payload::Platform(r.record())
        }
        // Unused: the id is not unique, as both halves of one event share it.
        "eventId" | "event_id" | "sourceType" | "source_type" | "severity" | "message" => {
            r.skip()?;
            return Ok(None);
        }
        _ => {
            r.unknown("event", key)?;
            return Ok(None);
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::task::TaskState;
    use proptest::prelude::*;

    #[test]
    fn lifecycles_of_ray_2_49_and_2_60_decode_alike() {
        let old = r#"{"eventType":"TASK_EXECUTION_EVENT","taskExecutionEvent":{"taskId":"Z6Loz6WgbbP///////////////8CAAAA",
            "taskAttempt":1,"taskState":{"8":"2026-11-22T23:12:21Z"},"workerPid":7}}"#;
        let new = r#"{"task_lifecycle_event":{"task_id":"Z6Loz6WgbbP///////////////8CAAAA","task_attempt":1,
            "state_transitions":[{"timestamp":"2026-11-22T23:12:21Z","state":"RUNNING"}],"worker_pid":7}}"#;
        for record in [old, new] {
            let Payload::TaskLifecycle(task) = decode(record).unwrap().payload else { panic!("{record}") };
            assert_eq!(task.transitions, [(TaskState::Running, 1_795_389_141_000_000_000)]);
            assert_eq!((task.attempt, task.worker_pid), (1, 7));
        }
    }

    #[test]
    fn later_event_type_is_unknown_not_damaged() {
        let event = decode(r#"{"eventType":"MOON_PHASE_EVENT","moonPhaseEvent":{"phase":[1,2,{"x":"}"}]}}"#).unwrap();
        assert_eq!(event.event_type, "MOON_PHASE_EVENT");
        assert!(matches!(event.payload, Payload::Unknown));
        assert!(decode(r#"{"eventType":"X"} trailing"#).is_err());
        for no_record in ["<html>", "null", "[]", "7", ""] {
            assert!(decode(no_record).is_err(), "{no_record}");
        }
    }

    #[test]
    fn unknown_fields_are_named_with_their_message() {
        let event = decode(
            r#"{"eventId":"x","severity":"INFO","colour":1,"taskLifecycleEvent":{"taskId":"","rayErrorInfo":null,
            "mood":{"deep":[1]},"stateTransitions":[{"state":"RUNNING","timestamp":"","why":"x"}]}}"#,
        );
        let expected =
            [("event", "colour"), ("taskLifecycleEvent", "mood"), ("taskLifecycleEvent.stateTransitions", "why")];
        assert_eq!(event.unwrap().unknown_fields, expected);
    }

    proptest! {
        #[test]
        fn decoding_never_panics(text in r#"[\{\}\[\]":,a-zA-Z0-9\\ ]{0,80}"#) {
            let _ = decode(&text);
        }
    }
}
