//! Which replicas serve a `RayHistory`: each renews a Lease of its own, and all watch them.
//!
//! The first living one by name writes what is written once for all. Nobody elects it: it follows from who lives, so
//! there is nothing to hand over. Two may believe so for a moment; what they write is compared first and the same.
//! Whether a Lease has run out is measured from when its last renewal was seen here, so clocks need not agree.

use super::follow::{Heard, follow};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How often a Lease is renewed, and after what time without that its holder counts as dead.
const RENEW: Duration = Duration::from_secs(10);
const EXPIRES: Duration = Duration::from_secs(30);

/// Tells our Leases from others.
const LABEL: &str = "history.ray.io/rayhistory-uid";

/// The replicas of one `RayHistory`; its tasks end when it is dropped.
#[derive(Debug)]
pub(super) struct Replicas {
    leases: Api<Lease>,
    own: String,
    own_lease: String,
    seen: Arc<Mutex<Seen>>,
    tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Whether all Leases have been listed.
    listed: bool,
    /// Why Leases are of no use, if they are not.
    trouble: Option<String>,
    replicas: BTreeMap<String, Replica>,
}

#[derive(Clone, Debug)]
struct Replica {
    lease: String,
    renewed: Option<MicroTime>,
    until: Instant,
}

impl Replicas {
    /// Joins the replicas of a `RayHistory`.
    pub(super) fn join(client: Client, history: &OwnerReference, namespace: &str, replica: &str) -> Self {
        let leases: Api<Lease> = Api::namespaced(client, namespace);
        let own_lease = lease_name(&history.name, replica);
        let seen = Arc::<Mutex<Seen>>::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(renew(leases.clone(), lease(&own_lease, replica, history), Arc::clone(&seen)));
        tasks.spawn({
            let (leases, seen) = (leases.clone(), Arc::clone(&seen));
            let config = watcher::Config::default().labels(&format!("{LABEL}={}", history.uid));
            async move { follow(leases, config, |heard| lock(&seen).hear(heard)).await }
        });
        Self { leases, own: replica.to_owned(), own_lease, seen, tasks }
    }

    /// Whether this replica writes what is written once for all.
    pub(super) fn leads(&self) -> bool {
        let seen = lock(&self.seen);
        let now = Instant::now();
        // Without Leases everybody writes: a status from several is better than none.
        seen.trouble.is_some()
            || (seen.listed
                && seen.replicas.contains_key(&self.own)
                && seen
                    .replicas
                    .iter()
                    .find(|(_, replica)| replica.until > now)
                    .is_some_and(|(name, _)| *name == self.own))
    }

    /// Why replicas cannot know of each other, if they cannot.
    pub(super) fn trouble(&self) -> Option<String> {
        lock(&self.seen).trouble.clone()
    }

    /// Whether a replica of this name is gone.
    pub(super) fn is_dead(&self, name: &str) -> bool {
        let seen = lock(&self.seen);
        seen.trouble.is_none()
            && seen.listed
            && name != self.own
            && seen.replicas.get(name).is_none_or(|replica| replica.until <= Instant::now())
    }

    /// Removes Leases of replicas that died without doing so.
    pub(super) async fn clear(&self) {
        let now = Instant::now();
        let expired: Vec<String> = {
            let seen = lock(&self.seen);
            let dead = seen.replicas.values().filter(|replica| replica.until <= now && replica.lease != self.own_lease);
            dead.map(|replica| replica.lease.clone()).collect()
        };
        for lease in expired {
            if let Err(error) = self.leases.delete(&lease, &DeleteParams::default()).await {
                tracing::debug!(lease, %error, "the Lease of a dead replica could not be removed");
            }
        }
    }

    /// Leaves, so that the others need not wait for the Lease to run out.
    pub(super) async fn leave(mut self) {
        self.tasks.shutdown().await;
        let _ = self.leases.delete(&self.own_lease, &DeleteParams::default()).await;
    }
}

impl Seen {
    fn hear(&mut self, heard: Heard<Lease>) {
        match heard {
            Heard::Trouble(super::follow::Trouble::Forbidden(why)) => self.trouble = Some(why),
            // They stay as they were: without an API server nobody can write anyway.
            Heard::Trouble(_) => {}
            Heard::Event(Event::Init) => self.replicas.clear(),
            Heard::Event(Event::InitApply(lease) | Event::Apply(lease)) => self.put(&lease),
            Heard::Event(Event::InitDone) => self.listed = true,
            Heard::Event(Event::Delete(lease)) => {
                let name = lease.metadata.name;
                self.replicas.retain(|_, replica| Some(&replica.lease) != name.as_ref());
            }
        }
    }

    fn put(&mut self, lease: &Lease) {
        let (Some(name), Some(spec)) = (&lease.metadata.name, &lease.spec) else { return };
        let Some(holder) = &spec.holder_identity else { return };
        let renewed = spec.renew_time.clone();
        if self.replicas.get(holder).is_some_and(|known| known.renewed == renewed) {
            return;
        }
        // One that was not renewed for long when it is first seen, by any clock, belongs to nobody any more.
        let age = renewed.as_ref().map_or(0, |at| Timestamp::now().as_second() - at.0.as_second());
        let stale = age > 4 * EXPIRES.as_secs().cast_signed();
        let until = if stale { Instant::now() } else { Instant::now() + EXPIRES };
        self.replicas.insert(holder.clone(), Replica { lease: name.clone(), renewed, until });
    }
}

/// Renews a Lease until dropped.
async fn renew(leases: Api<Lease>, mut lease: Lease, seen: Arc<Mutex<Seen>>) {
    let name = lease.metadata.name.clone().unwrap_or_default();
    let params = PatchParams::apply("ray-history-replica").force();
    loop {
        if let Some(spec) = &mut lease.spec {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        match leases.patch(&name, &params, &Patch::Apply(&lease)).await {
            Ok(_) => lock(&seen).trouble = None,
            Err(kube::Error::Api(status)) if status.code == 403 => {
                let before = lock(&seen).trouble.replace(status.message.clone());
                if before.is_none() {
                    tracing::warn!(error = %status.message, "Leases cannot be used: replicas do not know of each other");
                }
            }
            Err(error) => tracing::debug!(%error, "the Lease could not be renewed"),
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

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
