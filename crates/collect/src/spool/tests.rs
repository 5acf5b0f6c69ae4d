use super::*;
use proptest::prelude::*;
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
    // The last entry of the journal is not foreseen.
    assert!(accepted > 5 && spool.used() <= 21_000, "{accepted} batches, {} bytes", spool.used());
    assert!(matches!(spool.accept(&batch(0..10_000)), Err(Refused::Full)));
    assert_eq!(numbers(dir.path()), (0..accepted * 10).collect::<Vec<_>>());
    assert_eq!(spool.counts().refused, 2);
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

#[test]
fn a_write_to_the_journal_that_fails_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.accept(&batch(0..10)).unwrap();
    // A file that is open for reading only.
    let unwritable = File::open(dir.path().join("journal")).unwrap();
    spool.inner.lock().journal.break_for_test(unwritable);
    assert!(matches!(spool.accept(&batch(10..20)), Err(Refused::Disk(_))));
    drop(spool);
    assert_eq!(numbers(dir.path()), (0..10).collect::<Vec<_>>());
    let spool = open(dir.path());
    assert!(matches!(spool.accept(&batch(10..20)), Ok(Accepted::New(_))));
    assert_eq!(numbers(dir.path()), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_keeps_no_file_of_a_refused_batch() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.inner.lock().state.newest = Nanos::MAX - 9;
    let path = dir.path().join(format!("{}/node_events/{}.jsonl", SESSIONS[1], Nanos::MAX - 8));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    assert!(matches!(spool.accept(&batch([0])), Err(Refused::Disk(_))) && path.symlink_metadata().is_err());
}

/// Writes to it succeed, and it cannot be synced.
#[test]
fn a_sync_of_the_journal_that_fails_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { fsync: Fsync::Batch, ..LIMITS };
    let spool = Spool::try_open(dir.path(), limits, Arc::new(|_| {})).unwrap().unwrap();
    spool.accept(&batch(0..10)).unwrap();
    let unsyncable = File::options().write(true).open("/dev/null").unwrap();
    spool.inner.lock().journal.break_for_test(unsyncable);
    assert!(matches!(spool.accept(&batch(10..20)), Err(Refused::Disk(_))));
    assert!(matches!(spool.accept(&batch(10..20)), Err(Refused::Disk(_))));
    let mended = File::options().append(true).open(dir.path().join("journal")).unwrap();
    spool.inner.lock().journal.break_for_test(mended);
    assert!(matches!(spool.accept(&batch(10..20)), Ok(Accepted::New(_))));
    drop(spool);
    let spool = open(dir.path());
    assert_eq!((numbers(dir.path()), spool.lost()), ((0..20).collect::<Vec<_>>(), 0));
}

#[test]
fn a_batch_of_which_nothing_is_left_is_taken_again() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).accept(&batch(0..10)).unwrap();
    for path in lines(dir.path()).into_keys() {
        File::options().write(true).open(dir.path().join(path)).unwrap().set_len(0).unwrap();
    }
    let spool = open(dir.path());
    assert_eq!(spool.lost(), 10);
    assert!(matches!(spool.accept(&batch(0..10)), Ok(Accepted::New(_))));
    assert_eq!(numbers(dir.path()), (0..10).collect::<Vec<_>>());
}

#[test]
fn files_behind_one_that_cannot_be_synced_are_synced_later() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    spool.accept(&batch(0..10)).unwrap();
    let all = spool.inner.lock().dirty.clone();
    let first = *all.first().unwrap();
    let path = spool.home.plain(first, &spool.inner.lock().state.files[&first]);
    let aside = dir.path().join("aside");
    std::fs::rename(&path, &aside).unwrap();
    // A link to itself cannot be opened.
    std::os::unix::fs::symlink(&path, &path).unwrap();
    assert!(all.len() > 3 && spool.sync().is_err());
    assert_eq!(spool.inner.lock().dirty, all);
    let mut inner = spool.inner.lock();
    assert!(inner.sync_all(&spool.home).is_err());
    assert_eq!(inner.dirty, all);
    drop(inner);
    std::fs::rename(&aside, &path).unwrap();
    spool.sync().unwrap();
    assert!(spool.inner.lock().dirty.is_empty());
}

