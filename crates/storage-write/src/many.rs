//! Deletes many objects: in batches where a store has them, else one by one, several at once.

#[cfg(any(feature = "s3", feature = "oss"))]
pub(crate) mod batches;
#[cfg(test)]
mod tests;

use super::StorageWrite;
use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use parking_lot::Mutex;
use ray_history_storage::Error;

/// Requests at once where objects are deleted one by one.
pub(crate) const AT_ONCE: usize = 16;

/// A result for each key.
pub(crate) type Results = Vec<Result<(), Error>>;

/// The error after which a store is asked for nothing more.
#[derive(Debug, Default)]
pub(crate) struct Halt(Mutex<Option<Error>>);

impl Halt {
    /// Notes an error, if it is one of the store rather than of its key.
    fn note(&self, error: &Error) {
        if error.is_of_store() {
            self.set(error);
        }
    }

    /// Notes an error of the store.
    fn set(&self, error: &Error) {
        self.0.lock().get_or_insert_with(|| error.about(error.key()));
    }

    /// Returns the error for a key that is not asked for.
    fn error_for(&self, key: &str) -> Option<Error> {
        self.0.lock().as_ref().map(|error| error.about(key))
    }
}

/// Deletes objects one by one. Returns the results in the order of the keys.
pub(crate) async fn singly<S: StorageWrite + ?Sized>(store: &S, keys: Vec<&str>, halt: &Halt) -> Results {
    let mut results = Vec::with_capacity(keys.len());
    let (mut keys, mut asked) = (keys.into_iter(), FuturesOrdered::new());
    loop {
        for key in keys.by_ref().take(AT_ONCE - asked.len()) {
            asked.push_back(one(store, key, halt));
        }
        match asked.next().await {
            Some(result) => results.push(result),
            None => return results,
        }
    }
}

async fn one<S: StorageWrite + ?Sized>(store: &S, key: &str, halt: &Halt) -> Result<(), Error> {
    match halt.error_for(key) {
        Some(error) => Err(error),
        None => store.delete(key).await.inspect_err(|error| halt.note(error)),
    }
}
