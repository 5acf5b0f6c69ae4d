//! Facts that events of Ray before 2.55 lack, from logs and from other events.

use super::*;
use crate::logs::processes::{Token, Tokens, name_hash};

fn lifecycle(task: u8, at: u8, worker: &str, pid: u8, node: u8, states: &[&str]) -> Value {
    let transitions: Value = states.iter().map(|state| json!({"state": state, "timestamp": time(at)})).collect();
    json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(at), "taskLifecycleEvent": {"taskId": id(24, task),
        "jobId": id(4, 0), "workerId": worker, "workerPid": pid, "nodeId": id(28, node), "stateTransitions": transitions}})
}

fn worker_id(n: u8) -> WorkerId {
    WorkerId::try_from_bytes(&BASE64_STANDARD.decode(id(28, n)).unwrap()).unwrap()
}

fn node_of_first(events: &[Value], facts: &Facts) -> String {
    let snapshot = fold(events).finish(facts);
    BASE64_STANDARD.encode(snapshot.id(snapshot.tasks.get(0).node_id()))
}

/// The owner sends the attempt's node with the worker, unless it merges a later state into the update: then its own.
#[test]
fn an_owners_node_loses_to_that_of_the_process_and_of_the_worker() {
    let (owner, own) = (3, 1);
    let define = event(0, [0; 6]);
    let merged = lifecycle(0, 4, &id(28, 2), 0, owner, &["SUBMITTED_TO_WORKER", "FINISHED"]);
    let running = lifecycle(0, 3, "", 7, own, &["RUNNING"]);
    for order in [[&define, &merged, &running], [&running, &merged, &define]] {
        assert_eq!(node_of_first(&order.map(Clone::clone), &Facts::default()), id(28, own));
    }
    let unsure = [define.clone(), merged.clone()];
    assert_eq!(node_of_first(&unsure, &Facts::default()), id(28, owner), "nothing else names a node");
    assert_eq!(node_of_first(&unsure, &log_facts()), id(28, 1), "the folder of the worker's logs");
    let other = [lifecycle(2, 1, &id(28, 2), 7, own, &["RUNNING"]), event(0, [2, 0, 0, 0, 0, 0])];
    let known = [define, merged, other[0].clone(), other[1].clone()];
    assert_eq!(node_of_first(&known, &Facts::default()), id(28, own), "another attempt of the worker");
}

#[test]
fn tokens_locate_the_output_of_attempts_without_locations() {
    let worker = id(28, 2);
    let run = |task: u8, at: u8, states: &[&str]| {
        [event(0, [task, 0, 0, 0, 0, 0]), lifecycle(task, at, &worker, 7, 1, states)] // Named `f`.
    };
    let mut events: Vec<Value> = [run(0, 1, &["RUNNING", "FINISHED"]), run(2, 2, &["RUNNING", "FINISHED"])].concat();
    events.extend(run(4, 3, &["RUNNING", "FAILED"])); // Without an error of its own: it ended with its worker.
    let mut facts = log_facts();
    let token = |start: u64, name: &[u8]| Token { start, end: start + 13, name: name_hash(name) };
    let all = vec![token(17, b"f"), token(40, b"other"), token(60, b"f"), token(90, b"f")];
    let tokens = Tokens { all, size: Some(120), actor_repr: None };
    facts.processes.workers.get_mut(&worker_id(2)).unwrap().tokens = [Some(tokens), None];
    let builder = fold(&events);
    assert_eq!(builder.workers_to_read(), BTreeSet::from([worker_id(2)]));
    let snapshot = builder.finish(&facts);
    let stdout = |row: usize| {
        let attempt = snapshot.tasks.get(row);
        let log = attempt.log_info().unwrap();
        (log.stdout_start, log.stdout_end, log.stderr_start, attempt.is_log_of_worker())
    };
    assert_eq!(stdout(0), (Some(30), Some(40), None, false));
    assert_eq!(stdout(1), (Some(73), Some(90), None, false));
    assert_eq!(stdout(2), (Some(103), None, None, false));
    assert!(snapshot.str(snapshot.tasks.get(0).log_info().unwrap().stdout_file).ends_with("-01000000-7.out"));

    // A single location in an event shows that this Ray sends them.
    let located = json!({"eventType": "TASK_LIFECYCLE_EVENT", "timestamp": time(9), "taskLifecycleEvent": {
        "taskId": id(24, 0), "taskLogInfo": {"stdoutFile": "/x/session_1/logs/worker.out", "stdoutStart": "1"}}});
    events.push(located);
    assert!(fold(&events).workers_to_read().is_empty());
}

#[test]
fn actors_take_ports_and_reprs_from_the_logs_of_their_workers() {
    let actor = |worker: u8, rest: Value| {
        let mut transition =
            json!({"state": "ALIVE", "timestamp": time(1), "workerId": id(28, worker), "nodeId": id(28, 1)});
        transition.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({"eventType": "ACTOR_LIFECYCLE_EVENT", "timestamp": time(1), "actorLifecycleEvent": {
            "actorId": id(16, worker), "stateTransitions": [transition]}})
    };
    let mut facts = log_facts();
    for n in 0..2 {
        let log = facts.processes.workers.get_mut(&worker_id(n)).unwrap();
        log.port = 1000;
        log.tokens[0] = Some(Tokens { actor_repr: Some("Counter(★)".into()), ..Tokens::default() });
    }
    let define = json!({"eventType": "ACTOR_TASK_DEFINITION_EVENT", "timestamp": time(1), "actorTaskDefinitionEvent": {
        "taskId": id(24, 0), "actorId": id(16, 0), "jobId": id(4, 0), "actorTaskName": "Counter.add", "actorFunc": {
            "pythonFunctionDescriptor": {"className": "Counter", "functionName": "add"}}}});
    let ran = lifecycle(0, 2, &id(28, 0), 7, 1, &["RUNNING"]);
    let builder = fold(&[actor(0, json!({})), define.clone(), ran.clone()]);
    assert_eq!(builder.workers_to_read(), BTreeSet::from([worker_id(0)]));
    let snapshot = builder.finish(&facts);
    let row = &snapshot.actors[0];
    assert_eq!((snapshot.str(row.repr_name), row.incarnations[0].port), ("Counter(★)", 1000));
    assert_eq!(snapshot.str(snapshot.tasks.get(0).name()), "Counter(★).add");

    // What an event has is kept, and nothing is read.
    let builder = fold(&[actor(0, json!({"pid": 7, "port": 99, "reprName": "sent"})), define, ran]);
    assert!(builder.workers_to_read().is_empty());
    let row = &builder.finish(&facts).actors[0];
    assert_eq!(row.incarnations[0].port, 99);
}

#[test]
fn a_nodes_host_comes_from_its_raylets_log() {
    let define = |host: &str| {
        json!({"eventType": "NODE_DEFINITION_EVENT", "timestamp": time(1), "nodeDefinitionEvent": {
            "nodeId": id(28, 1), "nodeIpAddress": "10.0.0.1", "hostname": host}})
    };
    let mut facts = Facts::default();
    let log = NodeLog { hostname: Some("logged".into()), ..NodeLog::default() };
    facts.processes.nodes.insert(worker_id(1), log);
    for (sent, shown) in [("", "logged"), ("sent", "sent")] {
        let snapshot = fold(&[define(sent)]).finish(&facts);
        assert_eq!(snapshot.str(snapshot.nodes[0].hostname), shown);
    }
}
