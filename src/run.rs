//! Wiring: the only module that uses all others.
//!
//! `serve` takes a bound listener and a shutdown token, so that tests can start the real server on a free port and stop
//! it.
//!
//! Order of the shutdown, on SIGTERM, SIGINT, or when the token is cancelled:
//! 1. `/readyz` answers 503 at once; every request is still answered.
//! 2. `--drain-wait` gives load balancers time to notice.
//! 3. New connections are rejected; idle connections are closed, others after their current answer.
//! 4. Requests in flight, and the loads they wait for, have `--shutdown-timeout` to end. Shortly before, requests that
//!    still wait for a load get 503; the rest is dropped. Loads without a waiting request are stopped, because their
//!    results would be lost.
//! 5. Background tasks end, the last traces are sent, and the program exits with 0.
//!
//! A second signal exits at once.

use crate::access::Observe;
use crate::args::{Args, Command, Serve};
use crate::dashboards::Dashboards;
use crate::telemetry;
use anyhow::Context;
use ray_history_access::CurrentAccess;
use ray_history_access::Reviewer;
use ray_history_controller::KubernetesReviewer;
use ray_history_health::{Gate, Health, NOT_LISTED};
use ray_history_metrics::Metrics;
use ray_history_settings::crd;
use ray_history_settings::{Secrets, Settings};
use rustix::io::Errno;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

mod check;
mod client;
mod diff;
mod exit;
mod export;
mod generated;
mod kubernetes;
mod list;
mod listing;
mod logs;
mod machine;
mod new_file;
mod open;
mod persist;
mod print;
mod query;
mod retention;
mod snapshot;
mod sources;
mod stopping;
mod why;

pub use exit::FAILED;
pub use print::print_failure;

use print::print;
use stopping::{Served, Stopping};

/// Longest time to send the last traces.
const TRACE_FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest time to write the last log lines.
const LOG_FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Context of the operating system's error if threads for loads cannot be started.
const NO_THREADS: &str = "threads for loads cannot be started: allow this process more of them";

/// Runs a command until it ends, and returns its exit code.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve(settings) => run_server(*settings)?,
        Command::Check(args) => return Ok(check::run(&args)),
        Command::List(args) => return list::run(&args),
        Command::Why(args) => return why::run(&args),
        Command::Diff(args) => return diff::run(&args),
        Command::Export(args) => return export::run(&args),
        Command::Open(args) => return open::run(&args),
        Command::Logs(args) => return logs::run(&args),
        Command::Retention(args) => return retention::run(&args.command),
        Command::Persist(args) => return persist::run(&args),
        Command::Snapshot(args) => return snapshot::run(&args.command),
        Command::Query(args) => return query::run(&args),
        Command::Pin(args) => return retention::pin(&args),
        Command::Crd => print(&crd::yaml()?)?,
        Command::Completions(args) => generated::completions(&args)?,
        Command::Man(args) => generated::man(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn run_server(settings: Serve) -> anyhow::Result<()> {
    machine::check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let telemetry = telemetry::start(settings.server.log_format)?;
        let listener = bind(settings.listen)
            .with_context(|| format!("cannot listen on {} (--listen names another address)", settings.listen))?;
        let shutdown = CancellationToken::new();
        tokio::spawn(stop_on_signal(shutdown.clone()));
        let ended = serve(settings, listener, shutdown).await;
        telemetry.stop(TRACE_FLUSH_TIMEOUT).await;
        ended
    });
    // A blocking thread may still read a file; it ends with the process.
    runtime.shutdown_background();
    telemetry::flush(LOG_FLUSH_TIMEOUT);
    ended
}

/// Binds the listener. On a kernel without IPv6, `[::]` (which also accepts IPv4) falls back to `0.0.0.0`.
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address) {
        Err(error)
            if address.ip() == Ipv6Addr::UNSPECIFIED && Errno::from_io_error(&error) == Some(Errno::AFNOSUPPORT) =>
        {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))
        }
        bound => bound,
    }
}

