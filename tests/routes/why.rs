//! Why runs ended: the pages of objects and of sessions, and Ray's page of platform events, on the bucket of a real cluster
//! with the obituaries that its recorded objects come to.

use super::*;
use flate2::read::GzDecoder;
use ray_history_obituary::document::{Document, Kubernetes};
use ray_history_obituary::facts::Kind;
use ray_history_obituary::ledger::{Ledger, Row};
use ray_history_obituary::records::{Object, Records};
use ray_history_obituary::time::Time;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// The session whose worker was out of memory.
const OOM: &str = "/sessions/default/oom-pgcdg/session_2026-11-29_09-03-26_382234_1";

/// The same program was recorded twice: its objects once, its bucket 72 minutes later, under other names.
const LATER: i64 = 72 * 60;
const NAMES: [(&str, &str); 3] =
    [("oom-vh2dl", "oom-pgcdg"), ("small-worker-sx9pq", "small-worker-tr5nn"), ("oom-7xpcf", "oom-jvpml")];

/// Returns a line of recorded objects as the run of the bucket would have told it.
fn later(line: &str) -> String {
    let mut told = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("2026-11-29T") {
        let (before, time) = rest.split_at(at);
        let end = time.find(['\"', 'Z', '+']).map_or(time.len(), |end| end + usize::from(time[end..].starts_with('Z')));
        let later = Time::parse(&time[..end]).map(|time| time.plus(LATER).to_string());
        told += before;
        told += later.as_deref().unwrap_or(&time[..end]);
        rest = &time[end..];
    }
    NAMES.iter().fold(told + rest, |told, (from, to)| told.replace(from, to))
}

/// Returns the documents of the recorded run of a worker without memory.
pub(super) fn documents() -> Vec<Document> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/obituary/tests/fixtures/kube-objects");
    let file = File::open(folder.join("oom-worker.jsonl.gz")).unwrap();
    let mut records = Records::default();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let line: Value = serde_json::from_str(&later(&line.unwrap())).unwrap();
        let at = Time::parse(line["at"].as_str().unwrap()).unwrap();
        let object = Object::read(line["object"].to_string().as_bytes()).unwrap();
        if line["type"] == "DELETED" { records.delete(&object, at) } else { records.apply(&object, at) }
    }
    let (session, began) = ("session_2026-11-29_09-03-26_382234_1", Time::parse("2026-11-29T09:03:26Z").unwrap());
    let uids: Vec<String> = records.objects().map(|object| object.uid.clone()).collect();
    for uid in &uids {
        records.session(uid, session, began, None);
    }
    let now = Time::parse("2026-11-29T10:30:00Z").unwrap();
    let objects = records.objects().filter(|object| object.kind != Kind::RayService);
    let document = |uid: &str| records.document(uid, now, "w", &Kubernetes::default(), None).unwrap();
    objects.map(|object| document(&object.uid)).collect()
}

/// Writes documents and their rows into a bucket, as a recorder does.
fn store(bucket: &Path, documents: &[Document]) {
    let mut ledger = Ledger::default();
    for document in documents {
        let bytes = document.to_bytes().unwrap();
        write(bucket, &document.object.key("").unwrap(), &bytes);
        for row in Row::of(document, bytes.len() as u64) {
            ledger.add(row);
        }
    }
    write(bucket, "ray-history/v1/ledger/2026-11-29/1795948200000-w.jsonl", &ledger.write().unwrap());
}

pub(super) fn write(bucket: &Path, key: &str, bytes: &[u8]) {
    let path = bucket.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// Returns the path of an object's page.
fn page_of(document: &Document) -> String {
    let object = &document.object;
    format!("/why/{}/{}/{}/{}", object.namespace, object.kind.folder(), object.name, object.uid)
}

/// Starts a server on the bucket of the recorded runs with these documents, and waits until it has read their rows.
async fn serve(folder: &TempDir, documents: &[Document]) -> Server {
    let bucket = folder.path().join("storage");
    store(&bucket, documents);
    let server = Server::start(&["--local-dir", bucket.to_str().unwrap()], &[]).await;
    let ready = async || server.status("/readyz").await == 200;
    server.eventually("it is ready", Duration::from_secs(60), ready).await;
    if !documents.is_empty() {
        let read = async || server.text(&format!("{OOM}/why")).await.contains("ran out of memory");
        server.eventually("the ledger is read", Duration::from_secs(60), read).await;
    }
    server
}

fn assert_all(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "{text:?} is not in\n{page}");
    }
}

