use super::*;
use proptest::prelude::*;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Returns the blocks of a file.
fn blocks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4)
}

/// Returns the names and bytes of an archive's entries, whose sums the reader compares.
fn unpacked(archive: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).unwrap();
    let count = archive.len();
    let entry = |at| {
        let mut entry = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(entry).collect()
}

proptest! {
    #[test]
    fn entries_are_read_again(
        files in prop::collection::btree_map("[a-zé/]{1,9}[a-z]", (blocks(), prop::sample::select(vec![10, 5 << 30])), 0..5),
    ) {
        let (mut zip, mut archive) = (ZipWriter::default(), Vec::new());
        for (name, (blocks, size)) in &files {
            zip.begin(name, *size, Some(1_795_305_601_000_000_000)).unwrap();
            for block in blocks {
                zip.write(block).unwrap();
                archive.extend_from_slice(&zip.take());
            }
        }
        archive.extend_from_slice(&zip.finish().unwrap());
        let expected: Vec<_> = files.into_iter().map(|(name, (blocks, _))| (name, blocks.concat())).collect();
        let mut found = unpacked(archive);
        found.sort();
        prop_assert_eq!(found, expected);
    }
}

/// A client gets what was made of a file before its end, and nothing is held until then.
#[test]
fn pieces_are_made_before_the_end_of_a_file() {
    let mut zip = ZipWriter::default();
    zip.begin("a", 8 << 30, None).unwrap();
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(1 << 20)
    .collect();
    for _ in 0..4 {
        zip.write(&noise).unwrap();
        let made = zip.take();
        assert!(made.len() > noise.len() / 2, "{}", made.len());
    }
    assert!(zip.finish().unwrap().len() < 1 << 20);
}

#[test]
fn names_that_are_there_get_a_number() {
    let mut zip = ZipWriter::default();
    let names = ["a", "a~2", "a", "a"].map(|name| {
        let name = zip.begin(name, 1, None).unwrap();
        zip.write(name.as_bytes()).unwrap();
        name
    });
    assert_eq!(names.each_ref().map(|name| &**name), ["a", "a~2", "a~3", "a~4"]);
    let expected = names.map(|name| (name.to_string(), name.as_bytes().to_vec()));
    assert_eq!(unpacked(zip.finish().unwrap().to_vec()), expected);
}

/// More than the number of entries that has two bytes.
#[test]
fn many_entries_are_read_again() {
    let mut zip = ZipWriter::default();
    for at in 0..70_000 {
        zip.begin(&at.to_string(), 1, None).unwrap();
    }
    let archive = ZipArchive::new(Cursor::new(zip.finish().unwrap())).unwrap();
    assert_eq!(archive.len(), 70_000);
}

#[test]
fn times_are_in_utc_and_within_those_that_archives_have() {
    let shown = |nanos| time(nanos).to_string();
    assert_eq!(shown(Some(1_795_305_601_000_000_000)), "2026-11-22 00:00:00");
    for nanos in [None, Some(0), Some(i64::MAX)] {
        assert_eq!(shown(nanos), "1980-01-01 00:00:00", "{nanos:?}");
    }
}
