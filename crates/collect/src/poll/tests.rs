use super::*;
use crate::identity::Raylet;
use crate::manifests::Facts;
use crate::parts::idle::Idle;
use http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_manifest::{Collector, Identity};
use ray_history_storage::{ReadRange, Storage};
use ray_history_storage_write::memory::MemoryWriter;
use std::convert::Infallible;
use tokio::net::TcpListener;
use tokio::sync::watch;

const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

/// The answers of a fake dashboard, and the questions that it got: URL and token.
#[derive(Default)]
struct Pages {
    answers: BTreeMap<String, (u16, String)>,
    asked: Vec<(String, Option<String>)>,
}

/// A dashboard, and a poller that asks it.
struct Rig {
    pages: Arc<parking_lot::Mutex<Pages>>,
    memory: MemoryWriter,
    poller: Arc<Poller>,
    health: Health,
    seen: Seen,
    _folder: tempfile::TempDir,
    _folders: watch::Sender<Arc<[SessionFolder]>>,
}

impl Rig {
    async fn new(auth: Auth) -> Self {
        let pages = Arc::new(parking_lot::Mutex::new(Pages::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dashboard = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, Arc::clone(&pages)));
        let folder = tempfile::tempdir().unwrap();
        let name = SessionName::parse(SESSION).unwrap();
        let (node, former_nodes) = (Some("ab".to_owned()), Vec::new());
        let (path, raylet, metrics_port) = (folder.path().to_owned(), Raylet::Alive, None);
        let session = SessionFolder { name, path, node, former_nodes, metrics_port, raylet, latest: true };
        let (sender, folders) = watch::channel(Arc::from([session]));
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        let destinations = Destinations::new("", Some(cluster), None, folders);
        let memory = MemoryWriter::default();
        let sink = Sink::new(Arc::new(memory.clone()));
        let (collector, identity) = (Collector::default(), Identity::default());
        let facts = Facts { spool: "s".into(), boot: 1, collector, identity };
        let own = folder.path().join("control");
        let (part, other) = (Arc::new(Idle), Arc::new(Idle));
        let manifests = Arc::new(Manifests::new(facts, own, destinations.clone(), sink.clone(), part, other));
        let (interval, additional) = (Duration::from_secs(30), Vec::new());
        let settings = PollSettings { enabled: true, dashboard, interval, additional, auth };
        let (health, seen) = (Health::default(), Seen::default());
        let poller = Poller::new(settings, seen.clone(), destinations, sink, manifests, health.clone());
        Self { pages, memory, poller: Arc::new(poller), health, seen, _folder: folder, _folders: sender }
    }

    fn answer(&self, url: &str, status: u16, body: &str) {
        self.pages.lock().answers.insert(url.to_owned(), (status, body.to_owned()));
    }

    /// Takes steps until nothing is due; returns what was asked.
    async fn steps(&self) -> Vec<String> {
        let from = self.pages.lock().asked.len();
        for _ in 0..60 {
            let mut session = self.poller.session.lock().await;
            self.poller.step(&mut session).await;
        }
        self.pages.lock().asked[from..].iter().map(|(url, _)| url.clone()).collect()
    }

    async fn stored(&self, url: &str) -> Option<String> {
        let name = url.trim_matches('/').replace('/', "__");
        let key = format!("cluster-history/raycluster/ml/train/{SESSION}/fetched_endpoints/restful__{name}");
        let body = self.memory.0.read_matching(&key, ReadRange::Full, None).await.ok()?;
        Some(String::from_utf8(body.read_all(1 << 20).await.unwrap().to_vec()).unwrap())
    }
}