/// The page of a session: Kubernetes' cause, with Ray's facts of the same run.
#[test]
fn a_sessions_page_tells_why_its_run_ended() {
    let folder = fixture::unpacked("kube-sessions");
    let documents = documents();
    block_on(async {
        let server = serve(&folder, &documents).await;
        let page = server.text(&format!("{OOM}/why")).await;
        let cluster = documents.iter().find(|document| document.object.kind == Kind::RayCluster).unwrap();
        assert_all(
            &page,
            &[
                "Why oom ended",
                "</span> Failed</span>",
                "A worker ran out of memory at",
                "Certain: the state of an object says it",
                "Cause <code>WorkerOOM</code>",
                // Evidence and its place in the timeline.
                "in the timeline",
                "href=\"#pod-oom-pgcdg",
                // Both kinds of facts.
                "OOMKilled, exit code 137",
                "a worker process ended unexpectedly: SYSTEM_ERROR",
                "ended: FAILED",
                // The digest, with the exact attempt.
                "<b>fill</b> <code title=\"Fingerprint ",
                ">WORKER_DIED</code>",
                "explained by <a href=\"#failure-",
                "tasks/fa31b89f94899135ffffffffffffffffffffffff03000000",
                "task fa31b89f…, attempt 0",
                "task_id=fa31b89f94899135ffffffffffffffffffffffff03000000&amp;attempt_number=0",
                "<h2>Pods</h2>",
                "<h2>Spec</h2>",
                "UTC+00:00",
            ],
        );
        let page = server.text(&page_of(cluster)).await;
        assert_all(&page, &["Why RayCluster oom-pgcdg ended", "A worker ran out of memory at", &OOM[1..], "as JSON"]);
        let job = documents.iter().find(|document| document.object.kind == Kind::RayJob).unwrap();
        let page = server.text(&page_of(job)).await;
        assert_all(
            &page,
            &[
                "Why RayJob oom ended",
                "<h2>Attempts</h2>",
                "AppFailed",
                "api/history/v1/obituaries/default/rayjob/oom/",
            ],
        );
    });
}

/// Events that Kubernetes told of a session fill Ray's own page.
#[test]
fn platform_events_are_those_of_the_obituary() {
    let folder = fixture::unpacked("kube-sessions");
    block_on(async {
        let server = serve(&folder, &[]).await;
        let path = format!("{OOM}/api/v0/platform_events");
        assert_eq!(server.status(&path).await, 404, "without any event the page stays hidden");
        drop(server);
        let server = serve(&folder, &documents()).await;
        let answer = server.json(&path).await.unwrap();
        let events = answer["data"]["events"].as_array().unwrap();
        assert!(events.len() > 3, "{answer}");
        let times: Vec<_> = events.iter().map(|event| Time::parse(event["timestamp"].as_str().unwrap())).collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
        for event in events {
            assert_eq!(event["sessionName"], "session_2026-11-29_09-03-26_382234_1");
            assert_eq!(event["platformEvent"]["source"]["metadata"]["ray_cluster_name"], "oom-pgcdg", "{event}");
            assert!(event["platformEvent"]["objectName"].as_str().unwrap().starts_with("oom"), "{event}");
        }
        let head = server.send("HEAD", &path, &[]).await.unwrap();
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    });
}

/// Without an obituary, Ray's own facts tell what they can, and the page says what was not seen.
#[test]
fn without_an_obituary_rays_facts_stand_alone() {
    let folder = fixture::unpacked("kube-sessions");
    block_on(async {
        let server = serve(&folder, &[]).await;
        let page = server.text(&format!("{OOM}/why")).await;
        assert_all(
            &page,
            &[
                "Probably: The program failed: ray.exceptions.WorkerCrashedError",
                "Likely, not certain",
                "<li>Kubernetes' objects</li>",
                "<b>fill</b> <code title=\"Fingerprint ",
                ">WORKER_DIED</code>",
                "#/jobs/oom-jvpml",
                "api/jobs/oom-jvpml/logs",
            ],
        );
        let page = server.text("/sessions/default/deadline-pqrp7/session_2026-11-29_09-01-32_108109_1/why").await;
        assert_all(&page, &["Nothing that was seen tells why it ended; not seen: Kubernetes' objects."]);
    });
}

