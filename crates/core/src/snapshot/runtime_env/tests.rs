use super::*;
use crate::logs::Facts;
use crate::snapshot::build::Builder;

const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";

/// Two live nodes (01…, 02…), a dead one (03…), and an actor on the second.
fn snapshot() -> Snapshot {
    let mut builder = Builder::new(SESSION);
    let mut fold = |kind: &str, rest: &str| {
        let line =
            format!(r#"{{"eventType":"{kind}","timestamp":"2026-11-22T23:12:44Z","sessionName":"{SESSION}",{rest}}}"#);
        builder.fold_record("events", 1, line.as_bytes());
    };
    // 28 bytes in base64.
    let id = |first: &str| format!("{first}{}A==", "A".repeat(35 - first.len() + 2));
    for (first, state) in [("AQ", "ALIVE"), ("Ag", "ALIVE"), ("Aw", "DEAD")] {
        let node = id(first);
        fold(
            "NODE_DEFINITION_EVENT",
            &format!(r#""nodeDefinitionEvent":{{"nodeId":"{node}","nodeIpAddress":"10.0.0.1"}}"#),
        );
        fold(
            "NODE_LIFECYCLE_EVENT",
            &format!(
                r#""nodeLifecycleEvent":{{"nodeId":"{node}","stateTransitions":[{{"state":"{state}","timestamp":"2026-11-22T23:11:00Z"}}]}}"#
            ),
        );
    }
    fold(
        "ACTOR_DEFINITION_EVENT",
        r#""actorDefinitionEvent":{"actorId":"THhcqzhIBQ74jKXQAQAAAA==","jobId":"AQAAAA==","className":"A","serializedRuntimeEnv":"{\"pip\": [\"x\"]}"}"#,
    );
    fold(
        "ACTOR_LIFECYCLE_EVENT",
        &format!(
            r#""actorLifecycleEvent":{{"actorId":"THhcqzhIBQ74jKXQAQAAAA==","stateTransitions":[{{"state":"ALIVE","timestamp":"2026-11-22T23:12:00Z","nodeId":"{}","workerId":"{}"}}]}}"#,
            id("Ag"),
            id("CQ")
        ),
    );
    let snapshot = builder.finish(&Facts::default());
    assert_eq!(snapshot.completeness.damaged_records.count, 0, "{:?}", snapshot.completeness);
    snapshot
}

fn created(env: &str, took_ms: u32) -> String {
    format!(
        "2026-11-22 23:12:44,100\tINFO r.py:543 -- Creating runtime env: {env} with timeout 600 seconds.\n\
         2026-11-22 23:12:44,{}\tINFO r.py:593 -- Successfully created runtime env: {env}, context: {{}}\n",
        100 + took_ms
    )
}

/// Rows of live nodes come from their agents' logs; a dead node has none.
#[test]
fn lists_longest_creation_first() {
    let mut snapshot = snapshot();
    let nodes: Vec<String> = snapshot.nodes.iter().map(|node| node.id.hex()).collect();
    let pending =
        "2026-11-22 23:12:44,100\tINFO r.py:543 -- Creating runtime env: {\"c\":1} with timeout 600 seconds.\n";
    snapshot.facts.read(
        &nodes[0],
        "runtime_env_agent.log",
        (created("{\"a\": 1}", 2) + &created("no json", 9)).as_bytes(),
    );
    snapshot.facts.read(&nodes[1], "runtime_env_agent.log", (created("{\"b\": 1}", 5) + pending).as_bytes());
    snapshot.facts.read(&nodes[2], "runtime_env_agent.log", created("{\"dead\": 1}", 9).as_bytes());
    let rows: Vec<_> =
        build(&snapshot).into_iter().map(|row| (row.runtime_env, row.success, row.creation_time_ms)).collect();
    let expected =
        [("{\"c\":1}", None, None), ("{\"b\": 1}", Some(true), Some(5)), ("{\"a\": 1}", Some(true), Some(2))];
    assert_eq!(rows, expected.map(|(env, success, ms)| (env.into(), success, ms)));
}

#[test]
fn node_without_log_lists_envs_of_its_tasks_and_actors() {
    let snapshot = snapshot();
    let expected = NodeRuntimeEnv {
        node: snapshot.nodes[1].id,
        runtime_env: r#"{"pip": ["x"]}"#.into(),
        success: Some(true),
        creation_time_ms: None,
        ref_cnt: None,
        error: None,
    };
    assert_eq!(build(&snapshot), [expected]);
}

/// Rows of equal times have the order in which the agents answered.
#[test]
fn a_stored_list_comes_first_in_its_order() {
    let mut snapshot = snapshot();
    let nodes: Vec<String> = snapshot.nodes.iter().map(|node| node.id.hex()).collect();
    let log = created("{\"a\": 1}", 1) + &created("{\"b\": 1}", 1) + &created("{\"late\": 1}", 1);
    snapshot.facts.read(&nodes[0], "runtime_env_agent.log", log.as_bytes());
    let row = |env: &str| {
        format!(
            r#"{{"runtime_env":{env},"success":true,"creation_time_ms":"1","node_id":"{}","ref_cnt":"6","error":null}}"#,
            nodes[0]
        )
    };
    let list = format!(r#"{{"data":{{"result":{{"result":[{},{}]}}}}}}"#, row("{\"b\":1}"), row("{\"a\":1}"));
    snapshot.endpoints.insert("api/v0/runtime_envs?detail=1&limit=10000".into(), list.into());
    let rows = build(&snapshot).into_iter().filter(|row| row.creation_time_ms.is_some());
    let rows: Vec<_> = rows.map(|row| (row.runtime_env, row.ref_cnt == Some(6))).collect();
    let expected = [("{\"b\":1}", true), ("{\"a\":1}", true), ("{\"late\": 1}", false)];
    assert_eq!(rows, expected.map(|(env, listed)| (env.into(), listed)));
}
