//! Keys of marks and pins, below `ray-history/v1/` of a root. Names are escaped as in the server's URLs.

use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
use ray_history_core::layout::{Root, escape, unescape};

/// The folder of marks.
const TOMBSTONES: &str = "ray-history/v1/tombstones/";
/// The folder of pins.
const PINS: &str = "ray-history/v1/pins/";
/// The record of runs.
const STATE: &str = "ray-history/v1/retention.json";

/// Stands for all sessions of a cluster.
const ALL: &str = "_";

/// Returns all spellings of the roots, each once.
pub(crate) fn spellings(roots: &[Root]) -> Vec<String> {
    let mut spelled: Vec<String> = Vec::new();
    for root in roots.iter().flat_map(Root::spellings) {
        if !spelled.contains(&root) {
            spelled.push(root);
        }
    }
    spelled
}

/// Returns the prefix of all marks below a root, which is empty or ends in `/`.
pub fn tombstones(root: &str) -> String {
    format!("{root}{TOMBSTONES}")
}

/// Returns the prefix of all pins below a root.
pub fn pins(root: &str) -> String {
    format!("{root}{PINS}")
}

/// Returns the key of the record of runs.
pub fn state(root: &str) -> String {
    format!("{root}{STATE}")
}

/// Returns the key of a session's mark.
pub fn tombstone(root: &str, SessionKey { cluster, session }: &SessionKey) -> String {
    format!("{root}{TOMBSTONES}{}/{}/{session}.json", escape(&cluster.namespace), escape(&cluster.name))
}

/// Parses the key of a mark.
pub fn parse_tombstone(root: &str, key: &str) -> Option<SessionKey> {
    let (cluster, name) = cluster_and_name(key.strip_prefix(root)?.strip_prefix(TOMBSTONES)?)?;
    let session = SessionName::parse(name.strip_suffix(".json")?)?;
    let session = SessionKey { cluster, session };
    (tombstone(root, &session) == key).then_some(session)
}

/// Returns the key of a pin: of one session, or of all sessions of a cluster.
pub fn pin(root: &str, cluster: &ClusterId, session: Option<&SessionName>) -> String {
    let session = session.map_or(ALL, SessionName::as_str);
    format!("{root}{PINS}{}/{}/{session}", escape(&cluster.namespace), escape(&cluster.name))
}

/// Parses the key of a pin. A name in it may be escaped or not, because people make pins by hand.
pub fn parse_pin(root: &str, key: &str) -> Option<(ClusterId, Option<SessionName>)> {
    let (cluster, name) = cluster_and_name(key.strip_prefix(root)?.strip_prefix(PINS)?)?;
    Some((cluster, if name == ALL { None } else { Some(SessionName::parse(name)?) }))
}

/// Takes `{namespace}/{cluster}/{name}` apart.
fn cluster_and_name(path: &str) -> Option<(ClusterId, &str)> {
    let mut parts = path.split('/');
    let (namespace, cluster, name) = (parts.next()?, parts.next()?, parts.next()?);
    let cluster = ClusterId { namespace: unescape(namespace)?, name: unescape(cluster)? };
    parts.next().is_none().then_some((cluster, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SESSION: &str = "session_2026-11-22_23-11-33_821800_1";

    fn key(namespace: &str, name: &str) -> SessionKey {
        let cluster = ClusterId { namespace: namespace.to_owned(), name: name.to_owned() };
        SessionKey { cluster, session: SessionName::parse(SESSION).unwrap() }
    }

    #[test]
    fn odd_names_have_keys_of_their_own() {
        for (namespace, name, expected) in [
            ("ml", "train", "ml/train"),
            ("ml", "", "ml/_"),
            ("ml", "_", "ml/%5F"),
            ("a/b", "..", "a%2Fb/%2E%2E"),
            ("a_b", ".", "a_b/%2E"),
            ("ü", "a b%", "%C3%BC/a%20b%25"),
        ] {
            let key = key(namespace, name);
            let stored = tombstone("log/", &key);
            assert_eq!(stored, format!("log/ray-history/v1/tombstones/{expected}/{SESSION}.json"));
            assert_eq!(parse_tombstone("log/", &stored), Some(key));
        }
    }

    #[test]
    fn keys_of_no_mark_are_none() {
        for odd in [
            "ml/train/session_latest.json".to_owned(),
            format!("ml/train/{SESSION}"),
            format!("ml/{SESSION}.json"),
            format!("ml/train/x/{SESSION}.json"),
            format!("/train/{SESSION}.json"),
            // The same session by another key would be a second mark.
            format!("ml/tr%61in/{SESSION}.json"),
            format!("ml/%ff/{SESSION}.json"),
        ] {
            assert_eq!(parse_tombstone("", &format!("{TOMBSTONES}{odd}")), None, "{odd}");
        }
    }

    #[test]
    fn pins_are_of_one_session_or_of_all() {
        let SessionKey { cluster, session } = key("ml", "train");
        for session in [None, Some(session)] {
            let stored = pin("log/", &cluster, session.as_ref());
            assert_eq!(parse_pin("log/", &stored), Some((cluster.clone(), session)));
        }
        assert_eq!(parse_pin("", &format!("{PINS}ml/tr%61in/_")), Some((cluster, None)));
        for odd in ["ml/train/", "ml/train/x", "ml/train", "//_", "ml/train/_/_"] {
            assert_eq!(parse_pin("", &format!("{PINS}{odd}")), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn keys_round_trip(namespace in ".*", name in ".*") {
            let key = key(&namespace, &name);
            let stored = tombstone("r/", &key);
            prop_assert_eq!(stored.split('/').count(), 7);
            prop_assert_eq!(parse_tombstone("r/", &stored), Some(key));
        }

        #[test]
        fn parsing_never_panics(key in ".*") {
            let _ = parse_tombstone("", &format!("{TOMBSTONES}{key}"));
            let _ = parse_pin("", &format!("{PINS}{key}"));
        }
    }
}
