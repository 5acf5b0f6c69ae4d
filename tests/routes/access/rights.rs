//! What people with some rights see: lists, counts, pages, logs, values of environment variables, and who they are.

use super::{OTHER, OWN, SESSIONS, comparable, guarded, header, is_json, is_refused, start};
use ray_history_access::ReviewError;
use ray_history_settings::Redaction;

#[test]
fn lists_and_counts_have_what_is_visible_alone() {
    let server = guarded();
    let api = "/api/history/v1/sessions";
    for (token, namespaces) in [
        ("nora", &[][..]),
        ("sam", &[OWN.namespace]),
        ("tom", &[OTHER.namespace]),
        ("root", &[OWN.namespace, OTHER.namespace]),
    ] {
        let list = is_json(&server.ask(token, api));
        let items = list["sessions"].as_array().unwrap();
        let mut seen: Vec<&str> = items.iter().map(|item| item["namespace"].as_str().unwrap()).collect();
        seen.sort_unstable_by_key(|name| *name != OWN.namespace);
        assert_eq!((seen, &list["total"]), (namespaces.to_vec(), &namespaces.len().into()), "{token}");
        assert_eq!(list["why"].is_string(), namespaces.is_empty(), "{token}: {list}");
        let (_, headers, clusters) = server.ask(token, "/clusters?limit=1");
        assert_eq!(header(&headers, "x-total-count"), namespaces.len().to_string(), "{token}");
        assert_eq!(header(&headers, "link").is_empty(), namespaces.len() < 2, "{token}: {clusters}");
        let pages = ["/sessions/", "/select_cluster", "/sessions/?q=raycluster", "/clusters"];
        for page in pages {
            let (status, headers, body) = server.ask(token, page);
            assert_eq!(status, 200, "{page}");
            for place in [OWN, OTHER] {
                let shown = namespaces.contains(&place.namespace);
                assert_eq!(body.contains(place.namespace), shown, "{token} {page}: {headers:?} {body}");
                assert_eq!(body.contains(place.cluster), shown, "{token} {page}");
            }
        }
    }
    let (_, _, page) = server.ask("nora", "/sessions/");
    assert!(page.contains("may get sessions.history.ray.io in it") && page.contains("0 sessions"), "{page}");
    assert!(page.contains("You are nora.") && !page.contains("Log out"), "{page}");
}

/// A filter or a cursor for another tenant's names finds what it would find if they did not exist.
#[test]
fn filters_and_cursors_find_nothing_of_others() {
    let server = guarded();
    let api = "/api/history/v1/sessions";
    let whole = is_json(&server.ask("root", &format!("{api}?limit=1")));
    let cursor = whole["next"].as_str().unwrap();
    for query in [
        format!("namespace={}", OTHER.namespace),
        "q=hidden".to_owned(),
        format!("cluster={}", OTHER.cluster),
        format!("q={}", OTHER.namespace),
    ] {
        assert_eq!(is_json(&server.ask("sam", &format!("{api}?{query}")))["total"], 0, "{query}");
    }
    let page = is_json(&server.ask("sam", &format!("{api}?limit=1&after={cursor}")));
    assert_eq!((&page["total"], page["next"].is_null()), (&1.into(), true), "{page}");
}

#[test]
fn log_bodies_need_their_own_right() {
    let server = guarded();
    let bodies =
        ["/api/v0/logs/file?node_id=x&filename=y", "/api/jobs/serve-deploy/logs", "/api/v0/logs/stream?node_id=x"];
    for path in bodies.map(|path| format!("{}{path}", OWN.session())) {
        let refused = server.ask("sam", &path);
        assert!(is_refused(&refused) && refused.2.contains("\"sessions/log\""), "{path}: {refused:?}");
        assert!(!is_refused(&server.ask("lea", &path)), "{path}");
    }
    let names = format!("{}/api/v0/logs?node_id={}", OWN.session(), crate::NODE);
    assert_eq!(server.ask("sam", &names).0, 200, "names of files are no bodies");
    let log = server.ask("lea", &format!("{}/api/jobs/serve-deploy/logs", OWN.session()));
    assert_eq!(log.0, 200, "{log:?}");
}

