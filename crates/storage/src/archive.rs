//! Portable files: ZIP archives whose members are the keys of a bucket, so that what is stored of a session can be handed
//! on as one file.
//!
//! ```text
//! a.rayhistory, b.rayhistory ─► directory (every member's name, size, place) ─► one sorted map of keys
//! read ─► member ─► its bytes in the file, inflated if they are deflated, checked by their CRC where all are read
//! ```
//!
//! The files are untrusted: nothing is held of a member but a piece, whatever size it promises. Names are keys and never
//! paths. Members without a folder (`README.txt`, `views.sql`) are for people, and are no keys.

mod directory;
mod member;
mod shared_file;
#[cfg(test)]
mod tests;

use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, ObjectMeta, PageToken, ReadRange, Storage, sorted};
use async_trait::async_trait;
use member::Member;
use shared_file::SharedFile;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Keys per page.
const PAGE: usize = 10_000;

/// The store: the keys of all its files.
#[derive(Debug)]
pub struct Archive {
    members: BTreeMap<String, Member>,
    page: usize,
}

/// The error for a file that cannot be opened as a store. The messages are for the user who named it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read.
    #[error("{path:?} cannot be read: {source}")]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// It is no portable file.
    #[error("{path:?} is not a portable file of sessions, or is damaged: {why}. `ray-history export` makes one")]
    NotPortable {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// Two files have different objects of the same key.
    #[error("{first:?} and {second:?} hold the same session, of different times ({key}): name one of them")]
    Twice {
        /// One file.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
        /// A key that both have.
        key: String,
    },
}

impl Archive {
    /// Opens files. Blocks the thread.
    ///
    /// # Errors
    /// Fails if a file cannot be read or is no portable file, or if two have different objects of the same key.
    pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Self, OpenError> {
        let mut members: BTreeMap<String, Member> = BTreeMap::new();
        for (number, path) in paths.iter().enumerate() {
            let path = path.as_ref();
            let unreadable = |source| OpenError::Unreadable { path: path.to_owned(), source };
            let file = SharedFile::new(File::open(path).map_err(unreadable)?).map_err(unreadable)?;
            let found =
                directory::read(&file, number).map_err(|why| OpenError::NotPortable { path: path.to_owned(), why })?;
            for (key, member) in found {
                match members.entry(key) {
                    Entry::Vacant(vacant) => _ = vacant.insert(member),
                    Entry::Occupied(there) if there.get().is_same(&member) => {}
                    Entry::Occupied(there) => {
                        return Err(OpenError::Twice {
                            first: paths[there.get().file_number()].as_ref().to_owned(),
                            second: path.to_owned(),
                            key: there.key().clone(),
                        });
                    }
                }
            }
        }
        Ok(Self { members, page: PAGE })
    }

    /// Returns the store with pages of at most `page` keys (at least one).
    #[must_use]
    pub fn with_page_size(self, page: usize) -> Self {
        Self { page: page.max(1), ..self }
    }
}

#[async_trait]
impl Storage for Archive {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let meta = |key: &str, member: &Member| -> ObjectMeta { member.meta(key) };
        Ok(sorted::page(&self.members, prefix, delimiter, page, self.page, meta))
    }

    fn listing_is_free(&self) -> bool {
        true
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let member = self.members.get(key).ok_or_else(|| Error::new(ErrorKind::NotFound, key))?;
        let meta = member.meta(key);
        if if_match.is_some() && if_match != meta.etag.as_deref() {
            return Err(Error::new(ErrorKind::PreconditionFailed, key));
        }
        member.read(meta, range).await
    }
}
