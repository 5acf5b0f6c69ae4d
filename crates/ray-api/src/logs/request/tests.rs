//! Resolves requests to files, on real events, and checks Ray's error texts.

use super::*;
use crate::test_events::{ALIVE, DEAD_NODE, HEAD, NEVER_RAN, RESTARTED, snapshot};
use ray_history_core::base::id::NodeId;
use ray_history_core::logs::attempt_bytes::AttemptBytes;

/// The newer of the two workers of a restarted actor, both on the same node.
const NEWER: &str = "2415eaea5811240337e8027619091be06bba9f3c4e291a4ac8817d85";
const OLDER: &str = "7655cf11a32865cdaef50106b981b21462d20739104bb3db546ee635";

fn parse(query: &str) -> Result<LogRequest, RayError> {
    let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    LogRequest::parse("file", &Query::of(&pairs))
}

/// Resolves a query, given the stored files as `node/path`.
fn resolve(query: &str, files: &[&str]) -> Result<String, String> {
    let plan = parse(query).and_then(|request| request.plan(&snapshot())).map_err(|refusal| refusal.to_string())?;
    let files_of = |node: &NodeId| {
        let node = node.hex();
        let paths = files.iter().filter_map(|file| file.strip_prefix(&*node)?.strip_prefix('/'));
        paths.map(str::to_owned).collect::<Vec<_>>()
    };
    let names: Vec<(NodeId, Vec<String>)> = match &plan {
        LogPlan::File(_) => Vec::new(),
        LogPlan::Search(search) => search.nodes().map(|node| (node, files_of(&node))).collect(),
    };
    let listed = |node: &NodeId| {
        let found = names.iter().find(|(known, files)| known == node && !files.is_empty())?;
        Some(found.1.as_slice())
    };
    let found = match plan {
        LogPlan::File(found) => found,
        LogPlan::Search(search) => search.resolve(listed).map_err(|refusal| refusal.to_string())?,
    };
    let range = found.attempt.map_or_else(String::new, |AttemptBytes { start, end, .. }| {
        format!(" {start}..{}", end.map_or_else(String::new, |end| end.to_string()))
    });
    Ok(format!("{}/{}{range}", &found.node.hex()[..4], found.path))
}

#[test]
fn actors_log_is_that_of_newest_worker_with_one() {
    let newer = format!("{DEAD_NODE}/worker-{NEWER}-02000000-10599.out");
    let older = format!("{DEAD_NODE}/worker-{OLDER}-ffffffff-10369.out");
    let query = format!("actor_id={RESTARTED}");
    assert_eq!(resolve(&query, &[&older, &newer]), Ok(format!("775f/worker-{NEWER}-02000000-10599.out")));
    assert_eq!(resolve(&query, &[&older]), Ok(format!("775f/worker-{OLDER}-ffffffff-10369.out")));
    assert_eq!(resolve(&query, &[]), Err(format!("Agent for node id: {DEAD_NODE} doesn't exist.")));
    let nothing = resolve(&format!("{query}&suffix=err"), &[&older]).unwrap_err();
    assert!(nothing.starts_with("Could not find a log file. Please make sure the given option exists in the cluster."));
    assert!(nothing.contains(&format!("\tnode_id: {DEAD_NODE}\n")) && nothing.contains("\tsuffix: err\n"));
}

#[test]
fn unknown_actor_and_one_that_never_ran_have_no_log() {
    let unknown = resolve("actor_id=ffff", &[]).unwrap_err();
    assert_eq!(unknown, "Actor ID ActorID(ffff) not found.");
    let never = resolve(&format!("actor_id={NEVER_RAN}"), &[]).unwrap_err();
    assert!(never.ends_with("Actor is not scheduled yet."), "{never}");
}

#[test]
fn tasks_log_is_a_range_of_its_workers_file() {
    let task = "bf1d0ef8cd4c1c89ffffffffffffffffffffffff02000000";
    let file = "worker-c5c9541d8d23a7f66768f7873468d094a1198ea0d809cc50c9102ce8-02000000-10368";
    assert_eq!(resolve(&format!("task_id={task}"), &[]), Ok(format!("0118/{file}.out 31..41")));
    let query = format!("task_id={task}&attempt_number=0&suffix=err");
    assert_eq!(resolve(&query, &[]), Ok(format!("0118/{file}.err 31..45")));
    let later = resolve(&format!("task_id={task}&attempt_number=3"), &[]).unwrap_err();
    assert_eq!(later, format!("Could not find log file for task attempt:{task}(3)"));
}

