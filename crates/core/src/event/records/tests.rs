use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

fn read(file: &[u8]) -> (Vec<(u64, String)>, Option<String>, Vec<u64>) {
    let mut records = Records::new(file);
    let mut out = Vec::new();
    while let Some(block) = records.next_block() {
        out.extend(block.records().map(|(at, record)| (at, String::from_utf8_lossy(record).into_owned())));
    }
    (out, records.broken().map(str::to_owned), records.too_long().to_vec())
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn texts(records: &[(u64, String)]) -> Vec<&str> {
    records.iter().map(|(_, text)| text.as_str()).filter(|text| !text.trim().is_empty()).collect()
}

#[test]
fn jsonl_and_arrays_plain_or_gzip_give_the_same_records() {
    let lines = b"{\"a\":1}\n{\"b\":\"]}\\\"\"}\n".to_vec();
    let array = b" [ {\"a\":1} ,\n{\"b\":\"]}\\\"\"}]".to_vec();
    for file in
        [lines.clone(), array.clone(), gzip(&lines), gzip(&array), [gzip(&lines[..8]), gzip(&lines[8..])].concat()]
    {
        let (records, broken, _) = read(&file);
        assert_eq!(texts(&records), ["{\"a\":1}", "{\"b\":\"]}\\\"\"}"]);
        assert_eq!(records.iter().map(|(at, _)| *at).take(2).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(broken, None);
    }
}

/// A broken file, or one that has a record or an array without events, is not blank.
#[test]
fn only_whole_files_of_blanks_are_blank() {
    let is_blank = |file: &[u8]| {
        let mut records = Records::new(file);
        while records.next_block().is_some() {}
        records.is_blank()
    };
    for nothing in [&b""[..], b"\n \n", &gzip(b""), &gzip(b"\n"), &vec![b' '; 3 << 20]] {
        assert!(is_blank(nothing), "{} bytes", nothing.len());
    }
    for something in [&b"[]"[..], b"{}", &gzip(b"{}\n"), &gzip(b"")[..10]] {
        assert!(!is_blank(something), "{something:?}");
    }
}

#[test]
fn half_a_gzip_gives_its_first_half_and_is_broken() {
    let lines: Vec<String> = (0..20_000).map(|n| format!("{{\"n\":{}}}\n", n * 7919)).collect();
    let lines = lines.concat();
    let whole = gzip(lines.as_bytes());
    let (records, broken, _) = read(&whole[..whole.len() / 2]);
    assert!(records.len() > 1_000, "{}", records.len());
    assert!(records.len() < 20_000);
    assert!(broken.is_some());
}

#[test]
fn unfinished_array_returns_whole_items_and_the_partial_one() {
    let (records, _, _) = read(b"[{\"a\":1},{\"b\":2},{\"c\":");
    assert_eq!(texts(&records), ["{\"a\":1}", "{\"b\":2}", "{\"c\":"]);
}

#[test]
fn too_long_line_is_skipped_and_next_one_read() {
    let mut file = b"{\"first\":1}\n".to_vec();
    file.extend(std::iter::repeat_n(b'x', 200 << 20));
    file.extend_from_slice(b"\n{\"third\":3}\n");
    let (records, broken, too_long) = read(&file);
    assert!(records.iter().all(|(_, text)| text.len() < 100), "the long line was returned");
    assert_eq!(texts(&records), ["{\"first\":1}", "{\"third\":3}"]);
    assert_eq!(records.iter().find(|(_, text)| text.contains("third")).map(|(at, _)| *at), Some(3));
    assert_eq!(too_long, [2]);
    assert_eq!(broken, None);
}

#[test]
fn too_long_line_without_end_is_counted() {
    for length in [MAX_RECORD, MAX_RECORD + MAX_STEP - 1, 40 << 20, (40 << 20) + 1] {
        for (before, position) in [(&b""[..], 1), (b"{}\n", 2)] {
            let mut file = before.to_vec();
            file.resize(before.len() + length, 0);
            let (records, broken, too_long) = read(&file);
            let long = records.iter().filter(|(_, text)| text.len() == length).count();
            assert_eq!((long + too_long.len(), broken), (1, None), "{length} bytes at {position}");
            assert!(too_long.is_empty() || too_long == [position]);
        }
    }
}

#[test]
fn non_objects_in_array_are_returned_as_damage() {
    for (file, expected) in [
        ("[1, {\"a\":1}, null]", vec!["1", "{\"a\":1}", "null"]),
        ("[\0\0, \0]", vec!["\0\0, \0"]),
        ("[{\"a\":1}}, {\"b\":2}]", vec!["{\"a\":1}", "}", "{\"b\":2}"]),
        ("[{}]\n[{}]", vec!["{}", "{}"]),
    ] {
        let (records, broken, _) = read(file.as_bytes());
        assert_eq!((texts(&records), broken), (expected, None), "{file:?}");
    }
}

#[test]
fn array_cut_off_between_items_is_broken() {
    for (file, whole) in [("[{}, {}]", true), ("[{}, {}", false), ("[{},", false), ("[", false), ("[{}]]", false)] {
        assert_eq!(read(file.as_bytes()).1.is_none(), whole, "{file:?}");
    }
}

#[test]
fn empty_file_has_no_records() {
    for file in [&b""[..], b"\n \n", b"[]", b"[ ]\n"] {
        assert_eq!(texts(&read(file).0), Vec::<&str>::new());
    }
}

proptest! {
    #[test]
    fn array_of_any_items_is_split_into_them(
        items in proptest::collection::vec("\\{\"[a-z\\]\\}\\[, ]{0,5}\":\"[^\"\\\\\\x00-\\x1f]{0,8}\"\\}", 1..8),
    ) {
        let file = format!("[{}]", items.join(", "));
        let (records, _, _) = read(file.as_bytes());
        prop_assert_eq!(texts(&records), items.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// A file consists of the returned records and JSON's punctuation between them.
    #[test]
    fn no_byte_is_ignored(file in "\\PC{0,3}[\\[\\]{}\",\\\\ x\n\0]{0,60}") {
        let (records, _, _) = read(file.as_bytes());
        let mut rest = file.as_str();
        for (_, text) in &records {
            let (between, after) = rest.split_once(text.as_str()).unwrap();
            prop_assert!(between.chars().all(|byte| "[], \n\t\r".contains(byte)), "{between:?} of {file:?}");
            rest = after;
        }
        prop_assert!(rest.chars().all(|byte| "[], \n\t\r".contains(byte)), "{rest:?} of {file:?}");
    }

    #[test]
    fn splitting_never_panics(file in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&file);
    }
}
