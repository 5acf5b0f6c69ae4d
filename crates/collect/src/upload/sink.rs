//! Writes that are tried until they succeed, and what keeps them from it.

use super::counters::{Counters, Counts};
use bytes::Bytes;
use parking_lot::Mutex;
use ray_history_storage::{Error, ErrorKind};
use ray_history_storage_write::{If, Put, StorageWrite};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
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
    counters: Arc<Counters>,
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
        Self { store, trouble: Arc::default(), counters: Arc::default() }
    }

    /// Returns the reason why the last write has not succeeded yet; `None` if it has.
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }

    /// Returns the counts of writes since this process began.
    pub fn counts(&self) -> Counts {
        self.counters.get()
    }

    /// Writes an object, replacing one of the same key.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        self.until_done(|| self.store.put(key, bytes.clone(), If::Any)).await?;
        self.counters.written(bytes.len() as u64);
        Ok(())
    }

    /// Writes an object if there is none of this key.
    pub async fn create(&self, key: &str, bytes: Bytes) -> Result<Put, Error> {
        let put = self.until_done(|| self.store.put(key, bytes.clone(), If::Absent)).await?;
        if put == Put::Written {
            self.counters.written(bytes.len() as u64);
        }
        Ok(put)
    }

    /// Writes the first `len` bytes of a file as an object, replacing one of the same key.
    pub async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
        self.until_done(|| self.store.put_file(key, file, len)).await?;
        self.counters.written(len);
        Ok(())
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
            self.counters.failed(error.kind());
            if matches!(error.kind(), ErrorKind::InvalidKey | ErrorKind::TooLarge | ErrorKind::Source) {
                return Err(error);
            }
            self.note(&error);
            let pause_now = if error.is_transient() { pause } else { LONGEST_PAUSE };
            // A store that asks for no wait is not asked again and again.
            let asked = error.retry_after().unwrap_or_default().min(LONGEST_PAUSE);
            let pause_now = pause_now.max(asked);
            tokio::time::sleep(jittered(pause_now)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn note(&self, error: &Error) {
        let mut trouble = self.trouble.lock();
        let since = trouble.as_ref().map_or_else(Instant::now, |trouble| trouble.since);
        *trouble = Some(Trouble { since, kind: error.kind(), message: error.to_string() });
    }
}

/// Returns a pause at random between the half and the whole of `pause`, so that collectors that lost their store at the
/// same time do not come back at the same time.
fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() >> 48;
    pause / 2 + pause / 2 * u32::try_from(random).unwrap_or(0) / (1 << 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use ray_history_storage_write::memory::MemoryWriter;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// A store that fails a few times.
    #[derive(Debug, Default)]
    struct Failing {
        store: MemoryWriter,
        errors: Mutex<Vec<ErrorKind>>,
        retry_after: Mutex<Option<Duration>>,
        attempts: AtomicUsize,
    }

    impl Failing {
        fn check(&self, key: &str) -> Result<(), Error> {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            let wait = *self.retry_after.lock();
            self.errors.lock().pop().map_or(Ok(()), |kind| Err(Error::new(kind, key).with_retry_after(wait)))
        }
    }

    #[async_trait]
    impl StorageWrite for Failing {
        async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error> {
            self.check(key)?;
            self.store.put(key, bytes, condition).await
        }

        async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error> {
            self.check(key)?;
            self.store.put_file(key, file, len).await
        }

        async fn delete(&self, key: &str) -> Result<(), Error> {
            self.store.delete(key).await
        }
    }

    fn failing(errors: &[ErrorKind]) -> (Arc<Failing>, Sink) {
        let store = Arc::new(Failing { errors: Mutex::new(errors.to_vec()), ..Failing::default() });
        (Arc::clone(&store), Sink::new(store))
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_tried_until_it_succeeds() {
        let (store, sink) = failing(&[ErrorKind::Unavailable; 20]);
        let begun = Instant::now();
        sink.put("a", Bytes::from_static(b"abc")).await.unwrap();
        assert_eq!(store.attempts.load(Ordering::Relaxed), 21);
        // 0.1 + 0.2 + … + 25.6 s, then 30 s each, with jitter.
        let sum = Duration::from_millis(51_100) + Duration::from_secs(11 * 30);
        assert!(begun.elapsed() >= sum / 2 && begun.elapsed() <= sum, "{:?}", begun.elapsed());
        assert!(sink.trouble().is_none());
        let expected = Counts { puts: 1, bytes: 3, errors: [("unavailable", 20)].into() };
        assert_eq!(sink.counts(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_asks_for_longer_pauses_and_not_for_shorter_ones() {
        // 0.1 + 0.2 + … + 25.6 s, then 30 s, with jitter, where the store asks for less.
        for (asked, sum) in [(0, 81_100), (20, 215_600), (3600, 300_000)] {
            let (store, sink) = failing(&[ErrorKind::Throttled; 10]);
            *store.retry_after.lock() = Some(Duration::from_secs(asked));
            let begun = Instant::now();
            sink.put("a", Bytes::new()).await.unwrap();
            let waited = begun.elapsed().as_millis();
            assert!((sum / 2..=sum).contains(&waited), "{asked} s: {waited} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_shown_and_tried_each_half_minute() {
        let (_, sink) = failing(&[ErrorKind::PermissionDenied; 2]);
        let begun = Instant::now();
        let writing = tokio::spawn({
            let sink = sink.clone();
            async move { sink.create("a", Bytes::new()).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(sink.trouble().unwrap().kind, ErrorKind::PermissionDenied);
        assert_eq!(writing.await.unwrap().unwrap(), Put::Written);
        assert!((30..=60).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
        assert_eq!(sink.create("a", Bytes::new()).await.unwrap(), Put::Refused);
        assert_eq!(sink.counts().puts, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_the_store_cannot_have_is_not_tried_again() {
        let (store, sink) = failing(&[ErrorKind::InvalidKey]);
        assert_eq!(sink.put("..", Bytes::new()).await.unwrap_err().kind(), ErrorKind::InvalidKey);
        assert_eq!(store.attempts.load(Ordering::Relaxed), 1);
    }
}
