//! A spool that is opened after a kill, or after a kernel that crashed.

use super::super::*;
use super::{batch, copy, lines, number, numbers, open};
use proptest::prelude::*;

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
