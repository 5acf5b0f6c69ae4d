//! The requests to the API server, by its audit log.

use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;

/// Requests of `ServiceAccounts` are logged, those of the tests are not. A watch is logged when it begins.
pub(crate) const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n\
    - {level: Metadata, userGroups: [\"system:serviceaccounts\"]}\n- {level: None}\n";

/// One request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) verb: String,
    /// Group and resource, with its subresource if any: `history.ray.io/rayhistories/status`.
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) uri: String,
    pub(crate) code: u64,
    /// The time of its arrival, to the microsecond, as text that sorts.
    pub(crate) at: String,
}

impl Request {
    /// Returns `true` for this verb and resource.
    pub(crate) fn is(&self, verb: &str, resource: &str) -> bool {
        self.verb == verb && self.resource == resource
    }
}

/// Returns the requests that `ServiceAccounts` of a namespace have made so far, in their order.
pub(crate) fn read(log: &Path, namespace: &str) -> Vec<Request> {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let (user, mut seen) = (format!("system:serviceaccount:{namespace}:"), HashSet::new());
    let ours = text.lines().filter(|line| line.contains(&user));
    let entries = ours.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries.filter(|entry| seen.insert(entry["auditID"].to_string())).map(|entry| request(&entry)).collect()
}

fn request(entry: &Value) -> Request {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &entry["objectRef"];
    let parts = ["apiGroup", "resource", "subresource"].map(|name| text(&object[name]));
    Request {
        verb: text(&entry["verb"]),
        resource: parts.join("/").trim_end_matches('/').to_owned(),
        name: text(&object["name"]),
        uri: text(&entry["requestURI"]),
        code: entry["responseStatus"]["code"].as_u64().unwrap_or_default(),
        at: text(&entry["requestReceivedTimestamp"]),
    }
}
