//! Links by name, and the routes of KubeRay's history server.

use super::loading::serving;
use super::{SESSION, ask, ask_raw, exchange, header};
use ray_history_storage::faulty::Faulty;
use ray_history_storage::memory::Memory;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "session_2026-11-23_07-07-14_513426_5513";
const CLUSTER: &str = "recsys-raycluster-9d4kq";
const BROWSER: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");

fn cookies(namespace: &str, cluster: &str, session: &str) -> String {
    format!("cluster_namespace={namespace}; cluster_name={cluster}; session_name={session}; owner_kind=; owner_name=")
}

fn issued(headers: &[(String, String)]) -> Vec<String> {
    headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.clone()).collect()
}

#[test]
fn sessions_are_found_by_the_names_of_their_owners() {
    for path in [
        "/rayservices/ml-serving/recsys",
        "/rayservices/ml-serving/recsys/latest",
        "/submissions/ml-serving/serve-deploy",
        "/submissions/ml-serving/serve-deploy/latest",
        "/rayclusters/ml-serving/recsys-raycluster-9d4kq",
        "/rayclusters/ml-serving/recsys-raycluster-9d4kq/latest",
    ] {
        let (status, headers, _) = ask("GET", path, &[]);
        let up = "../".repeat(path.matches('/').count() - 1);
        assert_eq!((status, header(&headers, "location")), (307, format!("{up}{}/", &SESSION[1..]).as_str()), "{path}");
        assert_eq!(header(&headers, "cache-control"), "no-store", "the next attempt may come");
    }
    for path in [
        "/rayjobs/ml-serving/recsys",
        "/rayservices/other/recsys",
        "/rayclusters/ml-serving/x/latest",
        "/submissions/x/y",
    ] {
        let (status, _, page) = ask("GET", path, &[BROWSER]);
        assert_eq!(status, 404, "{path}");
        assert!(page.contains("<a href=\"../../") && page.contains("All sessions"), "{page}");
    }
}

/// Names stand for a session wherever Ray's clients take an address.
#[test]
fn path_and_query_after_latest_are_kept() {
    let cluster = format!("/sessions/ml-serving/{CLUSTER}/latest");
    for name in [
        cluster.as_str(),
        "/rayservices/ml-serving/recsys/latest",
        "/submissions/ml-serving/serve-deploy/latest",
        "/rayclusters/ml-serving/recsys-raycluster-9d4kq/latest",
    ] {
        for rest in [
            "/",
            "/api/v0/tasks",
            "/api/jobs/",
            "/api/v0/tasks?limit=2&filter_keys=state&filter_values=a%26b",
            "/api/v0/logs/file?node_id=x&filename=a%2Fb",
            "/nodes/%2e%2e?view=",
            "/static/js/main.js",
            "//api//v0%2Ftasks?",
            "/x%0d%0aSet-Cookie:a=b",
            "/x?a=%ff%7F",
        ] {
            let (status, headers, _) = ask_raw(&format!("{name}{rest}"));
            let path = rest.split('?').next().unwrap();
            let up = "../".repeat(3 + path.matches('/').count());
            let wanted = format!("{up}{}{rest}", &SESSION[1..]);
            assert_eq!((status, header(&headers, "location")), (307, wanted.as_str()), "{name}{rest}");
            assert_eq!(header(&headers, "cache-control"), "no-store", "another session may be the newest tomorrow");
        }
        assert_eq!(ask("POST", &format!("{name}/api/jobs/"), &[]).0, 405, "{name}");
    }
    let (status, headers, body) = ask("GET", "/rayjobs/ml-serving/none/latest/api/v0/tasks", &[]);
    assert_eq!((status, header(&headers, "content-type")), (404, "text/plain; charset=utf-8"), "no page: {body}");
}

#[test]
fn path_and_query_after_the_latest_of_a_rayjob_are_kept() {
    let store = Memory::default();
    for session in ["session_2026-11-22_07-07-14_513426_1", NAME] {
        store.put(format!("cluster-metadata/rayjob/ml_train_train-x/{session}"), "");
    }
    let (address, _store) = serving(Faulty::new(Arc::new(store)), Duration::from_secs(10));
    for latest in ["/rayjobs/ml/train/latest", "/sessions/ml/train-x/latest"] {
        for rest in ["/api/v0/tasks?limit=2&filter_values=a%26b", "/api/jobs/"] {
            let (status, headers, _) = exchange(&address, "GET", &format!("{latest}{rest}"), &[]);
            let up = "../".repeat(3 + rest.split('?').next().unwrap().matches('/').count());
            let wanted = format!("{up}sessions/ml/train-x/{NAME}{rest}");
            assert_eq!((status, header(&headers, "location")), (307, wanted.as_str()), "{latest}{rest}");
        }
    }
}

