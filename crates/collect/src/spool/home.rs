//! The folder of the spool: its lock, its id, and the paths of its files.

use super::live::wall_clock;
use super::state::SpoolFile;
use ray_history_core::base::time::Nanos;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

/// The format of the spool that this version writes and reads.
const FORMAT: u32 = 1;
/// Space that is kept on a disk that is full, so that what is stored can be noted and removed.
const RESERVE: usize = 256 << 10;

/// The folder of the spool, for this process alone.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) dir: PathBuf,
    pub(super) about: About,
    _lock: File,
}

/// The contents of `spool.json`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct About {
    format: u32,
    /// The id of the spool, a `UUIDv7`.
    pub(super) id: String,
    /// The number of times a collector started on it.
    pub(super) boots: u64,
}

impl Home {
    /// Takes the lock of the folder, which is made if it is missing, and counts the start. `None` while another
    /// collector holds the lock.
    pub(super) fn open(dir: &Path) -> io::Result<Option<Self>> {
        std::fs::create_dir_all(dir)?;
        let lock = File::create(dir.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut home = Self { dir: dir.to_owned(), about: About::default(), _lock: lock };
        // On a disk that is full, starting needs a little space, too. It is kept again when the spool is open.
        let _ = home.give_reserve();
        let path = dir.join("spool.json");
        let about = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<About>(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                About { format: FORMAT, id: uuid_v7(wall_clock()), boots: 0 }
            }
            Err(error) => return Err(error),
        };
        if about.format != FORMAT {
            return Err(io::Error::other(format!(
                "the spool has format {}, this version knows {FORMAT}",
                about.format
            )));
        }
        let about = About { boots: about.boots + 1, ..about };
        let written = home.write(&path, &serde_json::to_vec(&about)?);
        if about.boots == 1 {
            // Its id must be the same next time; later, only the number of starts is less.
            written?;
        }
        home.about = about;
        Ok(Some(home))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let next = self.dir.join("spool.json.next");
        std::fs::write(&next, bytes)?;
        File::open(&next)?.sync_all()?;
        std::fs::rename(&next, path)
    }

    /// Returns the path of a file's records.
    pub(super) fn plain(&self, name: Nanos, file: &SpoolFile) -> PathBuf {
        let session = file.session.as_deref().unwrap_or_default();
        self.dir.join(session).join(&file.folder).join(format!("{name}.jsonl"))
    }

    /// Returns the path of a file's compressed form; of one that is stored as it is, that of its records.
    pub(super) fn compressed(&self, name: Nanos, file: &SpoolFile) -> PathBuf {
        let plain = self.plain(name, file);
        if file.is_plain { plain } else { plain.with_extension("jsonl.gz") }
    }

    /// Makes the file that keeps some space of the disk, if it is missing. There is none while the disk is full.
    pub(super) fn reserve(&self) -> io::Result<()> {
        let path = self.dir.join("reserve");
        if path.metadata().is_ok_and(|found| found.len() == RESERVE as u64) {
            return Ok(());
        }
        std::fs::write(path, vec![1; RESERVE])
    }

    /// Gives the kept space free.
    pub(super) fn give_reserve(&self) -> io::Result<()> {
        std::fs::remove_file(self.dir.join("reserve"))
    }
}

/// Returns a UUID of version 7: the time in milliseconds, and random bits.
fn uuid_v7(now: Nanos) -> String {
    let millis = u64::try_from(now / 1_000_000).unwrap_or_default() & 0xffff_ffff_ffff;
    let random = || RandomState::new().build_hasher().finish();
    let (high, low) = (random() & 0x0fff, random() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        millis >> 16,
        millis & 0xffff,
        0x7000 | high,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_of_version_7() {
        let id = uuid_v7(1_795_417_200_123_000_000);
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(u64::from_str_radix(&[parts[0], parts[1]].concat(), 16), Ok(1_795_417_200_123));
        assert!(parts[2].starts_with('7') && parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        assert_ne!(uuid_v7(0), uuid_v7(0));
    }

    #[test]
    fn a_folder_has_one_owner_and_counts_its_starts() {
        let dir = tempfile::tempdir().unwrap();
        let first = Home::open(dir.path()).unwrap().unwrap();
        assert!(Home::open(dir.path()).unwrap().is_none());
        let id = first.about.id.clone();
        drop(first);
        let second = Home::open(dir.path()).unwrap().unwrap();
        assert_eq!((second.about.boots, &second.about.id), (2, &id));
    }
}