/// The disk may take its time to sync the journal.
#[test]
fn batches_are_taken_while_a_file_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (opened, was_free) = (Arc::new(std::sync::OnceLock::<Arc<Spool>>::new()), Arc::new(AtomicU64::new(0)));
    let (seen, free) = (Arc::clone(&opened), Arc::clone(&was_free));
    let hook = move |point| {
        if point == FailPoint::Finished && seen.get().is_some_and(|spool| spool.inner.try_lock().is_some()) {
            free.fetch_add(1, Ordering::Relaxed);
        }
    };
    let spool = Arc::new(Spool::try_open(dir.path(), LIMITS, Arc::new(hook)).unwrap().unwrap());
    assert!(opened.set(Arc::clone(&spool)).is_ok());
    spool.accept(&batch([1])).unwrap();
    let name = spool.unstored()[0].0;
    spool.close(None);
    let job = spool.pack_job(name, &Sealing::default()).unwrap();
    std::fs::write(&job.compressed, "compressed").unwrap();
    spool.compressed(name, &job, 10, &Sealing::default());
    spool.seal(name).unwrap();
    let cluster = ray_history_core::base::name::ClusterId { namespace: "ml".into(), name: "train".into() };
    let node = move |session: &SessionName| {
        Some(ray_history_core::layout::SessionKeys::new("", &cluster, None, session).node("ab"))
    };
    let node: Destination = Arc::new(node);
    let puts = spool.put_jobs(&BTreeSet::new(), &node, 9).unwrap();
    spool.written(&puts[0], 10).unwrap();
    assert_eq!((was_free.load(Ordering::Relaxed), spool.inner_used()), (1, 0));
    assert!(!dir.path().join(SESSIONS[0]).exists());
}

/// The numbers of a batch, and the length of the journal when it was accepted.
type History = Vec<(Vec<u64>, u64)>;

/// Accepts batches of these sizes.
fn history(dir: &Path, sizes: &[u64]) -> History {
    let spool = open(dir);
    let mut next = 0;
    let accept = |size: &u64| {
        let numbers: Vec<u64> = (next..next + size).collect();
        next += size;
        spool.accept(&batch(numbers.iter().copied())).unwrap();
        (numbers, dir.join("journal").metadata().unwrap().len())
    };
    sizes.iter().map(accept).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A kill leaves whole files, with tails that do not count, and the journal up to any byte.
    #[test]
    fn any_beginning_of_the_journal_is_recovered(
        sizes in prop::collection::vec(1..40u64, 1..12),
        cut in 0..=1_000u64,
        tails in 0..=1_000u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let history = history(dir.path(), &sizes);
        let copy = copy(dir.path());
        let journal = File::options().write(true).open(copy.path().join("journal")).unwrap();
        let len = journal.metadata().unwrap().len() * cut / 1_000;
        journal.set_len(len).unwrap();
        let (whole, rest): (History, History) = history.into_iter().partition(|(_, end)| *end <= len);
        // The next batch may be in some of its files, or in parts of them; later ones had not begun.
        let whole: Vec<u64> = whole.into_iter().flat_map(|(numbers, _)| numbers).collect();
        for (path, lines) in lines(copy.path()) {
            let size = |line: &String| line.len() as u64 + 1;
            let kept: u64 = lines.iter().filter(|line| whole.contains(&number(line).unwrap())).map(size).sum();
            let all: u64 = lines.iter().map(size).sum();
            let len = kept + (all - kept) * tails / 1_000;
            File::options().write(true).open(copy.path().join(path)).unwrap().set_len(len).unwrap();
        }
        let spool = open(copy.path());
        prop_assert_eq!(numbers(copy.path()), whole.clone());
        prop_assert_eq!(spool.lost(), 0);
        // Ray sends again what was not acknowledged, and the last that was.
        let mut expected = whole;
        for (numbers, _) in rest {
            spool.accept(&batch(numbers.iter().copied())).unwrap();
            expected.extend(numbers);
        }
        drop(spool);
        let spool = open(copy.path());
        prop_assert_eq!(numbers(copy.path()), expected);
        prop_assert_eq!(spool.lost(), 0);
    }

    /// A kernel that crashed has lost ends of files that the journal names, or has other bytes in their place.
    #[test]
    fn lost_bytes_are_counted_and_what_is_left_is_kept(
        sizes in prop::collection::vec(1..40u64, 1..12),
        cuts in prop::collection::vec(0..=1_000u64, 12),
        zeros: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        // Everything since the spool was opened is not synced, so a journal is not replaced before.
        let history = history(dir.path(), &sizes);
        let all: Vec<u64> = history.into_iter().flat_map(|(numbers, _)| numbers).collect();
        let before = lines(dir.path());
        for ((path, _), cut) in before.iter().zip(cuts) {
            let file = File::options().write(true).open(dir.path().join(path)).unwrap();
            let len = file.metadata().unwrap().len();
            file.set_len(len * cut / 1_000).unwrap();
            if zeros {
                file.set_len(len).unwrap();
            }
        }
        let spool = open(dir.path());
        let left = numbers(dir.path());
        prop_assert_eq!(left.len() as u64 + spool.lost(), all.len() as u64);
        for (path, lines) in lines(dir.path()) {
            prop_assert_eq!(&lines[..], &before[&path][..lines.len()]);
        }
        let more: Vec<u64> = (1_000..1_030).collect();
        spool.accept(&batch(more.iter().copied())).unwrap();
        drop(spool);
        let spool = open(dir.path());
        prop_assert_eq!(numbers(dir.path()), [left, more].concat());
        prop_assert_eq!(spool.lost(), 0);
    }
}
