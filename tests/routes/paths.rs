//! Odd paths: which row of the table answers each of them, with which status.
//!
//! The committed snapshot is the table that clients rely on: `%2F`, `//`, `%252F`, final slashes and dot segments are
//! neither normalised nor decoded twice. The row is read from the metrics of a server that gets no other requests.

use super::{Reply, SESSION, TRACED, base, exchange_raw, header, start};
use std::fmt::Write;

const CLUSTER: &str = "recsys-raycluster-9d4kq";
const NAME: &str = "session_2026-11-23_07-07-14_513426_5513";
const BROWSER: (&str, &str) = ("Accept", "text/html");

/// Paths below a session, below `latest`, and at the root with and without cookies.
const BELOW: &[&str] = &[
    "",
    "/",
    "//",
    "/.",
    "/..",
    "/%2e%2e/",
    "/%2F",
    "/nodes",
    "/nodes/",
    "/nodes//",
    "//nodes",
    "/nodes/%2F",
    "/nodes%2F",
    "/%6eodes",
    "/Nodes",
    "/nodes/..",
    "/nodes/a%2Fb",
    "/nodes/a%252Fb",
    "/nodes/%%32%46",
    "/nodes/%ff",
    "/nodes/%zz",
    "/nodes/a/b",
    "/nodes/%00",
    "/./nodes",
    "/x/../nodes",
    "/api",
    "/api/",
    "/api/v0",
    "/api/v0/tasks",
    "/api/v0/tasks/",
    "/api/v0/tasks//",
    "/api//v0/tasks",
    "/api%2Fv0%2Ftasks",
    "/api/v0/tasks%2Fsummarize",
    "/api/v0/tasks/summarize",
    "/api/v0/tasks/timeline",
    "/api/v0/tasks;a=b",
    "/api/v0/tasks?a=%2F//b",
    "/api/v0/logs",
    "/api/v0/logs/",
    "/api/v0/logs/file",
    "/api/v0/logs/file/",
    "/api/v0/logs/f%2Fg",
    "/api/v0/logs/file/x",
    "/api/v0/nope",
    "/api/v0/actors/summarize/",
    "/api/v0/objects",
    "/api/v0/platform_events",
    "/api/v0/runtime_env_redaction",
    "/api/jobs",
    "/api/jobs/",
    "/api/jobs/a%2Fb",
    "/api/jobs/train-exp1/",
    "/api/jobs/train-exp1/logs",
    "/api/jobs/train-exp1/logs/",
    "/api/jobs/train-exp1/logs/tail",
    "/api/jobs//logs",
    "/api/serve/applications/",
    "/api/serve/applications//",
    "/api/data/datasets/",
    "/api/train/v2/runs",
    "/api/train/v2/runs/v1/",
    "/api/history/v1/sessions",
    "/logical/actors",
    "/logical/actors/",
    "/logical/actors/x%2Fy",
    "/worker/traceback",
    "/task/",
    "/task/cpu_profile",
    "/memory_profile",
    "/usage_stats_enabled/",
    "/events",
    "/events/x",
    "/timezone",
    "/static",
    "/static/",
    "/static//",
    "/static/js/main.js",
    "/static/js/main.js/",
    "/static/js%2Fmain.js",
    "/static/%2e%2e/secret",
    "/static/../secret",
    "/static/js/missing.js",
    "/speedscope-1.5.3",
    "/speedscope-1.5.3/index.html",
    "/favicon.ico",
    "/favicon.ico/",
    "/manifest.json",
    "/asset-manifest.json/x",
    "/index.html",
    "/sessions/bar.js",
    "/*",
    "/{id}",
    "/%7Bbelow%7D",
    "/a b",
];

