//! Headers of answers, revalidation, compression, and our own API.

use super::{SESSION, TRACED, ask, header};
use serde_json::Value;

const API: &str = "/api/history/v1/sessions/ml-serving/recsys-raycluster-9d4kq/session_2026-11-23_07-07-14_513426_5513";

#[test]
fn every_answer_below_a_session_carries_its_state() {
    for path in
        ["/api/jobs/", "/api/jobs/nope", "/nodes?view=summary", "/api/v0/tasks?limit=2", "/timezone", "/", "/nope"]
    {
        ask("GET", &format!("{SESSION}/timezone"), &[]);
        let (_, headers, _) = ask("GET", &format!("{SESSION}{path}"), &[]);
        assert_eq!(header(&headers, "x-ray-history-state"), "unknown", "{path}");
        assert_eq!(header(&headers, "x-ray-history-completeness"), "no-known-gaps", "{path}");
        assert!(header(&headers, "x-ray-history-as-of").starts_with("2026-11-23T"), "{path}");
    }
}

#[test]
fn a_client_that_has_an_answer_gets_304_without_a_body() {
    for path in ["/api/jobs/", "/nodes?view=summary", "/api/v0/tasks?limit=2", "/api/v0/tasks/summarize"] {
        let path = format!("{SESSION}{path}");
        let (_, headers, body) = ask("GET", &path, &[]);
        let tag = header(&headers, "etag").to_owned();
        assert!(tag.starts_with('"') && !body.is_empty(), "{path}: {tag}");
        assert_eq!(header(&headers, "cache-control"), "private, no-cache");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
            let (status, headers, body) = ask("GET", &path, &[("If-None-Match", &known)]);
            assert_eq!((status, body.as_str(), header(&headers, "etag")), (304, "", tag.as_str()), "{known}");
            assert_ne!(header(&headers, "x-ray-history-state"), "", "a 304 has the state, too");
        }
        assert_eq!(ask("HEAD", &path, &[("If-None-Match", &tag)]).0, 304);
        assert_eq!(ask("GET", &path, &[("If-None-Match", "\"other\"")]).0, 200);
        // A browser gets another answer (secrets are hidden), so it is another tag.
        assert_eq!(ask("GET", &path, &[("If-None-Match", &tag), ("User-Agent", "Mozilla/5.0")]).0, 200);
    }
    let (_, headers, _) = ask("GET", &format!("{SESSION}/api/jobs/"), &[]);
    let of_another_url = [("If-None-Match", header(&headers, "etag"))];
    assert_eq!(ask("GET", &format!("{SESSION}/api/jobs/nope"), &of_another_url).0, 404);
}

#[test]
fn json_is_compressed_on_request_and_its_tag_is_weak_then() {
    let path = format!("{SESSION}/api/jobs/");
    let (_, plain, _) = ask("GET", &path, &[]);
    let (_, packed, _) = ask("GET", &path, &[("Accept-Encoding", "br, zstd, deflate, gzip")]);
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert_eq!(header(&packed, "etag"), format!("W/{}", header(&plain, "etag")));
    for headers in [&plain, &packed] {
        assert_eq!(header(headers, "vary"), "accept-encoding");
    }
    let (_, other, _) = ask("GET", &path, &[("Accept-Encoding", "br, zstd, deflate")]);
    assert!(["", "identity"].contains(&header(&other, "content-encoding")), "nothing but gzip: {other:?}");
    let log = format!("{SESSION}/api/v0/logs/file?submission_id=serve-deploy&lines=-1");
    let (_, log, _) = ask("GET", &log, &[("Accept-Encoding", "gzip")]);
    assert!(["", "identity"].contains(&header(&log, "content-encoding")), "{log:?}");
    assert_eq!(header(&log, "etag"), "", "a log may grow");
}

