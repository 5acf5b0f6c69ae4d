//! Starts the parts in the order in which they can work, and ends them.

use super::collector::Collector;
use super::lives::Lives;
use super::parts::{Events, Logs};
use super::{listen, loops, spool, storage};
use crate::control::{Control, Running};
use crate::destinations::Destinations;
use crate::drain::Drain;
use crate::health::Part;
use crate::leftovers;
use crate::manifests::{Facts, Manifests, heartbeat};
use crate::marker::Markers;
use crate::metrics::Numbers;
use crate::parts::{EventPart, LogPart};
use crate::poll::Poller;
use crate::settings::Settings;
use crate::spool::Spool;
use crate::store::Store;
use crate::tail::{self, Tail};
use crate::upload::Sink;
use ray_history_manifest::{Collector as Program, Identity, OwnerName, Role};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Runs until SIGTERM, and then until all is stored.
pub(super) async fn run(settings: Settings) {
    // The first process of a container gets no signal that it does not ask for.
    let mut signals = Signals::new();
    let (drain, destinations, store) = tokio::select! {
        started = start(&settings) => started,
        () = signals.next() => return,
    };
    signals.next().await;
    if settings.cluster.is_none() {
        return tracing::warn!("without a cluster's name nothing can be stored; the spool has the events");
    }
    destinations.hurry();
    tokio::select! {
        () = drain.end(settings.grace) => tracing::info!("closed"),
        why = store.unusable_after(settings.grace) => tracing::warn!("there is no store, the spool has the events: {why}"),
        () = signals.next() => tracing::warn!("a second signal: what is not stored stays in the spool"),
    }
}

/// Starts all parts.
async fn start(settings: &Settings) -> (Arc<Drain>, Destinations, Arc<Store>) {
    let control = Arc::new(Control::default());
    let (health, store_metrics) = (control.health.clone(), control.store.clone());
    // First of all, before anything else is known: what Ray posts now waits in the port's queue. A port that is taken
    // keeps neither the rest from working nor `/healthz` from saying so.
    let receiver = tokio::spawn(listen::receiver(settings.events_listen, health.clone()));
    tokio::spawn(listen::control(settings.control_listen.clone(), Arc::clone(&control)));
    tokio::task::yield_now().await;
    if settings.cluster.is_none() {
        let why = "RAY_CLUSTER_NAME is missing or no name of Kubernetes: events are kept, nothing is uploaded";
        health.set(Part::Cluster, Some(why.to_owned()));
    }
    let (folder, spool) = spool::open(settings, &health).await;
    let spool = Arc::new(spool);
    let (publisher, folders) = watch::channel(Arc::from([]));
    let destinations =
        Destinations::new(&storage::root(), settings.cluster.clone(), settings.owner.clone(), folders.clone());
    let store = Arc::new(Store::new(storage::connector(settings), store_metrics));
    let sink = Sink::new(Arc::<Store>::clone(&store));
    tokio::spawn({
        let (spool, place, to) = (Arc::clone(&spool), destinations.clone(), sink.clone());
        let left = settings.cluster.clone().map(|cluster| (settings.kuberay_events.clone(), cluster));
        async move {
            if let Ok(receiver) = receiver.await {
                // The port is taken, so KubeRay's collector does not run in this pod.
                if let Some((folder, cluster)) = left {
                    tokio::spawn(leftovers::store(folder, cluster, place, to));
                }
                receiver.serve(spool).await;
            }
        }
    });
    let uploader = Arc::new(spool::uploader(settings, &spool, &sink, &destinations));
    let tail =
        Tail::new(tail_settings(settings), spool.id(), &folder.join("state"), sink.clone(), destinations.clone());
    let events: Arc<dyn EventPart> = Arc::new(Events { spool: Arc::clone(&spool), uploader: Arc::clone(&uploader) });
    let logs: Arc<dyn LogPart> = Arc::new(Logs(tail.clone()));
    let own = folder.join("control");
    let (place, to, parts) = (destinations.clone(), sink.clone(), (Arc::clone(&events), Arc::clone(&logs)));
    let manifests = Arc::new(Manifests::new(facts(settings, &spool), own.clone(), place, to, parts.0, parts.1));
    let is_head = settings.role == Role::Head;
    let poller = is_head.then(|| {
        let (poll, place, to) = (settings.poll.clone(), destinations.clone(), sink.clone());
        Arc::new(Poller::new(poll, spool.seen().clone(), place, to, Arc::clone(&manifests), health.clone()))
    });
    let collector = Arc::new(Collector {
        folders,
        events: Arc::clone(&events),
        logs: Arc::clone(&logs),
        manifests: Arc::clone(&manifests),
        poller: poller.clone(),
        health: health.clone(),
    });
    let drain = Arc::new(Drain::new(Arc::<Collector>::clone(&collector)));
    let running = Running { drain: Arc::clone(&drain), numbers: numbers(&collector, &spool, &tail) };
    // It was empty until now.
    let _ = control.running.set(running);
    let lives = Lives { folders: publisher, manifests, events, logs, closing: BTreeSet::new() };
    let root = settings.ray_tmp.clone();
    tokio::spawn(async move { lives.run(&root).await });
    tokio::spawn({
        let uploader = Arc::clone(&uploader);
        async move { uploader.run().await }
    });
    tokio::spawn(async move { tail.run().await });
    tokio::spawn(loops::scrapes(Arc::clone(&collector)));
    tokio::spawn(loops::manifests(Arc::clone(&collector)));
    let disk = move || uploader.disk_trouble().or_else(|| spool::fill_trouble(&spool));
    tokio::spawn(loops::health(collector, sink.clone(), Arc::clone(&store), disk, health));
    if is_head {
        tokio::spawn(loops::markers(Markers::open(&own), destinations.clone(), sink));
    }
    if let Some(poller) = poller {
        tokio::spawn(async move { poller.run().await });
    }
    (drain, destinations, store)
}

