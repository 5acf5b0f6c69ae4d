//! Tests of the gaps of a small session with every kind of event, and of parts of it.

use super::*;
use crate::base::id::RayId;
use crate::event::EventKind;
use crate::logs::Facts;
use crate::snapshot::build::Builder;
use crate::snapshot::gap::{Code, Weight};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

const NODE: [u8; 28] = [1; 28];
const WORKER: [u8; 28] = [2; 28];

fn id(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Returns a task id: eight bytes of its own, its actor's, and its job's.
fn task(own: u8, actor: u8) -> String {
    let mut task = [own; 24];
    task[8..20].fill(actor);
    task[20..].copy_from_slice(&[1, 0, 0, 0]);
    id(&task)
}

fn actor() -> String {
    let mut actor = [7; 16];
    actor[12..].copy_from_slice(&[1, 0, 0, 0]);
    id(&actor)
}

/// Events of one node, one job with a task, an actor that ran a task, and one worker for all.
fn events() -> Vec<(EventKind, Value)> {
    use EventKind::*;
    let (node, worker, job) = (id(&NODE), id(&WORKER), id(&[1, 0, 0, 0]));
    let states = json!([{"state": "RUNNING", "timestamp": "2026-11-22T23:12:01Z"}, {"state": "FINISHED", "timestamp": "2026-11-22T23:12:02Z"}]);
    let ran = |task: String| json!({"taskId": task, "jobId": job, "nodeId": node, "workerId": worker, "workerPid": 7, "stateTransitions": states});
    let one = |state: &str| json!([{"state": state, "timestamp": "2026-11-22T23:12:03Z", "resources": {"node:__internal_head__": 1}}]);
    vec![
        (NodeDefinition, json!({"nodeDefinitionEvent": {"nodeId": node, "startTimestamp": "2026-11-22T23:11:34Z"}})),
        (NodeLifecycle, json!({"nodeLifecycleEvent": {"nodeId": node, "stateTransitions": one("ALIVE")}})),
        (DriverJobDefinition, json!({"driverJobDefinitionEvent": {"jobId": job, "driverPid": "9", "entrypoint": "x"}})),
        (
            DriverJobLifecycle,
            json!({"driverJobLifecycleEvent": {"jobId": job, "stateTransitions": [
                {"state": "CREATED", "timestamp": "2026-11-22T23:12:00Z"}, {"state": "FINISHED", "timestamp": "2026-11-22T23:12:09Z"}]}}),
        ),
        (WorkerDefinition, json!({"workerDefinitionEvent": {"workerId": worker, "nodeId": node, "pid": 7}})),
        (WorkerLifecycle, json!({"workerLifecycleEvent": {"workerId": worker, "stateTransitions": one("DEAD")}})),
        (ActorDefinition, json!({"actorDefinitionEvent": {"actorId": actor(), "jobId": job, "className": "A"}})),
        (ActorLifecycle, json!({"actorLifecycleEvent": {"actorId": actor(), "stateTransitions": one("DEAD")}})),
        (
            TaskDefinition,
            json!({"taskDefinitionEvent": {"taskId": task(3, 0xff), "taskType": "NORMAL_TASK", "taskName": "f", "jobId": job}}),
        ),
        (
            ActorTaskDefinition,
            json!({"actorTaskDefinitionEvent": {"taskId": task(4, 7), "actorTaskName": "A.f", "actorId": actor(), "jobId": job}}),
        ),
        (TaskLifecycle, json!({"taskLifecycleEvent": ran(task(3, 0xff))})),
        (TaskLifecycle, json!({"taskLifecycleEvent": ran(task(4, 7))})),
        (
            TaskProfile,
            json!({"taskProfileEvents": {"taskId": task(3, 0xff), "jobId": job, "profileEvents": {"componentType": "worker",
                "events": [{"startTime": "1", "endTime": "2", "eventName": "task:execute"}]}}}),
        ),
    ]
}

fn evidence() -> Evidence {
    let node = RayId(NODE).hex();
    Evidence {
        event_nodes: [node.clone()].into(),
        log_nodes: [node].into(),
        event_files: 2,
        logged_workers: 1,
        ..Evidence::default()
    }
}

/// Builds the session as an exporter records it that keeps only some types.
fn session(version: &str, keeps: impl Fn(EventKind) -> bool) -> Snapshot {
    judged(version, fold(events().into_iter().filter(|(kind, _)| keeps(*kind))))
}

fn fold(events: impl Iterator<Item = (EventKind, Value)>) -> Builder {
    let mut builder = Builder::new("session_2026-11-22_23-11-33_821800_9153");
    for (at, (kind, mut event)) in events.enumerate() {
        event["eventType"] = kind.name().into();
        event["timestamp"] = "2026-11-22T23:12:10Z".into();
        builder.fold_record("events", at as u64, event.to_string().as_bytes());
    }
    builder
}

fn judged(version: &str, builder: Builder) -> Snapshot {
    let mut snapshot = builder.finish(&Facts::default());
    let metadata = json!({"result": true, "data": {"rayVersion": version}});
    snapshot.endpoints.insert("api/v0/cluster_metadata".to_owned(), metadata.to_string().into());
    snapshot.derive();
    snapshot.judge(&evidence());
    snapshot
}

fn codes(gaps: &[Gap]) -> Vec<Code> {
    gaps.iter().map(|gap| gap.code).collect()
}

#[test]
fn each_missing_event_kind_is_a_gap() {
    assert_eq!(session("2.60.0", |_| true).gaps, []);
    for (left_out, _) in events() {
        let gaps = session("2.60.0", |kind| kind != left_out).gaps;
        let named = gaps.iter().find(|gap| gap.event_types.contains(&left_out.name()));
        let named = named.unwrap_or_else(|| panic!("no gap for {left_out:?}: {gaps:?}"));
        assert!(named.advice.as_ref().is_some_and(|advice| advice.contains(left_out.name())), "{named:?}");
        assert!(!named.message.is_empty() && named.weight <= Weight::Part);
    }
}

#[test]
fn common_event_type_lists_have_gaps() {
    use EventKind::*;
    let operator = |kind: EventKind| !matches!(kind, WorkerDefinition | WorkerLifecycle);
    assert_eq!(codes(&session("2.60.0", operator).gaps), [Code::WorkerEvents]);
    assert_eq!(codes(&session("2.60.0", |kind| kind != TaskProfile).gaps), [Code::TaskProfileEvents]);
    let no_tasks = |kind| !matches!(kind, TaskDefinition | ActorTaskDefinition | TaskLifecycle | TaskProfile);
    let gaps = session("2.60.0", no_tasks).gaps;
    assert_eq!((gaps[0].code, gaps[0].weight), (Code::TaskEvents, Weight::Kind));
    let only_tasks = |kind| !no_tasks(kind);
    let expected = [Code::DriverJobEvents, Code::NodeEvents, Code::ActorEvents, Code::WorkerEvents];
    assert_eq!(codes(&session("2.60.0", only_tasks).gaps), expected);
}

#[test]
fn version_without_worker_events_gets_no_advice_to_export() {
    let operator = |kind| !matches!(kind, EventKind::WorkerDefinition | EventKind::WorkerLifecycle);
    let gaps = session("2.57.1", operator).gaps;
    assert_eq!(codes(&gaps), [Code::WorkerEvents]);
    assert!(gaps[0].message.starts_with("Ray 2.57 cannot export workers"), "{}", gaps[0].message);
    assert!(gaps[0].advice.as_ref().unwrap().contains("from version 2.58 on"));
    assert_eq!((gaps[0].missing, gaps[0].of), (Some(1), Some(1)));
}

/// Returns the gaps of a session of which the event of the whole attempt was sent, and these phases were polled.
fn gaps_with_phases(version: &str, state: &str, polled: &[&str]) -> Vec<Gap> {
    let sent = events().into_iter().map(|(kind, mut event)| {
        match kind {
            EventKind::TaskProfile => {
                event["taskProfileEvents"]["profileEvents"]["events"][0]["eventName"] = "task::f".into();
            }
            EventKind::TaskLifecycle => event["taskLifecycleEvent"]["stateTransitions"][1]["state"] = state.into(),
            _ => {}
        }
        (kind, event)
    });
    let mut builder = fold(sent);
    let id = RayId::<24>::try_from_bytes(&BASE64_STANDARD.decode(task(3, 0xff)).unwrap()).unwrap();
    let span = |name: &&str| json!({"event_name": name, "start_time": 1000.0, "end_time": 2000.0, "extra_data": {}});
    let profile: Value = json!({"component_type": "worker", "events": polled.iter().map(span).collect::<Value>()});
    let row = json!({"task_id": id.hex(), "attempt_number": 0, "profiling_data": profile});
    builder.add_polled(
        "api/v0/tasks?detail=1",
        &json!({"result": true, "data": {"result": {"result": [row]}}}).to_string(),
    );
    judged(version, builder).gaps
}

#[test]
fn a_stored_list_of_workers_replaces_their_events() {
    let is_sent = |kind: EventKind| !matches!(kind, EventKind::WorkerDefinition | EventKind::WorkerLifecycle);
    let workers = session("2.57.1", is_sent).workers;
    let row = |id: &str| json!({"worker_id": id, "is_alive": true, "worker_type": "WORKER", "pid": 7});
    let rows: Value = workers.iter().map(|worker| row(&worker.id.hex())).collect();
    assert!(!workers.is_empty());
    let mut builder = fold(events().into_iter().filter(|(kind, _)| is_sent(*kind)));
    let list = json!({"result": true, "data": {"result": {"result": rows}}});
    builder.add_polled("api/v0/workers?detail=1", &list.to_string());
    assert_eq!(judged("2.57.1", builder).gaps, []);
}

#[test]
fn profile_events_before_2_55_are_a_gap_unless_polled() {
    const ALL: [&str; 3] = ["task:deserialize_arguments", "task:execute", "task:store_outputs"];
    let gaps = gaps_with_phases("2.54.1", "FINISHED", &[]);
    assert_eq!(codes(&gaps), [Code::UnsentProfileEvents]);
    assert_eq!((gaps[0].missing, gaps[0].of, gaps[0].weight), (Some(1), Some(1), Weight::Part));
    assert!(gaps[0].message.starts_with("Ray 2.54 sent only some profile events"), "{}", gaps[0].message);
    assert!(gaps[0].advice.as_ref().unwrap().contains("/api/v0/tasks?detail=1"));
    assert_eq!(gaps_with_phases("2.54.1", "FINISHED", &ALL), []);
    assert_eq!(gaps_with_phases("2.55.0", "FINISHED", &[]), [], "it sends what there is");
    // A long attempt sent its first phase with an earlier batch.
    assert_eq!(codes(&gaps_with_phases("2.54.1", "FINISHED", &ALL[..1])), [Code::UnsentProfileEvents]);
    assert_eq!(codes(&gaps_with_phases("2.54.1", "FAILED", &[])), [Code::UnsentProfileEvents]);
    assert_eq!(gaps_with_phases("2.54.1", "FAILED", &ALL[..1]), [], "its arguments were an error");
}

#[test]
fn session_without_events_has_heaviest_gap() {
    let judged = |version: &str, evidence: &Evidence, change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = session(version, |_| false);
        change(&mut snapshot);
        snapshot.judge(evidence);
        snapshot.gaps
    };
    let none = Evidence { event_files: 0, ..evidence() };
    let gaps = judged("2.60.0", &none, &|_| {});
    assert_eq!((codes(&gaps), gaps[0].weight), (vec![Code::NoEvents], Weight::Everything));
    assert!(gaps[0].message.ends_with("logs mention 1 worker"), "{}", gaps[0].message);
    let old = judged("2.53.0", &none, &|_| {});
    assert!(old[0].advice.as_ref().unwrap().contains("Ray 2.53 takes ALL as a name"));
    let empty = judged("2.60.0", &evidence(), &|snapshot| snapshot.completeness.empty_event_files = 2);
    assert_eq!((codes(&empty), empty[0].weight), (vec![Code::EmptyEventFiles], Weight::Everything));
    assert_eq!(codes(&judged("2.60.0", &evidence(), &|_| {})), [Code::NoEvents], "files without events");
    let damaged = judged("2.60.0", &evidence(), &|snapshot| {
        let known = &mut snapshot.completeness;
        known.records = 92;
        (0..92).for_each(|at| known.damaged_records.add("f", at, "not JSON"));
    });
    assert_eq!((codes(&damaged), damaged[0].weight), (vec![Code::DamagedEvents], Weight::Everything));
    assert_eq!(damaged[0].message, "No task data: all 92 records are unreadable");
}

