//! Brings the files of the spool to the disk, for the case that the kernel crashes.

use super::home::Home;
use super::journal::{Journal, Mark};
use super::state::State;
use super::{FailPoint, Fsync, Inner, Spool};
use ray_history_core::base::time::Nanos;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

impl Spool {
    /// Brings everything that was accepted before the call to the disk, and shortens the journal if it is long.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let (files, journal, replacement) = {
            let mut inner = self.inner.lock();
            self.note_counts(&mut inner)?;
            let replacement = self.has_long_journal(&inner).then(|| (inner.journal.mark(), inner.state.clone()));
            (inner.take_dirty(&self.home), inner.journal.file(), replacement)
        };
        sync_files(&self.home, &files).map_err(|(error, left)| {
            self.inner.lock().dirty.extend(left);
            error
        })?;
        journal.sync_data()?;
        if let Some((mark, state)) = replacement {
            self.replace_journal(mark, state)?;
        }
        self.home.reserve()
    }

    /// Replaces the journal by one that begins with its state at a mark, all of which is on the disk. Batches are taken
    /// meanwhile; nothing else may be noted.
    pub(super) fn replace_journal(&self, mark: Mark, state: State) -> io::Result<()> {
        let next = mark.write(state)?;
        (self.hook)(FailPoint::JournalWritten);
        self.inner.lock().journal.put_in_place(next, self.limits.fsync == Fsync::Batch)?;
        Journal::sync_name(&self.home.dir)
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
        let files = self.take_dirty(home);
        sync_files(home, &files).map_err(|(error, left)| {
            self.dirty.extend(left);
            error
        })
    }
}

/// Brings files to the disk. An error comes with those that may not be there.
fn sync_files(home: &Home, files: &[(Nanos, PathBuf)]) -> Result<(), (io::Error, Vec<Nanos>)> {
    let mut left = files.iter();
    while let Some((name, path)) = left.next() {
        if let Err(error) = sync_file(home, path) {
            return Err((error, std::iter::once(*name).chain(left.map(|(name, _)| *name)).collect()));
        }
    }
    Ok(())
}

/// Brings a file to the disk, with its name. One that is gone is none to bring.
pub(super) fn sync_file(home: &Home, path: &Path) -> io::Result<()> {
    match File::open(path) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    // The name of a new file is in its folder, whose name is in the next.
    for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&home.dir)) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
