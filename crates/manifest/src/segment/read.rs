//! Reads the index and the frames of a segment. Bytes may be damaged or made by somebody else.

use super::{END, Frame, MAGIC, MAX_FRAME, TRAILER};
use flate2::read::GzDecoder;
use std::io::Read;
use thiserror::Error;

/// The length of an index, after decompression, up to which it is read.
const MOST_READ: u64 = 8 << 20;

/// The reason why a segment, or a frame of it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SegmentError {
    /// The object does not end as a segment does.
    #[error("the segment has no index: it was cut")]
    Cut,
    /// The index is damaged.
    #[error("the segment's index is damaged: {0}")]
    Index(&'static str),
    /// A frame is damaged.
    #[error("a frame of the segment is damaged")]
    Frame,
}

/// The index of a segment, or what must be read to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Index {
    /// The frames, in the order of their offsets in the segment.
    Frames(Vec<Frame>),
    /// The index begins at this offset of the object, before the bytes that were given.
    BeginsAt(u64),
}

/// Reads the index of an object of `object_len` bytes from its last bytes, `tail`.
pub fn read_index(tail: &[u8], object_len: u64) -> Result<Index, SegmentError> {
    let tail_at = object_len.checked_sub(tail.len() as u64).ok_or(SegmentError::Cut)?;
    let (rest, trailer) = tail.split_last_chunk::<TRAILER>().ok_or(SegmentError::Cut)?;
    let (offset, trailer) = take::<8>(trailer).ok_or(SegmentError::Cut)?;
    let (size, trailer) = take::<4>(trailer).ok_or(SegmentError::Cut)?;
    let (crc, end) = take::<4>(trailer).ok_or(SegmentError::Cut)?;
    if end != END {
        return Err(SegmentError::Cut);
    }
    let (offset, size) = (u64::from_le_bytes(offset), u64::from(u32::from_le_bytes(size)));
    let ends_at = object_len - TRAILER as u64;
    if offset < MAGIC.len() as u64 || offset.checked_add(size) != Some(ends_at) {
        return Err(SegmentError::Index("its place is outside of the object"));
    }
    let Some(begins_at) = offset.checked_sub(tail_at) else { return Ok(Index::BeginsAt(offset)) };
    let index = rest.get(begins_at as usize..).ok_or(SegmentError::Index("its place is outside of the object"))?;
    if crc32fast::hash(index) != u32::from_le_bytes(crc) {
        return Err(SegmentError::Index("its checksum differs"));
    }
    let mut json = Vec::new();
    GzDecoder::new(index).take(MOST_READ).read_to_end(&mut json).map_err(|_| SegmentError::Index("it is no gzip"))?;
    let frames: Vec<Frame> =
        serde_json::from_slice(&json).map_err(|_| SegmentError::Index("it is no list of frames"))?;
    if frames.iter().all(|frame| is_within(frame, offset)) {
        Ok(Index::Frames(frames))
    } else {
        Err(SegmentError::Index("a frame is outside of the object"))
    }
}

/// Reads the bytes of `frame` from the part of the object that the index names.
pub fn read_frame(frame: &Frame, member: &[u8]) -> Result<Vec<u8>, SegmentError> {
    let mut bytes = Vec::with_capacity((frame.len as usize).min(MAX_FRAME));
    // The decoder checks the length and the checksum behind the last byte, so it must be read to its end.
    let mut decoder = GzDecoder::new(member).take(MAX_FRAME as u64 + 1);
    decoder.read_to_end(&mut bytes).map_err(|_| SegmentError::Frame)?;
    if bytes.len() == frame.len as usize { Ok(bytes) } else { Err(SegmentError::Frame) }
}

fn is_within(frame: &Frame, index_at: u64) -> bool {
    let range = frame.at.checked_add(u64::from(frame.len)).is_some();
    let member = frame.frame.checked_add(u64::from(frame.size)).is_some_and(|end| end <= index_at);
    range && member && frame.frame >= MAGIC.len() as u64 && frame.len as usize <= MAX_FRAME
}

fn take<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes.split_first_chunk::<N>().map(|(first, rest)| (*first, rest))
}
