//! Words that were read from a log are shown to those only who may read logs: in lists, reports and pages.

use super::{OWN, is_json, start_on};
use crate::{fixture, why};
use ray_history_obituary::document::Document;
use ray_history_obituary::facts::Kind;
use ray_history_settings::Redaction;
use std::time::{Duration, Instant};

/// The last line of a driver's log, which no small file but the log has.
const WORDS: &str = "ZeroDivisionError: division by zero";

#[test]
fn words_of_a_log_need_the_right_to_logs() {
    let folder = fixture::unpacked("day-2.57");
    // In the namespace in which people have rights.
    let jobs = folder.path().join("storage/cluster-history/rayjob");
    std::fs::rename(jobs.join("nlp"), jobs.join(OWN.namespace)).unwrap();
    std::fs::remove_dir_all(folder.path().join("storage/cluster-metadata")).unwrap();
    let dashboard = folder.path().join("dashboard");
    std::fs::create_dir_all(&dashboard).unwrap();
    std::fs::write(dashboard.join("index.html"), "<!doctype html>dashboard").unwrap();
    let server = start_on(folder.path(), Redaction::ByRole, true);
    let api = "/api/history/v1/sessions";
    let (list, started) = (|token: &str| is_json(&server.ask(token, api)), Instant::now());
    while list("sam")["sessions"][0]["outcome"].is_null() {
        assert!(started.elapsed() < Duration::from_secs(60), "{}", list("sam"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let path = list("sam")["sessions"][0]["path"].as_str().unwrap().to_owned();
    let pages = |token: &str| {
        let browser = [("Accept", "text/html")];
        let owner = format!("/rayjobs/{}/day-train", OWN.namespace);
        [api, "/sessions/", "/select_cluster", "/sessions/?outcome=failed", &owner]
            .map(|page| server.ask_with(token, page, &browser).2.contains(WORDS))
    };
    for (token, shown) in [("sam", false), ("lea", true), ("root", true)] {
        let session = list(token)["sessions"][0].clone();
        assert_eq!((&session["outcome"], &session["run"]["source"]), (&"Failed".into(), &"files".into()), "{token}");
        assert_eq!(session.to_string().contains(WORDS), shown, "{token}: {session}");
        assert_eq!(session["run"]["jobs"][0]["fromLog"] == true, shown, "{token}: {session}");
        assert!(session["why"]["sentence"].as_str().unwrap().starts_with("day-crash failed"), "{session}");
        // The owner has one session, to which that page leads.
        assert_eq!(pages(token), [shown, shown, shown, shown, false], "{token}");
    }
    assert_eq!(pages("tom"), [false; 5], "it is not his");
    // Once it is open, Ray's own API shows the same line to whoever may see the session.
    let (status, _, jobs) = server.ask("sam", &format!("{path}api/jobs/"));
    assert!(status == 200 && jobs.contains(WORDS), "{jobs}");
    assert!(list("sam").to_string().contains(WORDS));
}

/// The message of a `RayJob` quotes the driver's log, the sentence of its cause does not.
#[test]
fn texts_of_logs_on_the_page_of_a_run_need_the_right_to_logs() {
    let folder = fixture::unpacked("kube-sessions");
    let dashboard = folder.path().join("dashboard");
    std::fs::create_dir_all(&dashboard).unwrap();
    std::fs::write(dashboard.join("index.html"), "<!doctype html>dashboard").unwrap();
    let documents = why::documents();
    let job = documents.iter().find(|document| document.object.kind == Kind::RayJob).unwrap();
    let stored = String::from_utf8(job.to_bytes().unwrap()).unwrap();
    let stored = stored.replace("\"default\"", &format!("\"{}\"", OWN.namespace));
    let object = Document::read(stored.as_bytes()).unwrap().object;
    why::write(&folder.path().join("storage"), &object.key("").unwrap(), stored.as_bytes());
    let server = start_on(folder.path(), Redaction::ByRole, true);
    let path = format!("/why/{}/rayjob/{}/{}", object.namespace, object.name, object.uid);
    let quoted = "WorkerCrashedError";
    assert!(job.facts.attempts.iter().any(|attempt| attempt.state.message.contains(quoted)));
    for (token, shown) in [("sam", false), ("lea", true), ("root", true)] {
        let (status, _, page) = server.ask(token, &path);
        assert!(status == 200 && page.contains("A worker ran out of memory"), "{token}: {page}");
        assert_eq!(page.contains(quoted), shown, "{token}: {page}");
        assert_eq!(page.contains("from a log, which you may not read"), !shown, "{token}: {page}");
        assert_eq!(page.contains("you may not read logs of this namespace"), !shown, "{token}: {page}");
        let document = format!("/api/history/v1/obituaries{}", path.strip_prefix("/why").unwrap());
        assert_eq!(server.ask(token, &document).2.contains(quoted), shown, "{token}");
    }
    assert_eq!(server.ask("tom", &path).0, 403);
    assert_eq!(server.ask("", &path).0, 401);
}
