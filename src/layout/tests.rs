use super::*;
use proptest::prelude::*;

const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";
const NODE: &str = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052";

fn read(key: &str) -> Option<(String, String, Option<String>)> {
    let marker = parse_marker(&key.replace("SESSION", SESSION))?;
    let owner = marker.owner.map(|owner| format!("{}/{}", owner.kind.folder(), owner.name));
    Some((marker.cluster.namespace, marker.cluster.name, owner))
}

#[test]
fn markers_are_read_by_the_tree_they_are_in() {
    let found = |ns: &str, name: &str, owner: Option<&str>| Some((ns.into(), name.into(), owner.map(str::to_owned)));
    for (key, expected) in [
        // The order of the two names flips between the trees (trap 1); an id may hold `_`, a name be empty (trap 3).
        ("metadir/rc_default/SESSION", found("default", "rc", None)),
        ("metadir/rc_a_b/SESSION", found("a_b", "rc", None)),
        ("metadir/_default/SESSION", found("default", "", None)),
        ("cluster-metadata/raycluster/ns_rc/SESSION", found("ns", "rc", None)),
        ("cluster-metadata/rayjob/ns_train_rc/SESSION", found("ns", "rc", Some("rayjob/train"))),
        ("cluster-metadata/rayservice/ns_svc_rc/SESSION", found("ns", "rc", Some("rayservice/svc"))),
        // Folder objects (trap 10) and what is no marker.
        ("cluster-metadata/raycluster/ns_rc/", None),
        ("cluster-metadata/raycluster/ns_rc/session_latest", None),
        ("cluster-metadata/rayjob/ns_rc/SESSION", None),
        ("cluster-metadata/raydaemon/ns_x_rc/SESSION", None),
        ("metadir/rc/SESSION", None),
        ("metadir/a/b/SESSION", None),
    ] {
        assert_eq!(read(key), expected, "{key}");
    }
}

#[test]
fn objects_of_every_collector_are_told_apart() {
    let log = |path| Some(ObjectKind::Log { node: NODE, path });
    let endpoint = |url: &str| Some(ObjectKind::Endpoint { url: url.into() });
    let (flat, history) = (Tree::Flat, Tree::History);
    for (tree, key, expected) in [
        (flat, format!("logs/{NODE}/events/event_GCS.log"), log("events/event_GCS.log")),
        (flat, format!("node_events/{NODE}-2026-11-22-23"), Some(ObjectKind::Events)),
        (flat, format!("node_events/{NODE}-2026-11-22-23.gz"), Some(ObjectKind::Events)),
        (flat, format!("job_events/AQAAAA==/{NODE}-2026-11-22-23"), Some(ObjectKind::Events)),
        // base64 with a slash makes a second level; one with `-` once split the name (trap 11).
        (flat, format!("job_events/A/AAAA==/{NODE}-2026-11-22-23.gz"), Some(ObjectKind::Events)),
        (flat, format!("job_events/AB/{NODE}-CDA==-2026-11-22-23"), Some(ObjectKind::Events)),
        (flat, "fetched_endpoints/restful__timezone".into(), endpoint("timezone")),
        (history, format!("{NODE}/logs/raylet.out"), log("raylet.out")),
        (
            history,
            format!("{NODE}/node_events/{NODE}-2026-11-22-23-1795389137911275008.jsonl.gz"),
            Some(ObjectKind::Events),
        ),
        (
            history,
            format!("{NODE}/node_events/{NODE}-2026-11-22-23-1795389137911275008.jsonl"),
            Some(ObjectKind::Events),
        ),
        (history, format!("{NODE}/job_events/01000000/{NODE}-2026-11-22-23.gz"), Some(ObjectKind::Events)),
        // A node id with a stray newline or none of the usual length (trap 13).
        (history, "odd\nnode/job_events/01000000/n-2026-11-22-23".into(), Some(ObjectKind::Events)),
        (
            history,
            "fetched_endpoints/restful__api__v0__placement_groups?detail=1&limit=10000".into(),
            endpoint("api/v0/placement_groups?detail=1&limit=10000"),
        ),
        (history, format!("{NODE}/node_events/"), None),
        (history, format!("{NODE}/node_events/readme.txt"), None),
        (history, format!("{NODE}/node_events/{NODE}-2026-11-22-2"), None),
        (history, format!("{NODE}/pictures/cat.png"), None),
        (flat, "elsewhere/file".into(), None),
    ] {
        assert_eq!(parse_object(tree, &key), expected, "{key}");
    }
}

#[test]
fn a_session_is_looked_for_in_both_trees_under_every_owner_and_root() {
    let cluster = ClusterId { namespace: "ns".into(), name: "rc".into() };
    let session = SessionName::parse(SESSION).unwrap();
    let owner = Owner { kind: OwnerKind::RayJob, name: "train".into() };
    let prefixes: Vec<String> =
        data_prefixes(&Root::new("/log"), &cluster, &session, &[owner]).into_iter().map(|p| p.prefix).collect();
    for expected in [
        "log/rc_ns/SESSION/",
        "/log/rc_ns/SESSION/",
        "log/cluster-history/raycluster/ns/rc/SESSION/",
        "log/cluster-history/rayjob/ns/train/rc/SESSION/",
    ] {
        assert!(prefixes.contains(&expected.replace("SESSION", SESSION)), "{expected} not in {prefixes:?}");
    }
    // A prefix without its final slash would also list the sessions of `rc_ns2` (trap 7).
    assert!(prefixes.iter().all(|prefix| prefix.ends_with('/')));
    assert_eq!(Root::new("").spellings(), [""]);
    assert_eq!(Root::new("a/b/").spellings(), ["a/b/"]);
}

proptest! {
    #[test]
    fn no_key_makes_parsing_panic(key in ".*", shaped in "(metadir|cluster-metadata|logs|job_events|n)/[a-z_/-]{0,12}/[0-9a-z-]{0,20}") {
        for key in [&key, &shaped] {
            let _ = parse_marker(key);
            let _ = (parse_object(Tree::Flat, key), parse_object(Tree::History, key));
        }
    }
}
