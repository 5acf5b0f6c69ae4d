//! The listing of a build, from the objects that its head names: log files, digest and newest time come from it as from
//! any other listing.

use crate::load::objects::SessionObjects;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::{DataPrefix, Root, parse_place};
use ray_history_storage::{ListPage, ObjectMeta};
use ray_history_tables::Input;
use std::collections::BTreeMap;

/// Returns the objects of a session. Returns `None` if one of them belongs to another session: whoever may write a head
/// of one team must not show logs of another.
pub(super) fn objects(roots: &[Root], key: &SessionKey, inputs: &[Input]) -> Option<SessionObjects> {
    let spelled: Vec<String> = roots.iter().flat_map(Root::spellings).collect();
    let mut pages: BTreeMap<DataPrefix, ListPage> = BTreeMap::new();
    for input in inputs {
        let place = spelled.iter().find_map(|root| {
            let place = parse_place(input.key.strip_prefix(root)?)?;
            let prefix = input.key.strip_suffix(place.rest)?;
            (place.key == *key).then(|| DataPrefix { prefix: prefix.to_owned(), tree: place.tree })
        })?;
        let page = pages.entry(place).or_default();
        page.objects.push(ObjectMeta {
            key: input.key.clone(),
            size: input.size,
            etag: input.etag.clone(),
            modified: input.modified,
        });
    }
    let mut objects = SessionObjects::default();
    for (place, page) in pages {
        objects.add(&place, page);
    }
    Some(objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    const SESSION: &str = "session_2026-11-22_23-11-33_821800_1";

    fn input(key: String) -> Input {
        Input { key, size: 1, etag: Some("x".to_owned()), modified: Some(7) }
    }

    #[test]
    fn objects_of_another_session_are_refused() {
        let cluster = ClusterId { namespace: "ns".to_owned(), name: "rc".to_owned() };
        let key = SessionKey { cluster, session: SessionName::parse(SESSION).unwrap() };
        let roots = [Root::new("log")];
        let folder = |team: &str, session: &str| format!("log/cluster-history/raycluster/{team}/rc/{session}/aa/");
        let own = input(format!("{}logs/raylet.out", folder("ns", SESSION)));
        let found = objects(&roots, &key, std::slice::from_ref(&own)).unwrap();
        assert!(found.has_log("aa", "raylet.out"));
        assert_eq!(found.newest, Some(7));
        for other in [
            format!("{}logs/raylet.out", folder("other", SESSION)),
            format!("{}logs/raylet.out", folder("ns", &format!("{SESSION}2"))),
            format!("cluster-history/raycluster/ns/rc/{SESSION}/aa/logs/raylet.out"),
            "log/secrets".to_owned(),
        ] {
            assert!(objects(&roots, &key, &[own.clone(), input(other.clone())]).is_none(), "{other}");
        }
    }
}
