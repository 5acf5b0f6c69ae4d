use super::route::{Handler, find};
use super::*;
use crate::http::request::path;
use std::collections::BTreeSet;
use std::path::Path;

/// Families that the `OpenAPI` document leaves out.
const OUTSIDE_OPENAPI: [(Family, &str); 3] = [
    (Family::Ray, "Ray's own URLs, of which Ray has the documentation"),
    (Family::Pages, "pages for people, and what they load"),
    (Family::Probes, "their formats are those of Kubernetes and Prometheus"),
];

/// Other rows without an entry in the `OpenAPI` document.
const NOT_IN_OPENAPI: [(&str, &str); 21] = [
    ("/login", "a page"),
    ("/logout", "what a page asks"),
    ("/sessions/login.js", "what a page loads"),
    ("/", "a page"),
    ("/select_cluster", "a page"),
    ("/enter_cluster/{namespace}/{kind_or_cluster}/{name_or_session}", "short and older forms of the documented one"),
    (BELOW_ROOT, "answers what no row has"),
    ("/api/history/{below}", "answers what no row has"),
    ("/api/history/v1/sessions/{namespace}/{cluster}/{session}/", "the same as without the `/`"),
    ("/openapi.json", "the document itself"),
    ("/rayjobs/{namespace}/{name}/latest/", "the same as without the `/`"),
    ("/rayservices/{namespace}/{name}/latest/", "the same as without the `/`"),
    ("/rayclusters/{namespace}/{name}/latest/", "the same as without the `/`"),
    ("/submissions/{namespace}/{id}/latest/", "the same as without the `/`"),
    ("/rayjobs/{namespace}/{name}/latest/{below}", "any path: OpenAPI has no pattern for several segments"),
    ("/rayservices/{namespace}/{name}/latest/{below}", "any path: OpenAPI has no pattern for several segments"),
    ("/rayclusters/{namespace}/{name}/latest/{below}", "any path: OpenAPI has no pattern for several segments"),
    ("/submissions/{namespace}/{id}/latest/{below}", "any path: OpenAPI has no pattern for several segments"),
    ("/sessions/{namespace}/{cluster}/latest", "an address for Ray's clients, below a session's path"),
    ("/sessions/{namespace}/{cluster}/latest/", "an address for Ray's clients, below a session's path"),
    ("/sessions/{namespace}/{cluster}/latest/{below}", "an address for Ray's clients, below a session's path"),
];

/// Rows without a line in `docs/api.md`.
const NOT_IN_DOCS: [(&str, &str); 14] = [
    ("/sessions/login.js", "what a page loads"),
    ("/api/history/{below}", "what no other row of it has"),
    ("/sessions/sessions.js", "what a page loads"),
    ("/sessions/sessions.css", "what a page loads"),
    ("/sessions/icon.svg", "what a page loads"),
    ("/sessions/bar.js", "what the dashboard loads"),
    ("/favicon.ico", "what browsers load"),
    ("/asset-manifest.json", "a file of Ray's dashboard"),
    ("/manifest.json", "a file of Ray's dashboard"),
    ("/speedscope-1.5.3/{below}", "a file of Ray's dashboard"),
    ("/worker/{id}", "Ray's profiler, which needs a running worker"),
    ("/task/{id}", "Ray's profiler, which needs a running worker"),
    ("/memory_profile", "Ray's profiler, which needs a running worker"),
    ("/usage_stats_enabled", "an answer that is the same for every session"),
];

/// A pattern with the names of its segments left out: `/a/{}/…`, without a final `/`.
fn shape(pattern: &str) -> String {
    let segment = |segment: &str| match segment {
        "{below}" | "…" => "…".to_owned(),
        name if name.starts_with('{') => "{}".to_owned(),
        fixed => fixed.to_owned(),
    };
    let shape: Vec<String> = pattern.split('/').map(segment).collect();
    shape.join("/").trim_end_matches('/').to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn row_of(path: &str) -> &'static Route {
    TABLE.iter().find(|route| route.path == path).unwrap_or_else(|| panic!("{path} is no row"))
}

#[test]
fn each_path_stands_once() {
    let paths: BTreeSet<(&str, bool)> = TABLE.iter().map(|route| (route.path, route.only_guarded)).collect();
    assert_eq!(paths.len(), TABLE.len());
}

#[test]
fn names_are_patterns_of_the_table() {
    for route in TABLE {
        assert!(TABLE.iter().any(|other| other.path == route.name), "{}", route.name);
    }
}

