//! A folder with the layout of a bucket: the store of laptops, development and end-to-end tests.
//!
//! A key is a path below the folder. Nothing outside the folder can be read: `..`, absolute keys, links to folders,
//! and links that leave the root are refused. Only regular files are objects, except those that a writer has
//! not finished.
//! Two things differ from a bucket: an empty folder is listed as a prefix, and a folder without permission is reported
//! in `ListPage::skipped` while the rest is listed.
//!
//! Every file operation runs on tokio's blocking pool, never on an async thread.

mod body;
pub(crate) mod connection;
mod path;
#[cfg(test)]
mod tests;
mod walk;

use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, ObjectMeta, PageToken, ReadRange, Storage};
use async_trait::async_trait;
use rustix::io::Errno;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The beginning of the names of files that a writer has not finished; they are not objects.
const PARTIAL: &str = ".ray-history-partial-";
/// Keys per page. A folder is read again for every page, so pages are larger than a bucket's.
const PAGE: usize = 10_000;

/// The store.
#[derive(Clone, Debug)]
pub struct Local {
    /// Canonical, so that containment can be checked by comparing paths.
    root: Arc<Path>,
    page: usize,
}

/// The error for a path that cannot be opened as a store. The messages are for the user who configured it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path does not exist.
    #[error(
        "there is no folder {path:?}: name the folder that holds what the bucket would hold (cluster-metadata/, ...)"
    )]
    Missing {
        /// The path as configured.
        path: PathBuf,
    },
    /// The path is not a folder.
    #[error("{path:?} is not a folder: unpack it, and name the folder that holds cluster-metadata/")]
    NotAFolder {
        /// The path as configured.
        path: PathBuf,
    },
    /// The folder exists, but cannot be opened.
    #[error("the folder {path:?} cannot be opened ({source}): allow this process to read and enter it")]
    Unreadable {
        /// The path as configured.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl Local {
    /// Opens a folder; its own path may contain links.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let path = path.into();
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => OpenError::Missing { path: path.clone() },
            io::ErrorKind::NotADirectory => OpenError::NotAFolder { path: path.clone() },
            _ => OpenError::Unreadable { path: path.clone(), source },
        };
        let root = path.canonicalize().map_err(unreadable)?;
        std::fs::read_dir(&root).map_err(unreadable)?;
        Ok(Self { root: root.into(), page: PAGE })
    }

    /// Returns the store with pages of at most `page` keys (at least one).
    #[must_use]
    pub fn with_page_size(self, page: usize) -> Self {
        Self { page: page.max(1), ..self }
    }
}

#[async_trait]
impl Storage for Local {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let (root, limit, prefix) = (Arc::clone(&self.root), self.page, prefix.to_owned());
        blocking(prefix.clone(), move || walk::list(&root, &prefix, delimiter, page, limit)).await
    }

    fn listing_is_free(&self) -> bool {
        true
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let root = Arc::clone(&self.root);
        let (key, if_match) = (key.to_owned(), if_match.map(str::to_owned));
        let opened = blocking(key.clone(), move || body::Opened::open(&root, key, range, if_match.as_deref())).await?;
        Ok(opened.into_body())
    }
}

/// Runs file operations on the blocking pool.
async fn blocking<T: Send + 'static>(
    key: String,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(gone) => Err(Error::because(ErrorKind::Unavailable, key, gone)),
    }
}

/// Returns the metadata of a file. The `ETag` includes the inode because a file may be replaced by another one of the
/// same size and time (`cp -p`, `mv`).
fn meta(key: String, file: &Metadata) -> ObjectMeta {
    let modified = file.mtime().saturating_mul(1_000_000_000).saturating_add(file.mtime_nsec());
    let etag = format!("{:x}-{modified:x}-{:x}", file.len(), file.ino());
    ObjectMeta { key, size: file.len(), etag: Some(etag), modified: Some(modified) }
}

/// Converts an error of the operating system about a key.
fn failure(key: impl Into<String>, source: io::Error) -> Error {
    // Too many open files, and the error of a network file system whose server does not respond.
    const TRANSIENT: [Errno; 3] = [Errno::NFILE, Errno::MFILE, Errno::IO];
    let errno = Errno::from_io_error(&source);
    let kind = match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => ErrorKind::InvalidKey,
        io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
        io::ErrorKind::Interrupted
        | io::ErrorKind::WouldBlock
        | io::ErrorKind::TimedOut
        | io::ErrorKind::StaleNetworkFileHandle
        | io::ErrorKind::HostUnreachable => ErrorKind::Unavailable,
        // A cycle of links.
        _ if errno == Some(Errno::LOOP) => ErrorKind::InvalidKey,
        _ if errno.is_some_and(|errno| TRANSIENT.contains(&errno)) => ErrorKind::Unavailable,
        _ => ErrorKind::Failed,
    };
    Error::because(kind, key, source)
}
