//! The cluster that serves each `RayService`: the active one of its status. The newest cluster may be a pending one.
//!
//! Pure. A service that was never seen has no active cluster; callers then use the newest.

use std::collections::HashMap;

/// The active clusters, by namespace and name of their `RayService`.
#[derive(Debug, Default)]
pub struct Services(HashMap<String, HashMap<String, String>>);

impl Services {
    /// Records a service, with its active cluster if it has one.
    pub fn applied(&mut self, namespace: &str, name: &str, active: Option<String>) {
        match active {
            Some(active) => _ = self.0.entry(namespace.to_owned()).or_default().insert(name.to_owned(), active),
            None => self.deleted(namespace, name),
        }
    }

    /// Removes a service.
    pub fn deleted(&mut self, namespace: &str, name: &str) {
        if let Some(services) = self.0.get_mut(namespace) {
            services.remove(name);
            if services.is_empty() {
                self.0.remove(namespace);
            }
        }
    }

    /// Replaces all services of a namespace, or of all namespaces, by a list of namespace, name and active cluster.
    pub fn relisted(&mut self, namespace: Option<&str>, found: Vec<(String, String, String)>) {
        match namespace {
            Some(namespace) => _ = self.0.remove(namespace),
            None => self.0.clear(),
        }
        for (namespace, name, active) in found {
            self.applied(&namespace, &name, Some(active));
        }
    }

    /// Removes the services of all other namespaces; an empty list means all namespaces.
    pub fn keep(&mut self, namespaces: &[String]) {
        self.0.retain(|namespace, _| namespaces.is_empty() || namespaces.contains(namespace));
    }

    /// Returns the active cluster of a service.
    pub fn active(&self, namespace: &str, name: &str) -> Option<&str> {
        self.0.get(namespace)?.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_cluster_follows_the_service() {
        let mut services = Services::default();
        services.applied("team", "chat", Some("chat-a".to_owned()));
        services.applied("other", "chat", Some("chat-x".to_owned()));
        services.applied("team", "chat", Some("chat-b".to_owned()));
        assert_eq!(services.active("team", "chat"), Some("chat-b"));
        services.applied("team", "chat", None);
        assert_eq!(services.active("team", "chat"), None);
        assert_eq!(services.active("other", "chat"), Some("chat-x"));
        services.keep(&["team".to_owned()]);
        assert_eq!(services.active("other", "chat"), None);
    }

    #[test]
    fn relisting_removes_missing_services_of_its_namespace_only() {
        let mut services = Services::default();
        for namespace in ["team", "other"] {
            services.applied(namespace, "chat", Some("a".to_owned()));
        }
        services.relisted(Some("team"), vec![("team".to_owned(), "more".to_owned(), "b".to_owned())]);
        assert_eq!(services.active("team", "chat"), None);
        assert_eq!(services.active("team", "more"), Some("b"));
        assert_eq!(services.active("other", "chat"), Some("a"));
        services.relisted(None, Vec::new());
        assert_eq!(services.active("other", "chat"), None);
    }
}