/// A document that cannot be shown is said to be so, with a status for programs.
#[test]
fn documents_that_cannot_be_shown_are_said() {
    let folder = fixture::unpacked("kube-sessions");
    let documents = documents();
    let job = documents.iter().find(|document| document.object.kind == Kind::RayJob).unwrap();
    let bucket = folder.path().join("storage");
    block_on(async {
        let server = serve(&folder, &documents).await;
        let (path, key) = (page_of(job), job.object.key("").unwrap());
        let newer = String::from_utf8(job.to_bytes().unwrap()).unwrap().replace("obituary/v1\"", "obituary/v2\"");
        let long = "x".repeat(2 << 20);
        for (bytes, status, words) in [
            (
                newer.as_str(),
                502,
                "The obituary was written by a newer version of ray-history: ray-history/obituary/v2.",
            ),
            (&long, 502, "The obituary is longer than 1048576 bytes."),
            ("{\"schema\":", 502, "This is no obituary."),
            ("{}", 502, "This is no obituary."),
        ] {
            write(&bucket, &key, bytes.as_bytes());
            let reply = server.get(&path).await;
            assert_eq!(reply.status, status, "{}", reply.body);
            assert_all(&reply.body, &[words, "Why RayJob oom ended", "All sessions"]);
        }
        std::fs::remove_file(bucket.join(&key)).unwrap();
        let reply = server.get(&path).await;
        assert_eq!(reply.status, 404);
        assert_all(&reply.body, &["No obituary of it is known"]);
        for odd in ["/why/default/pod/oom/u", "/why/default/rayservice/oom/u", "/why/a/b"] {
            assert_eq!(server.status(odd).await, 404, "{odd}");
        }
        for odd in
            ["/why/default/rayjob/oom/%2E%2E", "/why/default/rayjob/%3Cscript%3E/u", "/why/default/rayjob/a%2Fb/u"]
        {
            let reply = server.get(odd).await;
            assert!(reply.status == 404 && !reply.body.contains("<script>"), "{odd} {}", reply.body);
        }
    });
}

/// Texts of objects come from everywhere: none of them is markup, and none is a link.
#[test]
fn hostile_texts_are_texts() {
    let folder = fixture::unpacked("kube-sessions");
    let documents: Vec<Document> = documents().iter().map(hostile).collect();
    block_on(async {
        let bucket = folder.path().join("storage");
        store(&bucket, &documents);
        let server = Server::start(&["--local-dir", bucket.to_str().unwrap()], &[]).await;
        let read = async || server.text(&format!("{OOM}/why")).await.contains("&lt;script&gt;");
        server.eventually("the ledger is read", Duration::from_secs(60), read).await;
        for path in [&format!("{OOM}/why"), &page_of(&documents[0]), &page_of(&documents[1])] {
            let page = server.text(path).await;
            assert!(page.matches("&lt;script&gt;").count() > 20, "{path}: {page}");
            for markup in ["<script", "<img", "\" onload"] {
                assert!(!page.contains(markup), "{path}: {markup}");
            }
        }
        let events = server.json(&format!("{OOM}/api/v0/platform_events")).await.unwrap();
        assert!(events.to_string().contains("<script>"), "JSON holds it as it is");
    });
}

/// Plants markup into every text of a document but for names by which it is found.
fn hostile(document: &Document) -> Document {
    fn plant(value: &mut Value, name: &str) {
        let kept = [
            "schema",
            "uid",
            "name",
            "namespace",
            "kind",
            "cluster",
            "headPod",
            "code",
            "certainty",
            "outcome",
            "role",
            "job",
            "mainContainer",
            "owner",
            "id",
            "writer",
            "sessions",
        ];
        match value {
            Value::String(text) if !kept.contains(&name) && Time::parse(text).is_none() => {
                text.push_str("<script>alert(1)</script>\" onload=\"x<img src=x>");
            }
            Value::Array(items) => items.iter_mut().for_each(|item| plant(item, name)),
            Value::Object(members) => members.iter_mut().for_each(|(name, value)| plant(value, name)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(document).unwrap();
    plant(&mut value, "");
    Document::read(value.to_string().as_bytes()).unwrap()
}
