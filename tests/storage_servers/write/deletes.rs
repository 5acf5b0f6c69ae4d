//! Deletions of many objects when the way to the store is cut, or when it refuses: each key has its own result.

use super::super::outage::{Proxy, Weather, assert_no_secret, without_bucket};
use super::super::{Cloud, bare};
use super::outage::with_wrong_secret;
use futures_util::{StreamExt, stream};
use ray_history_storage::config::StoreConfig;
use ray_history_storage::{Delimiter, ErrorKind};
use ray_history_storage_write::{If, StorageWrite, connect};
use std::collections::BTreeSet;
use std::time::Duration;

const PREFIX: &str = "outage/deleted/";

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{PREFIX}{n:04}")).collect()
}

/// Puts objects to delete.
async fn put(writer: &dyn StorageWrite, keys: &[String]) {
    stream::iter(keys).for_each_concurrent(16, |key| put_one(writer, key)).await;
}

/// Puts an object, in several attempts: a server on a busy machine may reset connections.
async fn put_one(writer: &dyn StorageWrite, key: &str) {
    for attempt in 1.. {
        match writer.put(key, "x".into(), If::Any).await {
            Ok(_) => return,
            Err(error) => assert!(error.is_transient() && attempt < 5, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(100 * attempt)).await;
    }
}

async fn left(cloud: &impl Cloud) -> BTreeSet<String> {
    let listed = bare(cloud).await.list_all(PREFIX, Delimiter::None).await.unwrap().objects;
    listed.into_iter().map(|object| object.key).collect()
}

pub(crate) async fn runs(cloud: &impl Cloud) {
    keys_at_the_top(cloud).await;
    let keys = keys(1001);
    let direct = connect(&cloud.config(None)).await.unwrap();
    put(&*direct, &keys).await;
    let proxy = Proxy::before(cloud.address()).await;
    let config = cloud.config(Some(&format!("127.0.0.1:{}", proxy.listening.port)));
    for (weather, kind) in [
        (Weather::Reset, ErrorKind::Unavailable),
        (Weather::Answers(403, ""), ErrorKind::PermissionDenied),
        (Weather::Answers(429, "retry-after: 7\r\n"), ErrorKind::Throttled),
        (Weather::Answers(503, ""), ErrorKind::Unavailable),
        (Weather::CutAfter(700), ErrorKind::Unavailable),
        (Weather::CutAfter(10_000), ErrorKind::Unavailable),
    ] {
        proxy.set(weather);
        let writer = connect(&config).await.unwrap();
        let results = writer.delete_many(&keys).await;
        let left = left(cloud).await;
        assert_eq!(results.len(), keys.len());
        for (key, result) in keys.iter().zip(&results) {
            match result {
                Ok(()) => assert!(!left.contains(key), "{weather:?}: {key} is told deleted, and there"),
                Err(error) => {
                    assert_eq!((error.kind(), error.key()), (kind, key.as_str()), "{weather:?}: {error}");
                    assert_no_secret(error);
                }
            }
        }
        if matches!(weather, Weather::CutAfter(_)) {
            continue; // Single requests may have got through, each on a connection of its own.
        }
        assert_eq!(left.len(), keys.len(), "{weather:?}");
        let last = results[1000].as_ref().expect_err("it was deleted");
        let waits = kind == ErrorKind::Throttled;
        assert_eq!(last.retry_after(), waits.then_some(Duration::from_secs(7)), "{weather:?}: {last:?}");
    }
    put(&*direct, &keys).await;
    refusals(cloud, &keys).await;
    proxy.set(Weather::Fine);
    let results = connect(&config).await.unwrap().delete_many(&keys).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(left(cloud).await.is_empty());
}

async fn refusals(cloud: &impl Cloud, keys: &[String]) {
    let before = left(cloud).await;
    // The emulator of Google takes anybody, and does not tell a missing bucket from a missing object.
    if !matches!(cloud.config(None), StoreConfig::Gcs(_)) {
        for (config, kind) in [
            (without_bucket(cloud), ErrorKind::NoBucket),
            (with_wrong_secret(cloud).expect("a secret"), ErrorKind::PermissionDenied),
        ] {
            let results = connect(&config).await.unwrap().delete_many(keys).await;
            for (key, result) in keys.iter().zip(&results) {
                let error = result.as_ref().expect_err("it was deleted");
                assert_eq!((error.kind(), error.key()), (kind, key.as_str()), "{error}");
                assert_no_secret(error);
            }
        }
    }
    assert_eq!(left(cloud).await, before);
}

/// Keys that begin or end with a slash, which no prefix of a suite can hold.
async fn keys_at_the_top(cloud: &impl Cloud) {
    let writer = connect(&cloud.config(None)).await.unwrap();
    let reader = bare(cloud).await;
    let all = ["/top", "top", "top2/", "top2/x", "//", "t+o p/ü&<>"].map(str::to_owned);
    let held: Vec<String> = all.into_iter().filter(|key| cloud.holds(key)).collect();
    for key in &held {
        cloud.put(key, "".into()).await.unwrap();
    }
    let kept = ["top", "top2/x"];
    let (left, mut deleted): (Vec<String>, Vec<String>) =
        held.into_iter().partition(|key| kept.contains(&key.as_str()));
    for round in 0..2 {
        let results = writer.delete_many(&deleted).await;
        assert!(results.iter().all(Result::is_ok), "{round}: {results:?}");
        let listed = reader.list_all("", Delimiter::None).await.unwrap().objects;
        let mut found: Vec<String> = listed.into_iter().map(|object| object.key).collect();
        found.sort_unstable();
        assert_eq!(found, left, "{round}");
        // versitygw refuses those that are not there while something is below them.
        deleted.retain(|key| !key.ends_with('/'));
    }
}
