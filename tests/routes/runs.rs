//! The outcome of recorded sessions: before they are opened, and after.

use super::*;
use std::collections::BTreeMap;

/// The recorded sessions with jobs that ended in all ways.
const RECORDED: [&str; 5] = ["day-2.57", "hard-2.55", "hard-2.60", "kube-sessions", "mixed"];

/// Returns the members of an object.
fn members(value: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), value[*name].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// Returns the facts of a session that a list shows before it was opened.
fn facts(session: &Value) -> Value {
    let mut shown = members(session, &["outcome", "why", "started", "zone"]);
    let run = &session["run"];
    shown["run"] = members(run, &["source", "jobCounts", "rayVersion", "pythonVersion", "ended", "durationSeconds"]);
    let job = |job: &Value| members(job, &["submissionId", "status", "entrypoint", "lastWords", "fromLog"]);
    shown["jobs"] = run["jobs"].as_array().unwrap().iter().map(job).collect();
    shown
}

/// Returns what does not depend on whether a session was opened. Of many jobs, other ones may be listed.
fn ends(session: &Value) -> Value {
    let mut ends = members(session, &["outcome"]);
    ends["counts"] =
        members(&session["run"]["jobCounts"], &["succeeded", "failed", "stopped", "unfinished", "assumed"]);
    let submissions = session["run"]["jobs"].as_array().unwrap().iter().filter(|job| job["status"] == "FAILED");
    let end =
        |job: &Value| (job["submissionId"].as_str().unwrap().to_owned(), json!([job["status"], job["lastWords"]]));
    ends["jobs"] = json!(submissions.map(end).collect::<BTreeMap<_, _>>());
    ends
}

/// Returns what logs tell, too, where the collector could not ask the dashboard.
fn stored(session: &Value) -> [Value; 3] {
    [session["started"].clone(), session["zone"].clone(), session["run"]["rayVersion"].clone()]
}

/// A few small files tell the same end of every recorded job as all files of its session.
#[test]
fn small_files_tell_the_same_outcome_as_whole_sessions() {
    let mut listed = BTreeMap::new();
    for name in RECORDED {
        let folder = fixture::unpacked(name);
        block_on(async {
            let store = folder.path().join("storage");
            let server = Server::start(&["--local-dir", store.to_str().unwrap()], &[]).await;
            let ready = async || server.status("/readyz").await == 200;
            server.eventually("it is ready", Duration::from_secs(60), ready).await;
            let list =
                async || server.json("/api/history/v1/sessions").await.unwrap()["sessions"].as_array().unwrap().clone();
            let all_read = async || list().await.iter().all(|session| session["run"].is_object());
            server.eventually("the facts are read", Duration::from_secs(60), all_read).await;
            for session in list().await {
                assert_eq!(session["run"]["source"], "files", "{session}");
                let path = session["path"].as_str().unwrap().to_owned();
                let report = server.json(&format!("/api/history/v1{path}")).await.unwrap();
                let opened = &report["session"];
                assert_eq!(opened["run"]["source"], "snapshot", "{report}");
                assert_eq!(ends(&session), ends(opened), "{path}");
                for (of_files, whole) in stored(&session).iter().zip(stored(opened)) {
                    assert!(of_files.is_null() || *of_files == whole, "{path}: {of_files} {whole}");
                }
                listed.insert(path, facts(&session));
            }
            let failed = server.json("/api/history/v1/sessions?outcome=failed").await.unwrap();
            let is_failed = |session: &Value| session["outcome"] == "Failed";
            let all = list().await;
            assert_eq!(failed["total"], all.iter().filter(|session| is_failed(session)).count(), "{failed}");
            assert!(failed["sessions"].as_array().unwrap().iter().all(is_failed), "{failed}");
        });
    }
    insta::assert_json_snapshot!("outcomes", listed);
}

/// The page has the same facts as the API, in words, and needs no script for them.
#[test]
fn the_page_shows_outcomes_in_words() {
    let folder = fixture::unpacked("day-2.57");
    block_on(async {
        let store = folder.path().join("storage");
        let server = Server::start(&["--local-dir", store.to_str().unwrap()], &[]).await;
        let page = async |path: &str| {
            let url = format!("http://{}{path}", server.address);
            send("GET", &url, &[("Accept", "text/html")]).await.unwrap().body
        };
        let read = async || page("/sessions/").await.contains("Failed");
        server.eventually("the outcome is read", Duration::from_secs(60), read).await;
        let shown = page("/sessions/").await;
        for text in [
            ">day-train<",
            ">RayJob<",
            "day-crash failed: ZeroDivisionError: division by zero",
            "2026-11-29 08:31:21 UTC+00:00",
            ">2.57.1<",
        ] {
            assert!(shown.contains(text), "{text}: {shown}");
        }
        assert!(!shown.contains("data-reading"), "nothing is left to read");
        assert!(page("/sessions/?outcome=failed").await.contains("day-crash failed"));
        assert!(page("/sessions/?outcome=succeeded").await.contains("No session matches"));
        for path in ["/select_cluster", "/rayclusters/nlp/day-train-h2x9c", "/rayjobs/nlp/day-train"] {
            let shown = page(path).await;
            assert!(shown.contains("day-crash failed") || shown.is_empty(), "{path}: {shown}");
        }
    });
}
