//! Serves a folder with a latency on every request, as if its store were far away.
//!
//! For pages that show a session while it is being loaded:
//! `cargo run --example slow_store -- FOLDER MILLISECONDS DASHBOARD [STATES]`. It ends with SIGTERM.
//!
//! STATES stands for the watch of an API server: a file with a line `NAMESPACE/CLUSTER/SESSION STATE` for each session
//! that is live or dead. It is read again and again, so a test can let a session die. A line `OBJECT unreadable` breaks
//! an object of the store, for as long as it stands there.

use anyhow::Context;
use ray_history::dashboards::Dashboards;
use ray_history::http::{self, Heavy, State};
use ray_history_access::CurrentAccess;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::layout::Root;
use ray_history_health::Health;
use ray_history_metrics::Metrics;
use ray_history_session::Sessions;
use ray_history_session::liveness::{Cluster, Watched};
use ray_history_settings::server::Server;
use ray_history_storage::ErrorKind;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::local::Local;
use std::collections::{BTreeMap, HashMap};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Pause between two readings of the file of states.
const PAUSE: Duration = Duration::from_millis(20);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, milliseconds, dashboard, states @ ..] = &arguments[..] else {
        anyhow::bail!("usage: slow_store FOLDER MILLISECONDS DASHBOARD [STATES]");
    };
    let latency = Duration::from_millis(milliseconds.parse().context("MILLISECONDS is not a number")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let states = states.first().map(PathBuf::from);
    let dashboards = Arc::new(Dashboards::find(Path::new(dashboard))?);
    runtime.block_on(serve(Path::new(folder), latency, dashboards, states))
}

/// Follows the file of states until the program ends.
async fn follow(states: PathBuf, store: Arc<Faulty>, watched: Watched) {
    let mut before = String::new();
    loop {
        let text = std::fs::read_to_string(&states).unwrap_or_default();
        if text != before {
            break_objects(&text, &store);
            watch(&text, &watched);
            before = text;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Breaks the objects that are unreadable, and no others.
fn break_objects(text: &str, store: &Faulty) {
    store.heal();
    for key in text.lines().filter_map(|line| line.strip_suffix(" unreadable")) {
        store.arm(key, Fault::Always(ErrorKind::Unavailable));
    }
}

/// Watches the namespaces of the sessions that are live or dead. The cluster of a live one exists, created when the
/// session began; that of a dead one does not.
fn watch(text: &str, watched: &Watched) {
    let mut namespaces = BTreeMap::<String, HashMap<ClusterId, Cluster>>::new();
    for (session, state) in text.lines().filter_map(|line| line.split_once(' ')) {
        let (&[namespace, cluster, session], "live" | "dead") = (&session.split('/').collect::<Vec<_>>()[..], state)
        else {
            continue;
        };
        let clusters = namespaces.entry(namespace.to_owned()).or_default();
        let created = SessionName::parse(session).and_then(|name| name.local_micros());
        if let (Some(created), "live") = (created, state) {
            let id = ClusterId { namespace: namespace.to_owned(), name: cluster.to_owned() };
            let uid = session.to_owned();
            clusters.insert(id, Cluster { uid, created, suspended: false, owner: None, head: None, keep: None });
        }
    }
    watched.update(|states| {
        // An empty list would stand for all namespaces.
        let names: Vec<String> = namespaces.keys().cloned().chain(["none".to_owned()]).collect();
        states.watch(&names, false);
        for (namespace, clusters) in namespaces {
            states.relisted(Some(&namespace), clusters, 0);
        }
    });
}

async fn serve(
    folder: &Path,
    latency: Duration,
    dashboards: Arc<Dashboards>,
    states: Option<PathBuf>,
) -> anyhow::Result<()> {
    let store = Arc::new(Faulty::new(Arc::new(Local::open(folder)?)).with_latency(latency));
    let (settings, watched, metrics) = (Arc::default(), Watched::default(), Metrics::default());
    if let Some(states) = states {
        tokio::spawn(follow(states, Arc::clone(&store), watched.clone()));
    }
    let sessions = Sessions::with(store, vec![Root::new("")], settings, watched, metrics.clone());
    let sessions = Arc::new(sessions.with_low_priority_loads()?);
    sessions.refresh().await?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    eprintln!("serving http://{}/sessions/", listener.local_addr()?);
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        terminated.recv().await;
        stop.cancel();
    });
    let (bounds, health) = (Server::default(), Health::default());
    let heavy = Heavy::new(bounds.heavy_requests(), metrics.clone());
    let access = Arc::new(CurrentAccess::open());
    let audit = Arc::default();
    let state = State { access, audit, sessions, dashboards: Some(dashboards), health, metrics, heavy };
    http::serve(state, listener, &bounds, shutdown).await?;
    Ok(())
}
