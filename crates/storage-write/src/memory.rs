//! Writes to a store in memory, for tests; what was written is read through the same `Memory`.

use super::{If, Put, StorageWrite, open_source};
use async_trait::async_trait;
use bytes::Bytes;
use ray_history_storage::memory::Memory;
use ray_history_storage::{Error, ErrorKind};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The writing side of a store in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryWriter(pub Arc<Memory>);

#[async_trait]
impl StorageWrite for MemoryWriter {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        let written = match condition {
            If::Any => {
                self.0.put(key, bytes);
                true
            }
            If::Absent => self.0.put_absent(key, bytes),
            If::Unchanged(etag) => self.0.put_unchanged(key, bytes, etag),
        };
        Ok(if written { Put::Written } else { Put::Refused })
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        let file = open_source(key, file, len)?;
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| Error::new(ErrorKind::TooLarge, key))?];
        file.read_exact_at(&mut bytes, 0).map_err(|error| Error::because(ErrorKind::Source, key, error))?;
        self.0.put(key, bytes);
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.0.remove(key);
        Ok(())
    }
}
