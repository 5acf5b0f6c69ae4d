//! Writes that are tried until they succeed, and what keeps them from it.

use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_storage::{Error, ErrorKind};
use ray_history_storage_write::{If, Put, StorageWrite};
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The pause after the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause, and the pause after a refusal, which only a person can mend.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The writing side of the bucket, shared by everything that uploads. Every write is idempotent.
///
/// A write ends when it has succeeded; a caller with a deadline drops the future. Errors that no repetition can mend
/// are returned: a key that the store cannot have, a local file that cannot be read.
#[derive(Clone, Debug)]
pub struct Sink {
    store: Arc<dyn StorageWrite>,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

/// The reason why nothing can be written at the moment.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The time of the first failure since the last success.
    pub since: Instant,
    /// The kind of the last failure.
    pub kind: ErrorKind,
    /// The last failure, for people.
    pub message: String,
}

impl Sink {
    /// Returns a sink that writes to a store.
    pub fn new(store: Arc<dyn StorageWrite>) -> Self {
        Self { store, trouble: Arc::default() }
    }

    /// Returns the reason why the last write has not succeeded yet; `None` if it has.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }

    /// Writes an object, replacing one of the same key.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        self.until_done(|| self.store.put(key, bytes.clone(), If::Any)).await.map(|_| ())
    }

    /// Writes an object if there is none of this key.
    pub async fn create(&self, key: &str, bytes: Bytes) -> Result<Put, Error> {
        self.until_done(|| self.store.put(key, bytes.clone(), If::Absent)).await
    }

    /// Writes the first `len` bytes of a file as an object, replacing one of the same key.
    pub async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        self.until_done(|| self.store.put_file(key, file, len)).await
    }

    /// Deletes an object. Tried once: nothing depends on it.
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        self.store.delete(key).await
    }

    async fn until_done<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match attempt().await {
                Ok(done) => {
                    *self.trouble.lock() = None;
                    return Ok(done);
                }
                Err(error) => error,
            };
            if matches!(error.kind(), ErrorKind::InvalidKey | ErrorKind::TooLarge | ErrorKind::Source) {
                return Err(error);
            }
            self.note(&error);
            let pause_now = if error.is_transient() { pause } else { LONGEST_PAUSE };
            tokio::time::sleep(error.retry_after().map_or(pause_now, |asked| asked.min(LONGEST_PAUSE))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn note(&self, error: &Error) {
        let mut trouble = self.trouble.lock();
        let since = trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since);
        *trouble = Some(Trouble { since, kind: error.kind(), message: error.to_string() });
    }
}
