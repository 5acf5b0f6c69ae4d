//! The keys that a collector writes, in the layout of KubeRay v1.7: the makers beside the parsers of this folder.

use super::HISTORY;
use crate::base::name::{ClusterId, Owner, SessionName};
use crate::base::time::Nanos;
use jiff::Timestamp;

/// The folder of a node that holds what only this project writes and reads. KubeRay's server reads three folders of a
/// node and never this one.
pub const OWN_FOLDER: &str = "ray-history";

/// The keys of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKeys {
    marker: String,
    prefix: String,
}

/// The keys of one node of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeKeys {
    prefix: String,
    node: String,
}

impl SessionKeys {
    /// Returns the keys below `root`, which is empty or ends in `/`. A leading `/` of a setting is left out, as in
    /// KubeRay's collector for S3; readers look under both spellings.
    pub fn new(root: &str, cluster: &ClusterId, owner: Option<&Owner>, session: &SessionName) -> Self {
        let ClusterId { namespace, name } = cluster;
        let (kind, names, folders) = match owner {
            None => ("raycluster", format!("{namespace}_{name}"), format!("{namespace}/{name}")),
            Some(Owner { kind, name: owner }) => {
                (kind.folder(), format!("{namespace}_{owner}_{name}"), format!("{namespace}/{owner}/{name}"))
            }
        };
        Self {
            marker: format!("{root}cluster-metadata/{kind}/{names}/{session}"),
            prefix: format!("{root}{HISTORY}{kind}/{folders}/{session}/"),
        }
    }

    /// Returns the key of the marker.
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// Returns the prefix of all objects but the marker, with its final `/`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the key of the stored answer to a URL of the dashboard, such as `api/v0/nodes?detail=1`. As in KubeRay's
    /// collector, a `/` at either end is not in it.
    pub fn endpoint(&self, url: &str) -> String {
        format!("{}fetched_endpoints/restful__{}", self.prefix, url.trim_matches('/').replace('/', "__"))
    }

    /// Returns the keys of a node, by its id in hex.
    pub fn node(&self, node: &str) -> NodeKeys {
        NodeKeys { prefix: format!("{}{node}/", self.prefix), node: node.to_owned() }
    }
}

impl NodeKeys {
    /// Returns the prefix of all objects of the node, with its final `/`.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the key of an event file: `folder` is `node_events`, or `job_events/` and a job id in hex; `created` is
    /// in nanoseconds since 1970 and unique for the node.
    pub fn event_file(&self, folder: &str, created: Nanos) -> String {
        format!("{}{folder}/{}-{}-{created}.jsonl.gz", self.prefix, self.node, hour_of(created))
    }

    /// Returns the key of an event file that is not compressed.
    pub fn plain_event_file(&self, folder: &str, created: Nanos) -> String {
        format!("{}{folder}/{}-{}-{created}.jsonl", self.prefix, self.node, hour_of(created))
    }

    /// Returns the key of a log file by its path below the session's `logs/` folder.
    pub fn log(&self, path: &str) -> String {
        format!("{}logs/{path}", self.prefix)
    }

    /// Returns the prefix of the objects of one spool that only this project reads, with its final `/`.
    pub fn own(&self, spool: &str) -> String {
        format!("{}{OWN_FOLDER}/{spool}/", self.prefix)
    }
}

/// Returns the hour of a time in UTC: `YYYY-MM-DD-HH`.
fn hour_of(time: Nanos) -> String {
    // Every 64-bit number of nanoseconds is a time between the years 1677 and 2262.
    let time = Timestamp::from_nanosecond(i128::from(time)).unwrap_or_default();
    time.strftime("%Y-%m-%d-%H").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{
        EventFile, ObjectKind, OwnKind, OwnObject, Root, Tree, data_prefixes, parse_marker, parse_object,
    };
    use super::*;
    use crate::base::name::OwnerKind;

    #[test]
    fn keys_are_parsed_as_what_they_were_made_for() {
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        let session = SessionName::parse("session_2026-11-23_07-10-07_600839_11972").unwrap();
        let owner = Owner { kind: OwnerKind::RayJob, name: "nightly".into() };
        for owner in [None, Some(&owner)] {
            let keys = SessionKeys::new("log/", &cluster, owner, &session);
            let marker = parse_marker(keys.marker().strip_prefix("log/").unwrap()).unwrap();
            assert_eq!((&marker.key.cluster, &marker.key.session), (&cluster, &session));
            assert_eq!(marker.owner.as_ref(), owner);
            let owners: Vec<Owner> = owner.into_iter().cloned().collect();
            let prefixes = data_prefixes(&Root::new("log"), &cluster, &session, &owners);
            assert!(prefixes.iter().any(|found| found.prefix == keys.prefix() && found.tree == Tree::History));

            let below = |key: &str| key.strip_prefix(keys.prefix()).unwrap().to_owned();
            let endpoint = below(&keys.endpoint("api/v0/nodes?detail=1"));
            let parsed = parse_object(Tree::History, &endpoint);
            assert_eq!(parsed, Some(ObjectKind::Endpoint { url: "api/v0/nodes?detail=1".into() }));
            let serve = below(&keys.endpoint("/api/serve/applications/"));
            assert_eq!(serve, "fetched_endpoints/restful__api__serve__applications");

            let node = keys.node("a9134f");
            let events = below(&node.event_file("job_events/01000000", 1_795_417_200_000_000_007));
            let file = EventFile { node: "a9134f", hour: "2026-11-23-07", written: Some(1_795_417_200_000_000_007) };
            let plain = below(&node.plain_event_file("job_events/01000000", 1_795_417_200_000_000_007));
            assert_eq!(format!("{plain}.gz"), events);
            for key in [&events, &plain] {
                assert_eq!(parse_object(Tree::History, key), Some(ObjectKind::Events(file)));
            }
            let log = below(&node.log("old/worker-1.out"));
            let parsed = parse_object(Tree::History, &log);
            assert_eq!(parsed, Some(ObjectKind::Log { node: "a9134f", path: "old/worker-1.out" }));
            for (name, kind) in [
                ("manifest.json", OwnKind::Manifest),
                ("logs-0000000417.seg", OwnKind::Segment(417)),
                ("quarantine-17.jsonl.gz", OwnKind::Quarantine),
            ] {
                let key = below(&format!("{}{name}", node.own("s")));
                let own = OwnObject { node: "a9134f", spool: "s", kind };
                assert_eq!(parse_object(Tree::History, &key), Some(ObjectKind::Own(own)), "{key}");
            }
            for name in ["later.bin", "logs-.seg", "logs-+1.seg", "logs-1.seg.gz", "manifest.json/x", ""] {
                assert_eq!(parse_object(Tree::History, &below(&format!("{}{name}", node.own("s")))), None, "{name}");
            }
        }
    }
}
