//! Tests of the rules of the fold.

mod before_2_55;
mod logs;
mod order;
mod weights;

use super::*;
use crate::base::id::RayId;
use crate::logs::processes::NodeLog;
use crate::snapshot::testing::dump;
use crate::snapshot::testing::made::{SESSION, event, events, fold, id, log_facts, split, time};
use crate::snapshot::worker::Life;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn counts_and_skips_damaged_unknown_and_foreign_records() {
    let mut builder = Builder::new(SESSION);
    for (line, record) in [
        "{\"eventType\":",
        "\u{0}",
        r#"{"eventType":"MOON_EVENT","moonEvent":{}}"#,
        r#"{"eventType":"TASK_LIFECYCLE_EVENT","sessionName":"session_1","taskLifecycleEvent":{"taskId":"x"}}"#,
        r#"{"eventType":"TASK_LIFECYCLE_EVENT","taskLifecycleEvent":{"taskId":""}}"#,
        "",
    ]
    .iter()
    .enumerate()
    {
        builder.fold_record("f", line as u64 + 1, record.as_bytes());
    }
    builder.fold_record("f", 7, &[0xff, b'{']);
    let whole = event(0, [0; 6]).to_string();
    builder.fold_record("f", 8, whole.as_bytes());
    let snapshot = builder.finish(&Facts::default());
    assert_eq!(snapshot.tasks.len(), 1);
    let report = &snapshot.completeness;
    assert_eq!((report.records, report.damaged_records.count, report.foreign_events), (7, 4, 1));
    assert_eq!(report.unknown_event_types.get("MOON_EVENT"), Some(&1));
    assert_eq!(report.damaged_records.examples.iter().map(|p| p.position).collect::<Vec<_>>(), [1, 2, 5, 7]);
}

#[test]
fn reads_records_with_torn_writes_bad_bytes_and_escapes() {
    let record = |n: u8| event(0, [n, 0, 0, 0, 0, 0]).to_string();
    let mut builder = Builder::new(SESSION);
    let torn = format!("{}{}", &record(0)[..100], record(1));
    builder.fold_record("f", 1, torn.as_bytes());
    let mut odd = record(2).replacen(r#""eventType""#, r#""message":"caf?","eventType""#, 1).into_bytes();
    let at = odd.iter().position(|&byte| byte == b'?').unwrap();
    odd[at] = 0xe9;
    builder.fold_record("f", 2, &odd);
    builder.fold_record("f", 3, record(3).replace('/', "\\/").replace("eventType", "\\u0065ventType").as_bytes());
    builder.fold_record("f", 4, format!("{}{}", record(4), record(5)).as_bytes());
    let snapshot = builder.finish(&Facts::default());
    let report = &snapshot.completeness;
    assert_eq!((snapshot.tasks.len(), report.records, report.damaged_records.count), (5, 6, 1));
}

#[test]
fn attempt_fails_with_its_worker_else_with_its_job() {
    let task = |n: u8, worker: &str| {
        json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(1), "taskLifecycleEvent": {
            "taskId": id(24, n), "jobId": id(4, 0), "workerId": worker, "stateTransitions": [{"state": "RUNNING", "timestamp": time(1)}]}})
    };
    let dead = json!({"eventType": "WORKER_LIFECYCLE_EVENT", "timestamp": time(2), "workerLifecycleEvent": {"workerId": id(28, 1),
        "stateTransitions": [{"state": "DEAD", "timestamp": time(2), "endTimeMs": "1795389142673", "deathInfo": {"exitType": "USER_ERROR", "exitDetail": "oops"}}]}});
    let end = json!({"eventType": "DRIVER_JOB_LIFECYCLE_EVENT", "timestamp": time(3), "driverJobLifecycleEvent": {"jobId": id(4, 0),
        "stateTransitions": [{"state": "FINISHED", "timestamp": "2026-11-22T23:13:00.123456789Z"}]}});
    let define = |n: u8| event(0, [n, 0, 0, 0, 0, 0]);
    let snapshot = fold(&[define(0), task(0, &id(28, 1)), define(2), task(2, ""), dead, end]).finish(&Facts::default());
    let ends: Vec<_> = snapshot
        .tasks
        .iter()
        .map(|a| {
            let failed = a.time_of(crate::base::task::TaskState::Failed);
            (failed, snapshot.str(a.error_type()), snapshot.text(a.error_message()))
        })
        .collect();
    assert_eq!(ends[0].0, Some(1_795_389_142_673_000_000));
    assert_eq!(
        ends[0].2,
        format!("Worker running the task ({}) died with exit_type: 2 with error_message: oops", snapshot.workers[0].id)
    );
    assert_eq!(ends[1].0, Some(1_795_389_180_123_000_000));
    assert_eq!(ends[1].2, "Job finishes (01000000) as driver exits. Marking all non-terminal tasks as failed.");
    assert!(ends.iter().all(|end| end.1 == "WORKER_DIED"));
}

#[test]
fn only_the_newest_head_is_alive() {
    let head = |n: u8, start: u8, state: &str| {
        [
            json!({"eventType": "NODE_DEFINITION_EVENT", "timestamp": time(start), "nodeDefinitionEvent": {
                "nodeId": id(28, n), "startTimestamp": time(start)}}),
            json!({"eventType": "NODE_LIFECYCLE_EVENT", "timestamp": time(start), "nodeLifecycleEvent": {"nodeId": id(28, n),
                "stateTransitions": [{"state": state, "timestamp": time(start), "resources": {"node:__internal_head__": 1.0}}]}}),
        ]
    };
    let events = [head(1, 30, "ALIVE"), head(2, 10, "ALIVE"), head(3, 20, "ALIVE")].concat();
    let snapshot = fold(&events).finish(&Facts::default());
    let nodes: Vec<_> =
        snapshot.nodes.iter().map(|node| (node.alive, node.end, snapshot.str(node.death_reason))).collect();
    let at = |n: u8| crate::base::time::parse_rfc3339(&time(n)).unwrap();
    let dead = "UNEXPECTED_TERMINATION";
    assert_eq!(nodes, [(true, 0, ""), (false, at(20), dead), (false, at(30), dead)]);
}