async fn serve(listener: TcpListener, pages: Arc<parking_lot::Mutex<Pages>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let pages = Arc::clone(&pages);
        let answer = service_fn(move |request: Request<hyper::body::Incoming>| {
            let mut pages = pages.lock();
            let url = request.uri().path_and_query().unwrap().to_string();
            let token = request.headers().get("x-ray-authorization").map(|value| value.to_str().unwrap().to_owned());
            pages.asked.push((url.clone(), token));
            let (status, body) = pages.answers.get(&url).cloned().unwrap_or((404, "no".to_owned()));
            let answer = Response::builder().status(status).body(Full::new(Bytes::from(body))).unwrap();
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

fn version(session: &str) -> String {
    format!(r#"{{"version": "4", "ray_version": "2.60.0", "session_name": "{session}"}}"#)
}

#[tokio::test]
async fn answers_of_the_own_dashboard_are_stored() {
    let rig = Rig::new(Auth::Token("t".into())).await;
    rig.answer("/api/version", 200, &version("session_2020-01-01_00-00-00_000000_1"));
    rig.answer("/api/jobs/", 200, "[]");
    assert_eq!(rig.steps().await, ["/api/version"], "it is another session's");
    assert!(rig.health.text().contains("not the dashboard of this pod's session"), "{}", rig.health.text());

    let rig = Rig::new(Auth::Token("t".into())).await;
    rig.answer("/api/version", 200, &version(SESSION));
    rig.answer("/api/jobs/", 200, "[]");
    rig.answer("/timezone", 200, r#"{"offset": "+00:00"}"#);
    let asked = rig.steps().await;
    for url in ["/timezone", "/api/jobs/", "/nodes?view=summary", "/api/v0/workers?detail=1&limit=10000"] {
        assert!(asked.iter().any(|found| found == url), "{url}: {asked:?}");
    }
    for restless in ["/api/serve", "/api/data", "/api/train"] {
        assert!(!asked.iter().any(|url| url.starts_with(restless)), "{asked:?}");
    }
    assert_eq!(rig.stored("/timezone").await.unwrap(), r#"{"offset": "+00:00"}"#);
    assert_eq!(rig.stored("/api/jobs/").await.unwrap(), "[]");
    assert_eq!(rig.stored("/nodes?view=summary").await, None, "it was no good answer");
    assert!(rig.pages.lock().asked.iter().all(|(_, token)| token.as_deref() == Some("Bearer t")));
    assert_eq!(rig.health.text(), "ok\n");
}

#[tokio::test]
async fn the_tasks_of_an_older_ray_are_stored() {
    const TASKS: &str = "/api/v0/tasks?detail=1&limit=10000";
    for (ray, is_asked) in [("2.54.1", true), ("2.9.0", true), ("2.55.0", false), ("3.0.0.dev0", false), ("", false)] {
        let rig = Rig::new(Auth::None).await;
        rig.answer("/api/version", 200, &version(SESSION).replace("2.60.0", ray));
        rig.answer(TASKS, 200, "{}");
        rig.steps().await;
        assert_eq!(rig.stored(TASKS).await.is_some(), is_asked, "{ray}");
    }
}

#[tokio::test]
async fn a_missing_token_is_said_and_a_file_is_read_for_each_request() {
    let rig = Rig::new(Auth::Missing).await;
    assert_eq!(rig.steps().await, [] as [&str; 0]);
    assert!(rig.health.text().contains("there is no token"), "{}", rig.health.text());
    rig.poller.finish().await;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let rig = Rig::new(Auth::File(path.to_str().unwrap().to_owned())).await;
    rig.answer("/api/version", 200, &version(SESSION));
    assert_eq!(rig.steps().await, [] as [&str; 0]);
    assert!(rig.health.text().contains("cannot be read"), "{}", rig.health.text());
    for token in ["one", "two"] {
        std::fs::write(&path, format!("{token}\n")).unwrap();
        *rig.poller.session.lock().await = None;
        rig.steps().await;
        let asked = rig.pages.lock().asked.last().cloned().unwrap();
        assert_eq!(asked.1.unwrap(), format!("Bearer {token}"));
    }
    rig.answer("/api/version", 403, "no");
    *rig.poller.session.lock().await = None;
    rig.steps().await;
    assert!(rig.health.text().contains("refuses our token"), "{}", rig.health.text());
}

#[tokio::test]
async fn the_end_stores_every_difference_and_never_an_empty_answer() {
    let rig = Rig::new(Auth::None).await;
    let event = br#"{"eventType":"ACTOR_DEFINITION_EVENT","actorDefinitionEvent":{"className":"ServeController"}}"#;
    rig.seen.event(&SessionName::parse(SESSION).unwrap(), "ACTOR_DEFINITION_EVENT", event);
    rig.answer("/api/version", 200, &version(SESSION));
    rig.answer("/api/jobs/", 200, r#"[{"job_id": "01000000", "status": "RUNNING"}]"#);
    rig.answer("/nodes?view=summary", 200, r#"{"data": {"summary": [{"now": 1, "raylet": {"nodeId": "ab"}}]}}"#);
    rig.answer("/nodes/ab", 200, r#"{"data": {"detail": {"now": 1}}}"#);
    rig.answer("/api/serve/applications/", 200, r#"{"applications": {"a": {}}}"#);
    rig.steps().await;
    assert!(rig.stored("/nodes/ab").await.is_some());

    rig.answer("/api/serve/applications/", 200, r#"{"applications": {}}"#);
    rig.answer("/api/jobs/", 200, r#"[{"job_id": "01000000", "status": "SUCCEEDED"}]"#);
    rig.answer("/nodes/ab", 200, r#"{"data": {"detail": {"now": 2}}}"#);
    rig.answer("/api/v0/tasks/summarize", 200, "{}");
    rig.poller.finish().await;
    assert_eq!(rig.stored("/api/serve/applications/").await.unwrap(), r#"{"applications": {"a": {}}}"#);
    assert!(rig.stored("/api/jobs/").await.unwrap().contains("SUCCEEDED"));
    assert!(rig.stored("/nodes/ab").await.unwrap().contains("\"now\": 2"));
    assert_eq!(rig.stored("/api/v0/tasks/summarize").await.unwrap(), "{}");
    let node = (SessionName::parse(SESSION).unwrap(), "ab".to_owned());
    let endpoint = rig.poller.manifests.endpoint(&node, "api/v0/tasks/summarize").unwrap();
    assert_eq!((endpoint.bytes, &endpoint.sha256[..8]), (2, "44136fa3"));
}

/// A slow dashboard may not have been asked since the job began.
#[tokio::test]
async fn the_end_asks_for_the_datasets_of_the_last_job() {
    const DATASETS: &str = "/api/data/datasets/02000000";
    let rig = Rig::new(Auth::None).await;
    let event = br#"{"eventType":"ACTOR_DEFINITION_EVENT","actorDefinitionEvent":{"className":"_StatsActor"}}"#;
    rig.seen.event(&SessionName::parse(SESSION).unwrap(), "ACTOR_DEFINITION_EVENT", event);
    rig.answer("/api/version", 200, &version(SESSION));
    rig.answer("/api/jobs/", 200, "[]");
    rig.steps().await;
    rig.answer("/api/jobs/", 200, r#"[{"job_id": "02000000", "status": "SUCCEEDED"}]"#);
    rig.answer(DATASETS, 200, r#"{"datasets": [{}]}"#);
    rig.poller.finish().await;
    assert_eq!(rig.stored(DATASETS).await.as_deref(), Some(r#"{"datasets": [{}]}"#));
}

#[tokio::test]
async fn a_drain_does_not_wait_for_an_answer_that_is_due() {
    let rig = Rig::new(Auth::None).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // A dashboard that accepts and never answers.
    let mut settings = rig.poller.settings.clone();
    settings.dashboard = format!("http://{}", listener.local_addr().unwrap());
    let poller = Poller { dashboard: Dashboard::new(&settings), ..Arc::into_inner(rig.poller).unwrap() };
    let poller = Arc::new(poller);
    let running = tokio::spawn({
        let poller = Arc::clone(&poller);
        async move { poller.run().await }
    });
    let (_connection, _) = listener.accept().await.unwrap();
    let lock = |time| tokio::time::timeout(Duration::from_millis(time), poller.session.lock());
    assert!(lock(100).await.is_err(), "an answer is due");
    poller.ending.notify_waiters();
    assert!(lock(5000).await.is_ok());
    running.abort();
}
