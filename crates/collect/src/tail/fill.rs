//! Reads what was appended to log files into the growing segment.

use super::class::Class;
use super::file::LogFile;
use super::print::Print;
use super::table::Table;
use super::walk;
use parking_lot::Mutex;
use ray_history_manifest::segment::{LONGEST_INDEX, MAX_FRAME, SegmentWriter};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// The length at which a segment is sealed.
const FULL: usize = 4 << 20;
/// Frames of one file before the next file has its turn, so that a long one keeps no other waiting.
const FRAMES_IN_TURN: usize = 4;

/// An open file, what a segment calls it, and the range that it should take.
struct Source {
    file: Arc<File>,
    name: Arc<str>,
    id: String,
    range: Range<u64>,
}

/// Returns `true` if a segment must not take more.
pub(super) fn is_full(segment: &SegmentWriter) -> bool {
    segment.body_len() >= FULL || segment.index_len() >= LONGEST_INDEX
}

/// Reads what is in no segment yet, the most urgent class first, until the segment is full.
///
/// The table is locked only between reads, and nothing that a scan did not see is read.
pub(super) fn fill(table: &Mutex<Table>, root: &Path, segment: &mut SegmentWriter, max: u64, is_closing: bool) {
    let mut waiting: Vec<(Class, u64)> = {
        let table = table.lock();
        let files = table.files.iter().filter(|(_, file)| !file.unqueued(max, is_closing).is_empty());
        files.map(|(key, file)| (file.class(), *key)).filter(|(class, _)| *class != Class::Rewritten).collect()
    };
    waiting.sort_unstable();
    let mut buffer = vec![0; if waiting.is_empty() { 0 } else { MAX_FRAME }];
    while !waiting.is_empty() {
        waiting
            .retain(|(_, key)| !is_full(segment) && turn(table, root, segment, *key, &mut buffer, (max, is_closing)));
    }
}

/// Reads some frames of a file. Returns `false` if there is nothing to read.
fn turn(
    table: &Mutex<Table>,
    root: &Path,
    segment: &mut SegmentWriter,
    key: u64,
    buffer: &mut [u8],
    (max, is_closing): (u64, bool),
) -> bool {
    let Some(source) = open(table, root, key, max, is_closing) else { return false };
    let Source { file, name, id, mut range } = source;
    let mut took = false;
    for _ in 0..FRAMES_IN_TURN {
        let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX).min(buffer.len());
        let read = match read_at(&file, &mut buffer[..wanted], range.start) {
            Ok(0) => break,
            Ok(read) => read,
            Err(_) => {
                if let Some(file) = table.lock().files.get_mut(&key) {
                    file.unreadable = Some("the disk cannot be read");
                }
                break;
            }
        };
        // The file may have been forgotten meanwhile; then these bytes were noted as lost, and are stored all the same.
        segment.push(&name, &id, range.start, &buffer[..read]);
        took = true;
        let read_from = range.start;
        range.start += read as u64;
        let mut table = table.lock();
        let number = table.growing;
        let Some(file) = table.files.get_mut(&key) else { break };
        file.took(read_from, range.start, &buffer[..read]);
        file.first_segment = file.first_segment.or(number);
        if is_full(segment) {
            break;
        }
    }
    took
}

/// Returns what a segment should take of a file, if it is still the same file.
fn open(table: &Mutex<Table>, root: &Path, key: u64, max: u64, is_closing: bool) -> Option<Source> {
    let mut table = table.lock();
    let file = table.files.get_mut(&key)?;
    let range = file.unqueued(max, is_closing);
    let handle = file.open(root)?;
    // It may have been rewritten since the scan: then the next scan finds out.
    let is_same = !range.is_empty() && file.mark.is_of(&handle).is_ok_and(|same| same);
    is_same.then(|| Source { file: handle, name: Arc::clone(&file.name), id: file.id(), range })
}

impl LogFile {
    /// Returns the open file; `None`, and why, if it cannot be opened.
    pub(super) fn open(&mut self, root: &Path) -> Option<Arc<File>> {
        if let Some(handle) = &self.handle {
            return Some(Arc::clone(handle));
        }
        match walk::open_below(root, &self.path, self.status) {
            Ok(file) => Some(Arc::new(file)),
            Err(rustix::io::Errno::NOENT) => None, // Renamed or removed since the scan: the next one finds out.
            Err(error) => {
                self.unreadable = Some(walk::why(error));
                None
            }
        }
    }

    /// Notes that the segment took a range.
    fn took(&mut self, from: u64, to: u64, bytes: &[u8]) {
        if from > self.queued {
            self.last_bytes = Some(from);
        }
        self.queued = to;
        self.mark = Print::mark(to, bytes);
    }
}

fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
