//! Which replicas serve a `RayHistory`: each renews a Lease of its own, and all watch them.
//!
//! Owns the requests; what follows from the Leases is in `seen`. Two replicas may believe for a moment that they lead;
//! what they write is compared first and the same.

mod seen;

use super::follow::{Heard, MANY, Trouble, follow};
use super::untold::Leader;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use seen::{EXPIRES, Seen};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often a Lease is renewed.
const RENEW: Duration = Duration::from_secs(10);

/// Leases of dead replicas that are removed at once; the others have time.
const AT_ONCE: usize = 10;

/// Tells our Leases from others.
const LABEL: &str = "history.ray.io/rayhistory-uid";

/// The replicas of one `RayHistory`; its tasks end when it is dropped.
#[derive(Debug)]
pub(super) struct Replicas {
    leases: Api<Lease>,
    own: String,
    own_lease: String,
    known: Arc<Mutex<Known>>,
    tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// Why our own Lease cannot be renewed, if that is forbidden.
    renewing: Option<String>,
    /// Why the Leases cannot be listed, if that is forbidden.
    listing: Option<String>,
    seen: Seen,
}

impl Replicas {
    /// Joins the replicas of a `RayHistory`.
    pub(super) fn join(client: Client, history: &OwnerReference, namespace: &str, replica: &str) -> Self {
        let leases: Api<Lease> = Api::namespaced(client, namespace);
        let own_lease = lease_name(&history.name, replica);
        let known = Arc::<Mutex<Known>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(renew(leases.clone(), lease(&own_lease, replica, history), Arc::clone(&known)));
        tasks.spawn({
            let (leases, known) = (leases.clone(), Arc::clone(&known));
            let config = watcher::Config::default().labels(&format!("{LABEL}={}", history.uid));
            async move { follow(leases, config, MANY, |heard| lock(&known).hear(heard)).await }
        });
        Self { leases, own: replica.to_owned(), own_lease, known, tasks }
    }

    /// Whether this replica writes what is written once for all.
    pub(super) fn leads(&self) -> bool {
        let known = lock(&self.known);
        // Without Leases everybody writes: a status from several is better than none.
        known.trouble().is_some() || known.seen.leader(Instant::now()) == Some(&self.own)
    }

    /// Who tells what is told once for all.
    pub(super) fn leader(&self) -> Leader {
        if self.leads() {
            return Leader::Us;
        }
        lock(&self.known).seen.leader_seen(Instant::now()).map_or(Leader::Unknown, Leader::Other)
    }

    /// Whether it is this replica that loads a session before anybody asks. Without Leases it is every replica.
    pub(super) fn is_chosen(&self, key: &SessionKey) -> bool {
        let known = lock(&self.known);
        known.trouble().is_some() || known.seen.chosen(key, Instant::now()) == Some(&self.own)
    }

    /// Why replicas cannot know of each other, if they cannot.
    pub(super) fn trouble(&self) -> Option<String> {
        lock(&self.known).trouble().cloned()
    }

    /// Whether a replica of this name is gone.
    pub(super) fn is_dead(&self, name: &str) -> bool {
        let known = lock(&self.known);
        known.trouble().is_none() && name != self.own && known.seen.is_dead(name, Instant::now())
    }

    /// Removes Leases of replicas that died without doing so.
    pub(super) async fn clear(&self) {
        let mut expired = lock(&self.known).seen.expired(Instant::now());
        expired.retain(|lease| *lease != self.own_lease);
        expired.truncate(AT_ONCE);
        for lease in expired {
            if let Err(error) = self.leases.delete(&lease, &DeleteParams::default()).await {
                tracing::debug!(lease, error = %chain(&error), "the Lease of a dead replica could not be removed");
            }
        }
    }

    /// Leaves, so that the others need not wait for the Lease to run out.
    pub(super) async fn leave(mut self) {
        self.tasks.shutdown().await;
        let _ = self.leases.delete(&self.own_lease, &DeleteParams::default()).await;
    }
}

impl Known {
    /// Why Leases are of no use, if they are not.
    fn trouble(&self) -> Option<&String> {
        self.renewing.as_ref().or(self.listing.as_ref())
    }

    fn hear(&mut self, heard: Heard<Lease>) {
        let (clock, now) = (Timestamp::now(), Instant::now());
        match heard {
            Heard::Trouble(Trouble::Forbidden(why)) => self.listing = Some(why),
            // They stay as they were: without an API server nobody can write anyway.
            Heard::Trouble(_) | Heard::Well => {}
            Heard::Event(Event::Init) => self.seen.list(),
            Heard::Event(Event::InitApply(lease)) => self.seen.listed(&lease, clock, now),
            Heard::Event(Event::InitDone) => {
                self.listing = None;
                self.seen.complete();
            }
            Heard::Event(Event::Apply(lease)) => self.seen.renewed(&lease, clock, now),
            Heard::Event(Event::Delete(lease)) => self.seen.gone(lease.metadata.name.as_deref().unwrap_or_default()),
        }
    }
}

/// Renews a Lease until dropped.
async fn renew(leases: Api<Lease>, mut lease: Lease, known: Arc<Mutex<Known>>) {
    let name = lease.metadata.name.clone().unwrap_or_default();
    let params = PatchParams::apply("ray-history-replica").force();
    loop {
        if let Some(spec) = &mut lease.spec {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        match leases.patch(&name, &params, &Patch::Apply(&lease)).await {
            Ok(_) => lock(&known).renewing = None,
            Err(kube::Error::Api(status)) if status.code == 403 => {
                if lock(&known).renewing.replace(status.message.clone()).is_none() {
                    tracing::warn!(error = %status.message, "Leases cannot be used: replicas do not know of each other");
                }
            }
            Err(error) => tracing::debug!(error = %chain(&error), "the Lease could not be renewed"),
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

/// A valid name for the Lease of a replica: names of pods are, names of hosts need not be.
fn lease_name(history: &str, replica: &str) -> String {
    let name = format!("{history}-{}", replica.to_ascii_lowercase());
    let valid = |c: char| if c.is_ascii_alphanumeric() || c == '-' || c == '.' { c } else { '-' };
    let name: String = name.chars().map(valid).take(253).collect();
    name.trim_end_matches(['-', '.']).to_owned()
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}
