//! All log files of a session: searched, and as one archive.

use super::loading::serving;
use super::{Reply, ask, exchange, header, unpacked};
use ray_history_storage::ErrorKind;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::local::Local;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const API: &str = "/api/history/v1/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513";
const TEXT: (&str, &str) = ("Accept", "text/plain");

/// Returns the hits and the summary of a search.
fn search(query: &str) -> (Vec<Value>, Value) {
    parsed(ask("GET", &format!("{API}/logs/search?{query}"), &[]))
}

fn parsed((status, headers, body): Reply) -> (Vec<Value>, Value) {
    assert_eq!((status, header(&headers, "content-type")), (200, "application/x-ndjson"), "{body}");
    let mut lines: Vec<Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.pop().unwrap();
    assert!(lines.iter().all(|line| line.get("summary").is_none()), "{body}");
    (lines, last["summary"].clone())
}

#[test]
fn a_search_has_hits_with_context_and_a_summary() {
    let (status, headers, body) = ask("GET", &format!("{API}/logs/search?q=Started+Serve&context=1&kind=job"), &[]);
    assert_eq!((status, header(&headers, "content-encoding")), (200, "identity"));
    assert_eq!(header(&headers, "x-ray-history-state"), "unknown");
    assert_eq!(header(&headers, "cache-control"), "private, no-cache");
    insta::assert_snapshot!("log_search", body);
    let (_, headers, body) = ask("GET", &format!("{API}/logs/search?q=Started+Serve&context=1&kind=job"), &[TEXT]);
    assert_eq!(header(&headers, "content-type"), "text/plain; charset=utf-8");
    insta::assert_snapshot!("log_search_text", body);
}

#[test]
fn files_with_errors_of_users_come_first_and_filters_leave_out_others() {
    let (hits, summary) = search("q=.&regex=true&limit=10000&ignoreCase=true");
    let text = |hit: &Value, name: &str| hit[name].as_str().unwrap().to_owned();
    let files: Vec<String> = hits.iter().map(|hit| text(hit, "file")).collect();
    let is_error = |file: &String| file.starts_with("worker-") && file.contains(".err");
    let errors = files.iter().take_while(|file| is_error(file)).count();
    assert!(errors > 0 && !files[errors..].iter().any(is_error), "{files:?}");
    assert_eq!((summary["hits"].as_u64(), &summary["unreadableFiles"]), (Some(hits.len() as u64), &0.into()));
    let (all, some) = (search("q=e").1["files"].clone(), search("q=e&file=*.err").1["files"].clone());
    assert!(some.as_u64() > Some(0) && some.as_u64() < all.as_u64(), "{some} of {all}");
    let node = "af32";
    let (hits, _) = search(&format!("q=INFO&node={node}&kind=system"));
    assert!(!hits.is_empty() && hits.iter().all(|hit| text(hit, "node").starts_with(node)));
    let (hits, _) = search("q=entrypoint&job=serve-deploy");
    assert!(hits.iter().all(|hit| text(hit, "file") == "job-driver-serve-deploy.log") && hits.len() == 1);
}

#[test]
fn a_search_ends_at_its_limit_and_says_so() {
    let (hits, summary) = search("q=INFO&limit=2");
    assert_eq!((hits.len(), &summary["truncated"], &summary["endedBy"]), (2, &true.into(), &"limit".into()));
    assert!(summary["advice"].as_str().unwrap().contains("narrow it"), "{summary}");
    let (hits, summary) = search("q=nowhere+in+any+log");
    assert_eq!((hits.len(), &summary["truncated"], &summary["files"]), (0, &false.into(), &summary["filesRead"]));
}

#[test]
fn wrong_parameters_are_named() {
    for (query, name) in
        [("search", "q"), ("search?q=a(&regex=1", "q"), ("search?q=a&limit=0", "limit"), ("download?kind=all", "kind")]
    {
        let (status, headers, body) = ask("GET", &format!("{API}/logs/{query}"), &[]);
        assert_eq!((status, header(&headers, "content-type")), (400, "application/problem+json"), "{query}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert!(problem["detail"].as_str().unwrap().starts_with(name), "{query}: {body}");
    }
}

#[test]
fn a_head_reads_nothing_and_tells_the_size_of_a_download() {
    let (status, headers, body) = ask("HEAD", &format!("{API}/logs/search?q=INFO"), &[]);
    assert_eq!((status, header(&headers, "content-type"), body.as_str()), (200, "application/x-ndjson", ""));
    let (_, dry, size) = ask("GET", &format!("{API}/logs/download?dry=true&kind=worker"), &[]);
    let size: Value = serde_json::from_str(&size).unwrap();
    let (status, headers, body) = ask("HEAD", &format!("{API}/logs/download?kind=worker"), &[]);
    assert_eq!((status, header(&headers, "content-type"), body.as_str()), (200, "application/zip", ""));
    let name = "recsys-raycluster-9d4kq-session_2026-11-23_07-07-14_513426_5513-logs.zip";
    assert_eq!(header(&headers, "content-disposition"), format!("attachment; filename=\"{name}\""));
    for headers in [&dry, &headers] {
        assert_eq!(header(headers, "x-ray-history-log-files"), size["files"].to_string());
        assert_eq!(header(headers, "x-ray-history-log-bytes"), size["bytes"].to_string());
    }
    assert!(size["files"].as_u64() > Some(10), "{size}");
}

/// Returns the keys of all objects in a folder whose names end so.
pub(super) fn keys(folder: &Path, below: &Path, end: &str) -> Vec<String> {
    let entries = std::fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    let key = |path: &Path| path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
    let keys = entries.flat_map(|path| if path.is_dir() { keys(folder, &path, end) } else { vec![key(&path)] });
    keys.filter(|key| key.ends_with(end)).collect()
}

/// A file that cannot be read is named, in the summary and in the archive, and ends neither.
#[test]
fn unreadable_files_are_named_and_end_nothing() {
    let folder = unpacked().join("storage");
    let (address, store) = serving(Faulty::new(Arc::new(Local::open(&folder).unwrap())), Duration::from_secs(60));
    let get = |path: &str| exchange(&address, "GET", &format!("{API}/logs/{path}"), &[]);
    let (whole, _) = parsed(get("search?q=INFO&limit=10000"));
    let [key] = &keys(&folder, &folder, "logs/job-driver-serve-deploy.log")[..] else { panic!("several") };
    store.arm(key.as_str(), Fault::Always(ErrorKind::PermissionDenied));
    let (hits, summary) = parsed(get("search?q=INFO&limit=10000"));
    assert!(!hits.is_empty() && hits.len() < whole.len(), "{} of {}", hits.len(), whole.len());
    let unreadable = summary["unreadable"].as_array().unwrap();
    assert_eq!((unreadable.len(), &summary["unreadableFiles"], &summary["truncated"]), (1, &1.into(), &false.into()));
    assert_eq!(unreadable[0]["file"], "job-driver-serve-deploy.log");
    assert_eq!(unreadable[0]["why"], "the store refuses it");
    let (_, headers, archive) = get("download?job=serve-deploy");
    assert_eq!(header(&headers, "content-type"), "application/zip");
    assert!(archive.starts_with("PK\u{3}\u{4}") && archive.contains("MISSING.txt"), "{archive}");
}
