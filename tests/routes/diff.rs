//! Two sessions compared: by the API, on the page, and by `ray-history diff` of a server and of a store.

use super::*;
use std::process::Command;

/// Two sessions of recorded tests, whose functions have the same names in part.
const A: &str = "default/oom-pgcdg/session_2026-11-29_09-03-26_382234_1";

/// Starts a server on the bucket of a recorded cluster.
async fn serve(folder: &TempDir) -> Server {
    let bucket = folder.path().join("storage");
    let server = Server::start(&["--local-dir", bucket.to_str().unwrap()], &[]).await;
    let ready = async || server.status("/readyz").await == 200;
    server.eventually("it is ready", Duration::from_secs(60), ready).await;
    server
}

/// Returns the names of all sessions of a server.
async fn names(server: &Server) -> Vec<String> {
    let list = server.json("/api/history/v1/sessions").await.unwrap();
    let sessions = list["sessions"].as_array().unwrap();
    let name =
        |session: &Value| ["namespace", "cluster", "session"].map(|part| session[part].as_str().unwrap().to_owned());
    sessions.iter().map(|session| name(session).join("/")).collect()
}

#[test]
fn sessions_are_compared_by_every_way() {
    let folder = fixture::unpacked("kube-sessions");
    block_on(async {
        let server = serve(&folder).await;
        let names = names(&server).await;
        let b = names.iter().find(|name| *name != A).unwrap();
        assert!(names.iter().any(|name| name == A), "{names:?}");
        let diff = server.json(&format!("/api/history/v1/diff?a={A}&b={b}")).await.unwrap();
        assert_eq!((&diff["a"]["name"], &diff["b"]["name"]), (&json!(A), &json!(b)));
        let total = |diff: &Value, name: &str, side: &str| {
            let totals = diff["totals"].as_array().unwrap().clone();
            totals.iter().find(|total| total["name"] == name).unwrap()[side].as_f64().unwrap()
        };
        assert!(total(&diff, "attempts", "a") > 0.0 && total(&diff, "nodes", "a") >= 1.0, "{diff}");
        // The other way round, and with itself.
        let back = server.json(&format!("/api/history/v1/diff?a={b}&b={A}")).await.unwrap();
        assert_eq!(
            diff["failures"]["gone"]["rows"].as_array().unwrap().len(),
            back["failures"]["new"]["rows"].as_array().unwrap().len()
        );
        let same = server.json(&format!("/api/history/v1/diff?a={A}&b={A}")).await.unwrap();
        assert_eq!(same["functions"]["run"]["rows"], json!([]), "{same}");
        assert_eq!((&same["jobs"]["rows"], &same["nodes"]["rows"]), (&json!([]), &json!([])));
        // The newest session of an object, with and without its namespace.
        for latest in ["default/oom-pgcdg/latest", "oom-pgcdg/latest"] {
            let named = server.json(&format!("/api/history/v1/diff?a={latest}&b={b}")).await.unwrap();
            assert_eq!(named, diff, "{latest}");
        }
        for (query, status) in [
            ("", 400),
            (&*format!("a={A}"), 400),
            ("a=x&b=y", 400),
            (&format!("a={A}&b=default/nosuch/latest"), 404),
            (&format!("a={A}&b=default/oom-pgcdg/latest~7"), 404),
            (&format!("a={A}&b={}", A.replace("oom", "nosuch")), 404),
        ] {
            assert_eq!(server.status(&format!("/api/history/v1/diff?{query}")).await, status, "{query}");
        }
        // The page has the same, and a form where nothing is asked for.
        let page = server.text(&format!("/sessions/diff?a={A}&b={b}")).await;
        for text in ["What changed", "In total", "Attempts", A, b.as_str(), "The same as JSON"] {
            assert!(page.contains(text), "{text:?} is not in\n{page}");
        }
        assert!(!page.contains("<script"));
        let form = server.text("/sessions/diff").await;
        assert!(form.contains("name=\"a\"") && form.contains("Compare"), "{form}");
        assert_eq!(server.status(&format!("/sessions/diff?a={A}&b=<b>x")).await, 400);
        assert!(server.text(&format!("/sessions/diff?a={A}&b=<b>x")).await.contains("&lt;b&gt;x"));
        let why = server.text(&format!("/sessions/{A}/why")).await;
        assert!(why.contains("Compare with") && why.contains(&format!("name=\"b\" value=\"{A}\"")), "{why}");
        // The command, of the server and of its store.
        let url = format!("http://{}", server.address);
        let bucket = folder.path().join("storage");
        let command = |args: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_ray-history")).arg("diff").args(args).output().unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (output.status.code(), text(&output.stdout), text(&output.stderr))
        };
        let place = ["--local-dir", bucket.to_str().unwrap()];
        let (code, of_server, errors) = command(&["--json", "--server", &url, A, b]);
        assert_eq!((code, serde_json::from_str::<Value>(&of_server).unwrap()), (Some(0), diff), "{errors}");
        let (code, of_store, errors) = command(&["--json", place[0], place[1], "oom-pgcdg/latest", b]);
        let of_store: Value = serde_json::from_str(&of_store).unwrap_or_else(|error| panic!("{error}: {errors}"));
        assert_eq!(
            (code, &of_store["totals"]),
            (Some(0), &serde_json::from_str::<Value>(&of_server).unwrap()["totals"])
        );
        let (_, text, _) = command(&["--server", &url, A, b]);
        assert!(text.starts_with("What changed") && text.contains("In total"), "{text}");
        let (_, markdown, _) = command(&["--md", "--server", &url, A, b]);
        assert!(markdown.starts_with("# What changed") && markdown.contains("|---|"), "{markdown}");
        for place in [&["--server", &url][..], &place] {
            let (code, _, errors) = command(&[place, &["default/nosuch/latest", A]].concat());
            assert!(code == Some(1) && errors.contains("nosuch"), "{errors}");
            assert_eq!(command(&[place, &["x", A]].concat()).0, Some(2));
        }
    });
}
