//! Access: every route, asked by people with every right and by nobody, of a server in this process whose reviews are
//! answered by a fake.

use super::{Reply, exchange, header, unpacked};
use ray_history::dashboards::Dashboards;
use ray_history::http;
use ray_history_access::CurrentAccess;
use ray_history_access::observer::Ignore;
use ray_history_access::settings::{Key, Login, Proxy, Secret};
use ray_history_access::testing::FakeReviewer;
use ray_history_access::{AccessSettings, Reviewer};
use ray_history_core::layout::Root;
use ray_history_health::Health;
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use ray_history_session::liveness::Watched;
use ray_history_settings::server::Server;
use ray_history_settings::{Redaction, Settings};
use ray_history_storage::local::Local;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

#[path = "access/dialog.rs"]
mod dialog;
#[path = "access/leaks.rs"]
mod leaks;
#[path = "access/matrix.rs"]
mod matrix;
#[path = "access/obituaries.rs"]
mod obituaries;
#[path = "access/proxy.rs"]
mod proxy;
#[path = "access/rights.rs"]
mod rights;
#[path = "access/words.rs"]
mod words;

/// The namespace of most people here, and what is stored in it.
const OWN: Place = Place { namespace: "ml-serving", cluster: "recsys-raycluster-9d4kq" };
/// Another tenant's namespace.
const OTHER: Place = Place { namespace: "ml-secrets", cluster: "hidden-raycluster-7x2pq" };
/// A session of that tenant which retention deletes.
const ERASED: Place = Place { namespace: "ml-secrets", cluster: "erased-raycluster-3k7mz" };
/// Names of as many characters that nothing has.
const INVENTED: Place = Place { namespace: "ml-nothing", cluster: "absent-raycluster-0n0ne" };
const NAME: &str = "session_2026-11-23_07-07-14_513426_5513";
const SESSIONS: &str = "get sessions.history.ray.io";
const LOGS: &str = "get sessions.history.ray.io/log";
const ENV: &str = "get sessions.history.ray.io/env";
/// The text by which a proxy proves itself.
const PROOF: &str = "proof-of-the-proxy";

/// A cluster in a namespace.
#[derive(Clone, Copy)]
struct Place {
    namespace: &'static str,
    cluster: &'static str,
}

impl Place {
    fn session(self) -> String {
        format!("/sessions/{}/{}/{NAME}", self.namespace, self.cluster)
    }

    fn cookies(self) -> String {
        let Self { namespace, cluster } = self;
        format!("cluster_namespace={namespace}; cluster_name={cluster}; session_name={NAME}; owner_kind=; owner_name=")
    }
}

/// A server with access, and its reviewer.
struct Guarded {
    address: String,
    reviewer: Arc<FakeReviewer>,
}

/// Returns the server of most tests here, with the sessions of two tenants.
fn guarded() -> &'static Guarded {
    static GUARDED: OnceLock<Guarded> = OnceLock::new();
    GUARDED.get_or_init(|| start(Redaction::ByRole, true))
}

/// Returns the settings of access: all ways in.
fn settings() -> AccessSettings {
    let login = Login { key: Key::new([7; 32]), previous: None, lifetime: Duration::from_secs(3600) };
    let proxy = Proxy {
        username_header: "x-auth-request-email".to_owned(),
        groups_header: "x-auth-request-groups".to_owned(),
        username_prefix: String::new(),
        groups_prefix: String::new(),
        source_ranges: vec!["127.0.0.0/8".parse().unwrap()],
        secret: Secret::new(PROOF),
    };
    AccessSettings { login: Some(login), proxy: Some(proxy), ..AccessSettings::default() }
}

/// Returns a reviewer that knows people by their tokens, which are their names.
fn reviewer() -> Arc<FakeReviewer> {
    let reviewer = FakeReviewer::new();
    for name in ["nora", "sam", "lea", "eva", "tom", "root"] {
        reviewer.add_token(name, name, &[]);
    }
    let own = [("sam", &[SESSIONS][..]), ("lea", &[SESSIONS, LOGS]), ("eva", &[SESSIONS, LOGS, ENV])];
    for (name, rights) in own {
        for right in rights {
            reviewer.allow(name, right, OWN.namespace);
        }
    }
    for right in [SESSIONS, LOGS, ENV] {
        reviewer.allow("tom", right, OTHER.namespace);
        reviewer.allow("root", right, "");
    }
    Arc::new(reviewer)
}

