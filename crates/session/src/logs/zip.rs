//! Packs log files as a ZIP archive that is sent while it is made: nothing is sought, and the bytes are taken piece by
//! piece.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime};

/// Size from which an entry has sizes of eight bytes, which must be known before it is deflated: 4 GiB, without what
/// deflating may add to bytes that do not shrink.
const LARGE: u64 = (4 << 30) - (16 << 20);
/// Fast: logs shrink to a tenth all the same.
const LEVEL: i64 = 1;

/// A writer of an archive. What it made is taken piece by piece.
#[derive(Debug)]
pub struct ZipWriter {
    zip: zip::ZipWriter<StreamWriter<Made>>,
    made: Made,
    names: HashSet<Box<str>>,
}

/// The bytes that were made and are not taken yet.
#[derive(Clone, Debug, Default)]
struct Made(Arc<Mutex<Vec<u8>>>);

impl Write for Made {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Default for ZipWriter {
    fn default() -> Self {
        let made = Made::default();
        Self { zip: zip::ZipWriter::new_stream(made.clone()), made, names: HashSet::new() }
    }
}

impl ZipWriter {
    /// Returns the approximate memory held for an entry until the end of the archive, in bytes.
    pub const ENTRY: u64 = 1 << 10;

    /// Ends the entry before, and begins one of at most `size` bytes, written at a time in nanoseconds since 1970. Returns
    /// its name, which gets a number if there is an entry of that name.
    pub fn begin(&mut self, name: &str, size: u64, written: Option<i64>) -> io::Result<Box<str>> {
        let numbered = (2..).map(|number| format!("{name}~{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let name = names.find(|name| !self.names.contains(name.as_str())).unwrap_or_default().into_boxed_str();
        self.names.insert(name.clone());
        let deflated =
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).compression_level(Some(LEVEL));
        self.start(&name, deflated, size, written)?;
        Ok(name)
    }

    /// Ends the entry before, and adds one whose bytes stay as they are, so that they can be read within the archive.
    pub fn add_stored(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.names.insert(name.into());
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        self.start(name, stored, bytes.len() as u64, None)?;
        self.write(bytes)
    }

    fn start(&mut self, name: &str, options: SimpleFileOptions, size: u64, written: Option<i64>) -> io::Result<()> {
        let options = options.last_modified_time(time(written)).unix_permissions(0o644).large_file(size >= LARGE);
        Ok(self.zip.start_file(name, options)?)
    }

    /// Adds bytes to the entry.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.zip.write_all(bytes)
    }

    /// Takes the bytes that were made.
    pub fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut *self.made.0.lock()))
    }

    /// Ends the archive with its directory, and returns the rest of its bytes.
    pub fn finish(self) -> io::Result<Bytes> {
        let Self { zip, made, .. } = self;
        zip.finish()?;
        Ok(Bytes::from(std::mem::take(&mut *made.0.lock())))
    }
}

/// Returns a time as archives have it, in UTC; the first of 1980 for none.
fn time(nanos: Option<i64>) -> DateTime {
    let at = nanos.and_then(|nanos| jiff::Timestamp::from_nanosecond(nanos.into()).ok());
    let at = at.and_then(|at| {
        let at = at.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        let [month, day, hour, minute, second] =
            [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(i8::unsigned_abs);
        DateTime::from_date_and_time(at.year().unsigned_abs(), month, day, hour, minute, second).ok()
    });
    at.unwrap_or_default()
}

#[cfg(test)]
mod tests;
