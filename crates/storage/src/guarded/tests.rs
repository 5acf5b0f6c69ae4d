use super::*;
use crate::faulty::{Counts, Fault, Faulty};
use crate::memory::Memory;
use crate::metrics::Ended;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use std::sync::atomic::{AtomicU64, Ordering};

fn stores(limits: Limits) -> (Arc<Faulty>, Guarded) {
    let memory = Memory::default();
    memory.put("x", "0123456789");
    let faulty = Arc::new(Faulty::new(Arc::new(memory)));
    let guarded = Guarded::new(Arc::clone(&faulty) as _, "memory", limits, Arc::default());
    (faulty, guarded)
}

#[tokio::test(start_paused = true)]
async fn retries_only_transient_errors() {
    let (faulty, guarded) = stores(Limits::default());
    faulty.fail_next(4);
    assert_eq!(guarded.read_all("x", 99).await.unwrap(), "0123456789");
    assert_eq!(faulty.counts().reads, 5);
    faulty.fail_next(5);
    assert_eq!(guarded.list("", Delimiter::None, None).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(faulty.counts().lists, 5);
    faulty.arm("x", Fault::Always(ErrorKind::PermissionDenied));
    assert_eq!(guarded.read_all("x", 99).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(faulty.counts(), Counts { lists: 5, reads: 6 });
}

#[tokio::test(start_paused = true)]
async fn a_broken_body_resumes_at_the_same_byte() {
    for fault in [Fault::CutAfter(4), Fault::EndAfter(4)] {
        let (faulty, guarded) = stores(Limits::default());
        faulty.arm("x", fault);
        // Each opening yields four more bytes.
        assert_eq!(guarded.read_all("x", 99).await.unwrap(), "0123456789", "{fault:?}");
        assert_eq!(faulty.counts().reads, 3, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_never_resumes_in_another_object() {
    let memory = Arc::new(Memory::default());
    memory.put("x", "0123456789");
    let faulty = Arc::new(Faulty::new(Arc::clone(&memory) as _));
    let guarded = Guarded::new(Arc::clone(&faulty) as _, "memory", Limits::default(), Arc::default());
    faulty.arm("x", Fault::CutAfter(4));
    let body = guarded.read("x", ReadRange::Full).await.unwrap();
    memory.put("x", "abcdefghij");
    assert_eq!(body.read_all(99).await.unwrap_err().kind(), ErrorKind::PreconditionFailed);
    let body = guarded.read("x", ReadRange::Full).await.unwrap();
    memory.remove("x");
    assert_eq!(body.read_all(99).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_byte_ends_in_an_error() {
    let (faulty, guarded) = stores(Limits::default());
    faulty.arm("x", Fault::EndAfter(0));
    assert_eq!(guarded.read_all("x", 99).await.unwrap_err().kind(), ErrorKind::Truncated);
    assert_eq!(faulty.counts().reads, 5);
}

/// A store that ignores conditions.
#[derive(Debug)]
struct Unconditional(Memory);

#[async_trait]
impl Storage for Unconditional {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        self.0.list(prefix, delimiter, page).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, _: Option<&str>) -> Result<ObjectBody, Error> {
        self.0.read(key, range).await
    }
}

#[tokio::test]
async fn a_store_that_ignores_conditions_opens_no_other_version() {
    let store = Arc::new(Unconditional(Memory::default()));
    store.0.put("x", "0123456789");
    let guarded = Guarded::new(Arc::clone(&store) as _, "memory", Limits::default(), Arc::default());
    let etag = guarded.read("x", ReadRange::Full).await.unwrap().meta.etag;
    assert!(guarded.read_matching("x", ReadRange::Tail(1), etag.as_deref()).await.is_ok());
    store.0.put("x", "abcdefghij");
    let error = guarded.read_matching("x", ReadRange::Tail(1), etag.as_deref()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed);
}

/// A store that never responds, or whose bodies stall. With `busy`, listings fail and ask for a pause.
#[derive(Debug)]
struct Stubborn {
    body: bool,
    busy: Option<Duration>,
}

#[async_trait]
impl Storage for Stubborn {
    async fn list(&self, prefix: &str, _: Delimiter, _: Option<PageToken>) -> Result<ListPage, Error> {
        match self.busy {
            Some(wait) => Err(Error::new(ErrorKind::Unavailable, prefix).with_retry_after(Some(wait))),
            None => std::future::pending().await,
        }
    }

    async fn read_matching(&self, key: &str, _: ReadRange, _: Option<&str>) -> Result<ObjectBody, Error> {
        if !self.body {
            return std::future::pending().await;
        }
        let memory = Memory::default();
        memory.put(key, "0123456789");
        let opened = memory.read(key, ReadRange::Full).await?;
        let stream = stream::iter([Ok(Bytes::from_static(b"01"))]).chain(stream::pending()).boxed();
        Ok(ObjectBody { meta: super::super::ObjectMeta { etag: None, ..opened.meta }, stream, ..opened })
    }
}

#[tokio::test(start_paused = true)]
async fn every_wait_is_bounded() {
    let limits = Limits { attempts: 2, ..Limits::default() };
    for (body, bound) in [(false, limits.call * 3), (true, limits.stall * 2)] {
        let stubborn = Arc::new(Stubborn { body, busy: None });
        let guarded = Guarded::new(stubborn, "stubborn", limits, Arc::default());
        let began = Instant::now();
        let error = guarded.read_all("x", 99).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(began.elapsed() < bound, "{body}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn waits_as_long_as_the_store_asks_for() {
    for (asked, tries, waited) in [(5, 5, 20), (60, 1, 0)] {
        let busy = Some(Duration::from_secs(asked));
        let metrics = Arc::<Metrics>::default();
        let guarded =
            Guarded::new(Arc::new(Stubborn { body: false, busy }), "busy", Limits::default(), Arc::clone(&metrics));
        let began = Instant::now();
        assert!(guarded.list("", Delimiter::None, None).await.is_err());
        assert_eq!(began.elapsed().as_secs(), waited);
        let ended = Ended { store: "busy", operation: "list", outcome: "unavailable" };
        assert_eq!(metrics.requests.get_or_create(&ended).get(), tries);
    }
}

/// A store in which one in `slow_every` reads takes long to begin.
#[derive(Debug)]
struct Straggling {
    inner: Memory,
    slow_every: u64,
    reads: AtomicU64,
}

#[async_trait]
impl Storage for Straggling {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        self.inner.list(prefix, delimiter, page).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        if self.reads.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.slow_every) {
            sleep(Duration::from_secs(10)).await;
        }
        self.inner.read_matching(key, range, if_match).await
    }
}

#[tokio::test(start_paused = true)]
async fn hedges_slow_reads_but_not_a_slow_store() {
    // The requests and seconds that a hundred sequential reads take.
    for (slow_every, concurrent, requests, seconds) in [(50, 2, 103, 3), (1, 2, 105, 1000), (50, 1, 100, 20)] {
        let inner = Memory::default();
        inner.put("x", "0123456789");
        let straggling = Arc::new(Straggling { inner, slow_every, reads: AtomicU64::new(0) });
        let limits = Limits { concurrent, ..Limits::default() };
        let guarded = Guarded::new(Arc::clone(&straggling) as _, "slow", limits, Arc::default());
        let began = Instant::now();
        for _ in 0..100 {
            assert_eq!(guarded.read_all("x", 99).await.unwrap(), "0123456789");
        }
        let made = straggling.reads.load(Ordering::Relaxed);
        assert_eq!((made, began.elapsed().as_secs()), (requests, seconds), "{slow_every} {concurrent}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_held_until_the_body_ends() {
    let (_, guarded) = stores(Limits { concurrent: 1, ..Limits::default() });
    let first = guarded.read("x", ReadRange::Full).await.unwrap();
    let second = guarded.clone();
    let second = tokio::spawn(async move { second.read_all("x", 99).await });
    sleep(Duration::from_secs(3600)).await;
    assert!(!second.is_finished(), "two bodies at once");
    drop(first);
    assert_eq!(second.await.unwrap().unwrap(), "0123456789");
}
