//! A file that many readers share, each with a position of its own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A reader of a file. A clone reads the same file, from the same position on.
#[derive(Clone, Debug)]
pub(super) struct SharedFile {
    file: Arc<File>,
    size: u64,
    at: u64,
}

impl SharedFile {
    /// Returns a reader of a regular file.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is not a file"));
        }
        Ok(Self { file: Arc::new(file), size: meta.len(), at: 0 })
    }

    /// Returns the size of the file, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns a reader of the same file at a position.
    pub(super) fn at(&self, at: u64) -> Self {
        Self { at, ..self.clone() }
    }

    /// Goes forward.
    pub(super) fn skip(&mut self, bytes: u64) {
        self.at = self.at.saturating_add(bytes);
    }
}

impl Read for SharedFile {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
