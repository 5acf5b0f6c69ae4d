//! Numbers of things that were dropped to stay within bounds.

use crate::join::Join;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// Things of one number that are told apart after they were dropped; of healthy pods, in all groups together.
const TOLD_APART: usize = 1_000;
/// Groups whose dropped pods are counted; all others are one.
const GROUPS: usize = 32;

/// Things that were dropped: their number, from digests of their keys, so that a repeated thing counts once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    digests: BTreeSet<u32>,
    /// The number that a stored document tells, or that was known when digests were forgotten.
    told: u64,
}

impl Dropped {
    /// Returns the number: at least so many.
    pub fn count(&self) -> u64 {
        self.told.max(self.digests.len() as u64)
    }

    /// Counts a thing with a key.
    pub(super) fn add(&mut self, key: &str) {
        if self.digests.len() < TOLD_APART {
            self.digests.insert(crc32fast::hash(key.as_bytes()));
        }
    }

    /// Forgets digests beyond a number of them, but not their count.
    fn tell_apart(&mut self, most: usize) {
        self.told = self.count();
        while self.digests.len() > most {
            self.digests.pop_last();
        }
    }
}

impl Join for Dropped {
    fn join(&mut self, other: Self) {
        self.told = self.told.max(other.told);
        self.digests.extend(other.digests);
        if self.digests.len() > TOLD_APART {
            self.tell_apart(TOLD_APART);
        }
    }
}

impl Serialize for Dropped {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.count())
    }
}

impl<'de> Deserialize<'de> for Dropped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { digests: BTreeSet::new(), told: u64::deserialize(deserializer)? })
    }
}

/// Numbers of things that were dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Omitted {
    /// Pods in trouble.
    pub pods: Dropped,
    /// Pods without trouble, by group.
    pub healthy_pods: BTreeMap<String, Dropped>,
    /// Events.
    pub events: Dropped,
    /// Other things: conditions, texts of attempts, nodes, specs.
    pub others: Dropped,
}

impl Omitted {
    /// Returns `true` if nothing was dropped.
    pub fn is_empty(&self) -> bool {
        let all = [&self.pods, &self.events, &self.others];
        all.into_iter().chain(self.healthy_pods.values()).all(|dropped| dropped.count() == 0)
    }

    /// Counts a pod without trouble.
    pub(super) fn add_healthy(&mut self, group: &str, key: &str) {
        self.healthy(group).add(key);
        self.limit_healthy();
    }

    /// Returns the number of a group's pods.
    fn healthy(&mut self, group: &str) -> &mut Dropped {
        let known = self.healthy_pods.contains_key(group) || self.healthy_pods.len() < GROUPS;
        self.healthy_pods.entry(if known { group.to_owned() } else { "others".to_owned() }).or_default()
    }

    /// Forgets digests of the largest groups, until all groups have as many as one number may have.
    fn limit_healthy(&mut self) {
        let mut excess = self.healthy_digests().saturating_sub(TOLD_APART);
        while excess > 0 {
            let Some(largest) = self.healthy_pods.values_mut().max_by_key(|dropped| dropped.digests.len()) else {
                return;
            };
            largest.tell_apart(largest.digests.len() - 1);
            excess -= 1;
        }
    }

    /// Forgets all digests, but no count.
    pub(super) fn tell_none_apart(&mut self) {
        let all = [&mut self.pods, &mut self.events, &mut self.others];
        for dropped in all.into_iter().chain(self.healthy_pods.values_mut()) {
            dropped.tell_apart(0);
        }
    }

    fn healthy_digests(&self) -> usize {
        self.healthy_pods.values().map(|dropped| dropped.digests.len()).sum()
    }

    /// Returns the bytes of memory.
    pub(super) fn weight(&self) -> usize {
        let all = [&self.pods, &self.events, &self.others].map(|dropped| dropped.digests.len());
        let names: usize = self.healthy_pods.keys().map(|group| group.len() + 64).sum();
        8 * (all.iter().sum::<usize>() + self.healthy_digests()) + names
    }
}

impl Join for Omitted {
    fn join(&mut self, other: Self) {
        self.pods.join(other.pods);
        self.events.join(other.events);
        self.others.join(other.others);
        for (group, dropped) in other.healthy_pods {
            self.healthy(&group).join(dropped);
        }
        self.limit_healthy();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many groups, and many clusters of one job, take no more memory; no count is lost.
    #[test]
    fn digests_are_bounded_and_counts_stay() {
        let mut all = Omitted::default();
        for number in 0..40 {
            let mut cluster = Omitted::default();
            for pod in 0..1_200 {
                cluster.add_healthy(&format!("group-{number}"), &format!("{number}-{pod}"));
                cluster.pods.add(&format!("{number}-{pod}"));
            }
            assert_eq!(cluster.healthy_pods[&format!("group-{number}")].count(), TOLD_APART as u64);
            all.join(cluster);
            assert!(all.weight() < 20 << 10, "{}", all.weight());
        }
        assert_eq!(all.healthy_pods.len(), GROUPS + 1);
        assert!(all.healthy_pods.values().all(|dropped| dropped.count() >= TOLD_APART as u64));
        let before = all.clone();
        all.join(before.clone());
        assert_eq!(all, before, "a repeated number counts once");
    }
}