#[test]
fn partial_damage_weighs_less() {
    let mut snapshot = session("2.60.0", |_| true);
    snapshot.completeness.empty_event_files = 1;
    snapshot.completeness.damaged_records.add("f", 1, "not JSON");
    snapshot.judge(&evidence());
    assert_eq!(codes(&snapshot.gaps), [Code::EmptyEventFiles, Code::DamagedEvents]);
    assert!(snapshot.gaps.iter().all(|gap| gap.weight == Weight::Part));
}

#[test]
fn counts_entities_known_from_other_sources() {
    let mut snapshot = session("2.60.0", |_| true);
    let mut more = evidence();
    more.log_nodes.insert("0b".repeat(28));
    more.logged_actors = 3;
    snapshot.judge(&more);
    let counts: Vec<_> = snapshot.gaps.iter().map(|gap| (gap.code, gap.missing, gap.of)).collect();
    assert_eq!(counts, [(Code::NodeEvents, Some(1), Some(2)), (Code::ActorEvents, Some(2), Some(3))]);
    // Without event files of the node, its attempts still report that they ran.
    let mut silent = session("2.60.0", |_| true);
    silent.judge(&Evidence { event_nodes: BTreeSet::new(), ..evidence() });
    assert_eq!(silent.gaps, [], "the attempts report that they ran");
}

