//! The functions of a session, by the API and on their page, against the list of tasks that Ray's own API gives.

use super::*;
use std::collections::BTreeMap;

const FUNCTIONS: &str = "/functions";

fn functions(query: &str) -> Value {
    let (status, body) = get(&format!("/api/history/v1{SESSION}{FUNCTIONS}{query}"));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Numbers of attempts by job, function and type: all, finished, failed, and not the first of their task.
type Counts = BTreeMap<[String; 3], [u64; 4]>;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn functions_count_what_rays_list_of_tasks_has() {
    let (_, body) = get(&format!("{SESSION}/api/v0/tasks?detail=1&all_rows=1"));
    let tasks: Value = serde_json::from_str(&body).unwrap();
    let mut expected = Counts::new();
    for task in tasks["data"]["result"]["result"].as_array().unwrap() {
        let key = [text(&task["job_id"]), text(&task["func_or_class_name"]), text(&task["type"])];
        let counts = expected.entry(key).or_default();
        counts[0] += 1;
        counts[1] += u64::from(task["state"] == "FINISHED");
        counts[2] += u64::from(task["state"] == "FAILED");
        counts[3] += u64::from(task["attempt_number"] != 0);
    }
    let list = functions("?limit=20000");
    let rows = list["functions"].as_array().unwrap();
    let counted = rows.iter().map(|row| {
        let key = ["jobId", "funcOrClassName", "type"].map(|name| text(&row[name]));
        (key, ["attempts", "finished", "failed", "retried"].map(|name| row[name].as_u64().unwrap()))
    });
    assert_eq!(counted.collect::<Counts>(), expected);
    assert!(rows.len() > 5 && list["total"] == rows.len(), "{list}");
    let sums: Vec<u64> = rows.iter().map(|row| row["run"]["sumUs"].as_u64().unwrap_or_default()).collect();
    assert!(sums.is_sorted_by(|a, b| a >= b) && sums[0] > 0, "those that ran longest come first: {sums:?}");
    assert!(rows[0]["firstAt"].as_str().unwrap().starts_with("2026-11-23T"), "{}", rows[0]);
}

#[test]
fn functions_are_limited_and_have_a_tag() {
    assert_eq!(functions("?limit=2")["functions"].as_array().unwrap().len(), 2);
    for limit in ["0", "20001", "x"] {
        assert_eq!(get(&format!("/api/history/v1{SESSION}{FUNCTIONS}?limit={limit}")).0, 400, "{limit}");
    }
    let path = format!("/api/history/v1{SESSION}{FUNCTIONS}");
    let (_, headers, _) = ask("GET", &path, &[]);
    assert_eq!(header(&headers, "x-ray-history-completeness"), "no-known-gaps");
    assert_eq!(ask("GET", &path, &[("If-None-Match", header(&headers, "etag"))]).0, 304);
    assert_eq!(get(&path.replace("recsys", "nosuch")).0, 404);
}

#[test]
fn functions_have_a_page() {
    let list = functions("?limit=1");
    let (status, page) = get(&format!("{SESSION}{FUNCTIONS}"));
    assert_eq!(status, 200);
    let name = list["functions"][0]["funcOrClassName"].as_str().unwrap();
    assert!(page.contains(&format!("<b>{name}</b>")) && page.contains("Run time"), "{page}");
    assert!(!page.contains("<script"));
}
