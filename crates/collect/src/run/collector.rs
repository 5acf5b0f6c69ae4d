//! The collector as a whole: starts its parts in the order in which they can work, and ends them.

use super::parts::{Events, Logs};
use super::{listen, loops, spool, storage};
use crate::control::{self, Control};
use crate::destinations::Destinations;
use crate::drain::{Drain, Node};
use crate::health::{Health, Part};
use crate::identity::{Folders, Raylet};
use crate::manifests::{Facts, Manifests};
use crate::metrics::{Numbers, StoreMetrics};
use crate::parts::{EventPart, LogPart};
use crate::poll::{Poller, Seen};
use crate::ray_counters;
use crate::run::lives::{self, Lives};
use crate::settings::Settings;
use crate::spool::Spool;
use crate::store::Store;
use crate::tail::{self, Tail};
use crate::upload::Sink;
use async_trait::async_trait;
use ray_history_manifest::{Collector as Program, Identity, OwnerName, Reason, Role, State};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// The parts of a running collector, as its end sees them.
pub(super) struct Collector {
    pub(super) folders: Folders,
    pub(super) events: Arc<dyn EventPart>,
    pub(super) logs: Arc<dyn LogPart>,
    pub(super) manifests: Arc<Manifests>,
    pub(super) poller: Option<Arc<Poller>>,
    pub(super) health: Health,
}

#[async_trait]
impl Node for Collector {
    async fn poll(&self) {
        if let Some(poller) = &self.poller {
            poller.finish().await;
        }
    }

    async fn scrape(&self) {
        let folders = Arc::clone(&self.folders.borrow());
        for folder in folders.iter().filter(|folder| folder.raylet == Raylet::Alive) {
            let (Some(node), Some(port)) = (&folder.node, folder.metrics_port) else { continue };
            let began = Instant::now();
            match ray_counters::scrape(port).await {
                Ok(counters) => {
                    self.health.set(Part::RayCounters, None);
                    self.manifests.scraped(&(folder.name.clone(), node.clone()), counters, began);
                }
                Err(why) => self.health.set(Part::RayCounters, Some(why)),
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let nodes = lives::current(&self.folders.borrow());
        !nodes.is_empty() && nodes.iter().all(|node| self.manifests.is_quiet(node))
    }

    fn last_event_at(&self) -> Option<Instant> {
        self.events.last_event_at()
    }

    fn raylet_is_alive(&self) -> bool {
        self.folders.borrow().iter().any(|folder| folder.raylet == Raylet::Alive)
    }

    async fn flush(&self) {
        tokio::join!(self.events.flush_now(), self.logs.flush_now());
    }

    async fn seal(&self) {
        for (session, _) in lives::current(&self.folders.borrow().clone()) {
            self.events.close(&session).await;
        }
        self.logs.flush_now().await;
    }

    async fn put_manifests(&self, state: State) {
        let reason = (state == State::Closed).then_some(Reason::PodEnded);
        if state == State::Open {
            self.logs.resume();
        }
        for node in lives::current(&self.folders.borrow().clone()) {
            self.manifests.put(&node, state, reason).await;
        }
    }

    async fn settle(&self, deadline: Instant) {
        self.logs.settle(deadline).await;
    }
}

/// Runs until SIGTERM, and then until all is stored.
pub(super) async fn run(settings: Settings) {
    let health = Health::default();
    // First of all, before anything else is known: what Ray posts now waits in the port's queue.
    let receiver = listen::receiver(&settings.events_listen, &health).await;
    let control = listen::bind_first(&settings.control_listen, &health).await;
    if settings.cluster.is_none() {
        let why = "RAY_CLUSTER_NAME is missing or no name of Kubernetes: events are kept, nothing is uploaded";
        health.set(Part::Cluster, Some(why.to_owned()));
    }
    let (folder, spool) = spool::open(&settings, &health).await;
    let spool = Arc::new(spool);
    let seen = Seen::default();
    spool.observe(seen.clone());
    tokio::spawn(receiver.serve(Arc::clone(&spool)));

    let (publisher, folders) = watch::channel(Arc::from([]));
    let destinations =
        Destinations::new(&storage::root(), settings.cluster.clone(), settings.owner.clone(), folders.clone());
    let store_metrics = StoreMetrics::default();
    let sink = Sink::new(Arc::new(Store::new(storage::connector(&settings), store_metrics.clone())));
    let uploader = Arc::new(spool::uploader(&settings, &spool, &sink, &destinations));
    let tail = Tail::new(tail_settings(&settings), spool.id(), &folder.join("state"), sink.clone(), destinations.clone());
    let events: Arc<dyn EventPart> = Arc::new(Events { spool: Arc::clone(&spool), uploader: Arc::clone(&uploader) });
    let logs: Arc<dyn LogPart> = Arc::new(Logs(tail.clone()));
    let own = folder.join("control");
    let (facts, node_folders) = (facts(&settings, &spool), folders.clone());
    let manifests =
        Manifests::new(facts, own.clone(), destinations.clone(), sink.clone(), Arc::clone(&events), Arc::clone(&logs));
    let manifests = Arc::new(manifests);
    let is_head = settings.role == Role::Head;
    let poller = is_head.then(|| {
        let (poll, destinations, sink) = (settings.poll.clone(), destinations.clone(), sink.clone());
        Arc::new(Poller::new(poll, seen, destinations, sink, Arc::clone(&manifests), health.clone()))
    });
    let collector = Arc::new(Collector {
        folders: node_folders,
        events: Arc::clone(&events),
        logs: Arc::clone(&logs),
        manifests: Arc::clone(&manifests),
        poller: poller.clone(),
        health: health.clone(),
    });
    let drain = Arc::new(Drain::new(collector.clone()));
    let numbers = numbers(&collector, &spool, &tail);
    let served = Control { health: health.clone(), drain: Arc::clone(&drain), numbers, store: store_metrics };
    tokio::spawn(control::serve(control, Arc::new(served)));
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
    tokio::spawn(loops::health(Arc::clone(&collector), sink.clone(), disk, health));
    if is_head {
        tokio::spawn(loops::markers(Markers::open(&own), destinations, sink));
    }
    if let Some(poller) = poller {
        tokio::spawn(async move { poller.run().await });
    }
    until_signal().await;
    tokio::select! {
        () = drain.end(settings.grace) => tracing::info!("everything is stored"),
        () = until_signal() => tracing::warn!("a second signal: what is not stored stays in the spool"),
    }
}

/// Waits for SIGTERM, or for Ctrl-C at a terminal.
async fn until_signal() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
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