#[test]
fn running_jobs_are_a_gap_only_without_recorded_end() {
    let unfinished = |kind| kind != EventKind::DriverJobLifecycle;
    let mut snapshot = session("2.60.0", unfinished);
    assert_eq!(snapshot.completeness.running_at_end.jobs(), 1);
    let standing = Standing { marked: true, live: false, over: true, closed: None };
    let codes_of = |snapshot: &Snapshot, standing: Standing| codes(&standing.gaps(snapshot));
    assert_eq!(codes_of(&snapshot, standing), [Code::EndNotRecorded]);
    let message = &standing.gaps(&snapshot)[0].message;
    assert!(message.contains("1 job and 1 node were running at the last event"), "{message}");
    assert_eq!(codes_of(&snapshot, Standing { over: false, ..standing }), [], "it may still run");
    snapshot.completeness.head_log_stored = true;
    assert_eq!(codes_of(&snapshot, Standing { over: false, ..standing }), [Code::EndNotRecorded]);
    assert_eq!(codes_of(&snapshot, Standing { live: true, ..standing }), []);
    // Collectors with manifests store the head's logs from the start.
    let with_manifest = |closed| Standing { over: false, closed: Some(closed), ..standing };
    assert_eq!(codes_of(&snapshot, with_manifest(false)), []);
    assert_eq!(codes_of(&snapshot, with_manifest(true)), [Code::EndNotRecorded]);
    snapshot.completeness.stopped = true;
    assert_eq!(codes_of(&snapshot, standing), [], "the head was told to stop: running work is a fact");
    assert_eq!(codes_of(&snapshot, Standing { marked: false, ..standing }), [Code::NoMarker]);
    assert_eq!(codes_of(&snapshot, Standing { marked: false, closed: Some(false), ..standing }), []);
}
