//! The bytes that facts take in memory: the fixed size of each thing, its texts, and its key in a table.

use super::{
    Attempt, Condition, Container, Ended, Event, Facts, Group, Node, Pod, PodCondition, SessionEnd, Spec, Subject,
    Waited,
};
use crate::join::{Keyed, Table};
use std::collections::BTreeMap;
use std::mem::size_of;

/// A thing with a weight in bytes.
pub(super) trait Weigh {
    fn weigh(&self) -> usize;
}

/// The part of a table's node that one entry takes beside itself and its key.
const ENTRY: usize = 16;

fn texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> usize {
    texts.into_iter().map(String::len).sum()
}

fn map(map: &BTreeMap<String, String>) -> usize {
    map.iter().map(|(key, value)| key.len() + value.len() + 2 * size_of::<String>() + ENTRY).sum()
}

impl<T: Keyed + Weigh> Weigh for Table<T> {
    fn weigh(&self) -> usize {
        self.iter().map(|thing| thing.weigh() + size_of::<T::Key>() + ENTRY).sum()
    }
}

impl Weigh for Facts {
    fn weigh(&self) -> usize {
        let sessions: usize = self.sessions.keys().map(|name| name.len() + 48).sum();
        let unseen: usize = self.unseen.iter().map(|text| text.len() + 40).sum();
        size_of::<Self>()
            + self.objects.weigh()
            + self.conditions.weigh()
            + self.attempts.weigh()
            + self.pods.weigh()
            + self.nodes.weigh()
            + self.events.weigh()
            + sessions
            + self.session_ends.weigh()
            + unseen
            + self.omitted.weight()
    }
}

impl Weigh for SessionEnd {
    fn weigh(&self) -> usize {
        size_of::<Self>() + 2 * self.session.len() + texts([&self.job, &self.message])
    }
}

impl Weigh for Subject {
    fn weigh(&self) -> usize {
        let owner = self.owner.as_ref().map_or(0, |owner| texts([&owner.kind, &owner.name, &owner.uid]));
        let suspends: usize = self.suspends.iter().map(|suspend| 128 + texts(&suspend.by)).sum();
        let active: usize = self.active.keys().map(|name| name.len() + 48).sum();
        let spec = self.spec.as_ref().map_or(0, Weigh::weigh);
        // The uid is the key, too.
        let own = texts([&self.namespace, &self.name, &self.uid, &self.uid]);
        size_of::<Self>() + own + owner + map(&self.labels) + suspends + active + spec
    }
}

impl Weigh for Spec {
    fn weigh(&self) -> usize {
        let groups: usize = self.groups.iter().map(Weigh::weigh).sum();
        texts([&self.ray_version, &self.entrypoint, &self.submission_mode]) + groups
    }
}

impl Weigh for Group {
    fn weigh(&self) -> usize {
        let env: usize = self.env.iter().map(|env| 2 * size_of::<String>() + texts([&env.name, &env.from])).sum();
        let maps = map(&self.requests) + map(&self.limits) + map(&self.node_selector);
        size_of::<Self>() + texts([&self.name, &self.image, &self.priority_class]) + maps + env
    }
}

impl Weigh for Condition {
    fn weigh(&self) -> usize {
        size_of::<Self>() + 2 * texts([&self.about, &self.kind, &self.status, &self.reason]) + self.message.len()
    }
}

impl Weigh for Attempt {
    fn weigh(&self) -> usize {
        let state = &self.state;
        let own = texts([&state.deployment_status, &state.job_status, &state.reason, &state.message]);
        size_of::<Self>() + own + state.submission_id.len() + 2 * texts([&self.job, &self.cluster])
    }
}

impl Weigh for Pod {
    fn weigh(&self) -> usize {
        let own = [&self.name, &self.uid, &self.uid, &self.cluster, &self.group, &self.node, &self.image, &self.phase];
        size_of::<Self>()
            + texts(own)
            + texts([&self.memory_limit, &self.main_container])
            + self.conditions.weigh()
            + self.containers.weigh()
    }
}

impl Weigh for PodCondition {
    fn weigh(&self) -> usize {
        size_of::<Self>() + 2 * texts([&self.kind, &self.reason]) + self.message.len()
    }
}

impl Weigh for Container {
    fn weigh(&self) -> usize {
        size_of::<Self>() + 2 * self.name.len() + self.image_id.len() + self.ended.weigh() + self.waited.weigh()
    }
}

impl Weigh for Ended {
    fn weigh(&self) -> usize {
        size_of::<Self>() + 2 * self.id.len() + texts([&self.reason, &self.message])
    }
}

impl Weigh for Waited {
    fn weigh(&self) -> usize {
        size_of::<Self>() + 2 * self.reason.len() + self.message.len()
    }
}

impl Weigh for Event {
    fn weigh(&self) -> usize {
        let key = texts([&self.about, &self.reason, &self.note]);
        size_of::<Self>() + 2 * key + texts([&self.kind, &self.from])
    }
}

impl Weigh for Node {
    fn weigh(&self) -> usize {
        let drained = self.drained.as_ref().map_or(0, |(_, taint)| taint.len());
        size_of::<Self>() + 2 * texts([&self.name, &self.uid]) + texts([&self.instance_type, &self.zone]) + drained
    }
}
