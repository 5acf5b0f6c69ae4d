use super::*;
use proptest::prelude::*;

const SESSION: &str = "session_2026-11-22_23-11-33_821800_9153";
const NODE: &str = "01180a8f897331216f38cb5230743f3605b7ae1ef6b370c8af16a052";

fn cluster() -> ClusterId {
    ClusterId { namespace: "ns".into(), name: "rc".into() }
}

fn read(key: &str) -> Option<(String, String, Option<String>)> {
    let marker = parse_marker(&key.replace("SESSION", SESSION))?;
    let owner = marker.owner.map(|owner| format!("{}/{}", owner.kind.folder(), owner.name));
    Some((marker.key.cluster.namespace, marker.key.cluster.name, owner))
}

#[test]
fn markers_are_parsed_by_their_tree() {
    let found = |ns: &str, name: &str, owner: Option<&str>| Some((ns.into(), name.into(), owner.map(str::to_owned)));
    for (key, expected) in [
        // Trap 1: the order of the two names flips between the trees.
        ("metadir/a_b/SESSION", found("b", "a", None)),
        ("cluster-metadata/raycluster/a_b/SESSION", found("a", "b", None)),
        // Trap 3: the id may contain `_` or be a uid, and the cluster's name may be empty.
        ("metadir/rc_a_b/SESSION", found("a_b", "rc", None)),
        ("metadir/_default/SESSION", found("default", "", None)),
        ("metadir/rc_8c3e1f52-0b7d/SESSION", found("8c3e1f52-0b7d", "rc", None)),
        // Kubernetes allows dots in names.
        ("cluster-metadata/raycluster/ns_a.b-c/SESSION", found("ns", "a.b-c", None)),
        ("cluster-metadata/rayjob/ns_train_rc/SESSION", found("ns", "rc", Some("rayjob/train"))),
        ("cluster-metadata/rayservice/ns_svc_rc/SESSION", found("ns", "rc", Some("rayservice/svc"))),
        // Trap 10: folder objects.
        ("cluster-metadata/raycluster/ns_rc/", None),
        ("metadir/rc_default/", None),
        // The number of pieces is fixed by the kind.
        ("cluster-metadata/raycluster/ns_train_rc/SESSION", None),
        ("cluster-metadata/rayjob/ns_rc/SESSION", None),
        ("cluster-metadata/rayjob/ns_a_b_c/SESSION", None),
        ("cluster-metadata/raycluster/ns_/SESSION", None),
        ("cluster-metadata/raycluster/_rc/SESSION", None),
        ("cluster-metadata/raydaemon/ns_x_rc/SESSION", None),
        ("cluster-metadata/raycluster/ns_rc/session_latest", None),
        ("cluster-metadata/raycluster/ns_rc/SESSION/x", None),
        ("cluster-metadata/SESSION", None),
        ("metadir/rc/SESSION", None),
        ("metadir/rc_/SESSION", None),
        ("metadir/a_b/c/SESSION", None),
        ("elsewhere/a_b/SESSION", None),
    ] {
        assert_eq!(read(key), expected, "{key}");
    }
}

#[test]
fn only_the_newer_marker_tree_has_namespaces() {
    // Trap 2: v1.6 writes `default` for clusters of any namespace.
    for (key, known) in [("metadir/rc_default/", false), ("cluster-metadata/raycluster/default_rc/", true)] {
        let marker = parse_marker(&format!("{key}{SESSION}")).unwrap();
        assert_eq!((marker.key.cluster.namespace.as_str(), marker.namespace_known), ("default", known), "{key}");
    }
}