/// Hidden from all who lack the right, whatever they ask with; and a tag of one is not that of another.
#[test]
fn values_of_environment_variables_are_shown_by_role() {
    let server = guarded();
    let path = format!("{}/api/jobs/train-exp1", OWN.session());
    let browser = [("User-Agent", "Mozilla/5.0"), ("Sec-Fetch-Mode", "cors")];
    let tag = |token: &str, shown: bool| {
        for headers in [&[][..], &browser] {
            let (status, _, body) = server.ask_with(token, &path, headers);
            assert_eq!(status, 200, "{body}");
            assert_eq!(body.contains(r#""RAY_TRAIN_V2_ENABLED":"1""#), shown, "{token}: {body}");
            let page =
                is_json(&server.ask_with(token, &format!("{}/api/v0/runtime_env_redaction", OWN.session()), headers));
            assert_eq!(page["data"]["redactionEnabled"], !shown, "{token}");
        }
        header(&server.ask(token, &path).1, "etag").to_owned()
    };
    let (hidden, shown) = (tag("lea", false), tag("eva", true));
    assert_ne!(hidden, shown);
    assert_eq!(server.ask_with("eva", &path, &[("If-None-Match", shown.as_str())]).0, 304);
    assert_eq!(server.ask_with("eva", &path, &[("If-None-Match", hidden.as_str())]).0, 200);
    assert_eq!(server.ask_with("", &path, &[("If-None-Match", shown.as_str())]).0, 401, "a tag is no permission");
    assert_eq!(server.ask_with("nora", &path, &[("If-None-Match", shown.as_str())]).0, 403);
}

#[test]
fn whoami_names_the_person_and_the_namespaces() {
    let server = guarded();
    let of = |token: &str| is_json(&server.ask(token, "/api/history/v1/whoami"));
    let expected = |user: &str, all: bool, namespaces: &[&str]| serde_json::json!({"user": user, "way": "bearer", "allNamespaces": all, "namespaces": namespaces});
    assert_eq!(of("nora"), expected("nora", false, &[]));
    assert_eq!(of("sam"), expected("sam", false, &[OWN.namespace]));
    assert_eq!(of("root"), expected("root", true, &[]));
    assert_eq!(server.ask("", "/api/history/v1/whoami").0, 401);
}

/// Errors say what to do: to the users of Ray's command line, and as `kubectl` does.
#[test]
fn refusals_say_what_to_do() {
    let server = guarded();
    let path = format!("{}/api/v0/tasks", OWN.session());
    let (status, headers, body) = server.ask("", &path);
    assert_eq!((status, header(&headers, "www-authenticate")), (401, "Bearer realm=\"ray-history\""));
    assert_eq!(header(&headers, "cache-control"), "no-store");
    assert!(body.contains("export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=$(kubectl create token"), "{body}");
    let (status, _, body) = server.ask("tom", &path);
    let text = "sessions.history.ray.io is forbidden: User \"tom\" cannot get resource \"sessions\" in API group \
                \"history.ray.io\" in the namespace \"ml-serving\"";
    assert!(status == 403 && body.contains(text), "{body}");
    let (status, headers, body) = server.ask("tom", &format!("/api/history/v1{}", OWN.session()));
    assert_eq!((status, header(&headers, "content-type")), (403, "application/problem+json"), "{body}");
    assert!(body.contains("tag:history.ray.io,2026:forbidden"), "{body}");
}

#[test]
fn without_kubernetes_nobody_new_is_let_in() {
    let server = start(Redaction::Browsers, true);
    let path = format!("{}/nodes?view=summary", OWN.session());
    assert_eq!(server.ask("sam", &path).0, 200);
    server.reviewer.fail(Some(ReviewError::Unreachable("away".to_owned())));
    assert_eq!(server.ask("sam", &path).0, 200, "what was decided holds for a while");
    let (status, headers, body) = server.ask("lea", &path);
    assert_eq!((status, header(&headers, "retry-after")), (503, "5"), "{body}");
    assert!(!body.contains("away"), "{body}");
    assert_eq!(comparable(server.ask("", &path)).0, 401, "nobody needs no review");
    assert_eq!(server.ask("", "/livez").0, 200);
    server.reviewer.fail(None);
    server.reviewer.allow("nora", SESSIONS, OWN.namespace);
    assert_eq!(server.ask("nora", &path).0, 200);
}

#[test]
fn a_thousand_clients_of_one_person_are_one_review() {
    let server = start(Redaction::Browsers, true);
    let (path, before) = (format!("{}/nodes?view=summary", OWN.session()), server.reviewer.token_reviews());
    assert_eq!(server.ask("sam", &path).0, 200);
    let ask = || (0..40).all(|_| server.ask("sam", &path).0 == 200);
    assert!(std::thread::scope(|scope| {
        let clients: Vec<_> = (0..25).map(|_| scope.spawn(ask)).collect();
        clients.into_iter().all(|client| client.join().unwrap())
    }));
    assert_eq!(server.reviewer.token_reviews() - before, 1);
}
