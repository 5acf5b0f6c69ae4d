//! The parts of a running collector, as its end and its repeated work see them.

use super::lives;
use crate::drain::Node;
use crate::health::{Health, Part};
use crate::identity::{Folders, Raylet};
use crate::manifests::Manifests;
use crate::parts::{EventPart, LogPart};
use crate::poll::Poller;
use crate::ray_counters;
use async_trait::async_trait;
use ray_history_manifest::{Reason, State};
use std::sync::Arc;
use tokio::time::Instant;

/// The parts of a running collector.
pub(super) struct Collector {
    pub(super) folders: Folders,
    pub(super) events: Arc<dyn EventPart>,
    pub(super) logs: Arc<dyn LogPart>,
    pub(super) manifests: Arc<Manifests>,
    pub(super) poller: Option<Arc<Poller>>,
    pub(super) health: Health,
}

impl Collector {
    /// Asks the agents of all raylets that live; returns `false` if one did not answer, or has not counted yet.
    pub(super) async fn scrape_all(&self) -> bool {
        let mut have_all = true;
        let folders = Arc::clone(&self.folders.borrow());
        for folder in folders.iter().filter(|folder| folder.raylet == Raylet::Alive) {
            let (Some(node), Some(port)) = (&folder.node, folder.metrics_port) else { continue };
            let began = Instant::now();
            match ray_counters::scrape(port).await {
                Ok(counters) => {
                    self.health.set(Part::RayCounters, None);
                    have_all &= !counters.is_empty();
                    self.manifests.scraped(&(folder.name.clone(), node.clone()), counters, began);
                }
                Err(why) => {
                    self.health.set(Part::RayCounters, Some(why));
                    have_all = false;
                }
            }
        }
        have_all
    }

    /// Puts the manifests of closed nodes of which something was stored since: of sessions and raylets that others have
    /// replaced, whose logs may still grow.
    pub(super) async fn put_late_manifests(&self) {
        let folders = Arc::clone(&self.folders.borrow());
        for folder in folders.iter() {
            for node in folder.node.iter().chain(&folder.former_nodes) {
                self.manifests.put_late(&(folder.name.clone(), node.clone())).await;
            }
        }
    }
}

#[async_trait]
impl Node for Collector {
    async fn poll(&self) {
        if let Some(poller) = &self.poller {
            poller.finish().await;
        }
    }

    async fn scrape(&self) {
        self.scrape_all().await;
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
        let current = lives::current(&self.folders.borrow());
        if current.is_empty() {
            // Waiting would only delay the end of the pod: no key can be made without the id of a node.
            return tracing::warn!("no folder of Ray says the id of this node: events that came stay in the spool");
        }
        for (session, _) in current {
            self.events.close(&session).await;
        }
        // Of sessions without a folder.
        self.events.flush_now().await;
        self.logs.flush_now().await;
    }

    async fn put_manifests(&self, state: State) {
        let reason = (state == State::Closed).then_some(Reason::PodEnded);
        if state == State::Open {
            self.logs.resume();
        }
        let current = lives::current(&self.folders.borrow());
        for node in current {
            self.manifests.put(&node, state, reason).await;
        }
        if state == State::Closed {
            self.put_late_manifests().await;
        }
    }

    async fn settle(&self, deadline: Instant) {
        self.logs.settle(deadline).await;
    }
}