/// Paths of our own.
const OWN: &[&str] = &[
    "*",
    "/%ff",
    "/sessions",
    "/sessions/",
    "/sessions//",
    "//sessions/",
    "/sess%69ons/",
    "/sessions%2F",
    "/sessions/bar.js",
    "/sessions/bar.js/",
    "/sessions/sessions.js",
    "/sessions/sessions.css",
    "/sessions/icon.svg",
    "/sessions/nope",
    "/sessions/ml-serving",
    "/sessions/ml-serving/",
    "/sessions/ml-serving/x",
    "/sessions/ml-serving/x/",
    "/sessions/ml-serving/x/y",
    "/sessions/ml-serving/x/y/",
    "/sessions/ml-serving/x/y/nodes",
    "/sessions/ml-serving/x/y/static/js/main.js",
    "/sessions/ml-serving//y/nodes",
    "/sessions//x/latest/nodes",
    "/sessions/ml-serving/x%2Fz/session_2026-11-23_07-07-14_513426_5513",
    "/sessions/ml-serving/x%252Fz/session_2026-11-23_07-07-14_513426_5513/",
    "/sessions/ml-serving/../session_2026-11-23_07-07-14_513426_5513/nodes",
    "/sessions/ml-serving/_/session_2026-11-23_07-07-14_513426_5513/",
    "/sessions/ml%2Dserving/recsys-raycluster-9d4kq/session%5F2026-11-23_07-07-14_513426_5513",
    "/sessions/ml%2Dserving/recsys-raycluster-9d4kq/session%5F2026-11-23_07-07-14_513426_5513/timezone",
    "/sessions/ml-serving/x/LATEST/",
    "/sessions/ml-serving/x/latest",
    "/sessions/ml-serving/x/latest/",
    "/sessions/ml-serving/x/latest/nodes",
    "/api/history",
    "/api/history/",
    "/api/history/v1",
    "/api/history/v1/sessions",
    "/api/history/v1/sessions/",
    "/api/history/v1/sessions/a/b",
    "/api/history/v1/sessions/a/b/c",
    "/api/history/v1/sessions/a/b/c/load",
    "/api/history/v1/sessions/a/b/c/load/",
    "/api/history/v1/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513",
    "/api/history/v1/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513/",
    "/api/history/v1/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513//",
    "/api/history/v1/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513/load",
    "/api/history/v1/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513/x",
    "/api/history/v1/sessions/ml-serving/recsys-raycluster-9d4kq/latest",
    "/openapi.json",
    "/openapi.json/",
    "/clusters",
    "/clusters/",
    "/clusters?limit=0",
    "/select_cluster",
    "/select_cluster/",
    "/select_cluster?limit=x",
    "/enter_cluster",
    "/enter_cluster/",
    "/enter_cluster/ml-serving/raycluster",
    "/enter_cluster/ml-serving/raycluster/recsys-raycluster-9d4kq",
    "/enter_cluster/ml-serving/raycluster/recsys-raycluster-9d4kq/",
    "/enter_cluster/ml-serving/raycluster/recsys-raycluster-9d4kq/latest",
    "/enter_cluster/ml-serving/raycluster/recsys-raycluster-9d4kq/latest/",
    "/enter_cluster/ml-serving/raycluster/recsys-raycluster-9d4kq/latest/x",
    "/enter_cluster/ml-serving/raycluster//latest",
    "/enter_cluster/ml-serving/ray%2Fcluster/x/latest",
    "/rayjobs",
    "/rayjobs/ml-serving",
    "/rayjobs/ml-serving/",
    "/rayjobs/ml-serving/x",
    "/rayjobs/ml-serving/x/",
    "/rayjobs/ml-serving/x/y",
    "/rayjobs/ml-serving/x/latest",
    "/rayjobs/ml-serving/x/latest/nodes",
    "/rayservices/ml-serving/recsys",
    "/rayservices/ml-serving/recsys/latest",
    "/rayservices/ml-serving/recsys/latest/",
    "/rayservices/ml-serving/recsys/latest//nodes/%2F",
    "/rayservices/ml-serving/rec%73ys/latest/%2e%2e/x",
    "/rayclusters/ml-serving/recsys-raycluster-9d4kq",
    "/rayclusters/ml-serving/recsys-raycluster-9d4kq/latest/",
    "/rayclusters/ml-serving/_/latest",
    "/submissions/ml-serving/serve-deploy",
    "/submissions/ml-serving/serve%2Fdeploy",
    "/submissions/ml-serving/serve-deploy/latest/x",
    "/submissions/ml-serving/nope/latest",
    "/livez",
    "/livez/",
    "/live%7A",
    "/livez?verbose",
    "/healthz",
    "/readyz",
    "/readz",
    "/readz/x",
    "/metrics",
    "/metrics/",
];

/// The row of the table that answered the last request: the one whose counter grew.
struct Rows {
    address: String,
    counts: Vec<(String, u64)>,
}

