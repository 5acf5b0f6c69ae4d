mod disk;
mod recovery;

use super::*;
use std::path::PathBuf;
use tempfile::TempDir;

const SESSIONS: [&str; 2] = ["session_2026-11-23_07-10-07_600839_11972", "session_2026-11-24_07-10-07_600839_7"];
const LIMITS: Limits = Limits { bytes: 1 << 30, fsync: Fsync::Flush };

/// An event by its number: its session and job follow from it.
fn event(n: u64) -> String {
    let session = SESSIONS[usize::from(n.is_multiple_of(11))];
    match n % 5 {
        0 => format!(r#"{{"sessionName":"{session}","eventType":"NODE_LIFECYCLE_EVENT","n":{n}}}"#),
        job => format!(
            r#"{{"sessionName":"{session}","eventType":"TASK_LIFECYCLE_EVENT","taskLifecycleEvent":{{"jobId":"0{job}000000"}},"n":{n}}}"#
        ),
    }
}

fn batch(events: impl IntoIterator<Item = u64>) -> Vec<u8> {
    format!("[{}]", events.into_iter().map(event).collect::<Vec<_>>().join(", ")).into_bytes()
}

fn open(dir: &Path) -> Spool {
    Spool::try_open(dir, LIMITS, Arc::new(|_| {})).unwrap().unwrap()
}

/// The lines of all plain files, by path.
fn lines(dir: &Path) -> BTreeMap<PathBuf, Vec<String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "jsonl") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(dir).unwrap().to_owned(), text.lines().map(str::to_owned).collect());
            }
        }
    }
    found
}

fn number(line: &str) -> Option<u64> {
    serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_u64()
}

/// The numbers of all events in a spool, sorted.
fn numbers(dir: &Path) -> Vec<u64> {
    let mut numbers: Vec<u64> = lines(dir).values().flatten().filter_map(|line| number(line)).collect();
    numbers.sort_unstable();
    numbers
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        std::fs::create_dir_all(to.path().join(&folder)).unwrap();
        for entry in std::fs::read_dir(from.join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if from.join(&path).is_dir() {
                folders.push(path);
            } else {
                std::fs::copy(from.join(&path), to.path().join(&path)).unwrap();
            }
        }
    }
    to
}

#[test]
fn records_are_stored_verbatim_in_the_files_of_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let body = format!("[{{\"sessionName\":\"{}\",\n  \"a\": \"\\u00e9\\n\"}} ,\n{}]", SESSIONS[0], event(1));
    let taken = Taken { records: 2, quarantined: 0 };
    assert!(matches!(spool.accept(body.as_bytes()), Ok(Accepted::New(found)) if found == taken));
    let found = lines(dir.path());
    let of = |folder: &str| {
        let (_, lines) = found.iter().find(|(path, _)| path.parent().unwrap().ends_with(folder)).unwrap();
        lines.clone()
    };
    let expected = format!("{{\"sessionName\":\"{}\",   \"a\": \"\\u00e9\\n\"}}", SESSIONS[0]);
    assert_eq!(of(&format!("{}/node_events", SESSIONS[0])), [expected]);
    assert_eq!(of(&format!("{}/job_events/01000000", SESSIONS[0])), [event(1)]);
}

#[test]
fn a_batch_that_comes_again_is_stored_once() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.accept(&batch(0..10)).unwrap();
    assert!(matches!(spool.accept(&batch(0..10)), Ok(Accepted::Repeated)));
    drop(spool);
    let spool = open(dir.path());
    assert!(matches!(spool.accept(&batch(0..10)), Ok(Accepted::Repeated)));
    for n in 10..26 {
        spool.accept(&batch([n])).unwrap();
    }
    // The seventeenth before is not remembered: that is no batch that Ray repeats.
    assert!(matches!(spool.accept(&batch(0..10)), Ok(Accepted::New(_))));
    assert_eq!(spool.counts().repeated, 1);
}

/// The hashes of a spool outlive an update of the collector: SipHash-2-4 of 128 bits, without a key.
#[test]
fn the_hash_of_a_batch_does_not_change() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let (body, mut file) = (batch([1]), spool.unnamed_file().unwrap());
    io::Write::write_all(&mut file, &batch([2])).unwrap();
    spool.accept(&body).unwrap();
    spool.accept_file(&file, batch([2]).len() as u64).unwrap();
    let hashes: Vec<u128> = spool.inner.lock().state.hashes.iter().copied().collect();
    assert_eq!(hashes, [0x9a6a_c798_a567_eb43_f693_70f8_4b30_20c1, 0xd018_d3e7_c540_0fd6_63df_8c9e_f420_aa8f]);
}

/// Texts of users may look like members, and names may have escapes.
#[tokio::test]
async fn the_type_of_an_event_is_that_of_its_own_members() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let event = format!(
        r#"[{{"x":{{"eventType":"TASK_LIFECYCLE_EVENT"}},"session\u004eame":"{}","event\u0054ype":"NODE_LIFECYCLE_EVENT"}}]"#,
        SESSIONS[0]
    );
    assert_eq!(spool.accept(event.as_bytes()).unwrap(), Accepted::New(Taken { records: 1, quarantined: 0 }));
    let evidence = spool.seen().of(&SessionName::parse(SESSIONS[0]).unwrap(), dir.path());
    assert!(evidence.node_event.is_some());
}

