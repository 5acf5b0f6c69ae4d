//! A disk that is full, fails, or is slow.

use super::super::*;
use super::{LIMITS, SESSIONS, batch, copy, numbers, open};

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

/// Batches that come after the mark, and while the next journal is brought to the disk, are in it.
#[test]
fn batches_are_taken_while_the_journal_is_replaced() {
    for fsync in [Fsync::Flush, Fsync::Batch] {
        let dir = tempfile::tempdir().unwrap();
        let opened = Arc::new(std::sync::OnceLock::<Arc<Spool>>::new());
        let seen = Arc::clone(&opened);
        let hook = move |point| {
            if let Some(spool) = seen.get().filter(|_| point == FailPoint::JournalWritten) {
                assert!(spool.inner.try_lock().is_some());
                spool.accept(&batch(20..30)).unwrap();
            }
        };
        let limits = Limits { fsync, ..LIMITS };
        let spool = Arc::new(Spool::try_open(dir.path(), limits, Arc::new(hook)).unwrap().unwrap());
        assert!(opened.set(Arc::clone(&spool)).is_ok());
        spool.accept(&batch(0..10)).unwrap();
        let mark = spool.inner.lock().journal.mark();
        let state = spool.inner.lock().state.clone();
        spool.accept(&batch(10..20)).unwrap();
        spool.replace_journal(mark, state).unwrap();
        spool.accept(&batch(30..40)).unwrap();
        let mut entries = Vec::new();
        let len = journal::read(dir.path(), |entry| entries.push(entry)).unwrap();
        assert!(matches!(&entries[0], Entry::State(state) if state.counts.len() == 2), "{fsync:?}: {:?}", entries[0]);
        assert_eq!(entries.iter().filter(|entry| matches!(entry, Entry::Batch { .. })).count(), 3);
        assert_eq!(spool.inner.lock().journal.len(), len);
        let copy = copy(dir.path());
        let spool = open(copy.path());
        assert_eq!((numbers(copy.path()), spool.lost()), ((0..40).collect::<Vec<_>>(), 0));
        assert!(matches!(spool.accept(&batch(20..30)), Ok(Accepted::Repeated)));
    }
}