impl Rows {
    fn counts(&self) -> Vec<(String, u64)> {
        let (_, _, metrics) = exchange_raw(&self.address, "GET", "/metrics", &[]);
        let lines = metrics.lines().filter_map(|line| line.strip_prefix("ray_history_http_requests_total"));
        let mut counts: Vec<(String, u64)> = Vec::new();
        for (labels, count) in lines.filter_map(|line| line.rsplit_once(' ')) {
            let route = labels.split("route=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
            let count: u64 = count.parse().unwrap();
            match counts.iter_mut().find(|(known, _)| known == route) {
                Some((_, sum)) => *sum += count,
                None => counts.push((route.to_owned(), count)),
            }
        }
        counts
    }

    /// A request is counted when its answer was sent, which may be a moment later than its client has it.
    fn answered(&mut self) -> String {
        for _ in 0..200 {
            let counts = self.counts();
            let before = |route: &str| self.counts.iter().find(|(known, _)| known == route).map_or(0, |known| known.1);
            // The request for the counts before counts, too.
            let grown = |(route, count): &&(String, u64)| *count > before(route) + u64::from(route == "/metrics");
            let grown = counts.iter().find(grown).map(|(route, _)| route.clone());
            self.counts = counts;
            if let Some(grown) = grown {
                return grown;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        panic!("no counter grew");
    }
}

fn line(out: &mut String, rows: &mut Rows, method: &str, path: &str, kind: &str, headers: &[(&str, &str)]) {
    let headers: Vec<_> = headers.iter().copied().chain([TRACED]).collect();
    let (status, seen, body): Reply = exchange_raw(&rows.address, method, path, &headers);
    let path = path.replace(SESSION, "SESSION");
    let _ = write!(out, "{kind}{method} {path} -> {status} {}", rows.answered());
    for name in ["content-type", "location", "allow", "cache-control", "vary"] {
        let value = header(&seen, name).replace(&SESSION[1..], "SESSION");
        if !value.is_empty() {
            let _ = write!(out, " | {value}");
        }
    }
    let first = body.lines().next().unwrap_or_default();
    if status >= 400 && method == "GET" {
        let _ = write!(out, " | {}", first.chars().take(100).collect::<String>().replace(SESSION, "SESSION"));
    }
    out.push('\n');
}

#[test]
fn odd_paths_are_answered_by_the_same_rows_as_ever() {
    base();
    let address = start();
    // The session is open from here on, so that no answer depends on a load.
    assert_eq!(exchange_raw(&address, "GET", &format!("{SESSION}/timezone"), &[]).0, 200);
    let mut rows = Rows { address, counts: Vec::new() };
    std::thread::sleep(std::time::Duration::from_millis(100));
    rows.counts = rows.counts();
    let mut out = String::new();
    let cookies = format!("cluster_namespace=ml-serving; cluster_name={CLUSTER}; session_name={NAME}");
    let latest = format!("/sessions/ml-serving/{CLUSTER}/latest");
    for below in BELOW {
        // A space cannot be sent.
        let below = below.replace(' ', "%20");
        line(&mut out, &mut rows, "GET", &format!("{SESSION}{below}"), "", &[]);
        line(&mut out, &mut rows, "GET", &format!("{latest}{below}"), "", &[]);
        if !below.is_empty() {
            line(&mut out, &mut rows, "GET", &below, "", &[]);
            line(&mut out, &mut rows, "GET", &below, "page ", &[BROWSER]);
            line(&mut out, &mut rows, "GET", &below, "cookies ", &[("Cookie", &cookies)]);
        }
    }
    for path in OWN {
        line(&mut out, &mut rows, "GET", path, "", &[]);
        line(&mut out, &mut rows, "GET", path, "page ", &[BROWSER]);
    }
    for path in
        ["/", "/sessions/", "/nodes", "/livez", "/nope", "/openapi.json", "/clusters", "/select_cluster", "/%ff"]
    {
        for method in ["HEAD", "OPTIONS", "POST", "DELETE", "PATCH", "BREW"] {
            line(&mut out, &mut rows, method, path, "", &[]);
        }
    }
    for below in ["", "/", "/nodes", "/api/v0/tasks", "/static/js/main.js", "/nope"] {
        for method in ["HEAD", "OPTIONS", "PUT"] {
            line(&mut out, &mut rows, method, &format!("{SESSION}{below}"), "", &[]);
            line(&mut out, &mut rows, method, &format!("{latest}{below}"), "", &[]);
        }
    }
    insta::assert_snapshot!("paths", out);
}
