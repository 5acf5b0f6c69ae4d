//! Serves a folder with a latency on every request, as if its store were far away.
//!
//! For pages that show a session while it is being loaded:
//! `cargo run --example slow_store -- FOLDER MILLISECONDS DASHBOARD [STATES]`. It ends with SIGTERM.
//!
//! STATES stands for the watch of an API server: a file with a line `NAMESPACE/CLUSTER/SESSION STATE` for each session
//! that is live or dead. It is read for every question, so a test can let a session die. A line `OBJECT unreadable` breaks
//! an object of the store, for as long as it stands there.

use anyhow::Context;
use ray_history::health::Health;
use ray_history::http::{self, Heavy, State};
use ray_history::liveness::{Judge, Liveness, State as Life};
use ray_history::metrics::Metrics;
use ray_history::session::Sessions;
use ray_history::settings::server::Server;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::Root;
use ray_history_storage::ErrorKind;
use ray_history_storage::faulty::{Fault, Faulty};
use ray_history_storage::local::Local;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, milliseconds, dashboard, states @ ..] = &arguments[..] else {
        anyhow::bail!("usage: slow_store FOLDER MILLISECONDS DASHBOARD [STATES]");
    };
    let latency = Duration::from_millis(milliseconds.parse().context("MILLISECONDS is not a number")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let liveness = Liveness::default();
    if let Some(states) = states.first() {
        liveness.set(Arc::new(States(states.into())));
    }
    let states = states.first().map(PathBuf::from);
    runtime.block_on(serve(Path::new(folder), latency, PathBuf::from(dashboard), liveness, states))
}

/// Reads the states of sessions from a file.
#[derive(Debug)]
struct States(PathBuf);

impl Judge for States {
    fn state(&self, key: &SessionKey) -> Life {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let key = key.to_string();
        let state = text.lines().filter_map(|line| line.split_once(' ')).find(|(of, _)| *of == key);
        match state {
            Some((_, "live")) => Life::Live,
            Some((_, "dead")) => Life::Dead,
            _ => Life::Unknown,
        }
    }
}

/// Breaks the objects that a file names, for as long as it names them.
async fn break_objects(store: Arc<Faulty>, states: PathBuf) {
    let mut before = String::new();
    loop {
        let text = std::fs::read_to_string(&states).unwrap_or_default();
        if text != before {
            store.heal();
            for key in text.lines().filter_map(|line| line.strip_suffix(" unreadable")) {
                store.arm(key, Fault::Always(ErrorKind::Unavailable));
            }
            before = text;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn serve(
    folder: &Path,
    latency: Duration,
    dashboard: PathBuf,
    liveness: Liveness,
    states: Option<PathBuf>,
) -> anyhow::Result<()> {
    let store = Arc::new(Faulty::new(Arc::new(Local::open(folder)?)).with_latency(latency));
    if let Some(states) = states {
        tokio::spawn(break_objects(Arc::clone(&store), states));
    }
    let (settings, metrics) = (Arc::default(), Metrics::default());
    let sessions = Sessions::with(store, vec![Root::new("")], settings, liveness, metrics.clone());
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
    let state = State { sessions, dashboard_dir: Some(dashboard), health, metrics, heavy };
    http::serve(state, listener, &bounds, shutdown).await?;
    Ok(())
}