#[test]
fn clusters_are_listed_as_kuberay_does() {
    let (status, headers, body) = ask("GET", "/clusters", &[]);
    assert_eq!((status, header(&headers, "content-type")), (200, "application/json"));
    assert_eq!(header(&headers, "x-total-count"), "1");
    insta::assert_json_snapshot!("clusters", serde_json::from_str::<Value>(&body).unwrap());
    assert_eq!(ask("GET", "/clusters", &[("If-None-Match", header(&headers, "etag"))]).0, 304);
}

#[test]
fn entering_a_session_sets_the_cookies_of_kuberay() {
    for path in [
        format!("/enter_cluster/ml-serving/raycluster/{CLUSTER}/{NAME}"),
        format!("/enter_cluster/ml-serving/RayCluster/{CLUSTER}"),
        format!("/enter_cluster/ml-serving/raycluster/{CLUSTER}/latest"),
        format!("/enter_cluster/ml-serving/raycluster/{CLUSTER}/live"),
        "/enter_cluster/ml-serving/rayservice/recsys".to_owned(),
        format!("/enter_cluster/ml-serving/rayservice/recsys/{NAME}"),
        // The form from before there were kinds.
        format!("/enter_cluster/ml-serving/{CLUSTER}/{NAME}"),
        format!("/enter_cluster/ml-serving/{CLUSTER}/live"),
    ] {
        let (status, headers, body) = ask("GET", &path, &[]);
        assert_eq!(status, 200, "{path}: {body}");
        assert_eq!(
            serde_json::from_str::<Value>(&body).unwrap(),
            serde_json::json!({"result": "success", "name": CLUSTER, "namespace": "ml-serving", "session": NAME})
        );
        let rest = "HttpOnly; SameSite=Lax; Path=/; Max-Age=600";
        let expected = [
            format!("cluster_name={CLUSTER}; {rest}"),
            format!("session_name={NAME}; {rest}"),
            format!("cluster_namespace=ml-serving; {rest}"),
            format!("owner_kind=rayservice; {rest}"),
            format!("owner_name=recsys; {rest}"),
        ];
        assert_eq!(issued(&headers), expected, "{path}");
    }
}

#[test]
fn an_unknown_cluster_is_refused_with_a_reason() {
    for (path, wanted) in [
        ("/enter_cluster/ml-serving/pod/x".to_owned(), 400),
        (format!("/enter_cluster/ml-serving/pod/{CLUSTER}/{NAME}"), 400),
        (format!("/enter_cluster/ml-serving/raycluster/{CLUSTER}/yesterday"), 400),
        ("/enter_cluster/ml-serving/raycluster/nobody".into(), 404),
        (format!("/enter_cluster/ml-serving/raycluster/nobody/{NAME}"), 404),
        ("/enter_cluster/ml-serving/rayjob/recsys".into(), 404),
        (format!("/enter_cluster/..%2F..%2Fetc/raycluster/passwd/{NAME}"), 404),
    ] {
        let (status, headers, body) = ask("GET", &path, &[]);
        assert_eq!((status, issued(&headers)), (wanted, vec![]), "{path}: {body}");
        assert!(body.len() > 20, "{path}: {body}");
    }
}

#[test]
fn a_link_of_kuberay_leads_a_browser_to_the_dashboard() {
    let (status, _, page) = ask("GET", "/select_cluster", &[BROWSER]);
    let link = format!("enter_cluster/ml-serving/raycluster/{CLUSTER}/{NAME}");
    assert!(status == 200 && page.contains(&link), "{page}");
    let (status, headers, page) = ask("GET", &format!("/{link}"), &[BROWSER]);
    assert_eq!((status, issued(&headers).len()), (200, 5));
    assert!(page.contains("http-equiv=\"refresh\" content=\"0; url=../../../../#/overview\""), "{page}");
    assert!(!ask("GET", "/select_cluster?q=nobody", &[BROWSER]).2.contains(&link));
}

