//! Rights in a namespace, and the attributes by which Kubernetes is asked for them.

/// A right in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// To see sessions: that they exist, and all that Ray's own API tells about them.
    Sessions,
    /// To read bodies of logs, and texts that were taken from logs.
    Logs,
    /// To read the values of environment variables.
    Env,
}

impl Right {
    /// All rights.
    pub const ALL: [Self; 3] = [Self::Sessions, Self::Logs, Self::Env];
}

/// The namespaces in which a right is given, as far as a request about one of them has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces.
    Everywhere,
    /// In the namespace, but not in all.
    Namespace,
    /// Not in the namespace.
    Nowhere,
}

impl Scope {
    /// Returns `true` if the right is given in the namespace.
    pub fn is_given(self) -> bool {
        self != Self::Nowhere
    }
}

/// The permissions of Kubernetes that stand for our rights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// `get` on `sessions`, `sessions/log` and `sessions/env` of `history.ray.io`, which exist for this purpose only.
    #[default]
    Sessions,
    /// `get rayclusters`, `get pods/log`, `update rayclusters`.
    RayClusters,
    /// Whoever is authenticated sees sessions and logs, nobody the values of environment variables.
    Everyone,
}

/// The attributes of a request to Kubernetes that would need the permission.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attributes {
    /// Verb: `get` or `update`.
    pub verb: &'static str,
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resource, in the plural.
    pub resource: &'static str,
    /// Part of the resource; empty for the resource itself.
    pub subresource: &'static str,
    /// Namespace; empty for all namespaces.
    pub namespace: String,
}

impl Check {
    /// Returns the attributes of the permission that stands for a right; `None` if no permission is asked for.
    pub fn attributes(self, right: Right, namespace: &str) -> Option<Attributes> {
        let (verb, group, resource, subresource) = match (self, right) {
            (Self::Everyone, _) => return None,
            (Self::Sessions, Right::Sessions) => ("get", "history.ray.io", "sessions", ""),
            (Self::Sessions, Right::Logs) => ("get", "history.ray.io", "sessions", "log"),
            (Self::Sessions, Right::Env) => ("get", "history.ray.io", "sessions", "env"),
            (Self::RayClusters, Right::Sessions) => ("get", "ray.io", "rayclusters", ""),
            (Self::RayClusters, Right::Logs) => ("get", "", "pods", "log"),
            (Self::RayClusters, Right::Env) => ("update", "ray.io", "rayclusters", ""),
        };
        Some(Attributes { verb, group, resource, subresource, namespace: namespace.to_owned() })
    }

    /// Returns what is decided without a permission: with `Everyone`, all but the values of environment variables.
    pub(crate) fn fixed(self, right: Right) -> Option<bool> {
        (self == Self::Everyone).then_some(right != Right::Env)
    }
}

impl Attributes {
    /// Returns the resource as `kubectl` names it in refusals: `sessions.history.ray.io`, `pods/log`.
    pub fn resource_name(&self) -> String {
        let part = if self.subresource.is_empty() { "" } else { "/" };
        let dot = if self.group.is_empty() { "" } else { "." };
        format!("{}{dot}{}{part}{}", self.resource, self.group, self.subresource)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_has_the_permissions_that_the_docs_name() {
        let shown = |check: Check| {
            Right::ALL.map(|right| {
                let asked = check.attributes(right, "a");
                asked.map(|asked| format!("{} {} {}", asked.verb, asked.resource_name(), asked.namespace))
            })
        };
        let some = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned()));
        assert_eq!(
            shown(Check::Sessions),
            some([
                "get sessions.history.ray.io a",
                "get sessions.history.ray.io/log a",
                "get sessions.history.ray.io/env a"
            ])
        );
        assert_eq!(
            shown(Check::RayClusters),
            some(["get rayclusters.ray.io a", "get pods/log a", "update rayclusters.ray.io a"])
        );
        assert_eq!(shown(Check::Everyone), [None, None, None]);
        assert_eq!(Right::ALL.map(|right| Check::Everyone.fixed(right)), [Some(true), Some(true), Some(false)]);
        assert_eq!(Check::Sessions.fixed(Right::Sessions), None);
    }
}