#[test]
fn parses_objects_of_every_collector() {
    let log = |path| Some(ObjectKind::Log { node: NODE, path });
    let endpoint = |url: &str| Some(ObjectKind::Endpoint { url: url.into() });
    let events = |node, written| Some(ObjectKind::Events(EventFile { node, hour: "2026-11-22-23", written }));
    let (flat, history) = (Tree::Flat, Tree::History);
    for (tree, key, expected) in [
        // A0 .. A3
        (flat, "logs/NODE/events/event_GCS.log", log("events/event_GCS.log")),
        (flat, "node_events/NODE-2026-11-22-23", events(NODE, None)),
        (flat, "job_events/AQAAAA==/NODE-2026-11-22-23", events(NODE, None)),
        (flat, "fetched_endpoints/restful__timezone", endpoint("timezone")),
        // Trap 6: an upgrade within the hour leaves both names, with different events.
        (flat, "node_events/NODE-2026-11-22-23.gz", events(NODE, None)),
        // Trap 11: base64 contains `+`; its `/` makes a second level or is lost; a `-` once split the file's name.
        (flat, "job_events/+AAAAA==/NODE-2026-11-22-23", events(NODE, None)),
        (flat, "job_events/A/AAAA==/NODE-2026-11-22-23.gz", events(NODE, None)),
        (flat, "job_events/NODE-2026-11-22-23", events(NODE, None)),
        (flat, "job_events/AB/n-CDA==-2026-11-22-23", events("n-CDA==", None)),
        // B1, B2
        (history, "NODE/logs/raylet.out", log("raylet.out")),
        (history, "NODE/job_events/AQAAAA==/NODE-2026-11-22-23.gz", events(NODE, None)),
        (history, "NODE/job_events/01000000/NODE-2026-11-22-23-17.jsonl", events(NODE, Some(17))),
        (
            history,
            "NODE/node_events/NODE-2026-11-22-23-1795389137911275008.jsonl.gz",
            events(NODE, Some(1_795_389_137_911_275_008)),
        ),
        (
            history,
            "fetched_endpoints/restful__api__v0__placement_groups?detail=1&limit=10000",
            endpoint("api/v0/placement_groups?detail=1&limit=10000"),
        ),
        // Trap 13: a node id taken from a grep.
        (history, "NODE\n/logs/raylet.out", log("raylet.out")),
        (history, "a\nb/job_events/01000000/a\nb-2026-11-22-23", events("a\nb", None)),
        // A node id that looks like another hour.
        (flat, "node_events/n-2026-11-22-23-2026-11-22-23", events("n-2026-11-22-23", None)),
        // Trap 10, and keys of no grammar.
        (history, "NODE/node_events/", None),
        (flat, "logs/NODE/", None),
        (history, "NODE/node_events/readme.txt", None),
        (history, "NODE/node_events/NODE-2026-11-22-2", None),
        (history, "NODE/node_events/-2026-11-22-23", None),
        (history, "NODE/node_events/NODE-2026-11-22-23-99999999999999999999.jsonl", None),
        (history, "NODE/pictures/cat.png", None),
        (history, "logs/NODE/raylet.out", None),
        (flat, "NODE/logs/raylet.out", None),
        (flat, "fetched_endpoints/notes.txt", None),
        (flat, "elsewhere/file", None),
    ] {
        assert_eq!(parse_object(tree, &key.replace("NODE", NODE)), expected, "{tree:?} {key}");
    }
}

#[test]
fn hours_rewritten_by_a_collector_may_have_holes() {
    // Trap 14: before v1.7 a later flush replaced the file of the same hour.
    for (name, holes) in [("n-2026-11-22-23", true), ("n-2026-11-22-23.gz", true), ("n-2026-11-22-23-5.jsonl", false)] {
        assert_eq!(EventFile::parse(name).map(|file| file.may_have_holes()), Some(holes), "{name}");
    }
}

