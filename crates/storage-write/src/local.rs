//! Writes to a folder with the layout of a bucket.
//!
//! An object is written to an unfinished file in its own folder, which readers do not list, and appears under its name
//! when it is whole. Its bytes are on the disk before that (`fdatasync`), so that after a loss of power the old object is
//! there or the new one. The folder is not synchronised: the last writes may then be lost. A process that is killed
//! leaves its unfinished file behind, which a write into the same folder removes a day later. Deleting one object leaves its
//! folders, because another writer may need them; deleting many removes those that are empty, except for those that lie
//! directly in the root.
//!
//! Every file operation runs on tokio's blocking pool, never on an async thread.

mod leftovers;
mod remove;
#[cfg(test)]
mod tests;

use super::{If, Put, StorageWrite, open_source};
use async_trait::async_trait;
use bytes::Bytes;
use leftovers::Leftovers;
use ray_history_storage::connection::Folder;
use ray_history_storage::{Error, ErrorKind};
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are copied at once.
const PIECE: u64 = 256 << 10;

/// Objects that are removed at once.
const AT_ONCE: usize = 1000;

/// The writing side of a folder.
#[derive(Clone, Debug)]
pub(crate) struct LocalWriter {
    folder: Folder,
    leftovers: Leftovers,
}

/// The bytes of an object.
enum Content {
    Bytes(Bytes),
    File(File, u64),
}

impl LocalWriter {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let folder = Folder::open(path).map_err(|error| Error::failed(path.display().to_string(), error))?;
        Ok(Self { folder, leftovers: Leftovers::default() })
    }

    async fn run<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&Self, &str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (writer, owned) = (self.clone(), key.to_owned());
        match tokio::task::spawn_blocking(move || work(&writer, &owned)).await {
            Ok(result) => result,
            Err(gone) => Err(Error::because(ErrorKind::Unavailable, key, gone)),
        }
    }

    /// Blocks the thread.
    fn put_content(&self, key: &str, content: &Content, condition: If<'_>) -> Result<Put, Error> {
        let folder = &self.folder;
        let path = folder.path(key)?;
        if condition == If::Absent && path.exists() {
            return Ok(Put::Refused); // Only to save the work: the link below decides.
        }
        let parent = folder.make_parent(key, &path)?;
        self.leftovers.remove(&parent);
        let partial = Partial::create(folder, key, &parent)?;
        partial.fill(folder, key, content)?;
        let named = match condition {
            If::Any => fs::rename(&partial.path, &path),
            If::Absent => fs::hard_link(&partial.path, &path),
            If::Unchanged(etag) => {
                // Held until the file is closed; those who replace an object of this folder by its ETag take turns.
                let turn = File::open(&parent).map_err(|error| folder.failure(key, error))?;
                turn.lock().map_err(|error| folder.failure(key, error))?;
                if folder.etag(key, &path)?.as_deref() != Some(etag) {
                    return Ok(Put::Refused);
                }
                fs::rename(&partial.path, &path)
            }
        };
        match named {
            Ok(()) => Ok(Put::Written),
            Err(error) if condition == If::Absent && error.kind() == io::ErrorKind::AlreadyExists => Ok(Put::Refused),
            Err(error) => Err(folder.failure(key, error)),
        }
    }
}

#[async_trait]
impl StorageWrite for LocalWriter {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        // The work outlives the call, so it needs a condition of its own.
        let etag = if let If::Unchanged(etag) = condition { Some(etag.to_owned()) } else { None };
        let only_absent = condition == If::Absent;
        self.run(key, move |writer, key| {
            let condition = match &etag {
                Some(etag) => If::Unchanged(etag),
                None if only_absent => If::Absent,
                None => If::Any,
            };
            writer.put_content(key, &Content::Bytes(bytes), condition)
        })
        .await
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let content = Content::File(open_source(key, file, len)?, len);
        self.run(key, move |writer, key| writer.put_content(key, &content, If::Any)).await.map(|_| ())
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.run(key, |writer, key| remove::object(&writer.folder, key)).await
    }

    async fn delete_many(&self, keys: &[String]) -> Vec<Result<(), Error>> {
        let mut results = Vec::with_capacity(keys.len());
        for keys in keys.chunks(AT_ONCE) {
            let (folder, owned) = (self.folder.clone(), keys.to_vec());
            let removed = move || remove::objects(&folder, &owned);
            let removed = tokio::task::spawn_blocking(removed).await;
            results.extend(removed.unwrap_or_else(|gone| remove::failed(keys, gone)));
        }
        results
    }
}

/// An unfinished file; removed with the value, unless it has got its name.
struct Partial {
    path: PathBuf,
    file: File,
}

impl Partial {
    fn create(folder: &Folder, key: &str, parent: &Path) -> Result<Self, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (next, random) = (NEXT.fetch_add(1, Ordering::Relaxed), RandomState::new().hash_one(process::id()));
        let path = Folder::partial(parent, &format!("{next:x}-{random:016x}"));
        let file = File::create_new(&path).map_err(|error| folder.failure(key, error))?;
        Ok(Self { path, file })
    }

    fn fill(&self, folder: &Folder, key: &str, content: &Content) -> Result<(), Error> {
        let failed = |error| folder.failure(key, error);
        match content {
            Content::Bytes(bytes) => (&self.file).write_all(bytes).map_err(failed)?,
            Content::File(source, len) => {
                let (mut at, mut piece) = (0, vec![0; PIECE.min(*len) as usize]);
                while at < *len {
                    let part = &mut piece[..(len - at).min(PIECE) as usize];
                    let read = source.read_exact_at(part, at);
                    read.map_err(|error| Error::because(ErrorKind::Source, key, error))?;
                    (&self.file).write_all(part).map_err(failed)?;
                    at += part.len() as u64;
                }
            }
        }
        self.file.sync_data().map_err(failed)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a rename there is none of this name.
        let _ = fs::remove_file(&self.path);
    }
}