#[test]
fn with_cookies_the_root_is_the_session_that_was_entered() {
    let cookies = cookies("ml-serving", CLUSTER, NAME);
    let there = [("Cookie", cookies.as_str())];
    for path in ["/nodes?view=summary", "/api/jobs/", "/api/jobs/train-exp1", "/logical/actors", "/events", "/timezone"]
    {
        let (status, headers, body) = ask("GET", path, &there);
        assert_eq!((status, body), (200, ask("GET", &format!("{SESSION}{path}"), &[]).2), "{path}");
        assert_eq!(issued(&headers).len(), 5, "they live on with each request");
        assert_ne!(header(&headers, "x-ray-history-state"), "");
    }
    let (status, _, body) = ask("GET", "/", &there);
    assert!(status == 200 && body.contains("dashboard") && body.contains("data-root=\"./\""), "{body}");
    assert_eq!(ask("GET", "/static/js/main.js", &there).0, 200);
    let newest = super::dropin::cookies("ml-serving", CLUSTER, "live");
    assert_eq!(ask("GET", "/api/jobs/train-exp1", &[("Cookie", &newest)]).0, 200);
}

/// Ray's proxy answers a 404 from its own cluster, so a browser would see another cluster's data.
#[test]
fn with_cookies_nothing_is_404() {
    let there = cookies("ml-serving", CLUSTER, NAME);
    let gone = cookies("ml-serving", "nobody", NAME);
    for (path, cookies) in [
        ("/api/jobs/nope", &there),
        ("/api/v0/platform_events", &there),
        ("/static/js/missing.js", &there),
        ("/api/what/ever", &there),
        ("/nothing", &there),
        ("/nodes?view=summary", &gone),
        ("/", &gone),
        ("/static/js/main.js", &gone),
    ] {
        let (status, _, body) = ask("GET", path, &[("Cookie", cookies), ("Accept-Encoding", "br, zstd, gzip")]);
        assert!(status != 404 && status != 200, "{path}: {status} {body}");
    }
    assert_eq!(ask("GET", "/api/jobs/nope", &[("Cookie", &there)]).0, 410);
    assert_eq!(ask("GET", "/", &[("Cookie", &gone)]).0, 410);
}

#[test]
fn without_cookies_the_root_leads_to_the_list_and_data_are_400() {
    let (status, headers, _) = ask("GET", "/", &[]);
    assert_eq!((status, header(&headers, "location")), (307, "sessions/"));
    let (status, _, page) = ask("GET", "/", &[BROWSER]);
    assert!(status == 200 && page.contains("url=sessions/"), "{page}");
    for path in ["/nodes?view=summary", "/api/jobs/", "/logical/actors", "/events", "/timezone", "/static/js/main.js"] {
        let (status, _, body) = ask("GET", path, &[]);
        assert_eq!(status, 400, "{path}");
        assert!(body.contains("/select_cluster"), "{body}");
    }
    assert_eq!(ask("GET", "/favicon.ico", &[]).0, 404);
    assert_eq!(ask("GET", "/nothing/here", &[]).0, 404);
}

#[test]
fn cookies_are_looked_up_and_never_used_as_a_path() {
    for (namespace, cluster, session) in [
        ("..", "..", NAME),
        ("ml-serving", "../../secret", NAME),
        ("ml-serving", CLUSTER, "../secret"),
        ("ml-serving", CLUSTER, "session_latest"),
        ("%2e%2e%2f", "%00", NAME),
    ] {
        let cookies = cookies(namespace, cluster, session);
        for path in ["/nodes?view=summary", "/", "/api/v0/logs/file?filename=x"] {
            let (status, headers, body) = ask("GET", path, &[("Cookie", &cookies)]);
            assert!([400, 410].contains(&status), "{cookies}: {status} {body}");
            assert!(issued(&headers).is_empty() && !body.contains("root:"));
        }
    }
    let kind = format!("{}; owner_kind=pod", cookies("ml-serving", CLUSTER, NAME).replace("owner_kind=; ", ""));
    assert_eq!(ask("GET", "/nodes", &[("Cookie", &kind)]).0, 400);
}
