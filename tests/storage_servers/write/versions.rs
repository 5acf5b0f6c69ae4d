//! A bucket with versions, and an identity that may delete some objects only.

use super::super::oss::OssServer;
use super::super::s3::{Versioned, WRITER};
use super::super::{Cloud, bare};
use ray_history_storage::{Delimiter, ErrorKind, ReadRange, Storage};
use ray_history_storage_write::conformance::LIKE_OTHERS;
use ray_history_storage_write::{If, StorageWrite, connect};

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("v/{n}")).collect()
}

async fn listed(reader: &dyn Storage) -> Vec<String> {
    let listed = reader.list_all("", Delimiter::None).await.unwrap().objects;
    listed.into_iter().map(|object| object.key).collect()
}

/// Objects are neither readable nor listed afterwards, and their older versions are still there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn older_versions_stay() {
    let cloud = Versioned::start().await;
    let writer = connect(&cloud.config("testkey", "testsecret")).await.unwrap();
    let reader = cloud.reader().await;
    let mut keys = keys(20);
    keys.push(LIKE_OTHERS[0].0.to_owned());
    for key in &keys {
        for text in ["old", "new"] {
            writer.put(key, text.into(), If::Any).await.unwrap();
        }
    }
    for round in 0..2 {
        let results = writer.delete_many(&keys).await;
        assert!(results.iter().all(Result::is_ok), "{round}: {results:?}");
        assert!(listed(&*reader).await.is_empty(), "{round}");
        for key in &keys {
            let read = reader.read(key, ReadRange::Full).await;
            assert_eq!(read.err().map(|error| error.kind()), Some(ErrorKind::NotFound), "{key}");
            let versions = cloud.versions(key).await;
            assert_eq!(versions, ["new", "old"], "{key}");
        }
    }
    writer.put("v/3", "again".into(), If::Any).await.unwrap();
    assert_eq!(reader.read_all("v/3", 9).await.unwrap(), "again");
}

/// An identity with `s3:DeleteObject` alone needs no more, and what it may not delete has its own error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_deletes_what_it_may() {
    let cloud = Versioned::start().await;
    let root = connect(&cloud.config("testkey", "testsecret")).await.unwrap();
    let writer = connect(&cloud.config(WRITER.0, WRITER.1)).await.unwrap();
    cloud
        .allow(
            r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ["writer"]}, "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::ray/*"},
            {"Effect": "Deny", "Principal": {"AWS": ["writer"]}, "Action": "s3:DeleteObject",
             "Resource": "arn:aws:s3:::ray/v/denied/*"}]}"#,
        )
        .await;
    deletes_what_it_may(&*root, &*writer, &*cloud.reader().await, "s3:DeleteObject").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oss_deletes_what_it_may() {
    let cloud = OssServer::start().await;
    let writer = connect(&cloud.config(None)).await.unwrap();
    deletes_what_it_may(&*writer, &*writer, &*bare(&cloud).await, "oss:DeleteObject").await;
}

async fn deletes_what_it_may(root: &dyn StorageWrite, writer: &dyn StorageWrite, reader: &dyn Storage, needs: &str) {
    let is_denied = |key: &str| key.contains("/denied/");
    let mut all = keys(30);
    // One that goes singly, too.
    all.extend(["v/denied/x", "v/denied/y", "v/denied/ z ", "v/missing"].map(str::to_owned));
    for key in all.iter().filter(|key| *key != "v/missing") {
        root.put(key, "x".into(), If::Any).await.unwrap();
    }
    for _ in 0..2 {
        let results = writer.delete_many(&all).await;
        for (key, result) in all.iter().zip(&results) {
            match result {
                Ok(()) => assert!(!is_denied(key), "{key}"),
                Err(error) => {
                    assert!(is_denied(key), "{error}");
                    assert_eq!((error.kind(), error.key()), (ErrorKind::PermissionDenied, key.as_str()), "{error}");
                    assert!(error.to_string().contains(needs), "{error}");
                }
            }
        }
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 3);
        let mut left = listed(reader).await;
        left.sort_unstable();
        assert_eq!(left, ["v/denied/ z ", "v/denied/x", "v/denied/y"]);
    }
}