#[test]
fn session_is_searched_in_every_tree_owner_and_root() {
    let session = SessionName::parse(SESSION).unwrap();
    let owner = Owner { kind: OwnerKind::RayJob, name: "train".into() };
    let prefixes: Vec<String> =
        data_prefixes(&Root::new("/log"), &cluster(), &session, &[owner]).into_iter().map(|p| p.prefix).collect();
    // Traps 4 and 5 (both trees, both owner forms) and 9 (collectors for S3 dropped the leading slash).
    let expected = [
        "log/rc_ns/SESSION/",
        "log/cluster-history/raycluster/ns/rc/SESSION/",
        "log/cluster-history/rayjob/ns/train/rc/SESSION/",
        "/log/rc_ns/SESSION/",
        "/log/cluster-history/raycluster/ns/rc/SESSION/",
        "/log/cluster-history/rayjob/ns/train/rc/SESSION/",
    ];
    assert_eq!(prefixes, expected.map(|prefix| prefix.replace("SESSION", SESSION)));
    // Trap 7: without its final slash `rc_ns` would also list the sessions of `rc_ns2`.
    assert!(prefixes.iter().all(|prefix| prefix.ends_with('/')));
}

#[test]
fn successive_owners_share_a_flat_folder_but_no_session() {
    // Trap 17.
    let sessions = [SESSION, "session_2026-11-23_07-07-14_513426_1"].map(|name| SessionName::parse(name).unwrap());
    let [first, second] = sessions.map(|session| data_prefixes(&Root::default(), &cluster(), &session, &[]));
    assert!(first.iter().all(|prefix| !second.contains(prefix)));
}

#[test]
fn roots_are_cleaned_as_by_the_collectors() {
    for (setting, spellings) in [
        ("", vec![""]),
        ("/", vec![""]),
        ("log", vec!["log/"]),
        ("a//b/./c/", vec!["a/b/c/"]),
        ("/log", vec!["log/", "/log/"]),
    ] {
        assert_eq!(Root::new(setting).spellings(), spellings, "{setting:?}");
    }
}

proptest! {
    #[test]
    fn parsing_never_panics(key in ".*", shaped in "(metadir|cluster-metadata|logs|job_events|n)/[a-zé_/-]{0,12}/[0-9a-zé-]{0,20}") {
        for key in [&key, &shaped] {
            let _ = (parse_marker(key), EventFile::parse(key), rotated_from(key));
            let _ = (parse_object(Tree::Flat, key), parse_object(Tree::History, key));
        }
    }

    #[test]
    fn parses_keys_that_collectors_write(
        [ns, owner, name] in ["[a-z0-9.-]{1,12}", "[a-z0-9.-]{1,12}", "[a-z0-9.-]{1,12}"],
        id in "[a-zA-Z0-9_.-]{1,12}",
        pid in "(_[0-9]{1,7})?",
        micros in 0..1_000_000u32,
    ) {
        let session = format!("session_2026-11-22_23-11-33_{micros:06}{pid}");
        let found = |key: String| {
            parse_marker(&key)
                .map(|m| (m.key.cluster.namespace, m.key.cluster.name, m.owner, m.key.session.to_string()))
        };
        let owned = Owner { kind: OwnerKind::RayService, name: owner.clone() };
        prop_assert_eq!(found(format!("metadir/{name}_{id}/{session}")), Some((id, name.clone(), None, session.clone())));
        prop_assert_eq!(
            found(format!("cluster-metadata/rayservice/{ns}_{owner}_{name}/{session}")),
            Some((ns.clone(), name.clone(), Some(owned), session.clone()))
        );
        prop_assert_eq!(found(format!("cluster-metadata/raycluster/{ns}_{name}/{session}")), Some((ns, name, None, session)));
    }

    #[test]
    fn event_file_names_contain_node_and_hour(
        node in "[0-9a-z-]{1,60}",
        hour in "2026-[01][0-9]-[0-3][0-9]-[0-2][0-9]",
        nanos in proptest::option::of(0..i64::MAX),
        ending in "(\\.jsonl)?(\\.gz)?",
    ) {
        let counter = nanos.map(|nanos| format!("-{nanos}")).unwrap_or_default();
        let name = format!("{node}-{hour}{counter}{ending}");
        prop_assert_eq!(EventFile::parse(&name), Some(EventFile { node: &node, hour: &hour, written: nanos }));
    }
}