#[test]
fn head_has_the_headers_of_get() {
    for path in ["/api/jobs/", "/nodes?view=summary", "/api/jobs/nope", "/"] {
        let path = format!("{SESSION}{path}");
        let (status, mut headers, _) = ask("GET", &path, &[]);
        let (head, mut seen, body) = ask("HEAD", &path, &[]);
        headers.retain(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        seen.retain(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
        headers.sort();
        seen.sort();
        assert_eq!((head, seen, body.as_str()), (status, headers, ""), "{path}");
    }
}

#[test]
fn other_methods_are_405_with_allow() {
    let (status, headers, _) = ask("DELETE", API, &[]);
    assert_eq!((status, header(&headers, "allow")), (405, "GET, HEAD, OPTIONS"));
    let (status, headers, body) = ask("OPTIONS", &format!("{SESSION}/nodes"), &[]);
    assert_eq!((status, header(&headers, "allow"), body.as_str()), (204, "GET, HEAD, OPTIONS", ""));
}

#[test]
fn the_report_has_state_completeness_and_links() {
    let (status, headers, body) = ask("GET", API, &[]);
    assert_eq!(status, 200, "{body}");
    let mut report: Value = serde_json::from_str(&body).unwrap();
    // These fields differ from run to run.
    for field in ["checkedAt", "version", "weightBytes"] {
        assert!(!report[field].is_null(), "{field}");
        report[field] = field.into();
    }
    insta::assert_json_snapshot!("api_report", report);
    let known = [("If-None-Match", header(&headers, "etag"))];
    assert_eq!(ask("GET", API, &known).0, 304);
}

#[test]
fn the_list_is_filtered_and_paged() {
    let list = |query: &str| {
        let (status, _, body) = ask("GET", &format!("/api/history/v1/sessions?{query}"), &[]);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    // What an open session tells of its jobs stays the same.
    assert_eq!(ask("GET", API, &[]).0, 200);
    let mut all = list("");
    assert!(all["listedAt"].as_str().unwrap().starts_with("20"));
    all["listedAt"] = "listedAt".into();
    insta::assert_json_snapshot!("api_sessions", all);
    for (query, total) in
        [("owner=recsys&ownerKind=rayservice", 1), ("owner=nobody", 0), ("q=RECSYS", 1), ("state=dead", 0)]
    {
        assert_eq!(list(query)["total"], total, "{query}");
    }
    let (status, headers, _) = ask("GET", "/api/history/v1/sessions", &[]);
    let known = [("If-None-Match", header(&headers, "etag"))];
    assert_eq!((status, ask("GET", "/api/history/v1/sessions", &known).0), (200, 304));
}

#[test]
fn our_errors_are_problems_of_rfc_9457() {
    for (name, path) in [
        ("problem_limit", "/api/history/v1/sessions?limit=0"),
        ("problem_unknown", "/api/history/v1/sessions/ml/nobody/session_2026-11-23_07-07-14_513426_5513"),
        ("problem_load_unknown", "/api/history/v1/sessions/ml/nobody/session_2026-11-23_07-07-14_513426_5513/load"),
        ("problem_no_session", "/api/history/v1/sessions/ml/nobody/x"),
        ("problem_no_url", "/api/history/v1/nothing"),
        ("problem_no_rayjob", "/rayjobs/ml/nobody"),
    ] {
        let mut answer = ask("GET", path, &[TRACED]);
        // The progress of a load never waits: on a busy machine the session is first being looked for.
        for _ in 0..100 {
            if !(path.ends_with("/load") && answer.0 == 200) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            answer = ask("GET", path, &[TRACED]);
        }
        let (status, headers, body) = answer;
        assert_eq!(header(&headers, "content-type"), "application/problem+json", "{path}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["status"], status);
        insta::assert_json_snapshot!(name, problem);
    }
}

#[test]
fn an_error_names_its_request_and_rays_texts_stay_unchanged() {
    let page = [("Accept", "text/html")];
    let unknown = "/sessions/ml/nobody/session_2026-11-23_07-07-14_513426_5513";
    for (path, headers, status) in [
        (format!("{SESSION}/api/v0/tasks?limit=10001"), &[][..], 400),
        (format!("{unknown}/nodes"), &[], 404),
        (format!("{unknown}/"), &page, 404),
        (format!("/api/history/v1{unknown}"), &[], 404),
        ("/nodes".to_owned(), &[], 400),
        (format!("/{}", "x".repeat(20_000)), &[], 414),
    ] {
        let (seen, headers, body) = ask("GET", &path, headers);
        let id = header(&headers, "x-request-id");
        assert_eq!((seen, id.len(), id.chars().all(|c| c.is_ascii_hexdigit())), (status, 32, true), "{path}");
        let named = [format!("\"requestId\":\"{id}\""), format!("Request id: {id}")];
        assert!(named.iter().any(|named| body.contains(named)), "{path}: {body}");
    }
    assert_eq!(ask("GET", &format!("{SESSION}/nope"), &[]).2, "404: Not Found");
}

#[test]
fn every_documented_route_answers() {
    let (status, _, body) = ask("GET", "/openapi.json", &[]);
    assert_eq!(status, 200);
    let document: Value = serde_json::from_str(&body).unwrap();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() >= 7, "{paths:?}");
    for path in paths.keys() {
        let at = path
            .replace("{family}", "rayservices")
            .replace("/{kind}/{name}", "/rayservice/recsys")
            .replace("{namespace}", "ml-serving")
            .replace("{cluster}", "recsys-raycluster-9d4kq")
            .replace("{name}", "recsys")
            .replace("{table}", "runs")
            .replace("{uid}", "5f0c3f6e-0000-4000-8000-000000000001")
            .replace("{session}", "session_2026-11-23_07-07-14_513426_5513");
        let of_one = "ml-serving/recsys/latest";
        let query = match path.rsplit('/').next() {
            Some("search") => "?q=INFO".to_owned(),
            Some("diff") => format!("?a={of_one}&b={of_one}"),
            _ => String::new(),
        };
        let (status, _, body) = ask("GET", &format!("{at}{query}"), &[]);
        // Access is off here, and no obituary is stored.
        let is_absent = path.ends_with("/whoami") || path.ends_with("/{uid}");
        let expected: &[u16] = if is_absent { &[404] } else { &[200, 307] };
        assert!(expected.contains(&status), "{path}: {status} {body}");
        let documented = &document["paths"][path]["get"]["responses"];
        assert!(!documented[status.to_string()].is_null(), "{path}: {status} is not documented");
    }
}
