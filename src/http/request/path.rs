//! URL paths, split at `/`. Each segment is decoded exactly once, and paths are not normalised.

use crate::http::error::Error;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ray_history_core::base::name::{ClusterId, Owner, SessionKey, SessionName};
use ray_history_obituary::document::ObjectId;
use std::borrow::Cow;

/// Replaces an empty cluster name (KubeRay v1.6 allowed it) in URLs. `_` is not a valid Kubernetes name.
const EMPTY: &str = "_";

/// The characters that are escaped in a segment.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Returns the decoded segments of a path, without the leading `/`; a trailing `/` gives a last empty segment.
pub(in crate::http) fn segments(raw: &str) -> Result<Vec<Cow<'_, str>>, Error> {
    let names = raw.strip_prefix('/').unwrap_or(raw).split('/').map(|name| percent_decode_str(name).decode_utf8());
    names.collect::<Result<_, _>>().map_err(|_| Error::BadPath)
}

/// Returns the session key of three path segments.
pub(in crate::http) fn session_key([namespace, cluster, session]: [&str; 3]) -> Result<SessionKey, Error> {
    let session = SessionName::parse(session).ok_or_else(|| Error::NotASession(session.to_owned()))?;
    Ok(SessionKey { cluster: cluster_id(namespace, cluster), session })
}

/// Returns the cluster id of two path segments.
pub(in crate::http) fn cluster_id(namespace: &str, cluster: &str) -> ClusterId {
    let name = if cluster == EMPTY { "" } else { cluster };
    ClusterId { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// Returns a session's path relative to `/sessions/`, with a final `/`.
pub(in crate::http) fn session_path(key: &SessionKey) -> String {
    let SessionKey { cluster, session } = key;
    let names = [&cluster.namespace, cluster_name(cluster), session.as_str()];
    names.iter().flat_map(|name| [escape_name(name), "/".to_owned()]).collect()
}

/// Returns the path of an owner's list of sessions, relative to the server's root.
pub(in crate::http) fn owner_path(namespace: &str, owner: &Owner) -> String {
    format!("{}/{}/{}", owner.kind.plural(), escape_name(namespace), escape_name(&owner.name))
}

/// Returns the path of the page about the end of an object, relative to the server's root.
pub(in crate::http) fn why_path(object: &ObjectId) -> String {
    format!("why/{}", object_path(object))
}

/// Returns the path of an object's document, relative to the server's root.
pub(in crate::http) fn document_path(object: &ObjectId) -> String {
    format!("api/history/v1/obituaries/{}", object_path(object))
}

fn object_path(object: &ObjectId) -> String {
    let names = [&object.namespace, object.kind.folder(), &object.name, &object.uid];
    names.map(escape_name).join("/")
}

/// Escapes a name for a URL or a cookie.
pub(in crate::http) fn escape_name(name: &str) -> String {
    utf8_percent_encode(name, NAME).to_string()
}

/// Returns the name of a cluster, or `_` for an empty name.
pub(in crate::http) fn cluster_name(cluster: &ClusterId) -> &str {
    if cluster.name.is_empty() { EMPTY } else { &cluster.name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decodes_once_and_keeps_empty_segments() {
        assert_eq!(segments("/sessions/a%2Fb//c%252F/").unwrap(), ["sessions", "a/b", "", "c%2F", ""]);
        assert!(segments("/%ff").is_err());
    }

    proptest! {
        #[test]
        fn session_paths_round_trip(namespace in ".+", name in ".*") {
            let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
            let key = SessionKey { cluster: ClusterId { namespace, name: name.replace('_', "-") }, session };
            let path = session_path(&key);
            let names = segments(&path).unwrap();
            prop_assert_eq!(session_key([&names[0], &names[1], &names[2]]).unwrap(), key);
        }
    }
}
