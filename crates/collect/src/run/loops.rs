//! The work that is done again and again: markers, scrapes, manifests, and a look at what is wrong.

use super::collector::Collector;
use super::lives;
use crate::destinations::Destinations;
use crate::health::{Health, Part};
use crate::identity::Raylet;
use crate::marker::Markers;
use crate::store::Store;
use crate::upload::Sink;
use ray_history_core::base::chain::chain;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// The interval of scrapes.
const SCRAPE: Duration = Duration::from_secs(60);
/// The time after an agent appears in which it is asked first, and the pause while it does not answer.
const FIRST_SCRAPE: Duration = Duration::from_secs(5);
/// Scrapes after which an agent that does not answer, or counts nothing, is asked as seldom as others.
const EARLY_SCRAPES: u32 = 6;
/// The interval at which manifests may be due.
const MANIFESTS: Duration = Duration::from_secs(10);
/// The interval of looks at what is wrong.
const HEALTH: Duration = Duration::from_secs(2);
/// The time for which it is no trouble that the node's id is not known: Ray starts in it.
const START: Duration = Duration::from_secs(60);

/// Makes the marker of each session as soon as its folder appears.
pub(super) async fn markers(mut markers: Markers, destinations: Destinations, sink: Sink) {
    let mut folders = destinations.folders().clone();
    loop {
        let sessions: Vec<_> = folders.borrow_and_update().iter().map(|folder| folder.name.clone()).collect();
        for session in sessions {
            if let Err(error) = markers.make(&session, &destinations, &sink).await {
                tracing::warn!(error = %chain(&error), "the marker of {session} cannot be made");
            }
        }
        if folders.changed().await.is_err() {
            return;
        }
    }
}

/// Asks Ray's agents for their counters once a minute, and soon after one appears.
pub(super) async fn scrapes(collector: Arc<Collector>) {
    let mut folders = collector.folders.clone();
    let (mut ports, mut tries) = (Vec::new(), 0);
    loop {
        let alive = |folder: &&crate::identity::SessionFolder| folder.raylet == Raylet::Alive;
        let now: Vec<_> = folders.borrow_and_update().iter().filter(alive).filter_map(|it| it.metrics_port).collect();
        let is_new = now.iter().any(|port| !ports.contains(port));
        ports = now;
        if is_new {
            tries = 0;
            // An agent that starts does not answer at once.
            sleep(FIRST_SCRAPE).await;
        }
        tries += 1;
        let is_early = !collector.scrape_all().await && tries < EARLY_SCRAPES;
        let next = Instant::now() + if is_early { FIRST_SCRAPE } else { SCRAPE };
        while Instant::now() < next {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                changed = folders.changed() => if changed.is_err() { return },
            }
            let folders = folders.borrow();
            let is_new = |port: u16| !ports.contains(&port);
            if folders.iter().filter(alive).filter_map(|folder| folder.metrics_port).any(is_new) {
                break;
            }
        }
    }
}

/// Puts manifests that are due.
pub(super) async fn manifests(collector: Arc<Collector>) {
    let mut ticks = interval(MANIFESTS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let folders = Arc::clone(&collector.folders.borrow());
        collector.put_late_manifests().await;
        for folder in folders.iter() {
            if let Some(node) = &folder.node {
                collector.manifests.put_if_due(&(folder.name.clone(), node.clone())).await;
            }
        }
    }
}

/// Looks at what is wrong.
pub(super) async fn health(
    collector: Arc<Collector>,
    sink: Sink,
    store: Arc<Store>,
    spool: impl Fn() -> Option<String>,
    health: Health,
) {
    let start = Instant::now();
    loop {
        let trouble = match sink.trouble() {
            Some(trouble) => {
                let seconds = trouble.since.elapsed().as_secs() / 10 * 10;
                Some(format!("nothing could be stored for {seconds} s: {}", trouble.message))
            }
            // Although nothing is to be stored yet.
            None => store.connected().await.err(),
        };
        health.set(Part::Storage, trouble);
        health.set(Part::Spool, spool());
        let is_unknown = lives::current(&collector.folders.borrow()).is_empty() && start.elapsed() > START;
        let unknown = "no session's folder says the id of this node: is Ray's folder shared with this container?";
        health.set(Part::Node, is_unknown.then(|| unknown.to_owned()));
        sleep(HEALTH).await;
    }
}
