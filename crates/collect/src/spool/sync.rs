//! Brings the files of the spool to the disk, for the case that the kernel crashes.

use super::home::Home;
use super::{FailPoint, Inner, Spool};
use ray_history_core::base::time::Nanos;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

impl Spool {
    /// Brings everything that was accepted before the call to the disk, and shortens the journal if it is long.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let (files, journal) = {
            let mut inner = self.inner.lock();
            self.note_counts(&mut inner)?;
            (inner.take_dirty(&self.home), inner.journal.file())
        };
        for (name, path) in &files {
            if let Err(error) = sync_file(path) {
                self.inner.lock().dirty.insert(*name);
                return Err(error);
            }
        }
        journal.sync_data()?;
        let mut inner = self.inner.lock();
        if inner.journal.is_long() {
            inner.sync_all(&self.home)?;
            let state = inner.state.clone();
            inner.journal.replace(state, || (self.hook)(FailPoint::JournalWritten))?;
        }
        self.home.reserve()
    }
}

impl Inner {
    fn take_dirty(&mut self, home: &Home) -> Vec<(Nanos, PathBuf)> {
        let dirty = std::mem::take(&mut self.dirty);
        let files = dirty.into_iter().filter_map(|name| Some((name, self.state.files.get(&name)?)));
        files.filter(|(_, file)| file.packed.is_none()).map(|(name, file)| (name, home.plain(name, file))).collect()
    }

    /// Brings all files to the disk.
    pub(super) fn sync_all(&mut self, home: &Home) -> io::Result<()> {
        for (name, path) in self.take_dirty(home) {
            sync_file(&path).inspect_err(|_| {
                self.dirty.insert(name);
            })?;
        }
        Ok(())
    }
}

fn sync_file(path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    // The name of a new file is in its folder, whose name is in the next.
    for folder in path.ancestors().skip(1).take(4) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
