//! Writes a segment, whole at any time and longer each time.

use super::{END, Frame, MAGIC, MAX_FRAME};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// The level that logs are compressed with.
const LEVEL: u32 = 3;

/// A segment that grows.
#[derive(Debug)]
pub struct SegmentWriter {
    body: Vec<u8>,
    index: Vec<Frame>,
    /// About the length of the index before compression.
    index_bytes: usize,
}

impl Default for SegmentWriter {
    fn default() -> Self {
        Self { body: MAGIC.to_vec(), index: Vec::new(), index_bytes: 0 }
    }
}

impl SegmentWriter {
    /// Appends a range of the file `file`, known as `path`, which begins at the offset `at`. Returns the number of bytes
    /// that were taken: all, or the first 256 KiB.
    pub fn push(&mut self, path: &str, file: &str, at: u64, bytes: &[u8]) -> usize {
        let taken = bytes.get(..MAX_FRAME).unwrap_or(bytes);
        if taken.is_empty() {
            return 0;
        }
        let offset = self.body.len();
        self.body = compress(std::mem::take(&mut self.body), taken);
        self.index_bytes += path.len() + file.len() + 80;
        self.index.push(Frame {
            path: path.to_owned(),
            file: file.to_owned(),
            at,
            len: taken.len() as u32,
            frame: offset as u64,
            size: (self.body.len() - offset) as u32,
        });
        taken.len()
    }

    /// Returns the frames so far, in the order of their offsets in the segment.
    pub fn frames(&self) -> &[Frame] {
        &self.index
    }

    /// Returns the length of the frames so far.
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// Returns about the length of the index before compression: at [`super::LONGEST_INDEX`] it is time to seal.
    pub fn index_len(&self) -> usize {
        self.index_bytes
    }

    /// Returns the segment as it is now: a prefix of what the next call returns, but for the index.
    pub fn object(&self) -> Vec<u8> {
        let mut object = Vec::with_capacity(self.body.len() + self.index_bytes / 4 + 1024);
        object.extend_from_slice(&self.body);
        // Strings and numbers in a vector always have a JSON form.
        let json = serde_json::to_vec(&self.index).unwrap_or_default();
        let mut object = compress(object, &json);
        let index = object.get(self.body.len()..).unwrap_or_default();
        let (size, crc) = (index.len() as u32, crc32fast::hash(index));
        object.extend_from_slice(&(self.body.len() as u64).to_le_bytes());
        object.extend_from_slice(&size.to_le_bytes());
        object.extend_from_slice(&crc.to_le_bytes());
        object.extend_from_slice(END);
        object
    }
}

/// Appends `bytes` as one gzip member.
fn compress(into: Vec<u8>, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(into, Compression::new(LEVEL));
    // A vector takes every byte, so that neither call can fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
