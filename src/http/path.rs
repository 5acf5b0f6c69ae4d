//! URL paths: taken apart at `/`, each name decoded exactly once, nothing normalised.

use super::error::Error;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use ray_history_core::base::name::{ClusterId, Owner, SessionKey, SessionName};
use std::borrow::Cow;

/// Stands for an empty cluster name (KubeRay v1.6 allowed it), which no URL segment can be. No Kubernetes name is `_`.
const EMPTY: &str = "_";

/// The characters that are escaped in a name.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The decoded names of a path, without the leading `/`; a trailing `/` gives a last empty name.
pub(super) fn segments(raw: &str) -> Result<Vec<Cow<'_, str>>, Error> {
    let names = raw.strip_prefix('/').unwrap_or(raw).split('/').map(|name| percent_decode_str(name).decode_utf8());
    names.collect::<Result<_, _>>().map_err(|_| Error::BadPath)
}

/// The session that three names mean.
pub(super) fn session_key([namespace, cluster, session]: [&str; 3]) -> Result<SessionKey, Error> {
    let session = SessionName::parse(session).ok_or_else(|| Error::NotASession(session.to_owned()))?;
    Ok(SessionKey { cluster: cluster_id(namespace, cluster), session })
}

/// The cluster that two names mean.
pub(super) fn cluster_id(namespace: &str, cluster: &str) -> ClusterId {
    let name = if cluster == EMPTY { "" } else { cluster };
    ClusterId { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// A session's path relative to `/sessions/`, with its final `/`.
pub(super) fn session_path(key: &SessionKey) -> String {
    let SessionKey { cluster, session } = key;
    let names = [&cluster.namespace, cluster_name(cluster), session.as_str()];
    names.iter().flat_map(|name| [escape_name(name), "/".to_owned()]).collect()
}

/// Returns the path of the list of an owner's sessions, relative to the server's root.
pub(super) fn owner_path(namespace: &str, owner: &Owner) -> String {
    format!("{}/{}/{}", owner.kind.plural(), escape_name(namespace), escape_name(&owner.name))
}

/// A name as it stands in a URL or a cookie.
pub(super) fn escape_name(name: &str) -> String {
    utf8_percent_encode(name, NAME).to_string()
}

/// Returns the stand-in for a cluster's name where an empty name cannot stand.
pub(super) fn cluster_name(cluster: &ClusterId) -> &str {
    if cluster.name.is_empty() { EMPTY } else { &cluster.name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_decoded_once_and_slashes_never_merged() {
        assert_eq!(segments("/sessions/a%2Fb//c%252F/").unwrap(), ["sessions", "a/b", "", "c%2F", ""]);
        assert!(segments("/%ff").is_err());
    }

    proptest! {
        #[test]
        fn any_name_survives_the_way_into_a_url_and_back(namespace in ".+", name in ".*") {
            let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
            let key = SessionKey { cluster: ClusterId { namespace, name: name.replace('_', "-") }, session };
            let path = session_path(&key);
            let names = segments(&path).unwrap();
            prop_assert_eq!(session_key([&names[0], &names[1], &names[2]]).unwrap(), key);
        }
    }
}
