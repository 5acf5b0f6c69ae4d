//! Whole sessions come back from their head and their tables.

use super::*;
use crate::head::Head;
use bytes::Bytes;
use proptest::prelude::*;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::snapshot::testing::{dump, made, many};

fn key() -> SessionKey {
    let session = SessionName::parse("session_2026-11-22_23-11-33_821800_9153").unwrap();
    SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "rc".into() }, session }
}

fn fact(path: &str, text: &str) -> FactFile {
    FactFile { node: "aa".into(), path: path.into(), bytes: Bytes::copy_from_slice(text.as_bytes()) }
}

pub(crate) fn content(snapshot: Snapshot, options: Options) -> Content {
    let input = |key: &str| Input { key: key.into(), size: 7, etag: Some("x".into()), modified: Some(1) };
    let facts = vec![
        fact("monitor.log", "-- Ray version: 2.60.0\n-- Ray commit: abc\n"),
        fact("runtime_env_agent.log", "Creating runtime env: {\"env_vars\": {\"A\": \"hunter2\"}}\n"),
    ];
    Content {
        key: key(),
        namespace_known: true,
        owner: None,
        snapshot: Arc::new(snapshot),
        inputs: vec![input("a"), input("b")],
        facts,
        records_by_node: BTreeMap::from([("aa".to_owned(), 3)]),
        options,
        author: Writer::default(),
        written_at: "2026-11-23T00:00:00Z".to_owned(),
    }
}

/// A session as a load makes it.
pub(crate) fn session(events: &[serde_json::Value]) -> Snapshot {
    let mut snapshot = made::fold(events).finish(&made::log_facts());
    snapshot.endpoints.insert("api/v0/x".into(), r#"{"runtime_env":{"env_vars":{"A":"hunter2"}}}"#.into());
    snapshot.facts.monitor.read(
        "aa",
        "monitor.log",
        b"-- Ray version: 2.60.0\n-- Ray commit: abc\n",
        &mut ray_history_core::logs::damage::Damage::default(),
    );
    snapshot.derive();
    snapshot
}

pub(crate) type Files = (Bytes, Vec<(TableFile, Bytes)>);

pub(crate) fn built(content: Content, part: (usize, usize)) -> Files {
    let mut build = Build::with_parts(content, part);
    let mut files = Vec::new();
    while let Some(made) = build.next_table() {
        files.push(Bytes::from(made.unwrap().bytes));
    }
    let named = build.about.tables.clone();
    (build.head().unwrap().into(), named.into_iter().zip(files).collect())
}

fn opened(files: &Files) -> Snapshot {
    let head = Head::read(files.0.clone(), &key()).unwrap();
    files.1.iter().for_each(|(file, bytes)| file.check(bytes).unwrap());
    assert_eq!(head.inputs().unwrap().len(), 2);
    let opened = head.open(&files.1).unwrap();
    assert_eq!(opened.records_by_node["aa"], 3);
    opened.snapshot
}

pub(crate) const CLEAR: Options = Options { clear_environments: true, messages: true, profile_events: true };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whole_sessions_come_back(events in made::events(), attempts in 1_usize..5, spans in 1_usize..5) {
        let before = session(&events);
        let files = built(content(before.clone(), CLEAR), (attempts, spans));
        let after = opened(&files);
        prop_assert_eq!(dump::snapshot(&before), dump::snapshot(&after));
        prop_assert_eq!(&before.completeness, &after.completeness);
        prop_assert_eq!(&before.endpoints, &after.endpoints);
        prop_assert_eq!(before.as_of, after.as_of);
        prop_assert_eq!(files.1, built(content(after, CLEAR), (attempts, spans)).1, "the same session, the same bytes");
    }
}

/// Every byte that is written is searched, unpacked.
#[test]
fn values_of_variables_are_in_no_byte() {
    let text = r#"{"eventType": "TASK_DEFINITION_EVENT", "timestamp": "2026-11-22T23:12:00Z",
        "sessionName": "session_2026-11-22_23-11-33_821800_9153", "taskDefinitionEvent": {"taskType": "NORMAL_TASK",
        "serializedRuntimeEnv": "{\"env_vars\": {\"A\": \"hunter2\"}}", "jobId": "AQAAAA=="}}"#;
    let mut event: serde_json::Value = serde_json::from_str(text).unwrap();
    event["taskDefinitionEvent"]["taskId"] = made::id(24, 1).into();
    for (options, is_there) in [(Options::default(), false), (CLEAR, true)] {
        let (head, tables) = built(content(session(std::slice::from_ref(&event)), options), PART);
        let files = tables.into_iter().map(|(_, bytes)| bytes).chain([head.clone()]);
        let mut all: Vec<Vec<u8>> = files.map(|bytes| bytes.to_vec()).collect();
        let head = Head::read(head, &key()).unwrap();
        let shown = format!("{:?}", head.open(&built(content(session(&[event.clone()]), options), PART).1).unwrap());
        all.push(shown.into_bytes());
        let found = all.iter().any(|bytes| bytes.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(found, is_there);
    }
}

