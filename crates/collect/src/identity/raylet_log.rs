//! Node ids in `raylet.out`, which Ray before 2.55 has in no other file: `Raylet of id, <hex> started`.

use super::node_id::is_id;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const BEFORE: &str = "Raylet of id, ";
/// Bytes that are read at a time; the line is among the first of a raylet's life.
const STEP: u64 = 1 << 20;
/// Bytes that are read again, so that a line which was cut is found.
const OVERLAP: u64 = 256;

/// The length of the log that was read, and the ids in it.
#[derive(Debug, Default)]
pub(super) struct RayletLog {
    read: u64,
    ids: Vec<String>,
}

impl RayletLog {
    /// Reads what was appended.
    pub(super) fn read(&mut self, path: &Path) {
        let Ok(mut file) = File::open(path) else { return };
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        if length < self.read {
            self.read = 0;
        }
        if length == self.read {
            return;
        }
        let from = self.read.saturating_sub(OVERLAP);
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(from)).is_err() || file.take(STEP).read_to_end(&mut bytes).is_err() {
            return;
        }
        self.read = from + bytes.len() as u64;
        let text = String::from_utf8_lossy(&bytes);
        for (at, _) in text.match_indices(BEFORE) {
            if let Some((id, _)) = text[at + BEFORE.len()..].split_once(" started")
                && is_id(id)
                && !self.ids.iter().any(|known| known == id)
            {
                self.ids.push(id.to_owned());
            }
        }
    }

    /// Returns the ids, the current one last.
    pub(super) fn ids(&self) -> &[String] {
        &self.ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn ids_are_found_although_lines_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("raylet.out");
        let mut file = File::create(&path).unwrap();
        let mut log = RayletLog::default();
        let (first, second) = ("ab".repeat(28), "cd".repeat(28));
        write!(file, "[2026-11-30 00:32:19,001 I 600 600] main.cc:1: Raylet of id, {}", &first[..20]).unwrap();
        log.read(&path);
        assert_eq!(log.ids(), &[] as &[String]);
        writeln!(file, "{} started. Raylet consists of node_manager.", &first[20..]).unwrap();
        write!(file, "{}", "x\n".repeat(1 << 20)).unwrap();
        writeln!(file, "Raylet of id, {second} started.\nRaylet of id, ../x started.").unwrap();
        for _ in 0..4 {
            log.read(&path);
        }
        assert_eq!(log.ids(), [first, second]);
    }
}
