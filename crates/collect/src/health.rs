//! The troubles of the moment, for people: the body of `/healthz`.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The parts of the collector that have troubles of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The cluster's name.
    Cluster,
    /// The port for Kubernetes and Prometheus.
    Control,
    /// The port for events.
    Events,
    /// The folder of the spool.
    Spool,
    /// The store.
    Storage,
    /// The node's id.
    Node,
    /// The dashboard.
    Dashboard,
    /// The counters of Ray's agent.
    RayCounters,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Control => "control",
            Self::Events => "events",
            Self::Spool => "spool",
            Self::Storage => "storage",
            Self::Node => "node",
            Self::Dashboard => "dashboard",
            Self::RayCounters => "ray counters",
        }
    }
}

/// The troubles of all parts; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<Part, String>>>);

impl Health {
    /// Sets the trouble of a part, or removes it. A trouble that begins, changes or ends is logged.
    pub fn set(&self, part: Part, trouble: Option<String>) {
        let mut troubles = self.0.lock();
        if troubles.get(&part) == trouble.as_ref() {
            return;
        }
        if let Some(trouble) = trouble {
            tracing::warn!(part = part.name(), "{trouble}");
            troubles.insert(part, trouble);
        } else {
            tracing::info!(part = part.name(), "works again");
            troubles.remove(&part);
        }
    }

    /// Returns one line for each trouble, or `ok`.
    pub fn text(&self) -> String {
        let troubles = self.0.lock();
        if troubles.is_empty() {
            return "ok\n".to_owned();
        }
        let lines: Vec<String> = troubles.iter().map(|(part, why)| format!("{}: {why}\n", part.name())).collect();
        lines.concat()
    }

    /// Returns the number of troubles.
    pub fn count(&self) -> usize {
        self.0.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_said_until_they_end() {
        let health = Health::default();
        assert_eq!(health.text(), "ok\n");
        health.set(Part::Storage, Some("permission denied".into()));
        health.set(Part::Cluster, Some("no name".into()));
        assert_eq!((health.text().as_str(), health.count()), ("cluster: no name\nstorage: permission denied\n", 2));
        health.set(Part::Storage, None);
        health.set(Part::Node, None);
        assert_eq!(health.text(), "cluster: no name\n");
    }
}
