//! Log segments: the bytes that were appended to the log files of a node between two flushes, in one object.
//!
//! ```text
//! RHLS0001 | frame | frame | … | index | offset of the index: u64, its size: u32, its CRC32: u32 | RHLSEND1
//! ```
//!
//! A frame is one gzip member with at most 256 KiB of one file. The index is a gzip member with a JSON array of
//! [`Frame`]. Numbers are little-endian. An object that does not end in a valid index is no segment: it was cut.
//!
//! A file has the path under which it was first seen and an identity, because a path may have had several files. Its
//! bytes belong to the object `{stem}.rotated.{identity}{ext}` if there is one or the manifest's `ended` has that name;
//! else to the object of the path itself, of several such files the one that was seen last.
//!
//! Segments have growing numbers. Some may be missing: a number whose first put was interrupted by a kill is not used
//! again.
//!
//! Frames have offsets in the file that they were read from, so a range that lies in two segments, or in a segment and
//! in the stored file, is the same bytes twice and does no harm.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Index, SegmentError, read_frame, read_index};
pub use write::SegmentWriter;

use serde::{Deserialize, Serialize};

/// The first bytes of a segment.
const MAGIC: &[u8; 8] = b"RHLS0001";
/// The last bytes of a segment.
const END: &[u8; 8] = b"RHLSEND1";
/// The length of what follows the index.
const TRAILER: usize = 24;

/// The number of bytes of a file that a frame has at most.
pub const MAX_FRAME: usize = 256 << 10;
/// The length of an index before compression, see [`SegmentWriter::index_len`], at which a segment should be sealed.
pub const LONGEST_INDEX: usize = 256 << 10;
/// The length of a read from the end of a segment that nearly always includes the whole index.
pub const USUAL_TAIL: u64 = 64 << 10;

/// The place of a range of a log file in a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The path below the node's `logs/` folder: the first by which the collector knew the file.
    pub path: String,
    /// The identity of the file, `{ino}-{first seen ns}`: a path may have had several files.
    pub file: String,
    /// The offset of the range in the file.
    pub at: u64,
    /// The length of the range.
    pub len: u32,
    /// The offset of the gzip member in the segment.
    pub frame: u64,
    /// The length of the gzip member.
    pub size: u32,
}

impl Frame {
    /// Returns the offset behind the range in the file.
    pub fn end(&self) -> u64 {
        self.at + u64::from(self.len)
    }
}