/// The guard judges the name that the pattern calls a namespace, so a row about sessions has one, or the cookies do.
#[test]
fn rows_about_sessions_have_a_namespace() {
    for route in TABLE {
        let named = route.path.split('/').find(|part| part.starts_with('{')) == Some("{namespace}");
        match (route.need, &route.handler) {
            (Need::Document, _) | (Need::Namespace | Need::Logs, Handler::Own(_)) => assert!(named, "{}", route.path),
            (Need::Open, Handler::Own(_)) => {
                let is_redirect = route.path == "/sessions/{namespace}/{cluster}/{session}";
                assert!(!named || is_redirect, "{}: a name that is not judged", route.path);
            }
            _ => {}
        }
    }
}

/// Only what everybody may have is open.
#[test]
fn the_open_rows_are_these() {
    let open: Vec<&str> = TABLE
        .iter()
        .filter(|route| matches!(route.need, Need::Open | Need::Document))
        .map(|route| route.path)
        .collect();
    let expected = [
        "/sessions",
        "/sessions/sessions.js",
        "/sessions/sessions.css",
        "/sessions/icon.svg",
        "/login",
        "/sessions/login.js",
        "/logout",
        "/api/authentication_mode",
        "/api/authenticate",
        "/api/history/{below}",
        "/openapi.json",
        "/livez",
        "/healthz",
        "/readyz",
        "/readz",
        "/metrics",
        "/sessions/bar.js",
        "/sessions/{namespace}/{cluster}/{session}",
        "/sessions/{namespace}/{cluster}/{session}/",
        "/static/{below}",
        "/speedscope-1.5.3/{below}",
        "/favicon.ico",
        "/asset-manifest.json",
        "/manifest.json",
    ];
    assert_eq!(open, expected);
}

#[test]
fn only_probes_are_exempt_from_limits() {
    for (path, exempt) in
        [("/livez", true), ("/metrics", true), ("/livez/", false), ("/live%7A", false), ("/", false), ("/nodes", false)]
    {
        assert_eq!(is_probe(path), exempt, "{path}");
    }
}

#[test]
fn the_openapi_document_has_every_route_of_ours() {
    let document: serde_json::Value = serde_json::from_str(openapi::document()).unwrap();
    let documented: BTreeSet<String> = (document["paths"].as_object().unwrap().keys())
        .flat_map(|path| match path.strip_prefix("/{family}") {
            Some(rest) => {
                ["rayjobs", "rayservices", "rayclusters", "submissions"].map(|f| format!("/{f}{rest}")).to_vec()
            }
            None => vec![path.clone()],
        })
        .map(|path| shape(&path))
        .collect();
    let mut rows = BTreeSet::new();
    for route in TABLE {
        let exception = NOT_IN_OPENAPI.iter().any(|(path, _)| *path == route.path);
        if !exception && !OUTSIDE_OPENAPI.iter().any(|(family, _)| *family == route.family) {
            assert!(documented.contains(&shape(route.path)), "{} is not in the OpenAPI document", route.path);
            rows.insert(shape(route.path));
        }
    }
    assert_eq!(documented, rows, "the OpenAPI document has exactly the rows of the table");
    for (path, _) in NOT_IN_OPENAPI {
        row_of(path);
    }
}

/// The URLs that a document writes in backticks, with their optional parts: `/a[/b]` is `/a` and `/a/b`.
fn urls(text: &str) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let urls = quoted.filter(|quoted| quoted.starts_with('/') && !quoted.contains('?'));
    urls.flat_map(|url| {
        let parts: Vec<&str> = url.trim_end_matches(']').split('[').collect();
        (1..=parts.len()).map(|n| parts[..n].concat()).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn the_docs_have_every_route_and_no_other() {
    let api = read("docs/api.md");
    let documented: Vec<String> = urls(&api);
    let covers = |url: &str, route: &Route| {
        let (url, row) = (shape(url), shape(route.path));
        url == row || url.strip_suffix('…').is_some_and(|start| row.starts_with(start))
    };
    let operations = read("docs/operations.md");
    for route in TABLE {
        let exception = NOT_IN_DOCS.iter().any(|(path, _)| *path == route.path);
        let covered = match route.family {
            Family::Probes => operations.contains(&format!("`{}`", route.path)),
            Family::Ray => documented.iter().any(|url| covers(url, route)),
            // `/api/…` stands for Ray's.
            _ => documented.iter().any(|url| shape(url) == shape(route.path)),
        };
        let fallback = [BELOW_ROOT, BELOW_SESSION].contains(&route.path);
        assert!(covered != exception || fallback, "{}: in the docs {covered}, an exception {exception}", route.path);
    }
    for url in &documented {
        let segments = path::segments(url).unwrap();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        // An example is answered by a row that is not for all other paths.
        let for_all_others = [BELOW_ROOT, BELOW_SESSION, "/api/history/{below}"];
        let example = find(&segments, true).is_some_and(|found| !for_all_others.contains(&found.route.path));
        assert!(example || TABLE.iter().any(|route| covers(url, route)), "{url} is no route");
    }
    for (path, _) in NOT_IN_DOCS {
        row_of(path);
    }
}
