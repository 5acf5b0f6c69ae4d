//! Wiring: the only file that knows everybody.
//!
//! `serve` takes a bound listener and a shutdown token, so that tests start the real server on a free port and stop it.
//! Order of the end: stop accepting, finish what is being answered, return.

use crate::args::{Args, Command, Serve};
use crate::http;
use crate::layout::Root;
use crate::session::Sessions;
use crate::storage::local::Local;
use anyhow::{Context, bail};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often open sessions are looked through for those that nobody asks for.
const TIDY: Duration = Duration::from_secs(30);

/// Runs a command to its end.
pub fn run(args: Args) -> anyhow::Result<()> {
    let Command::Serve(settings) = args.command;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(settings.listen)
            .with_context(|| format!("cannot listen on {} (--listen names another address)", settings.listen))?;
        let shutdown = CancellationToken::new();
        tokio::spawn(stop_on_signal(shutdown.clone()));
        serve(settings, listener, shutdown).await
    })
}

/// Serves until the token is cancelled.
pub async fn serve(settings: Serve, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Serve { local_dir, root_dir, listen: _, dashboard_dir, redaction } = settings;
    let store = Local::open(&local_dir)?;
    let roots = root_dir.iter().map(|root| Root::new(root)).collect();
    let sessions = Arc::new(Sessions::new(Arc::new(store), roots));
    let listing = sessions.refresh().await.with_context(|| format!("cannot list {}", local_dir.display()))?;
    let empty = std::fs::read_dir(&local_dir).is_ok_and(|mut files| files.next().is_none());
    if !listing.recognised && !empty {
        let hint = match listing.roots_below.first() {
            Some(root) => format!("its folder {root} has: add --root-dir {}", root.trim_end_matches('/')),
            None => "name the folder that holds them, or a prefix with --root-dir".to_owned(),
        };
        bail!(
            "{} is not what a collector uploaded: it has none of cluster-metadata/, cluster-history/, metadir/ or \
             CLUSTER_NAMESPACE/session_… below it; {hint}",
            local_dir.display()
        );
    }
    for skipped in &listing.skipped.examples {
        tracing::warn!("not listed, so its sessions are missing: {skipped}");
    }
    if let Some(dir) = &dashboard_dir
        && !dir.join("index.html").is_file()
    {
        bail!("{} has no index.html: `make dashboard` fetches the Ray dashboard's files", dir.display());
    }
    let address = listener.local_addr()?;
    tracing::info!(sessions = listing.len(), %address, "serving http://{address}/sessions/");
    let lister = tokio::spawn({
        let (sessions, shutdown) = (Arc::clone(&sessions), shutdown.clone());
        async move { sessions.keep_listed(shutdown).await }
    });
    let tidier = tokio::spawn(tidy(Arc::clone(&sessions), shutdown.clone()));
    let state = http::State { sessions, dashboard_dir, redaction };
    http::serve(state, listener, shutdown.clone()).await?;
    shutdown.cancel();
    let _ = tokio::join!(lister, tidier);
    Ok(())
}

/// Lets go of what nobody asks for.
async fn tidy(sessions: Arc<Sessions>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(tokio::time::sleep(TIDY)).await.is_some() {
        sessions.tidy();
    }
}

/// Cancels the token on SIGTERM and on SIGINT.
async fn stop_on_signal(shutdown: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    tracing::info!("stopping");
    shutdown.cancel();
}
