//! Writes the status of the `RayHistory` by server-side apply.
//!
//! Each replica writes its own entry with its own field manager; the leader also writes the shared fields.
//! Fields that are up to date are not written, and a replica writes at most once in ten seconds.

use super::replicas::Replicas;
use super::status::{Facts, is_up_to_date};
use crate::api_error;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use ray_history_settings::crd::{RayHistory, RayHistoryStatus};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// Least time between two writes of one replica.
const PAUSE: Duration = Duration::from_secs(10);

/// The field manager of the shared fields.
const SHARED: &str = "ray-history";

/// Writes the status for this replica.
#[derive(Debug)]
pub(super) struct Reporter {
    api: Api<RayHistory>,
    replica: String,
    last: Option<Instant>,
    /// The part written last. Parts take turns, so that a part that always changes does not block the others.
    last_part: Option<Part>,
    warned: bool,
}

/// A part of the status that is written in one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The shared fields.
    Shared,
    /// This replica's entry.
    Own,
    /// The entry of a replica that is gone.
    Dead,
}

impl Part {
    const COUNT: usize = 3;
}

/// One write request.
#[derive(Debug)]
struct Write {
    part: Part,
    manager: String,
    status: Value,
}

impl Reporter {
    pub(super) fn new(api: Api<RayHistory>, replica: &str) -> Self {
        Self { api, replica: replica.to_owned(), last: None, last_part: None, warned: false }
    }

    /// Returns `true` if a write is allowed now.
    pub(super) fn may_write(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= PAUSE)
    }

    /// Writes one part of the status that is out of date, if any.
    pub(super) async fn report(&mut self, history: &RayHistory, facts: &Facts, replicas: &Replicas) {
        let current = history.status.clone().unwrap_or_default();
        let leads = replicas.leads();
        let writes = self.writes(&current, facts, leads, |name| replicas.is_dead(name));
        let Some(write) = self.next(writes) else { return };
        (self.last, self.last_part) = (Some(Instant::now()), Some(write.part));
        if let Err(error) = self.apply(&history.name_any(), &write).await {
            if self.warned {
                tracing::debug!(error = %api_error::text(&error), "the status could not be written");
            } else {
                tracing::warn!(error = %api_error::text(&error), "the status could not be written");
            }
            self.warned = true;
        } else {
            self.warned = false;
        }
        if leads {
            replicas.remove_expired().await;
        }
    }

    /// Removes this replica's entry.
    pub(super) async fn leave(&self, history: &RayHistory) {
        let write = Write { part: Part::Own, manager: manager(&self.replica), status: Value::Null };
        let _ = self.apply(&history.name_any(), &write).await;
    }

    /// Returns the writes for all parts that are out of date.
    fn writes(
        &self,
        current: &RayHistoryStatus,
        facts: &Facts,
        leads: bool,
        is_dead: impl Fn(&str) -> bool,
    ) -> Vec<Write> {
        let mut writes = Vec::new();
        let shared = facts.shared(current, Timestamp::now());
        if leads && !is_up_to_date(current, &shared) {
            let status = serde_json::to_value(shared).unwrap_or_default();
            writes.push(Write { part: Part::Shared, manager: SHARED.to_owned(), status });
        }
        let own = facts.replica(&self.replica);
        if !current.replicas.contains(&own) {
            let status = json!({ "replicas": [own] });
            writes.push(Write { part: Part::Own, manager: manager(&self.replica), status });
        }
        if let Some(dead) = current.replicas.iter().find(|entry| leads && is_dead(&entry.name)) {
            // Fields that a manager no longer applies are removed, and so is the manager.
            writes.push(Write { part: Part::Dead, manager: manager(&dead.name), status: Value::Null });
        }
        writes
    }

    /// Returns the next write; parts take turns.
    fn next(&self, writes: Vec<Write>) -> Option<Write> {
        let after = self.last_part.map_or(0, |part| part as usize + 1);
        writes.into_iter().min_by_key(|write| (write.part as usize + Part::COUNT - after) % Part::COUNT)
    }

    async fn apply(&self, name: &str, write: &Write) -> kube::Result<RayHistory> {
        let mut object = json!({
            "apiVersion": RayHistory::api_version(&()), "kind": RayHistory::kind(&()), "metadata": { "name": name },
        });
        // An empty status would still be owned by its manager.
        if !write.status.is_null() {
            object["status"] = write.status.clone();
        }
        let params = PatchParams::apply(&write.manager).force();
        self.api.patch_status(name, &params, &Patch::Apply(object)).await
    }
}

/// Returns the field manager of a replica: at most 128 characters.
fn manager(replica: &str) -> String {
    format!("ray-history/{replica}").chars().take(128).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_settings::crd::SessionsStatus;

    fn reporter() -> Reporter {
        // No request is sent.
        let client = kube::Client::try_from(kube::Config::new("http://127.0.0.1:9".parse().unwrap())).unwrap();
        Reporter::new(Api::namespaced(client, "team"), "a")
    }

    fn facts(total: i64) -> Facts {
        Facts {
            generation: 1,
            applied: Some(1),
            sessions: SessionsStatus { total, live: 0, dead: 0 },
            ..Facts::default()
        }
    }

    fn status(facts: &Facts, replicas: &[&str]) -> RayHistoryStatus {
        let mut status = facts.shared(&RayHistoryStatus::default(), Timestamp::UNIX_EPOCH);
        status.replicas = replicas.iter().map(|name| facts.replica(name)).collect();
        status.cache = facts.shared(&status, Timestamp::UNIX_EPOCH).cache;
        status
    }

    fn parts(writes: &[Write]) -> Vec<Part> {
        writes.iter().map(|write| write.part).collect()
    }

    /// Only parts that are out of date are written, and shared fields and dead entries only by the leader.
    #[tokio::test]
    async fn writes_only_parts_that_are_out_of_date() {
        let current_status = status(&facts(1), &["a", "b"]);
        for (facts, current, leads, dead, expected) in [
            (facts(1), &current_status, true, "", vec![]),
            (facts(2), &current_status, true, "", vec![Part::Shared]),
            (facts(2), &current_status, false, "", vec![]),
            (facts(1), &status(&facts(1), &["b"]), false, "", vec![Part::Own]),
            (facts(1), &current_status, true, "b", vec![Part::Dead]),
            (facts(1), &current_status, false, "b", vec![]),
        ] {
            let writes = reporter().writes(current, &facts, leads, |name| name == dead);
            assert_eq!(parts(&writes), expected);
        }
    }

    #[tokio::test]
    async fn a_part_that_always_changes_blocks_no_other() {
        let mut reporter = reporter();
        let current = status(&facts(1), &["gone"]);
        let mut order = Vec::new();
        for total in 2..6 {
            let next = reporter.next(reporter.writes(&current, &facts(total), true, |name| name == "gone")).unwrap();
            order.push(next.part);
            reporter.last_part = Some(next.part);
        }
        assert_eq!(order, [Part::Shared, Part::Own, Part::Dead, Part::Shared]);
    }
}
