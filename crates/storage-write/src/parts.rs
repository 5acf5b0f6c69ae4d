//! Uploads in parts: which objects have them, and how many are under way at once.

use super::body::Content;
#[cfg(any(feature = "s3", feature = "oss"))]
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use ray_history_storage::Error;
#[cfg(any(feature = "s3", feature = "oss"))]
use ray_history_storage::ErrorKind;
use std::fs::File;
use std::sync::Arc;
#[cfg(any(feature = "s3", feature = "oss"))]
use std::time::Duration;
#[cfg(any(feature = "s3", feature = "oss"))]
use tokio::runtime::Handle;

/// The longest file that is put by one request.
const LONGEST_WHOLE: u64 = 64 << 20;
/// Bytes of a part; more where there would be too many.
const PART: u64 = 16 << 20;
/// Parts under way at once.
const AT_ONCE: usize = 4;
/// The most parts of an object of S3 and OSS; Azure has five times as many.
const MOST: u64 = 10_000;
/// The longest time that aborting an upload may take.
#[cfg(any(feature = "s3", feature = "oss"))]
const LONGEST_ABORT: Duration = Duration::from_secs(5);

/// Returns the parts of a file; none if it is put whole.
pub(crate) fn of(file: &Arc<File>, len: u64) -> Vec<Content> {
    if len <= LONGEST_WHOLE {
        return Vec::new();
    }
    let part = PART.max(len.div_ceil(MOST));
    let starts = (0..len.div_ceil(part)).map(|n| n * part);
    starts.map(|start| Content::File(Arc::clone(file), start..(start + part).min(len))).collect()
}

/// Puts all parts, of which each has a number from 1. Returns the results in their order, or the first error.
pub(crate) async fn put<T, F>(parts: Vec<Content>, one: impl Fn(u16, Content) -> F) -> Result<Vec<T>, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    stream::iter((1..).zip(parts)).map(|(number, part)| one(number, part)).buffered(AT_ONCE).try_collect().await
}

/// Makes the request that begins an upload, and returns its result, with which comes an [`Abort`]. The task outlives its
/// caller: nobody else learns of an upload that the store has begun and not confirmed yet.
#[cfg(any(feature = "s3", feature = "oss"))]
pub(crate) async fn begin<T: Send + 'static>(
    key: &str,
    request: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let gone = |gone| Error::because(ErrorKind::Unavailable, key, gone);
    tokio::spawn(request).await.map_err(gone)?
}

/// The request that aborts an upload. Sent when the value is dropped, because a caller may drop the future of a put.
#[cfg(any(feature = "s3", feature = "oss"))]
pub(crate) struct Abort(Option<BoxFuture<'static, ()>>);

#[cfg(any(feature = "s3", feature = "oss"))]
impl Abort {
    pub(crate) fn by(request: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(request)))
    }

    /// Ends an upload: aborts it unless it was completed.
    pub(crate) async fn unless_done<T>(mut self, uploaded: Result<T, Error>) -> Result<T, Error> {
        if let Some(request) = self.0.take()
            && uploaded.is_err()
        {
            // A store without an abort keeps the parts until its own rules remove them.
            let _ = tokio::time::timeout(LONGEST_ABORT, request).await;
        }
        uploaded
    }
}

#[cfg(any(feature = "s3", feature = "oss"))]
impl Drop for Abort {
    fn drop(&mut self) {
        if let (Some(request), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(LONGEST_ABORT, request));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_every_byte_once() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        for (len, expected) in [
            (0, 0),
            (LONGEST_WHOLE, 0),
            (LONGEST_WHOLE + 1, 5),
            (5 * PART, 5),
            (MOST * PART, 10_000),
            (MOST * PART + 1, 10_000),
            (5 << 40, 10_000),
        ] {
            let parts = of(&file, len);
            assert_eq!(parts.len(), expected, "{len}");
            let mut at = 0;
            for part in &parts {
                let Content::File(_, range) = part else { panic!("not of the file") };
                assert_eq!(range.start, at);
                at = range.end;
            }
            assert!(parts.is_empty() || at == len, "{at} of {len}");
        }
    }

    /// Without its caller, too, in every state.
    #[cfg(any(feature = "s3", feature = "oss"))]
    #[tokio::test(start_paused = true)]
    async fn an_upload_without_its_caller_is_aborted() {
        use std::sync::atomic::{AtomicU32, Ordering};

        for (patience, expected) in [(1, 1), (3, 1), (5, 0)] {
            let aborted = Arc::new(AtomicU32::new(0));
            let count = Arc::clone(&aborted);
            let put = async {
                let begun = begin("k", async move {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    Ok(Abort::by(async move {
                        count.fetch_add(1, Ordering::Relaxed);
                    }))
                });
                let abort = begun.await?;
                tokio::time::sleep(Duration::from_secs(2)).await;
                abort.unless_done(Ok(())).await
            };
            let ended = tokio::time::timeout(Duration::from_secs(patience), put).await;
            assert_eq!(ended.is_ok(), expected == 0);
            tokio::time::sleep(Duration::from_secs(9)).await;
            assert_eq!(aborted.load(Ordering::Relaxed), expected, "after {patience} s");
        }
    }
}
