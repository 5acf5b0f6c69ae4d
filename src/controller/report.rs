//! Writes the status of the `RayHistory`, by server-side apply.
//!
//! Each replica writes its own entry under a field manager of its own; the one that leads writes what is said once.
//! Nothing is written that the object says already, and nothing within ten seconds of the last write.

use super::replicas::Replicas;
use super::status::{Facts, says};
use crate::crd::{RayHistory, RayHistoryStatus};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// Between two writes of one replica.
const PAUSE: Duration = Duration::from_secs(10);

/// The field manager of what is said once.
const SHARED: &str = "ray-history";

/// Writes; one for each replica.
#[derive(Debug)]
pub(super) struct Reporter {
    api: Api<RayHistory>,
    replica: String,
    last: Option<Instant>,
    warned: bool,
}

/// One write.
struct Write {
    manager: String,
    status: Value,
}

impl Reporter {
    pub(super) fn new(api: Api<RayHistory>, replica: &str) -> Self {
        Self { api, replica: replica.to_owned(), last: None, warned: false }
    }

    /// Whether a write is allowed by now.
    pub(super) fn may_write(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= PAUSE)
    }

    /// Writes what is most wrong in the status, if anything is.
    pub(super) async fn report(&mut self, history: &RayHistory, facts: &Facts, replicas: &Replicas) {
        let current = history.status.clone().unwrap_or_default();
        let leads = replicas.leads();
        let Some(write) = self.next(&current, facts, replicas, leads) else { return };
        self.last = Some(Instant::now());
        if let Err(error) = self.apply(&history.name_any(), &write).await {
            if self.warned {
                tracing::debug!(%error, "the status could not be written");
            } else {
                tracing::warn!(%error, "the status could not be written");
            }
            self.warned = true;
        } else {
            self.warned = false;
        }
        if leads {
            replicas.clear().await;
        }
    }

    /// Takes this replica's entry out, as it leaves.
    pub(super) async fn leave(&self, history: &RayHistory) {
        let write = Write { manager: manager(&self.replica), status: json!({}) };
        let _ = self.apply(&history.name_any(), &write).await;
    }

    fn next(&self, current: &RayHistoryStatus, facts: &Facts, replicas: &Replicas, leads: bool) -> Option<Write> {
        let shared = facts.shared(current, Timestamp::now());
        if leads && !says(current, &shared) {
            let status = serde_json::to_value(shared).ok()?;
            return Some(Write { manager: SHARED.to_owned(), status });
        }
        let own = facts.replica(&self.replica);
        if !current.replicas.contains(&own) {
            let status = json!({ "replicas": [own] });
            return Some(Write { manager: manager(&self.replica), status });
        }
        let dead = current.replicas.iter().find(|entry| leads && replicas.is_dead(&entry.name))?;
        // What a manager no longer sends goes, and the manager with it.
        Some(Write { manager: manager(&dead.name), status: json!({}) })
    }

    async fn apply(&self, name: &str, write: &Write) -> kube::Result<RayHistory> {
        let object = json!({
            "apiVersion": RayHistory::api_version(&()), "kind": RayHistory::kind(&()),
            "metadata": { "name": name }, "status": write.status,
        });
        let params = PatchParams::apply(&write.manager).force();
        self.api.patch_status(name, &params, &Patch::Apply(object)).await
    }
}

/// The field manager of a replica; at most 128 characters.
fn manager(replica: &str) -> String {
    format!("ray-history/{replica}").chars().take(128).collect()
}