/// Serves until the token is cancelled.
pub async fn serve(settings: Serve, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
    if let Some((namespace, name)) = settings.rayhistory.clone() {
        return kubernetes::serve(&namespace, &name, settings, listener, shutdown).await;
    }
    let Serve { files, local_dir, config, root_dir, dashboard_dir, redaction, server, kuberay, .. } = settings;
    let (health, metrics) = (Health::default(), Metrics::default());
    health.close(Gate::Listed, NOT_LISTED);
    let settings = match (config, local_dir) {
        (Some(file), _) => sources::document(&file)?,
        (None, Some(folder)) => Settings { redaction, ..sources::folder(folder, root_dir) },
        (None, None) if !files.is_empty() => Settings { redaction, ..sources::portable(files) },
        (None, None) => {
            let (settings, notes) = sources::kuberay(&kuberay)?;
            for note in notes {
                tracing::warn!("{note}");
            }
            Settings { redaction, ..settings }
        }
    };
    let access = access(&settings, &metrics).await?;
    let storage = &settings.storage;
    tracing::info!(storage = %storage.url(), root_dirs = storage.root_dirs.join(","), settings = %settings, "settings in force");
    let sessions = sources::sessions(&settings, &metrics).await?;
    let sessions = Arc::new(sessions.with_low_priority_loads().context(NO_THREADS)?);
    let dashboards = find_dashboards(dashboard_dir.as_deref())?;
    let address = listener.local_addr()?;
    // Listing a big bucket takes a while; probes are answered meanwhile.
    tracing::info!(%address, "listening; the stored sessions are being listed");
    let first = {
        let (sessions, health, storage) = (Arc::clone(&sessions), health.clone(), settings.storage);
        async move {
            let listing = listing::first(&sessions, &storage, &health).await?;
            tracing::info!(sessions = listing.len(), %address, "serving http://{address}/sessions/");
            Ok(())
        }
    };
    let stopping = Stopping { shutdown, server };
    stopping.serve(Served { sessions, access, dashboards, health, metrics }, listener, first).await
}

/// Returns the access of settings that do not come from Kubernetes. A file names no Secret.
async fn access(settings: &Settings, metrics: &Metrics) -> anyhow::Result<Arc<CurrentAccess>> {
    let Some(wanted) = &settings.access else { return Ok(Arc::new(CurrentAccess::open())) };
    let wanted = wanted.with_secrets(&Secrets::new()).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let config = kubernetes::config().await.context("spec.access.mode Kubernetes needs a Kubernetes to ask")?;
    let client = ray_history_controller::client(config).context("the Kubernetes client cannot be set up")?;
    let reviewer = KubernetesReviewer::new(client);
    reviewer.set_namespaces(&settings.clusters.namespaces);
    let access = CurrentAccess::closed(Arc::new(Observe::new(Arc::clone(&metrics.access))));
    access.apply(Some(wanted), &(Arc::new(reviewer) as Arc<dyn Reviewer>), || ());
    Ok(Arc::new(access))
}

/// Returns the dashboards in a folder, if one is named; an error if it has none.
fn find_dashboards(dir: Option<&Path>) -> anyhow::Result<Option<Arc<Dashboards>>> {
    Ok(dir.map(Dashboards::find).transpose()?.map(Arc::new))
}

/// Cancels the token on SIGTERM and on SIGINT; a second signal ends the program.
async fn stop_on_signal(shutdown: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return;
    };
    loop {
        let kind = tokio::select! {
            _ = term.recv() => SignalKind::terminate(),
            _ = int.recv() => SignalKind::interrupt(),
        };
        if shutdown.is_cancelled() {
            tracing::warn!("a second signal: not waiting any longer");
            telemetry::flush(LOG_FLUSH_TIMEOUT);
            std::process::exit(128 + kind.as_raw_value());
        }
        shutdown.cancel();
    }
}