#[test]
fn damaged_heads_are_errors() {
    let files = built(content(session(&[made::event(0, [1; 6]), made::event(2, [1; 6])]), Options::default()), PART);
    let head = files.0.to_vec();
    let open = |bytes: Vec<u8>| Head::read(bytes.into(), &key()).and_then(|head| head.open(&files.1)).is_ok();
    assert!(open(head.clone()));
    for at in (0..head.len()).step_by(7) {
        let mut flipped = head.clone();
        flipped[at] ^= 1 << (at % 8);
        let _ = open(flipped); // Either: no panic.
        assert!(!open(head[..at].to_vec()), "{at}");
    }
    let other = SessionKey { cluster: ClusterId { namespace: "ns".into(), name: "other".into() }, ..key() };
    assert!(Head::read(files.0.clone(), &other).unwrap_err().to_string().contains("another session"));
    assert!(open(head.clone()) && Head::read(files.0.clone(), &key()).unwrap().open(&files.1[1..]).is_err());
}

/// A file whose hash is right and whose rows are not is one that its writer got wrong.
#[test]
fn everything_that_is_written_is_verified() {
    let events = [made::event(0, [1; 6]), made::event(2, [1; 6]), made::event(4, [2; 6])];
    for options in [Options::default(), CLEAR] {
        let (head, tables) = built(content(session(&events), options), (1, 1));
        let head = Head::read(head, &key()).unwrap();
        head.verify_members().unwrap();
        let members: Vec<_> = head.members().map(|member| (member.name, member.rows.is_some())).collect();
        assert!(members.contains(&("nodes.parquet", true)) && members.contains(&("snapshot.json", false)));
        for (file, bytes) in &tables {
            head.verify_table(file, bytes).unwrap();
            let mut changed = bytes.to_vec();
            changed[bytes.len() / 2] ^= 1;
            assert!(head.verify_table(file, &changed.into()).is_err(), "{}", file.name);
            assert!(head.verify_table(file, &bytes.slice(1..)).is_err(), "{}", file.name);
            let promised = TableFile { rows: file.rows + 1, ..file.clone() };
            assert!(head.verify_table(&promised, bytes).is_err(), "{}", file.name);
        }
        let missing = tables.iter().find(|(file, _)| file.name == "actors").unwrap();
        let unknown = TableFile { name: "later".to_owned(), ..missing.0.clone() };
        head.verify_table(&unknown, &missing.1).unwrap();
    }
}

#[test]
fn heads_have_a_digest_and_older_ones_open_without() {
    let files = built(content(session(&[made::event(0, [1; 6]), made::event(2, [1; 6])]), Options::default()), PART);
    let head = Head::read(files.0.clone(), &key()).unwrap();
    let snapshot = head.open(&files.1).unwrap().snapshot;
    let functions = head.functions().unwrap().unwrap();
    assert_eq!(functions, ray_history_core::snapshot::functions::Functions::of(&snapshot));
    assert!(!functions.rows.is_empty());
    let totals = head.totals().unwrap().unwrap();
    assert_eq!(totals.attempts, functions.all().map(|stats| stats.attempts).sum::<u64>());
    assert_eq!((totals.nodes, totals.ray_version.as_deref()), (snapshot.nodes.len() as u64, Some("2.60.0")));
    let mut members = crate::head::unpack_members(&files.0).unwrap();
    assert!(members.remove("functions.parquet").is_some() && members.remove("totals.json").is_some());
    let members: Vec<_> = members.iter().map(|(name, bytes)| (name.as_str(), bytes.to_vec())).collect();
    let older = Head::read(crate::head::pack_members(&members).unwrap().into(), &key()).unwrap();
    assert_eq!((older.functions().unwrap(), older.totals().unwrap()), (None, None));
    assert_eq!(dump::snapshot(&older.open(&files.1).unwrap().snapshot), dump::snapshot(&snapshot));
}

#[test]
fn newer_formats_are_told_apart() {
    let about = br#"{"format": {"name": "ray-history/snapshot", "major": 2, "minor": 0}, "else": 1}"#;
    let newer = crate::head::pack_members(&[("snapshot.json", about.to_vec())]).unwrap();
    assert!(matches!(Head::read(newer.into(), &key()), Err(Error::Newer(2))));
}

#[test]
fn large_sessions_are_in_parts() {
    let mut builder = ray_history_core::snapshot::build::Builder::new("session");
    for record in many::records(1_000) {
        builder.fold_record("file", 1, record.as_bytes());
    }
    let mut before = builder.finish(&ray_history_core::logs::Facts::default());
    before.derive();
    let (head, tables) = built(content(before.clone(), CLEAR), (300, 1 << 20));
    let parts = |name| tables.iter().filter(|(file, _)| file.name == name).count();
    assert_eq!([parts("tasks"), parts("profile_events"), parts("actors")], [4, 4, 1]);
    assert_eq!(dump::snapshot(&opened(&(head, tables))), dump::snapshot(&before));
}
