use super::*;
use crate::memory::Memory;
use std::time::Instant;

fn store() -> Faulty {
    let memory = Memory::default();
    memory.put("a/x", "0123456789");
    memory.put("a/y", "y");
    Faulty::new(Arc::new(memory))
}

#[tokio::test]
async fn the_next_requests_of_any_kind_fail() {
    let store = store();
    store.fail_next(2);
    assert!(store.list("a/", Delimiter::None, None).await.unwrap_err().is_transient());
    assert!(store.read_all("a/x", 99).await.unwrap_err().is_transient());
    assert_eq!(store.read_all("a/x", 99).await.unwrap(), "0123456789");
    assert_eq!(store.counts(), Counts { lists: 1, reads: 2 });
}

#[tokio::test]
async fn an_object_can_vanish_between_the_listing_and_the_read() {
    let store = store();
    store.arm("a/x", Fault::Always(ErrorKind::NotFound));
    assert_eq!(store.list_all("a/", Delimiter::None).await.unwrap().objects.len(), 2);
    assert_eq!(store.read_all("a/x", 99).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.read_all("a/y", 99).await.unwrap(), "y");
    store.heal();
    assert_eq!(store.read_all("a/x", 99).await.unwrap(), "0123456789");
}

#[tokio::test]
async fn a_fault_can_have_a_number_of_occurrences() {
    let store = store();
    store.arm("a/", Fault::Times(1, ErrorKind::PermissionDenied));
    let error = store.list_all("a/", Delimiter::None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(!error.is_transient());
    assert_eq!(store.list_all("a/", Delimiter::None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn short_bodies_are_errors_even_without_an_error_of_the_store() {
    for fault in [Fault::CutAfter(4), Fault::EndAfter(4)] {
        let store = store();
        store.arm("a/x", fault);
        let body = store.read("a/x", ReadRange::Full).await.unwrap();
        assert_eq!(body.promised(), Some(10));
        let pieces: Vec<_> = body.stream.collect().await;
        assert_eq!(pieces.first().unwrap().as_ref().unwrap(), "0123", "{fault:?}");
        assert_eq!(store.read_all("a/x", 99).await.unwrap_err().kind(), ErrorKind::Truncated, "{fault:?}");
    }
}

#[tokio::test]
async fn a_closed_folder_is_skipped_and_reported() {
    let memory = Memory::default();
    for key in ["a/x", "b/x", "b/y"] {
        memory.put(key, "x");
    }
    let store = Faulty::new(Arc::new(memory));
    store.arm("b/", Fault::Closed);
    let page = store.list_all("", Delimiter::None).await.unwrap();
    let skipped: Vec<_> = page.skipped.iter().map(|error| (error.kind(), error.key())).collect();
    assert_eq!((page.len(), skipped), (1, vec![(ErrorKind::PermissionDenied, "b/")]));
    store.heal();
    assert_eq!(store.list_all("", Delimiter::None).await.unwrap().len(), 3);
}

#[tokio::test]
async fn latency_is_added_to_every_request() {
    let store = store().with_latency(Duration::from_millis(20));
    let begin = Instant::now();
    store.list_all("a/", Delimiter::None).await.unwrap();
    store.read_all("a/x", 99).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(40));
}
