//! Sessions of clusters, which are no facts of Kubernetes: the list of sessions, and what was read of them, tell of them.

use super::Records;
use crate::document::ObjectId;
use crate::facts::{Facts, Kind, SessionEnd};
use crate::join::Join;
use crate::time::Time;
use std::collections::BTreeMap;

/// Seconds by which clocks may differ.
const SKEW: i64 = 5;

/// A cluster that is gone, with its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedCluster {
    /// The cluster.
    pub object: ObjectId,
    /// The creation.
    pub from: Option<Time>,
    /// The end.
    pub to: Time,
}

impl EndedCluster {
    /// Returns `true` for a session that began within its life.
    pub fn had(&self, started: Time) -> bool {
        self.from.is_some_and(|from| started >= from.plus(-SKEW)) && started <= self.to
    }
}

impl Records {
    /// Notes a session of a cluster, and how its jobs ended, if that is known.
    pub fn session(&mut self, uid: &str, session: &str, started: Time, end: Option<SessionEnd>) {
        let Some(record) = self.objects.get_mut(uid) else { return };
        let key = format!("{}/{session}", record.id.name);
        let ends = end.into_iter().filter(|end| end.session == key).collect();
        let facts = Facts { sessions: BTreeMap::from([(key, started)]), session_ends: ends, ..Facts::default() };
        let mut joined = record.facts.clone();
        joined.join(facts);
        // To hear the same again is no news.
        if joined != record.facts {
            record.join(joined, &mut self.joins);
        }
    }

    /// Returns the clusters that are gone, and whose documents may still change.
    pub fn ended_clusters(&self) -> Vec<EndedCluster> {
        let clusters = self.objects.values().filter(|record| record.id.kind == Kind::RayCluster);
        let ended = clusters.filter_map(|record| {
            let own = record.own()?;
            Some(EndedCluster { object: record.id.clone(), from: own.created_at, to: own.end()? })
        });
        ended.filter(|cluster: &EndedCluster| cluster.object.key("").is_some()).collect()
    }
}