/// SIGTERM, and Ctrl-C at a terminal.
struct Signals(Option<(Signal, Signal)>);

impl Signals {
    fn new() -> Self {
        Self(signal(SignalKind::terminate()).ok().zip(signal(SignalKind::interrupt()).ok()))
    }

    async fn next(&mut self) {
        let Some((term, int)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }
}

fn facts(settings: &Settings, spool: &Spool) -> Facts {
    let cluster = settings.cluster.clone();
    let owner = settings.owner.as_ref();
    Facts {
        spool: spool.id().to_owned(),
        boot: spool.boots(),
        collector: Program {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            flush_seconds: settings.flush.as_secs_f64(),
            log_seconds: settings.log_flush.as_secs_f64(),
            system_log_seconds: settings.system_log_flush.as_secs_f64(),
            heartbeat_seconds: heartbeat(settings.role, settings.system_log_flush).as_secs_f64(),
        },
        identity: Identity {
            namespace: cluster.as_ref().map(|cluster| cluster.namespace.clone()).unwrap_or_default(),
            cluster: cluster.map(|cluster| cluster.name).unwrap_or_default(),
            owner: owner.map(|owner| OwnerName { kind: owner.kind.kind().to_owned(), name: owner.name.clone() }),
            role: settings.role,
            pod: settings.pod.clone(),
            ..Identity::default()
        },
    }
}

fn tail_settings(settings: &Settings) -> tail::Settings {
    tail::Settings {
        facts_flush: settings.flush,
        user_flush: settings.log_flush,
        system_flush: settings.system_log_flush,
        max_bytes: settings.log_max_bytes,
        upload_rate: settings.upload_rate,
        ..tail::Settings::default()
    }
}

fn numbers(collector: &Arc<Collector>, spool: &Arc<Spool>, tail: &Tail) -> Box<dyn Fn() -> Numbers + Send + Sync> {
    let (collector, spool, tail) = (Arc::clone(collector), Arc::clone(spool), tail.clone());
    Box::new(move || {
        let counts = spool.counts();
        Numbers {
            accepted: counts.records + counts.quarantined,
            repeated: counts.repeated,
            refused: counts.refused,
            quarantined: counts.quarantined,
            spool_bytes: spool.used(),
            unflushed_seconds: spool.unstored_since().map_or(0.0, |since| since.elapsed().as_secs_f64()),
            log_lag_seconds: tail.lag().as_secs_f64(),
            dropped: collector.manifests.dropped(),
            troubles: collector.health.count() as u64,
        }
    })
}

#[cfg(test)]
mod tests;
