//! Fingerprints of files: an inode number is used again, and a file may be rewritten in place.

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use std::fs::File;
use std::hash::Hasher;
use std::io;
use std::os::unix::fs::FileExt;

/// The number of bytes at the start of a file that identify it.
pub(super) const HEAD: u64 = 256;
/// The number of bytes before the position up to which a file was read that must still be the same.
const MARK: u64 = 64;

/// The hash of a range of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print {
    /// The first byte.
    at: u64,
    /// The number of bytes; none: it says nothing.
    len: u64,
    hash: u64,
}

impl Print {
    /// Returns the fingerprint of the file's first bytes.
    pub(super) fn head(file: &File) -> io::Result<Self> {
        Self::read(file, 0, HEAD)
    }

    /// Returns the fingerprint of what ends at `end`, from the bytes `read` that end there.
    pub(super) fn mark(end: u64, read: &[u8]) -> Self {
        let bytes = &read[read.len().saturating_sub(MARK as usize)..];
        Self { at: end.saturating_sub(bytes.len() as u64), len: bytes.len() as u64, hash: hash(bytes) }
    }

    /// Returns `true` if the file still has these bytes.
    pub(super) fn is_of(self, file: &File) -> io::Result<bool> {
        Ok(self.len == 0 || Self::read(file, self.at, self.len)? == self)
    }

    /// Returns `true` if the file has been too short for a whole fingerprint of its head.
    pub(super) fn is_short(self) -> bool {
        self.len < HEAD
    }

    /// Returns `true` if there was nothing to identify.
    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Returns the offset behind the range.
    pub(super) fn end(self) -> u64 {
        self.at.saturating_add(self.len)
    }

    fn read(file: &File, at: u64, len: u64) -> io::Result<Self> {
        let mut buffer = [0; HEAD as usize];
        let wanted = buffer.get_mut(..len as usize).unwrap_or_default();
        let mut filled = 0;
        while filled < wanted.len() {
            match file.read_at(&mut wanted[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { at, len: filled as u64, hash: hash(&wanted[..filled]) })
    }
}

/// Stable over versions of the program: hashes are in state files.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_that_grew_is_the_same_file() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let (head, mark) = (Print::head(&file).unwrap(), Print::mark(10, b"789"));
        assert!(head.is_short() && mark.end() == 10);
        file.write_all(&[7; 1000]).unwrap();
        assert!(head.is_of(&file).unwrap() && mark.is_of(&file).unwrap());
        file.write_all_at(b"8", 9).unwrap();
        assert!(!head.is_of(&file).unwrap() && !mark.is_of(&file).unwrap());
        file.set_len(5).unwrap();
        assert!(!head.is_of(&file).unwrap());
        assert!(Print::default().is_of(&file).unwrap());
    }
}