#[test]
fn odd_records_are_set_aside_and_the_rest_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let before = spool.accept(b"garbage").unwrap();
    assert_eq!(before, Accepted::New(Taken { records: 0, quarantined: 1 }));
    let body = format!("[7, {{}}, {}, {{\"sessionName\":\"../../etc\"}}, \"x\", {{\"sess", event(3));
    let taken = spool.accept(body.as_bytes()).unwrap();
    assert_eq!(taken, Accepted::New(Taken { records: 1, quarantined: 5 }));
    for nothing in [&b""[..], b"[]", b" \n"] {
        assert_eq!(spool.accept(nothing).unwrap(), Accepted::New(Taken::default()));
    }
    let found = lines(dir.path());
    let set_aside = |path: &str| found.iter().find(|(found, _)| found.starts_with(path)).unwrap().1.len();
    assert_eq!((set_aside("quarantine"), set_aside(&format!("{}/quarantine", SESSIONS[0]))), (1, 5));
    assert_eq!(numbers(dir.path()), [3]);
}

#[test]
fn a_body_in_a_file_is_taken_as_one_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let body = batch(0..30_000);
    assert!(body.len() > 3 << 20);
    let mut file = spool.unnamed_file().unwrap();
    io::Write::write_all(&mut file, &body).unwrap();
    let taken = Taken { records: 30_000, quarantined: 0 };
    assert_eq!(spool.accept_file(&file, body.len() as u64).unwrap(), Accepted::New(taken));
    assert_eq!(spool.accept(&body).unwrap(), Accepted::Repeated);
    assert_eq!(numbers(dir.path()), (0..30_000).collect::<Vec<_>>());
}

/// An item without an end is set aside with all that follows, in pieces, not held.
#[test]
fn an_endless_record_is_set_aside_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let body = format!("[{},{{\"a\":\"{}", event(1), "x".repeat(20 << 20));
    let mut file = spool.unnamed_file().unwrap();
    io::Write::write_all(&mut file, body.as_bytes()).unwrap();
    let taken = spool.accept_file(&file, body.len() as u64).unwrap();
    assert_eq!(taken, Accepted::New(Taken { records: 1, quarantined: 1 }));
    let found = lines(dir.path());
    let text = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["text"].as_str().map(str::len);
    let set_aside: usize = found
        .iter()
        .filter(|(path, _)| path.to_string_lossy().contains("quarantine"))
        .flat_map(|(_, lines)| lines)
        .filter_map(text)
        .sum();
    assert_eq!(set_aside, body.len() - event(1).len() - 2);
}

#[test]
fn a_spool_without_room_refuses_and_takes_again_later() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 20_000, ..LIMITS };
    let spool = Spool::try_open(dir.path(), limits, Arc::new(|_| {})).unwrap().unwrap();
    let mut accepted = 0;
    while spool.accept(&batch(accepted * 10..accepted * 10 + 10)).is_ok() {
        accepted += 1;
    }
    // Records that are not compressed yet count twice: their compressed form may be as long.
    assert!(accepted >= 5 && spool.used() <= 20_000, "{accepted} batches, {} bytes", spool.used());
    assert!(matches!(spool.accept(&batch(0..10_000)), Err(Refused::Full)));
    assert_eq!(numbers(dir.path()), (0..accepted * 10).collect::<Vec<_>>());
    assert_eq!(spool.counts().refused, 2);
}

/// A body in a file has its own room until its records count.
#[test]
fn a_spool_without_a_bound_takes_a_body_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: u64::MAX, ..LIMITS };
    let spool = Arc::new(Spool::try_open(dir.path(), limits, Arc::new(|_| {})).unwrap().unwrap());
    let (body, mut file) = (batch(0..10), spool.unnamed_file().unwrap());
    io::Write::write_all(&mut file, &body).unwrap();
    let mut room = Reservation::new(&spool);
    assert!(room.grow(body.len() as u64));
    let taken = Taken { records: 10, quarantined: 0 };
    assert_eq!(spool.accept_file(&file, body.len() as u64).unwrap(), Accepted::New(taken));
}

/// Each becomes a line, longer than it was.
#[test]
fn records_that_are_set_aside_keep_within_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { bytes: 20_000, ..LIMITS };
    let spool = Spool::try_open(dir.path(), limits, Arc::new(|_| {})).unwrap().unwrap();
    let body = format!("[{}]", vec!["{}"; 3_000].join(","));
    let refused = spool.accept(body.as_bytes());
    assert!(body.len() < 10_000 && matches!(refused, Err(Refused::Full)), "{refused:?}");
    assert_eq!((lines(dir.path()).len(), spool.inner_used()), (0, 0));
    spool.accept(&batch(0..10)).unwrap();
}

#[test]
fn a_long_journal_is_replaced_by_its_state() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    for n in 0..7_000 {
        spool.accept(&batch([n])).unwrap();
    }
    let before = dir.path().join("journal").metadata().unwrap().len();
    let state = spool.inner.lock().state.clone();
    spool.sync().unwrap();
    let after = dir.path().join("journal").metadata().unwrap().len();
    assert!(before > 1 << 20 && after < 10_000, "{before} bytes, then {after}");
    spool.accept(&batch([7_000])).unwrap();
    drop(spool);
    let spool = open(dir.path());
    assert_eq!(spool.inner.lock().state.files.len(), state.files.len());
    assert_eq!(numbers(dir.path()), (0..=7_000).collect::<Vec<_>>());
}
