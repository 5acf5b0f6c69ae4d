use super::*;
use flate2::read::DeflateDecoder;
use proptest::prelude::*;
use std::io::Read;

fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..at + len].iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// An entry of the directory: name, size, compressed size, offset, sum.
type Listed = (String, u64, u64, u64, u64);

/// Reads the directory of an archive whose first byte in `end` is at an offset, as a reader that seeks does.
fn directory(end: &[u8], offset: u64) -> Vec<Listed> {
    let last = end.len() - 22;
    assert_eq!(number(end, last, 4), 0x0605_4b50);
    let [mut count, mut start] = [number(end, last + 10, 2), number(end, last + 16, 4)];
    if count == 0xffff || start == MAX32 {
        let locator = last - 20;
        assert_eq!(number(end, locator, 4), 0x0706_4b50);
        let at = (number(end, locator + 8, 8) - offset) as usize;
        assert_eq!(number(end, at, 4), 0x0606_4b50);
        [count, start] = [number(end, at + 32, 8), number(end, at + 48, 8)];
    }
    let mut at = (start - offset) as usize;
    let entry = |_| {
        assert_eq!(number(end, at, 4), 0x0201_4b50);
        let name = number(end, at + 28, 2) as usize;
        let mut extra = at + 46 + name + 4;
        let mut large = |number_at: u64| {
            if number_at < MAX32 {
                return number_at;
            }
            extra += 8;
            number(end, extra - 8, 8)
        };
        let (size, compressed) = (number(end, at + 24, 4), number(end, at + 20, 4));
        let (size, compressed) = (large(size), large(compressed));
        let start = large(number(end, at + 42, 4));
        let text = String::from_utf8(end[at + 46..at + 46 + name].to_vec()).unwrap();
        let listed = (text, size, compressed, start, number(end, at + 16, 4));
        at += 46 + name + number(end, at + 30, 2) as usize;
        listed
    };
    (0..count).map(entry).collect()
}

/// Returns the bytes of an entry.
fn unpacked(archive: &[u8], (name, size, compressed, start, crc): &Listed) -> Vec<u8> {
    let start = *start as usize;
    assert_eq!(number(archive, start, 4), 0x0403_4b50, "{name}");
    let data = start + 30 + number(archive, start + 26, 2) as usize + number(archive, start + 28, 2) as usize;
    let end = data + *compressed as usize;
    let mut bytes = Vec::new();
    DeflateDecoder::new(&archive[data..end]).read_to_end(&mut bytes).unwrap();
    let mut sum = Crc::new();
    sum.update(&bytes);
    assert_eq!((bytes.len() as u64, u64::from(sum.sum())), (*size, *crc), "{name}");
    assert_eq!([number(archive, end, 4), number(archive, end + 4, 4)], [0x0807_4b50, *crc], "{name}");
    bytes
}

/// Returns the blocks of a file.
fn blocks() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4)
}

proptest! {
    #[test]
    fn entries_are_read_again(
        files in prop::collection::vec(("[a-zé/]{1,9}", blocks()), 0..5),
    ) {
        let (mut zip, mut archive) = (ZipWriter::default(), Vec::new());
        for (name, blocks) in &files {
            zip.begin(name, 1_000, Some(1_795_305_601_000_000_000)).unwrap();
            for block in blocks {
                zip.write(block).unwrap();
                archive.extend_from_slice(&zip.take());
            }
            zip.end().unwrap();
        }
        zip.finish().unwrap();
        archive.extend_from_slice(&zip.take());
        let listed = directory(&archive, 0);
        prop_assert_eq!(listed.len(), files.len());
        for (listed, (name, blocks)) in listed.iter().zip(&files) {
            prop_assert_eq!(&listed.0, name);
            prop_assert_eq!(unpacked(&archive, listed), blocks.concat());
        }
    }
}

/// Numbers of more than four bytes: a long entry, one behind it, and more entries than two bytes count.
#[test]
fn large_archives_have_large_numbers() {
    let size = (4 << 30) + 7;
    let mut zip = ZipWriter::default();
    zip.begin("long", size, None).unwrap();
    let block = vec![0; 1 << 20];
    let mut left = size;
    while left > 0 {
        let len = left.min(1 << 20);
        zip.write(&block[..len as usize]).unwrap();
        zip.take();
        left -= len;
    }
    zip.end().unwrap();
    zip.take();
    // As if the entry had not been compressed.
    zip.taken += size;
    let offset = zip.taken;
    for at in 0..70_000 {
        zip.begin(&format!("{at}"), 1, None).unwrap();
    }
    zip.finish().unwrap();
    let listed = directory(&zip.take(), offset);
    assert_eq!(listed.len(), 70_001);
    assert_eq!((&*listed[0].0, listed[0].1, listed[0].3), ("long", size, 0));
    assert!(listed[0].2 < 64 << 20 && listed[1].3 == offset && listed[70_000].3 > offset, "{:?}", &listed[..2]);
}

#[test]
fn many_entries_have_a_large_number() {
    let mut zip = ZipWriter::default();
    for at in 0..65_535 {
        zip.begin(&format!("{at}"), 1, None).unwrap();
    }
    zip.finish().unwrap();
    let archive = zip.take();
    assert_eq!(directory(&archive, 0).len(), 65_535);
    assert_eq!(number(&archive, archive.len() - 42, 4), 0x0706_4b50, "a locator");
}

#[test]
fn times_are_those_of_fat() {
    assert_eq!(DosTime::of(None), DosTime(0, 0x21));
    assert_eq!(DosTime::of(Some(0)), DosTime(0, 0x21));
    // 2026-11-22T00:00:01Z
    assert_eq!(DosTime::of(Some(1_795_305_601_000_000_000)), DosTime(0, 0x5d76));
}
