//! One actor in the format of the dashboard.
//!
//! Ray builds it in `node_head.py` (`_actor_table_data_to_dict`) and `datacenter.py` (`_get_actor_info`). Fields that
//! Ray omits when they are not set are omitted here too: `placementGroupId`, `callSite`, `fallbackStrategy`. Fields
//! that only a live process reports (`processStats`, `mem`, `gpus`, `tpus`) are null or empty: the pages show an empty
//! `mem` as NaN and omit a null one. Of the statistics of a live worker, only its identity is known. `startTime` and
//! `endTime` come from events and are up to 2 ms later than the times that Ray records.

use super::address::{Address, address};
use super::death::DeathCause;
use super::resources::original;
use crate::dashboard::google_style::{Keys, write_map};
use crate::json::JsonWriter;
use ray_history_core::base::actor::ActorState;
use ray_history_core::base::time::millis;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::actor::Actor;
use ray_history_core::snapshot::text::TextReader;
use std::sync::Arc;

/// Writes the actors of one snapshot.
#[derive(Debug)]
pub(crate) struct Rows {
    snapshot: Arc<Snapshot>,
    keys: Keys,
    texts: TextReader,
}

impl Rows {
    pub(crate) fn new(snapshot: &Arc<Snapshot>, keys: Keys) -> Self {
        Self { snapshot: Arc::clone(snapshot), keys, texts: TextReader::default() }
    }

    pub(crate) fn write_or_null(&mut self, w: &mut JsonWriter, actor: Option<&Actor>) {
        match actor {
            Some(actor) => self.write(w, actor),
            None => w.null(),
        }
    }

    pub(crate) fn write(&mut self, w: &mut JsonWriter, actor: &Actor) {
        let snapshot = &*self.snapshot;
        let death = DeathCause::parse(self.texts.get(&snapshot.texts, actor.death_cause));
        w.begin_object();
        w.key("actorId");
        w.hex(&actor.id.0);
        w.key("jobId");
        w.hex(&actor.job.0);
        w.key("address");
        let address = address(snapshot, actor, &death);
        write_address(w, address);
        w.key("name");
        w.string(snapshot.str(actor.name));
        let class_name = snapshot.str(actor.class_name);
        w.key("className");
        w.string(class_name);
        w.key("actorClass");
        w.string(class_name);
        w.key("state");
        w.string(actor.state.name());
        w.key("numRestarts");
        w.int_string(actor.restarts);
        w.key("timestamp");
        w.float(millis(actor.timestamp) as f64);
        w.key("pid");
        w.int(actor.incarnations.last().map_or(0, |incarnation| incarnation.pid));
        w.key("startTime");
        w.int(millis(actor.start));
        w.key("endTime");
        w.int(millis(actor.end));
        w.key("reprName");
        w.string(snapshot.str(actor.repr_name));
        if !actor.placement_group.is_none() {
            w.key("placementGroupId");
            w.hex(snapshot.id(actor.placement_group));
        }
        if !actor.call_site.is_empty() {
            w.key("callSite");
            w.string(snapshot.str(actor.call_site));
        }
        w.key("labelSelector");
        write_map(w, snapshot.str(actor.label_selector), self.keys);
        if !actor.fallback_strategy.is_empty() {
            w.key("fallbackStrategy");
            w.raw(snapshot.str(actor.fallback_strategy).as_bytes());
        }
        w.key("exitDetail");
        w.raw(death.exit_detail().as_bytes());
        w.key("requiredResources");
        write_map(w, &original(snapshot.str(actor.resources)), self.keys);
        if actor.state == ActorState::Alive && !address.worker.is_empty() {
            // Ray adds the worker's own report (`core_worker_stats`); the page reads the worker's id from it.
            w.key("ipAddress");
            w.string(address.ip);
            w.key("workerId");
            w.hex(address.worker);
            w.key("workerType");
            w.string("WORKER");
        }
        w.key("gpus");
        w.raw(b"[]");
        w.key("processStats");
        w.null();
        w.key("mem");
        w.null();
        w.key("tpus");
        w.raw(b"[]");
        w.end_object();
    }

    /// Returns `true` if an actor was ever on a node: Ray lists it on every such node.
    pub(crate) fn was_on(&mut self, actor: &Actor, node: &[u8]) -> bool {
        let snapshot = &*self.snapshot;
        if !actor.incarnations.is_empty() {
            return actor.incarnations.iter().any(|incarnation| snapshot.id(incarnation.node) == node);
        }
        if actor.death_cause.is_empty() {
            return false;
        }
        let death = DeathCause::parse(self.texts.get(&snapshot.texts, actor.death_cause));
        address(snapshot, actor, &death).node == node
    }
}

fn write_address(w: &mut JsonWriter, at: Address<'_>) {
    w.begin_object();
    w.key("nodeId");
    w.hex(at.node);
    w.key("ipAddress");
    w.string(at.ip);
    w.key("port");
    w.int(at.port);
    w.key("workerId");
    w.hex(at.worker);
    w.end_object();
}
