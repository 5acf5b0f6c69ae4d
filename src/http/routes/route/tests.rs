use super::*;
use crate::http::request::path;
use actix_web::test::{TestRequest, call_and_read_body, init_service};
use actix_web::{App, web};

fn found(path: &str) -> Option<(&'static str, Mount, Vec<String>)> {
    let segments = path::segments(path).unwrap();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let Found { route, mount, names } = find(&segments, true)?;
    Some((route.path, mount, names.into_iter().map(str::to_owned).collect()))
}

#[test]
fn finds_the_row_and_names_of_a_path() {
    let session = "session_2026-11-22_23-11-33_821800_1";
    for (path, pattern, mount, names) in [
        ("/".to_owned(), "/", Mount::Server, vec![]),
        ("/sessions/".into(), "/sessions/", Mount::Server, vec![]),
        (format!("/sessions/a%2Fb/c/{session}/nodes"), "/nodes", Mount::Session, vec!["a/b", "c", session]),
        (
            format!("/sessions/a/c/{session}/nodes/x%2Fy/"),
            "/nodes/{id}",
            Mount::Session,
            vec!["a", "c", session, "x/y"],
        ),
        (
            format!("/sessions/a/c/{session}/static/js//x"),
            "/static/{below}",
            Mount::Session,
            vec!["a", "c", session, "js", "", "x"],
        ),
        (
            format!("/sessions/a/c/{session}/"),
            "/sessions/{namespace}/{cluster}/{session}/",
            Mount::Server,
            vec!["a", "c", session],
        ),
        (format!("/sessions/a/c/{session}/nope"), BELOW_SESSION, Mount::Server, vec!["a", "c", session, "nope"]),
        (
            "/sessions/a/c/latest/nodes".into(),
            "/sessions/{namespace}/{cluster}/latest/{below}",
            Mount::Server,
            vec!["a", "c", "nodes"],
        ),
        ("/rayjobs/a/j/latest/".into(), "/rayjobs/{namespace}/{name}/latest/", Mount::Server, vec!["a", "j"]),
        (
            "/submissions/a/s/latest/api/v0/tasks".into(),
            "/submissions/{namespace}/{id}/latest/{below}",
            Mount::Server,
            vec!["a", "s", "api", "v0", "tasks"],
        ),
        ("/nodes/x".into(), "/nodes/{id}", Mount::Root, vec!["x"]),
        ("/nope/x".into(), "/{below}", Mount::Server, vec!["nope", "x"]),
        ("/api/history/v2".into(), "/api/history/{below}", Mount::Server, vec!["v2"]),
    ] {
        let names = names.into_iter().map(str::to_owned).collect();
        assert_eq!(found(&path), Some((pattern, mount, names)), "{path}");
    }
}

/// The reason for a matcher of our own. If this fails, actix-web's may have become enough.
#[actix_web::test]
async fn the_router_of_actix_web_decodes_twice() {
    let echo = web::get().to(async |id: web::Path<String>| id.into_inner());
    let app = init_service(App::new().route("/nodes/{id}", echo)).await;
    let own = |raw: &str| found(raw).map(|(_, _, names)| names);
    for (raw, theirs, ours) in [("a%2Fb", "a/b", "a/b"), ("%252F", "%2F", "%2F"), ("%%32%46", "/", "%2F")] {
        let raw = format!("/nodes/{raw}");
        let body = call_and_read_body(&app, TestRequest::with_uri(&raw).to_request()).await;
        assert_eq!((body.as_ref(), own(&raw)), (theirs.as_bytes(), Some(vec![ours.to_owned()])), "{raw}");
    }
    let lossy = call_and_read_body(&app, TestRequest::with_uri("/nodes/%ff").to_request()).await;
    assert_eq!(lossy.as_ref(), "\u{fffd}".as_bytes());
    assert!(path::segments("/nodes/%ff").is_err());
}
