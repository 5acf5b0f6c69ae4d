//! Stores that fail, lose answers, tell no tags, or are closed.

use super::*;
use ray_history_storage::{ListPage, ObjectBody, PageToken, ReadRange};

const STATE: &str = "ray-history/v1/retention.json";
const MARKS: &str = "ray-history/v1/tombstones/";

/// A store without tags below a prefix.
#[derive(Debug)]
struct Untagged(Arc<Memory>, &'static str);

#[async_trait]
impl Storage for Untagged {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let mut page = self.0.list(prefix, delimiter, page).await?;
        for object in page.objects.iter_mut().filter(|object| object.key.starts_with(self.1)) {
            object.etag = None;
        }
        Ok(page)
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let mut body = self.0.read_matching(key, range, if_match).await?;
        if key.starts_with(self.1) {
            body.meta.etag = None;
        }
        Ok(body)
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_not_well_ends_a_run() {
    for kind in [ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::Truncated, ErrorKind::NoBucket] {
        let mut bucket = Bucket::new(2, 3);
        bucket.run().await;
        pass(7 * DAY).await;
        let faulty = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _));
        for number in 0..2 {
            faulty.arm(folder(number), Fault::Always(kind));
        }
        bucket.executor.store = faulty;
        let run = bucket.run().await;
        assert_eq!((run.outcome.as_str(), run.deleted), ("StoreFails", 0), "{kind:?}");
        assert_eq!(bucket.left().await.len(), 6);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_without_tags_is_told() {
    for (prefix, at) in [(STATE, 0), (MARKS, 7)] {
        let mut bucket = Bucket::new(1, 3);
        bucket.executor.store = Arc::new(Untagged(Arc::clone(&bucket.memory), prefix));
        assert_eq!(bucket.run().await.marked, 1, "nothing is replaced");
        pass(at * DAY).await;
        let puts = *bucket.writer.puts.lock();
        let run = bucket.run().await;
        let message = run.outcome.message().unwrap_or_default();
        assert!(message.starts_with(&format!("the store gives no tag (ETag) of {prefix}")), "{:?}", run.outcome);
        assert_eq!((run.outcome.as_str(), run.deleted), ("StoreFails", 0));
        assert_eq!(*bucket.writer.puts.lock() - puts, u64::from(prefix == MARKS), "the record alone");
    }
}

#[tokio::test(start_paused = true)]
async fn a_mark_is_written_once() {
    let mut bucket = Bucket::new(1, 3);
    let at = keys::tombstone("", &key(0));
    bucket.writer.arm(&at, ErrorKind::Unavailable, 1);
    let run = bucket.run().await;
    assert_eq!((run.marked, run.outcome.as_str(), bucket.phase(0).await), (0, "StoreFails", None));
    assert_eq!(bucket.run().await.marked, 1);
}

#[tokio::test(start_paused = true)]
async fn a_mark_whose_answer_is_lost_is_told() {
    let mut bucket = Bucket::new(1, 3);
    let at = keys::tombstone("", &key(0));
    bucket.writer.lost.lock().push(at.clone());
    assert_eq!(bucket.run().await.marked, 1);
    pass(7 * DAY).await;
    let run = bucket.run().await;
    assert_eq!((run.outcome.as_str(), run.deleted, bucket.left().await.len()), ("Deleting", 1, 0));
    assert_eq!(bucket.known.acts.lock().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_to_read_is_named() {
    for closed in [STATE, MARKS] {
        let mut bucket = Bucket::new(1, 3);
        let faulty = Arc::new(Faulty::new(Arc::clone(&bucket.memory) as _));
        faulty.arm(closed, Fault::Always(ErrorKind::PermissionDenied));
        bucket.executor.store = faulty;
        let outcome = bucket.tried().await.unwrap_err();
        assert_eq!(outcome.as_str(), "Forbidden");
        assert!(outcome.message().unwrap().contains("s3:ListBucket and s3:GetObject"), "{outcome:?}");
    }
}
