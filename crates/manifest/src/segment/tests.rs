//! Properties of segments: what is written is read, and nothing that is not whole is taken for a segment.

use super::*;
use proptest::prelude::*;

/// Ranges of files: path, identity, offset, bytes.
type Ranges = Vec<(String, String, u64, Vec<u8>)>;

fn ranges() -> impl Strategy<Value = Ranges> {
    let path = "[a-z./\\n\u{1}\"é]{1,12}";
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 1..200),
        (any::<u8>(), 1..=MAX_FRAME).prop_map(|(byte, len)| vec![byte; len]),
    ];
    proptest::collection::vec((path, "[0-9]{1,4}-[0-9]{1,4}", 0..u64::MAX / 2, bytes), 0..12)
}

fn written(ranges: &Ranges) -> SegmentWriter {
    let mut writer = SegmentWriter::default();
    for (path, file, at, bytes) in ranges {
        assert_eq!(writer.push(path, file, *at, bytes), bytes.len());
    }
    writer
}

fn frames_of(object: &[u8]) -> Result<Vec<Frame>, SegmentError> {
    match read_index(object, object.len() as u64)? {
        Index::Frames(frames) => Ok(frames),
        Index::BeginsAt(at) => panic!("the whole object was given, and the index begins at {at}"),
    }
}

fn member<'a>(object: &'a [u8], frame: &Frame) -> &'a [u8] {
    &object[frame.frame as usize..][..frame.size as usize]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(ranges in ranges()) {
        let object = written(&ranges).object();
        let frames = frames_of(&object).unwrap();
        prop_assert_eq!(frames.len(), ranges.len());
        for (frame, (path, file, at, bytes)) in frames.iter().zip(&ranges) {
            prop_assert_eq!((&frame.path, &frame.file, frame.at), (path, file, *at));
            prop_assert_eq!(&read_frame(frame, member(&object, frame)).unwrap(), bytes);
        }
    }

    /// A growing segment is whole at each put, and a later one has the same frames at the same places.
    #[test]
    fn a_growing_segment_keeps_its_frames(ranges in ranges(), more in ranges()) {
        let mut writer = written(&ranges);
        let (before, frames) = (writer.object(), writer.body_len());
        for (path, file, at, bytes) in &more {
            writer.push(path, file, *at, bytes);
        }
        let after = writer.object();
        prop_assert_eq!(&after[..frames], &before[..frames]);
        prop_assert_eq!(&frames_of(&after).unwrap()[..ranges.len()], &frames_of(&before).unwrap()[..]);
    }

    #[test]
    fn the_end_of_an_object_gives_its_index(ranges in ranges(), tail in 24_usize..4096) {
        let object = written(&ranges).object();
        let from = object.len().saturating_sub(tail);
        let whole = frames_of(&object).unwrap();
        match read_index(&object[from..], object.len() as u64).unwrap() {
            Index::Frames(frames) => prop_assert_eq!(frames, whole),
            Index::BeginsAt(at) => {
                prop_assert!((at as usize) < from);
                let again = read_index(&object[at as usize..], object.len() as u64).unwrap();
                prop_assert_eq!(again, Index::Frames(whole));
            }
        }
    }

    #[test]
    fn a_cut_object_is_no_segment(ranges in ranges(), cut in any::<prop::sample::Index>()) {
        let object = written(&ranges).object();
        let cut = &object[..cut.index(object.len())];
        prop_assert!(frames_of(cut).is_err());
    }

    #[test]
    fn a_changed_byte_is_noticed(ranges in ranges(), at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let mut object = written(&ranges).object();
        let at = at.index(object.len());
        object[at] ^= flip;
        if let Ok(frames) = frames_of(&object) {
            for (frame, (_, _, _, bytes)) in frames.iter().zip(&ranges) {
                if let Ok(read) = read_frame(frame, member(&object, frame)) {
                    prop_assert_eq!(&read, bytes);
                }
            }
        }
    }

    #[test]
    fn foreign_bytes_are_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..300), len in any::<u64>()) {
        let _ = read_index(&bytes, len);
        bytes.extend_from_slice(END);
        prop_assert!(read_index(&bytes, bytes.len() as u64).is_err() || bytes.len() > 24);
    }
}

#[test]
fn a_long_range_is_cut_at_a_frame() {
    let mut writer = SegmentWriter::default();
    assert_eq!(writer.push("a", "1-1", 0, &vec![7; MAX_FRAME + 1]), MAX_FRAME);
    assert_eq!(writer.push("a", "1-1", 0, b""), 0);
    assert_eq!(writer.frames().len(), 1);
}

/// A member that unpacks to more than its frame says is not unpacked to its end.
#[test]
fn a_member_that_is_too_long_is_refused() {
    let mut writer = SegmentWriter::default();
    writer.push("a", "1-1", 0, &[0; 1000]);
    let mut frame = writer.frames()[0].clone();
    let object = writer.object();
    frame.len = 999;
    assert_eq!(read_frame(&frame, member(&object, &frame)), Err(SegmentError::Frame));
}

/// 200 workers that write between all flushes until the segment is sealed.
#[test]
fn the_index_of_many_frames_needs_one_short_read() {
    let mut writer = SegmentWriter::default();
    for turn in 0.. {
        let worker = u128::from(turn % 200_u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C834);
        let name = format!("worker-{worker:032x}{:024x}-01000000-{turn}.out", worker.rotate_left(70) >> 32);
        writer.push(&name, "1234567-1795417200000000007", turn * 100, b"x");
        if writer.index_len() >= LONGEST_INDEX {
            break;
        }
    }
    let index = writer.object().len() - writer.body_len();
    assert!((index as u64) < USUAL_TAIL, "{} frames, {index} bytes", writer.frames().len());
}
