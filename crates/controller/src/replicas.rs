//! The replicas that serve a `RayHistory`. Each renews its own Lease, and all watch the Leases.
//!
//! This module makes the requests; `leases` derives the leader and the live replicas. Two replicas may both lead for a
//! moment, which is harmless: both write the same status, after comparing it.

mod leases;

use super::follow::{LIST_PACE, Trouble, WatchEvent, follow};
use super::limits::shortened;
use super::pending_deaths::Leader;
use crate::api_error;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use leases::{EXPIRES, Leases};
use parking_lot::Mutex;
use ray_history_core::base::name::SessionKey;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Interval at which a Lease is renewed.
const RENEW: Duration = Duration::from_secs(10);

/// Most Leases of dead replicas that are removed at a time.
const MAX_REMOVED: usize = 10;

/// Label of the Leases of a `RayHistory`.
const LABEL: &str = "history.ray.io/rayhistory-uid";

/// The replicas of one `RayHistory`. Its tasks end when it is dropped.
#[derive(Debug)]
pub(super) struct Replicas {
    leases: Api<Lease>,
    own: String,
    own_lease: String,
    state: Arc<Mutex<LeaseState>>,
    tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct LeaseState {
    /// Message of the API server if renewing our own Lease is forbidden.
    renewing: Option<String>,
    /// Message of the API server if listing Leases is forbidden.
    listing: Option<String>,
    leases: Leases,
}

impl Replicas {
    /// Joins the replicas of a `RayHistory`: starts to renew a Lease and to watch all Leases.
    pub(super) fn join(client: Client, history: &OwnerReference, namespace: &str, replica: &str) -> Self {
        let leases: Api<Lease> = Api::namespaced(client, namespace);
        let own_lease = lease_name(&history.name, replica);
        let state = Arc::<Mutex<LeaseState>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(renew(leases.clone(), lease(&own_lease, replica, history), Arc::clone(&state)));
        tasks.spawn({
            let (leases, state) = (leases.clone(), Arc::clone(&state));
            let config = watcher::Config::default().labels(&format!("{LABEL}={}", history.uid));
            async move { follow(leases, config, LIST_PACE, |event| state.lock().on_event(event)).await }
        });
        Self { leases, own: replica.to_owned(), own_lease, state, tasks }
    }

    /// Returns `true` if this replica writes the shared part of the status.
    pub(super) fn leads(&self) -> bool {
        let state = self.state.lock();
        // Without Leases every replica writes, because a status from several is better than none.
        state.trouble().is_some() || state.leases.leader(Instant::now()) == Some(&self.own)
    }

    /// Returns the replica that publishes Events.
    pub(super) fn leader(&self) -> Leader {
        if self.leads() {
            return Leader::Us;
        }
        self.state.lock().leases.leader_seen(Instant::now()).map_or(Leader::Unknown, Leader::Other)
    }

    /// Returns `true` if this replica prewarms a session. Without Leases every replica does.
    pub(super) fn prewarms(&self, key: &SessionKey) -> bool {
        let state = self.state.lock();
        state.trouble().is_some() || state.leases.prewarmer(key, Instant::now()) == Some(&self.own)
    }

    /// Returns the reason if the replicas cannot see each other.
    pub(super) fn trouble(&self) -> Option<String> {
        self.state.lock().trouble().cloned()
    }

    /// Returns `true` if a replica of this name is known to be gone.
    pub(super) fn is_dead(&self, name: &str) -> bool {
        let state = self.state.lock();
        state.trouble().is_none() && name != self.own && state.leases.is_dead(name, Instant::now())
    }

    /// Removes the Leases of replicas that ended without removing theirs.
    pub(super) async fn remove_expired(&self) {
        let mut expired = self.state.lock().leases.expired(Instant::now());
        expired.retain(|lease| *lease != self.own_lease);
        expired.truncate(MAX_REMOVED);
        for lease in expired {
            if let Err(error) = self.leases.delete(&lease, &DeleteParams::default()).await {
                tracing::debug!(lease, error = %api_error::text(&error), "the Lease of a dead replica could not be removed");
            }
        }
    }

    /// Removes this replica's Lease, so that the others need not wait until it expires.
    pub(super) async fn leave(mut self) {
        self.tasks.shutdown().await;
        let _ = self.leases.delete(&self.own_lease, &DeleteParams::default()).await;
    }
}

impl LeaseState {
    /// Returns the reason if Leases cannot be used.
    fn trouble(&self) -> Option<&String> {
        self.renewing.as_ref().or(self.listing.as_ref())
    }

    fn on_event(&mut self, event: WatchEvent<Lease>) {
        let (clock, now) = (Timestamp::now(), Instant::now());
        match event {
            WatchEvent::Trouble(Trouble::Forbidden(why)) => self.listing = Some(why),
            // The replicas stay as they were: without an API server no replica can write.
            WatchEvent::Trouble(_) | WatchEvent::Healthy => {}
            WatchEvent::Event(Event::Init) => self.leases.start_list(),
            WatchEvent::Event(Event::InitApply(lease)) => self.leases.listed(&lease, clock, now),
            WatchEvent::Event(Event::InitDone) => {
                self.listing = None;
                self.leases.finish_list();
            }
            WatchEvent::Event(Event::Apply(lease)) => self.leases.renewed(&lease, clock, now),
            WatchEvent::Event(Event::Delete(lease)) => {
                self.leases.remove(lease.metadata.name.as_deref().unwrap_or_default());
            }
        }
    }
}

/// Renews a Lease periodically until dropped.
async fn renew(leases: Api<Lease>, mut lease: Lease, state: Arc<Mutex<LeaseState>>) {
    let name = lease.metadata.name.clone().unwrap_or_default();
    let params = PatchParams::apply("ray-history-replica").force();
    loop {
        if let Some(spec) = &mut lease.spec {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        match leases.patch(&name, &params, &Patch::Apply(&lease)).await {
            Ok(_) => state.lock().renewing = None,
            Err(kube::Error::Api(status)) if status.code == 403 => {
                let why = shortened(status.message.clone());
                if state.lock().renewing.replace(why.clone()).is_none() {
                    tracing::warn!(error = why, "Leases cannot be used: the replicas cannot see each other");
                }
            }
            Err(error) => tracing::debug!(error = %api_error::text(&error), "the Lease could not be renewed"),
        }
        tokio::time::sleep(RENEW).await;
    }
}

fn lease(name: &str, replica: &str, history: &OwnerReference) -> Lease {
    Lease {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(BTreeMap::from([(LABEL.to_owned(), history.uid.clone())])),
            owner_references: Some(vec![history.clone()]),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(replica.to_owned()),
            lease_duration_seconds: i32::try_from(EXPIRES.as_secs()).ok(),
            ..LeaseSpec::default()
        }),
    }
}

/// Returns a valid name for the Lease of a replica, whose name may be an arbitrary host name.
fn lease_name(history: &str, replica: &str) -> String {
    let name = format!("{history}-{}", replica.to_ascii_lowercase());
    let valid = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '-' };
    let name: String = name.chars().map(valid).take(253).collect();
    name.trim_end_matches(['-', '.']).to_owned()
}