/// Returns a folder with the bundled session in two namespaces.
fn two_tenants() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = tempfile::Builder::new().prefix("fixture-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let script = "cp -r \"$0/storage\" \"$1/storage\" && cd \"$1/storage\" && cp -r . ../other && cd ../other && \
                      for old in ml-serving recsys-raycluster-9d4kq; do \
                        new=$([ $old = ml-serving ] && echo ml-secrets || echo hidden-raycluster-7x2pq); \
                        find . -depth -name \"*$old*\" | while read -r path; do \
                          name=$(basename \"$path\"); \
                          mv \"$path\" \"$(dirname \"$path\")/$(echo \"$name\" | sed \"s/$old/$new/\")\"; \
                        done; \
                      done && cp -r . ../storage/ && cd .. && rm -r other && \
                      mkdir -p dashboard/static/js && echo '<!doctype html>dashboard' > dashboard/index.html && \
                      printf 1 > dashboard/static/js/main.js";
        let status = Command::new("sh").arg("-ec").arg(script).arg(unpacked()).arg(folder.path()).status().unwrap();
        assert!(status.success());
        let marks = folder.path().join("storage/ray-history/v1/tombstones").join(ERASED.namespace).join(ERASED.cluster);
        std::fs::create_dir_all(&marks).unwrap();
        let mark = r#"{"schema": "ray-history/tombstone/v1", "phase": "deleting", "at": "2026-11-28T00:00:00Z",
            "notBefore": "2026-11-29T00:00:00Z", "rule": 0, "reason": "secret rule", "rulesDigest": "0",
            "digest": "00000000000000000000000000000000", "objects": 1, "bytes": 1, "changed": "2026-11-29T00:00:00Z"}"#;
        std::fs::write(marks.join(format!("{NAME}.json")), mark).unwrap();
        folder
    })
}

/// Starts a server with access in this process, which ends with it.
fn start(redaction: Redaction, is_known: bool) -> Guarded {
    start_on(two_tenants().path(), redaction, is_known)
}

/// Does the same with the store and the dashboard's files in a folder.
fn start_on(folder: &Path, redaction: Redaction, is_known: bool) -> Guarded {
    let [store, dashboard] = ["storage", "dashboard"].map(|name| folder.join(name));
    let reviewer = reviewer();
    let current = Arc::new(CurrentAccess::closed(Arc::new(Ignore)));
    if is_known {
        current.apply(Some(settings()), &(Arc::clone(&reviewer) as Arc<dyn Reviewer>), || ());
    }
    let settings = Arc::new(Settings { redaction, ..Settings::default() });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (listed, is_listed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Arc::new(Local::open(store).unwrap());
            let sessions = Sessions::with(store, vec![Root::new("")], settings, Watched::default(), Metrics::default());
            sessions.refresh().await.unwrap();
            sessions.read_obituaries_once().await;
            listed.send(()).unwrap();
            let server = Server::default();
            let (health, metrics) = (Health::default(), Metrics::default());
            let heavy = http::Heavy::new(server.heavy_requests(), metrics.clone());
            let dashboards = Some(Arc::new(Dashboards::find(&dashboard).unwrap()));
            let (sessions, audit) = (Arc::new(sessions), Arc::default());
            let state = http::State { access: current, audit, sessions, dashboards, health, metrics, heavy };
            http::serve(state, listener, &server, CancellationToken::new()).await.unwrap();
        });
    });
    is_listed.recv().unwrap();
    Guarded { address, reviewer }
}

impl Guarded {
    /// Sends a request. Each comes from an address of its own, as the proxy says, because failures are counted by address.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let [.., b, c, d] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let from = format!("10.{b}.{c}.{d}");
        exchange(&self.address, method, path, &[headers, &[super::TRACED, ("X-Forwarded-For", from.as_str())]].concat())
    }

    /// Sends a request with a token, or without any for the empty one.
    fn ask(&self, token: &str, path: &str) -> Reply {
        self.ask_with(token, path, &[])
    }

    fn ask_with(&self, token: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
        let bearer = format!("Bearer {token}");
        let own = [("Authorization", bearer.as_str())];
        let own = if token.is_empty() { &[][..] } else { &own };
        self.send("GET", path, &[own, headers].concat())
    }
}

/// Returns an answer without what differs between any two: the time, and the order of headers.
fn comparable((status, mut headers, body): Reply) -> Reply {
    headers.retain(|(name, _)| name != "date");
    headers.sort();
    (status, headers, body)
}

/// Returns the values of the header `Set-Cookie`.
fn set_cookies(headers: &[(String, String)]) -> Vec<&str> {
    headers.iter().filter(|(name, _)| name == "set-cookie").map(|(_, value)| value.as_str()).collect()
}

/// Returns `true` for a refusal of access, and not of Ray's, which refuses profiling.
fn is_refused((status, _, body): &Reply) -> bool {
    *status == 401 || (*status == 403 && body.contains("is forbidden: User"))
}

fn is_json(reply: &Reply) -> serde_json::Value {
    serde_json::from_str(&reply.2).unwrap_or_else(|_| panic!("{reply:?}"))
}

fn vary(headers: &[(String, String)]) -> String {
    let values = headers.iter().filter(|(name, _)| name == "vary").map(|(_, value)| value.as_str());
    values.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_server_whose_settings_are_not_in_force_answers_nothing() {
    let server = start(Redaction::Browsers, false);
    for url in http::urls() {
        let (method, path, cookies) = matrix::request(&url, OWN);
        let (status, headers, body) =
            server.send(method, &path, &[("Cookie", cookies.as_str()), ("Authorization", "Bearer root")]);
        let dialog = url.pattern.contains("auth") || ["/login", "/logout"].contains(&url.pattern);
        if matches!(url.need, http::Need::Open | http::Need::Document) {
            assert!(dialog || ![401, 403, 500].contains(&status), "{path}: {status} {body}");
            assert!(!headers.iter().any(|(name, _)| name.starts_with("x-ray-history")), "{path}: {headers:?}");
        } else {
            assert_eq!((status, header(&headers, "retry-after")), (503, "5"), "{path}: {body}");
        }
    }
}