#[test]
fn refuses_tasks_without_offsets_with_rays_text() {
    let actor_task = resolve("task_id=f81ec6ff838b16db9a49268b3c2ce37cb72298fa02000000", &[]).unwrap_err();
    assert!(actor_task.starts_with(&format!("For actor task, please query actor log for actor({RESTARTED}): e.g.")));
    let creation = "ffffffffffffffff9a49268b3c2ce37cb72298fa02000000";
    let missing = resolve(&format!("task_id={creation}"), &[]).unwrap_err();
    assert_eq!(missing, format!("Could not find log file for task attempt.{creation}(0) due to missing node info."));
    let unknown = "00000000000000000000000000000000000000000000ffff";
    let missing = resolve(&format!("task_id={unknown}"), &[]).unwrap_err();
    assert_eq!(missing, format!("Could not find log file for task: {unknown} (attempt 0) with suffix: out"));
}

#[test]
fn submission_needs_no_node() {
    let file = format!("{HEAD}/job-driver-capture-sub-1.log");
    let query = "submission_id=capture-sub-1";
    assert_eq!(resolve(query, &[&file]), Ok("0118/job-driver-capture-sub-1.log".to_owned()));
    let nothing = resolve("submission_id=nope", &[&file]).unwrap_err();
    assert!(nothing.contains("\tsubmission_id: nope\n"), "{nothing}");
    assert_eq!(resolve("submission_id=a/../x", &[&file]), Err("A file is not found at: a/../x".to_owned()));
    let nested = format!("{HEAD}/job-driver-team/a.log");
    assert_eq!(resolve("submission_id=team/a", &[&nested]), Ok("0118/job-driver-team/a.log".to_owned()));
}

#[test]
fn finds_log_by_process_id() {
    let files = [format!("{HEAD}/old/worker-aa-bb-7.out"), format!("{HEAD}/worker-aa-bb-77.out")];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(resolve(&format!("node_id={HEAD}&pid=77"), &files), Ok("0118/worker-aa-bb-77.out".to_owned()));
    assert_eq!(resolve("node_ip=127.0.0.1&pid=77", &files), Ok("0118/worker-aa-bb-77.out".to_owned()));
    let nothing = resolve(&format!("node_id={HEAD}&pid=7"), &files).unwrap_err();
    assert_eq!(
        nothing,
        format!(
            "Could not find a log file. Please make sure the given option exists in the cluster.\n\tnode_id: {HEAD}\n\t\
             filename: None\n\tactor_id: None\n\ttask_id: None\n\tpid: 7\n\tsuffix: out\n\tsubmission_id: None\n\t\
             attempt_number: 0\n"
        )
    );
}

#[test]
fn file_name_never_leaves_the_logs_folder() {
    let resolve = |name: &str| resolve(&format!("node_id={HEAD}&filename={name}"), &[]);
    assert_eq!(resolve("/tmp/ray/session_x/logs/serve/proxy.log"), Ok("0118/serve/proxy.log".to_owned()));
    for name in ["../gcs", "serve/../../x", "/tmp/session_x/logs/../../etc/passwd"] {
        assert_eq!(resolve(name), Err(format!("A file is not found at: {name}")));
    }
}

#[test]
fn refuses_invalid_queries() {
    for (query, text) in [
        ("filename=a", "node_id or node_ip must be provided"),
        ("node_id=a", "None of actor_id, task_id, pid, submission_id or filename is provided."),
        ("node_id=a&node_ip=b&pid=1", "Both node_id and node_ip are given."),
        ("node_id=a&pid=x", "invalid literal for int() with base 10: 'x'"),
        ("node_id=a&filename=a&lines=many", "invalid literal for int()"),
        ("node_id=a&filename=a&suffix=log", "Invalid suffix: log. Must be one of 'out' or 'err'."),
        ("task_id=a&attempt_number=-1", "Could not find log file for task attempt:a(-1)"),
    ] {
        let refusal = parse(query).unwrap_err().to_string();
        assert!(refusal.starts_with(text), "{query}: {refusal}");
    }
    let media = LogRequest::parse("video", &Query::default()).unwrap_err();
    assert_eq!(media.to_string(), "Invalid media type: video");
}

#[test]
fn parses_lines_and_names_like_ray() {
    for (lines, expected) in
        [("", Some(1000)), ("&lines=0", Some(1000)), ("&lines=-1", None), ("&lines=5", Some(5)), ("&lines=-7", Some(0))]
    {
        let request = parse(&format!("actor_id={ALIVE}{lines}")).unwrap();
        assert_eq!(request.delivery.lines, expected, "{lines}");
    }
    let request = parse(&format!("actor_id={ALIVE}&download_filename=a.log&filter_ansi_code=True")).unwrap();
    assert_eq!(request.delivery.attachment.as_deref(), Some("a.log"));
    assert!(request.delivery.filter_ansi);
    assert_eq!(parse(&format!("actor_id={ALIVE}")).unwrap().delivery.attachment, None);
    assert_eq!(parse(&format!("actor_id={ALIVE}&download_filename=")).unwrap().delivery.attachment, None);
}
