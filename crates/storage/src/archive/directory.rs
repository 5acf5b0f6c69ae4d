//! Reads the directory of a portable file: the name, the size and the place of every member.

use super::member::{Member, Packing};
use super::shared_file::SharedFile;
use std::io::{self, Read, Seek, SeekFrom};
use zip::{CompressionMethod, ZipArchive};

/// Most bytes that are read to open a file. A directory of a hundred thousand members has some ten megabytes.
const MOST: u64 = 64 << 20;

/// Returns the members of a file that are keys, or the reason why it cannot be used. `number` is that of the file.
pub(super) fn read(file: &SharedFile, number: usize) -> Result<Vec<(String, Member)>, String> {
    let bounded = Bounded { file: file.clone(), left: MOST };
    let mut zip = ZipArchive::new(bounded).map_err(|error| error.to_string())?;
    let mut members = Vec::new();
    for at in 0..zip.len() {
        // Its data as it lies in the file.
        let member = zip.by_index_raw(at).map_err(|error| error.to_string())?;
        let name = std::str::from_utf8(member.name_raw());
        let name = name.map_err(|_| format!("the name of member {at} is not UTF-8"))?.to_owned();
        if name.ends_with('/') || !name.contains('/') {
            continue;
        }
        let wrong = |why: &str| Err(format!("member {name} {why}"));
        let packing = match member.compression() {
            _ if member.encrypted() => return wrong("is encrypted"),
            CompressionMethod::Stored => Packing::Stored,
            CompressionMethod::Deflated => Packing::Deflated,
            _ => return wrong("is packed in a way that is not used here"),
        };
        let (size, packed) = (member.size(), member.compressed_size());
        let Some(start) = member.data_start() else { return wrong("has no data") };
        if start.checked_add(packed).is_none_or(|end| end > file.size()) {
            return wrong("ends after the file");
        }
        if packing == Packing::Stored && packed != size {
            return wrong("has two sizes");
        }
        let modified = member.last_modified().and_then(nanos);
        let member = Member::new(file.at(start), number, packing, size, packed, member.crc32(), modified);
        members.push((name, member));
    }
    if members.is_empty() {
        return Err("it has no objects of sessions".to_owned());
    }
    Ok(members)
}

/// Returns a time of an archive, which is taken for UTC, in nanoseconds since 1970.
fn nanos(time: zip::DateTime) -> Option<i64> {
    let [month, day, hour, minute, second] =
        [time.month(), time.day(), time.hour(), time.minute(), time.second()].map(u8::cast_signed);
    let time = jiff::civil::DateTime::new(time.year().cast_signed(), month, day, hour, minute, second, 0).ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    i64::try_from(time.as_nanosecond()).ok()
}

/// A file of which no more than some bytes can be read.
struct Bounded {
    file: SharedFile,
    left: u64,
}

impl Read for Bounded {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| io::Error::other(format!("its directory has more than {MOST} bytes")))?;
        Ok(read)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
