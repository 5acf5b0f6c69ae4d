//! Serves a folder as if its store were far away: every request to the store takes so much longer.
//!
//! For trying and testing what a page shows while a session is being loaded:
//! `cargo run --example slow_store -- FOLDER MILLISECONDS DASHBOARD`. It ends with SIGTERM.

use anyhow::Context;
use clap::Parser;
use ray_history::health::Health;
use ray_history::http::{self, Heavy, State};
use ray_history::layout::Root;
use ray_history::metrics::Metrics;
use ray_history::session::Sessions;
use ray_history::settings::server::Server;
use ray_history::storage::faulty::Faulty;
use ray_history::storage::local::Local;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The server's bounds, as they are when nobody sets them.
#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    server: Server,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, milliseconds, dashboard] = &arguments[..] else {
        anyhow::bail!("usage: slow_store FOLDER MILLISECONDS DASHBOARD");
    };
    let latency = Duration::from_millis(milliseconds.parse().context("MILLISECONDS is not a number")?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(Path::new(folder), latency, PathBuf::from(dashboard)))
}

async fn serve(folder: &Path, latency: Duration, dashboard: PathBuf) -> anyhow::Result<()> {
    let store = Faulty::new(Arc::new(Local::open(folder)?)).with_latency(latency);
    let sessions = Arc::new(Sessions::new(Arc::new(store), vec![Root::new("")]));
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
    let metrics = Metrics::default();
    let (health, heavy) = (Health::default(), Heavy::new(2, metrics.clone()));
    let state = State { sessions, dashboard_dir: Some(dashboard), health, heavy, metrics };
    let Flags { server } = Flags::parse_from(["slow_store"]);
    http::serve(state, listener, &server, shutdown).await?;
    Ok(())
}
