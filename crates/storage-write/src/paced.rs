//! A bound on the bytes per second that all writes of a program send together.
//!
//! A body waits before each of its pieces, so that a long file keeps within the bound, too. The bound reaches bodies as
//! a value of their task: between a writer and its body lies the client of a cloud, which passes nothing on.

#![cfg_attr(
    not(any(feature = "s3", feature = "azure", feature = "oss", feature = "gcs")),
    expect(dead_code, reason = "a folder is written to without a rate")
)]

use super::{If, Put, StorageWrite};
use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_storage::Error;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

tokio::task_local! {
    static RATE: Rate;
}

/// A number of bytes per second, which all who have a clone of it share.
#[derive(Clone, Debug)]
pub struct Rate {
    bytes: u64,
    /// The time from which the next bytes may be sent.
    free: Arc<Mutex<Instant>>,
}

impl Rate {
    /// The least rate: below it, a store would take an upload for one that stands still.
    pub const LEAST: u64 = 64 << 10;

    /// Returns a rate of so many bytes per second, or the least one.
    pub fn new(bytes: u64) -> Self {
        Self { bytes: bytes.max(Self::LEAST), free: Arc::new(Mutex::new(Instant::now())) }
    }

    /// Returns the bytes per second.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the rate of the writer that the current task runs; `None` if that has none.
    pub(crate) fn current() -> Option<Self> {
        RATE.try_with(Self::clone).ok()
    }

    /// Takes the time of so many bytes, and returns when they may be sent.
    pub(crate) fn take(&self, bytes: u64) -> Instant {
        let mut free = self.free.lock();
        let at = (*free).max(Instant::now());
        *free = at + Duration::from_secs_f64(bytes as f64 / self.bytes as f64);
        at
    }
}

/// A writer that keeps to a rate. A folder is written to as fast as its disk is.
#[derive(Debug)]
pub struct Paced {
    inner: Arc<dyn StorageWrite>,
    rate: Rate,
}

impl Paced {
    /// Returns a writer that keeps to a rate.
    pub fn new(inner: Arc<dyn StorageWrite>, rate: Rate) -> Self {
        Self { inner, rate }
    }
}

#[async_trait]
impl StorageWrite for Paced {
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
        RATE.scope(self.rate.clone(), self.inner.put(key, bytes, condition)).await
    }

    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        RATE.scope(self.rate.clone(), self.inner.put_file(key, file, len)).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.inner.delete(key).await
    }

    async fn delete_many(&self, keys: &[String]) -> Vec<Result<(), Error>> {
        self.inner.delete_many(keys).await
    }
}
