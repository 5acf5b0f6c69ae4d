//! Route patterns: what a URL is called in metrics and logs, so that no label ever holds a name from outside.
//!
//! Pure. A URL that is not in the table is `{other}`; a new route gets a line here.

/// The pattern of a request's route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoutePattern(pub(super) &'static str);

impl RoutePattern {
    /// What is in no table.
    pub(super) const OTHER: Self = Self("{other}");
}

/// How many segments name a session: `sessions`, namespace, cluster, session.
const PREFIX: usize = 4;

/// Each pattern below a session, alone (for the routes at the root) and with the session's prefix.
macro_rules! below {
    ($($pattern:literal)*) => {
        const BELOW: &[(&str, &str)] = &[$((
            concat!("/", $pattern),
            concat!("/sessions/{namespace}/{cluster}/{session}/", $pattern),
        )),*];
    };
}

below! {
    ""
    "api/cluster_status"
    "api/data/datasets/{job}"
    "api/grafana_health"
    "api/jobs"
    "api/jobs/"
    "api/jobs/{id}"
    "api/jobs/{id}/logs"
    "api/prometheus_health"
    "api/serve/applications/"
    "api/train/v2/runs"
    "api/train/v2/runs/v1"
    "api/v0/actors"
    "api/v0/actors/summarize"
    "api/v0/cluster_events"
    "api/v0/cluster_metadata"
    "api/v0/jobs"
    "api/v0/logs"
    "api/v0/logs/file"
    "api/v0/logs/stream"
    "api/v0/nodes"
    "api/v0/objects"
    "api/v0/objects/summarize"
    "api/v0/placement_groups"
    "api/v0/platform_events"
    "api/v0/runtime_env_redaction"
    "api/v0/runtime_envs"
    "api/v0/tasks"
    "api/v0/tasks/summarize"
    "api/v0/tasks/timeline"
    "api/v0/workers"
    "api/version"
    "events"
    "logical/actors"
    "logical/actors/{id}"
    "nodes"
    "nodes/{id}"
    "timezone"
    "{other}"
}

const ROOT: &[&str] = &[
    "/",
    "/api/history/v1/sessions",
    "/api/history/v1/sessions/{namespace}/{cluster}/{session}",
    "/api/history/v1/sessions/{namespace}/{cluster}/{session}/progress",
    "/clusters",
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi.json",
    "/readyz",
    "/readz",
    "/sessions",
    "/sessions/",
    "/sessions/sessions.css",
    "/sessions/sessions.js",
    "/sessions/{namespace}/{cluster}/{session}",
];

/// The pattern of a path that was taken apart.
pub(super) fn of(segments: &[&str]) -> RoutePattern {
    let pattern = match segments {
        ["sessions", _, _, _, "static" | "speedscope-1.5.3", ..] => {
            Some("/sessions/{namespace}/{cluster}/{session}/static/{file}")
        }
        ["static", ..] => Some("/static/{file}"),
        ["enter_cluster", ..] => Some("/enter_cluster/{name}"),
        ["select_cluster", ..] => Some("/select_cluster/{name}"),
        ["rayjobs", ..] => Some("/rayjobs/{name}"),
        ["rayservices", ..] => Some("/rayservices/{name}"),
        ["rayclusters", ..] => Some("/rayclusters/{name}"),
        ["submissions", ..] => Some("/submissions/{name}"),
        ["sessions", _, _, _, below @ ..] if !below.is_empty() => BELOW
            .iter()
            .find(|(alone, _)| matches(alone, &segments[PREFIX..]))
            .map(|(_, full)| *full)
            .or(Some("/sessions/{namespace}/{cluster}/{session}/{other}")),
        _ => {
            let root = ROOT.iter().find(|pattern| matches(pattern, segments)).copied();
            root.or_else(|| BELOW.iter().map(|(alone, _)| *alone).find(|alone| matches(alone, segments)))
        }
    };
    pattern.map_or(RoutePattern::OTHER, RoutePattern)
}

/// Whether segments fit a pattern; a word in braces fits one segment that is not empty.
fn matches(pattern: &str, segments: &[&str]) -> bool {
    let mut wanted = pattern[1..].split('/');
    let fits = |word: &str, segment: &str| word == segment || (word.starts_with('{') && !segment.is_empty());
    segments.iter().all(|segment| wanted.next().is_some_and(|word| fits(word, segment))) && wanted.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_its_pattern_and_never_by_its_names() {
        for (path, pattern) in [
            ("/", "/"),
            ("/livez", "/livez"),
            ("/sessions/", "/sessions/"),
            ("/sessions/ns/c/s", "/sessions/{namespace}/{cluster}/{session}"),
            ("/sessions/ns/c/s/", "/sessions/{namespace}/{cluster}/{session}/"),
            ("/sessions/ns/c/s/nodes/abc", "/sessions/{namespace}/{cluster}/{session}/nodes/{id}"),
            ("/sessions/ns/c/s/static/js/main.js", "/sessions/{namespace}/{cluster}/{session}/static/{file}"),
            ("/sessions/ns/c/s/api/v0/tasks", "/sessions/{namespace}/{cluster}/{session}/api/v0/tasks"),
            ("/sessions/ns/c/s/x/../etc", "/sessions/{namespace}/{cluster}/{session}/{other}"),
            ("/api/v0/tasks", "/api/v0/tasks"),
            ("/api/v0/../../etc/passwd", "{other}"),
            ("/wp-login.php", "/{other}"),
        ] {
            let segments: Vec<&str> = path[1..].split('/').collect();
            assert_eq!(of(&segments), RoutePattern(pattern), "{path}");
        }
    }
}
