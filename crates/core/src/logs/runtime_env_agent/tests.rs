use super::*;

fn line(at: u32, message: &str) -> String {
    format!("2026-11-22 23:12:{:02},{:03}\tINFO runtime_env_agent.py:1 -- {message}\n", at / 1_000, at % 1_000)
}

fn replay(files: &[(u32, String)]) -> Vec<LiveEnv> {
    let mut agents = RuntimeEnvAgents::default();
    for (rotation, text) in files {
        agents.read("n", *rotation, text.as_bytes());
    }
    agents.replay("n")
}

const A: &str = r#"{"env_vars": {"A": "b"}}"#;
const B: &str = r#"{"env_vars":{"B":"1"}}"#;

fn created(env: &str, at: u32) -> String {
    line(at, &format!("Creating runtime env: {env} with timeout 600 seconds."))
        + &line(at + 2, &format!("Successfully created runtime env: {env}, context: {{\"command_prefix\": []}}"))
}

fn released(env: &str) -> String {
    line(900, &format!("Got request from raylet to decrease reference for runtime env: {env}."))
}

#[test]
fn uses_are_counted_over_rotated_files_in_order() {
    let old = created(A, 0) + &created(B, 10);
    let new = line(20, &format!("Runtime env already created successfully. Env: {A}, context: {{}}")) + &released(B);
    let found = replay(&[(0, new), (1, old)]);
    let rows: Vec<_> = found.iter().map(|e| (e.runtime_env.as_str(), e.references, e.created.clone())).collect();
    assert_eq!(rows, [(A, 2, Some((Outcome::Created, 2))), (B, 0, Some((Outcome::Created, 2)))]);
}

#[test]
fn removal_and_restart_drop_environments() {
    let removed = line(950, &format!("Runtime env {A} removed from env-level cache."));
    assert_eq!(replay(&[(0, created(A, 0) + &released(A) + &removed)]), []);
    assert_eq!(replay(&[(0, created(A, 0) + &line(5, "Starting runtime env agent at pid 7"))]), []);
}

#[test]
fn failed_environment_keeps_its_error_without_uses() {
    let text = line(0, &format!("Creating runtime env: {A} with timeout 600 seconds."))
        + &line(5, &format!("Failed to create runtime env {A}.\nTraceback (most recent call last):\nRuntimeError: no"))
        + &line(7, "runtime_env creation failed 3 times, giving up.");
    let found = replay(&[(0, text)]);
    let expected = Outcome::Failed("Traceback (most recent call last):\nRuntimeError: no\n".to_owned());
    assert_eq!(found, [LiveEnv { runtime_env: A.to_owned(), references: 0, created: Some((expected, 7)) }]);
}

#[test]
fn environment_being_created_has_no_outcome() {
    let found = replay(&[(0, line(0, &format!("Creating runtime env: {A} with timeout 600 seconds.")))]);
    assert_eq!(found, [LiveEnv { runtime_env: A.to_owned(), references: 1, created: None }]);
}

#[test]
fn longer_reading_of_a_file_replaces_a_shorter_one() {
    let long = created(A, 0) + &created(B, 10);
    let short = long[..300].to_owned();
    assert_eq!(replay(&[(0, long.clone()), (0, short.clone())]), replay(&[(0, short), (0, long)]));
}
