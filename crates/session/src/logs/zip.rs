//! Writes a ZIP archive forwards, so that it is sent while it is made: nothing is sought, and only names are kept.
//!
//! The format is that of PKWARE's APPNOTE 6.3: deflated entries whose sums and sizes follow their bytes (data
//! descriptors), and ZIP64 where numbers need it. The crates that write it lend parts of a writer to each other, which a
//! stream that pauses between two blocks cannot hold.

use bytes::Bytes;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::{self, Write};

/// The greatest number of the old format; it stands for one in an extra field.
const MAX32: u64 = u32::MAX as u64;
/// Bytes that deflating may add to 4 GiB that do not shrink.
const GROWTH: u64 = 16 << 20;
/// Bit 3, a data descriptor; bit 11, a name in UTF-8.
const FLAGS: u16 = (1 << 3) | (1 << 11);
const DEFLATED: u16 = 8;
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;
/// Unix, so that files have modes.
const MADE_BY: u16 = (3 << 8) | VERSION_64;
/// A plain file that its owner may write.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// Longest name, in bytes.
const LONGEST_NAME: usize = 4 << 10;

/// A writer of an archive. What it made is taken piece by piece.
#[derive(Debug)]
pub struct ZipWriter {
    out: Vec<u8>,
    /// Bytes that were taken.
    taken: u64,
    entries: Vec<Entry>,
    open: Option<Open>,
    /// Deflates one entry after the other, because each encoder of its own would take hundreds of kilobytes.
    deflate: DeflateEncoder<Vec<u8>>,
}

impl Default for ZipWriter {
    fn default() -> Self {
        let deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        Self { out: Vec::new(), taken: 0, entries: Vec::new(), open: None, deflate }
    }
}

/// An entry in the directory at the end.
#[derive(Debug)]
struct Entry {
    name: Box<str>,
    offset: u64,
    size: u64,
    compressed: u64,
    crc: u32,
    written: DosTime,
    /// `true` if the sizes behind its bytes have eight bytes.
    is_large: bool,
}

/// The entry that is written.
#[derive(Debug)]
struct Open {
    entry: Entry,
    crc: Crc,
}

/// Time and date as FAT has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DosTime(u16, u16);

impl DosTime {
    /// Returns a time in nanoseconds since 1970, in UTC; the first of 1980 for none.
    fn of(nanos: Option<i64>) -> Self {
        let at = nanos.and_then(|nanos| jiff::Timestamp::from_nanosecond(nanos.into()).ok());
        let at = at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).datetime());
        let Some(at) = at.filter(|at| (1980..=2107).contains(&at.year())) else { return Self(0, (1 << 5) | 1) };
        let unsigned = |part: i8| part.unsigned_abs();
        let [month, day, hour, minute, second] =
            [at.month(), at.day(), at.hour(), at.minute(), at.second()].map(|part| u16::from(unsigned(part)));
        let year = at.year().abs_diff(1980);
        Self((hour << 11) | (minute << 5) | (second / 2), (year << 9) | (month << 5) | day)
    }
}

impl ZipWriter {
    /// Begins an entry of at most `size` bytes, written at a time in nanoseconds since 1970.
    pub fn begin(&mut self, name: &str, size: u64, written: Option<i64>) -> io::Result<()> {
        self.end()?;
        let end = (0..=name.len().min(LONGEST_NAME)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or_default();
        let entry = Entry {
            name: name[..end].into(),
            offset: self.taken + self.out.len() as u64,
            size: 0,
            compressed: 0,
            crc: 0,
            written: DosTime::of(written),
            is_large: size > MAX32 - GROWTH,
        };
        let DosTime(time, date) = entry.written;
        let (version, unknown, extra): (u16, u32, u16) =
            if entry.is_large { (VERSION_64, u32::MAX, 20) } else { (VERSION, 0, 0) };
        self.u32([0x0403_4b50]);
        self.u16([version, FLAGS, DEFLATED, time, date]);
        self.u32([0, unknown, unknown]);
        self.u16([entry.name.len() as u16, extra]);
        self.out.extend_from_slice(entry.name.as_bytes());
        if entry.is_large {
            self.u16([1, 16]);
            self.u64([0, 0]);
        }
        self.open = Some(Open { entry, crc: Crc::new() });
        Ok(())
    }

    /// Adds bytes to the entry.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.crc.update(bytes);
        open.entry.size += bytes.len() as u64;
        self.deflate.write_all(bytes)?;
        let made = self.deflate.get_mut();
        open.entry.compressed += made.len() as u64;
        self.out.append(made);
        Ok(())
    }

