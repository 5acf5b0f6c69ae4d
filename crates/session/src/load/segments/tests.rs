use super::*;
use ray_history_manifest::segment::{MAX_FRAME, SegmentWriter};
use ray_history_storage::memory::Memory;

const FOLDER: &str = "cluster-history/raycluster/ns/rc/session/aa11/";

/// Ranges of log files: path, identity, offset, text.
type Ranges<'a> = &'a [(&'a str, &'a str, u64, &'a str)];

fn segment(number: u64) -> String {
    format!("{FOLDER}ray-history/spool/logs-{number:010}.seg")
}

fn object(number: u64, size: u64, etag: Option<&str>) -> SegmentObject {
    let (etag, key) = (etag.map(str::to_owned), segment(number));
    SegmentObject { etag, node: "aa11".into(), spool: "spool".into(), number, key, size }
}

/// Returns a store with these segments and objects, and what the segments say.
async fn scene(segments: &[Ranges<'_>], stored: &[(&str, &str)]) -> (Arc<dyn Storage>, Segments) {
    let memory = Memory::default();
    let mut objects = Vec::new();
    for (number, ranges) in (1..).zip(segments) {
        let mut writer = SegmentWriter::default();
        for (path, file, at, text) in *ranges {
            assert_eq!(writer.push(path, file, *at, text.as_bytes()), text.len());
        }
        let bytes = writer.object();
        objects.push(object(number, bytes.len() as u64, None));
        memory.put(segment(number), bytes);
    }
    for (path, text) in stored {
        memory.put(format!("{FOLDER}logs/{path}"), (*text).to_owned());
    }
    let store: Arc<dyn Storage> = Arc::new(memory);
    let is_stored = |_: &str, path: &str| stored.iter().any(|(stored, _)| *stored == path);
    let read = read(&store, &objects, &Indexes::default(), |_| (), is_stored).await;
    (store, read)
}

/// Returns the text of a log in a range.
async fn text(store: &Arc<dyn Storage>, segments: &Segments, path: &str, settled: u64, range: ReadRange) -> String {
    let (key, pieces) = segments.logs[&("aa11".to_owned(), path.to_owned())].clone();
    assert_eq!(key, format!("{FOLDER}logs/{path}"));
    let continued = Arc::new(Continued { settled, pieces });
    let store = LogStore::with(store, [(key.clone(), continued)].into_iter());
    let body = store.read(&key, range).await.unwrap();
    let promised = body.promised().unwrap();
    let bytes = body.read_all(1 << 20).await.unwrap();
    assert_eq!(bytes.len() as u64, promised);
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_log_goes_on_in_segments() {
    let first: Ranges<'_> =
        &[("worker.out", "1-1", 0, "one\n"), ("other.out", "2-1", 0, "x"), ("worker.out", "1-1", 4, "two\n")];
    let second: Ranges<'_> = &[("worker.out", "1-1", 8, "three\n")];
    // A settled file may end anywhere, also within a piece.
    let whole = "one\ntwo\nthree\n";
    for settled in 0..=whole.len() {
        let stored = [("worker.out", &whole[..settled])];
        let (store, segments) = scene(&[first, second], if settled == 0 { &[] } else { &stored }).await;
        for (range, expected) in [
            (ReadRange::Full, 0..14),
            (ReadRange::From(9), 9..14),
            (ReadRange::Between(2, 11), 2..11),
            (ReadRange::Between(5, 6), 5..6),
            (ReadRange::Tail(3), 11..14),
            (ReadRange::Between(20, 30), 0..0),
        ] {
            let text = text(&store, &segments, "worker.out", settled as u64, range).await;
            assert_eq!(text, whole[expected], "{settled} {range:?}");
        }
    }
}

#[tokio::test]
async fn a_range_that_is_in_no_segment_ends_the_log() {
    let pieces: Ranges<'_> = &[("a.log", "1-1", 0, "abc"), ("a.log", "1-1", 2, "cd"), ("a.log", "1-1", 9, "z")];
    let (store, segments) = scene(&[pieces], &[]).await;
    assert_eq!(text(&store, &segments, "a.log", 0, ReadRange::Full).await, "abcd");
    let (_, pieces) = &segments.logs[&("aa11".to_owned(), "a.log".to_owned())];
    assert_eq!((pieces.end(0), pieces.end(6), pieces.end(9)), (4, 6, 10));
}

#[tokio::test]
async fn a_rotated_file_has_its_own_name() {
    let pieces: Ranges<'_> =
        &[("raylet.out", "7-18", 0, "old"), ("raylet.out", "9-20", 0, "new"), ("x/old", "3-1", 0, "y")];
    let (store, segments) = scene(&[pieces], &[]).await;
    let paths: Vec<&str> = segments.logs.keys().map(|(_, path)| path.as_str()).collect();
    assert_eq!(paths, ["raylet.out", "raylet.rotated.7-18.out", "x/old"]);
    assert_eq!(text(&store, &segments, "raylet.rotated.7-18.out", 0, ReadRange::Full).await, "old");
    // The newest one was rotated, too.
    let (_, segments) = scene(&[pieces], &[("raylet.rotated.9-20.out", "ne")]).await;
    let paths: Vec<&str> = segments.logs.keys().map(|(_, path)| path.as_str()).collect();
    assert_eq!(paths, ["raylet.rotated.7-18.out", "raylet.rotated.9-20.out", "x/old"]);
}

#[tokio::test]
async fn damaged_and_missing_segments_are_told_apart() {
    let pieces: Ranges<'_> = &[("a.log", "1-1", 0, "abc")];
    let memory = Memory::default();
    memory.put(segment(1), "RHLS0001 and then nothing");
    let store: Arc<dyn Storage> = Arc::new(memory);
    let object = |number| object(number, 25, None);
    let read = read(&store, &[object(1), object(2)], &Indexes::default(), |_| (), |_, _| false).await;
    assert_eq!((read.logs.len(), read.unreadable.len(), read.unreadable[0].0 == segment(1)), (0, 1, true));
    let (_, whole) = scene(&[pieces], &[]).await;
    assert_eq!(whole.unreadable, []);
}

#[tokio::test]
async fn an_index_of_many_frames_is_read_whole() {
    let memory = Memory::default();
    let mut writer = SegmentWriter::default();
    for n in 0..20_000u64 {
        // Names that compress badly.
        let name = format!("worker-{:016x}.out", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        writer.push(&name, "1-1", 0, b"x");
    }
    writer.push("last.out", "1-1", 0, &vec![b'y'; MAX_FRAME]);
    let bytes = writer.object();
    let size = bytes.len() as u64;
    assert!(size - writer.body_len() as u64 > USUAL_TAIL);
    memory.put(segment(1), bytes);
    let store: Arc<dyn Storage> = Arc::new(memory);
    let read = read(&store, &[object(1, size, None)], &Indexes::default(), |_| (), |_, _| false).await;
    assert_eq!((read.logs.len(), read.unreadable.len()), (20_001, 0));
}

/// An index is read once of each version, and memory is held for it.
#[tokio::test]
async fn a_segment_that_has_not_changed_is_not_read_again() {
    let put = |memory: &Memory, text: &str| {
        let mut writer = SegmentWriter::default();
        writer.push("a.log", "1-1", 0, text.as_bytes());
        let bytes = writer.object();
        let size = bytes.len() as u64;
        memory.put(segment(1), bytes);
        size
    };
    let memory = Arc::new(Memory::default());
    let size = put(&memory, "one");
    let store: Arc<dyn Storage> = Arc::<Memory>::clone(&memory);
    let held = std::cell::Cell::new(0);
    let read = async |etag, known: &Indexes| {
        let segments = [object(1, size, etag)];
        let read = read(&store, &segments, known, |bytes| held.set(held.get() + bytes), |_, _| false).await;
        let end = read.logs[&("aa11".to_owned(), "a.log".to_owned())].1.end(0);
        (end, read.indexes)
    };
    let (end, known) = read(Some("x"), &Indexes::default()).await;
    assert_eq!((end, held.get() > 0, known.weight() > 0), (3, true, true));
    put(&memory, "one and two");
    assert_eq!(read(Some("x"), &known).await.0, 3, "the known index");
    assert_eq!(read(Some("y"), &known).await.0, 11);
    let (end, known) = read(None, &known).await;
    assert_eq!((end, known.weight()), (11, 0), "a store without versions");
}