    /// Ends the entry.
    pub fn end(&mut self) -> io::Result<()> {
        let Some(Open { mut entry, crc }) = self.open.take() else { return Ok(()) };
        let mut made = self.deflate.reset(Vec::new())?;
        entry.compressed += made.len() as u64;
        entry.crc = crc.sum();
        self.out.append(&mut made);
        self.u32([0x0807_4b50, entry.crc]);
        for size in [entry.compressed, entry.size] {
            if entry.is_large { self.u64([size]) } else { self.u32([size as u32]) }
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Ends the archive with its directory.
    pub fn finish(&mut self) -> io::Result<()> {
        self.end()?;
        let entries = std::mem::take(&mut self.entries);
        let start = self.taken + self.out.len() as u64;
        for entry in &entries {
            self.directory_entry(entry);
        }
        let end = self.taken + self.out.len() as u64;
        let (count, len) = (entries.len() as u64, end - start);
        if count >= u64::from(u16::MAX) || start >= MAX32 || len >= MAX32 {
            self.u32([0x0606_4b50]);
            self.u64([44]);
            self.u16([MADE_BY, VERSION_64]);
            self.u32([0, 0]);
            self.u64([count, count, len, start]);
            // The locator of that record.
            self.u32([0x0706_4b50, 0]);
            self.u64([end]);
            self.u32([1]);
        }
        self.u32([0x0605_4b50]);
        let count = count.min(u64::from(u16::MAX)) as u16;
        self.u16([0, 0, count, count]);
        self.u32([len, start].map(capped));
        self.u16([0]);
        Ok(())
    }

    fn directory_entry(&mut self, entry: &Entry) {
        let numbers = [entry.size, entry.compressed, entry.offset];
        let large: Vec<u64> = numbers.into_iter().filter(|number| *number >= MAX32).collect();
        let extra = if large.is_empty() { 0 } else { 4 + 8 * large.len() as u16 };
        let version = if entry.is_large || extra > 0 { VERSION_64 } else { VERSION };
        let DosTime(time, date) = entry.written;
        self.u32([0x0201_4b50]);
        self.u16([MADE_BY, version, FLAGS, DEFLATED, time, date]);
        self.u32([entry.crc]);
        self.u32([entry.compressed, entry.size].map(capped));
        self.u16([entry.name.len() as u16, extra, 0, 0, 0]);
        self.u32([ATTRIBUTES]);
        self.u32([capped(entry.offset)]);
        self.out.extend_from_slice(entry.name.as_bytes());
        if extra > 0 {
            self.u16([1, extra - 4]);
            for number in large {
                self.u64([number]);
            }
        }
    }

    /// Takes the bytes that were made.
    pub fn take(&mut self) -> Bytes {
        self.taken += self.out.len() as u64;
        Bytes::from(std::mem::take(&mut self.out))
    }

    fn u16<const N: usize>(&mut self, numbers: [u16; N]) {
        self.out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    fn u32<const N: usize>(&mut self, numbers: [u32; N]) {
        self.out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    fn u64<const N: usize>(&mut self, numbers: [u64; N]) {
        self.out.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
}

/// Returns a number as the old format has it, which says so if it is in an extra field.
fn capped(number: u64) -> u32 {
    number.min(MAX32) as u32
}

#[cfg(test)]
mod tests;
