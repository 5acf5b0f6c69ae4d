//! Uploads that are cut, and writes that are refused: the old object stays, and the error says what is wrong.

use super::super::outage::{Proxy, Weather, assert_no_secret, without_bucket};
use super::super::{Cloud, bare};
use ray_history_storage::config::{AccessKey, AzureSecret, Credentials, Rotating, Secret, StoreConfig};
use ray_history_storage::{Error, ErrorKind, Storage};
use ray_history_storage_write::{If, Put, StorageWrite, connect};
use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Uploads in parts begin above 64 MiB.
const LONG: u64 = (64 << 20) + 1;
const KEY: &str = "outage/written";
/// The time by which an upload without a caller is gone. Its beginning is confirmed within a second, and an abort that
/// takes more than 5 s is given up: nothing more happens after that. The rest is for the listings of a busy machine.
const ABORTED: Duration = Duration::from_secs(11);

/// A file without any blocks on the disk.
fn long_file() -> File {
    let file = tempfile::tempfile().unwrap();
    file.set_len(LONG).unwrap();
    file
}

pub(crate) async fn cuts(cloud: &impl Cloud) {
    let proxy = Proxy::before(cloud.address()).await;
    let config = cloud.config(Some(&format!("127.0.0.1:{}", proxy.listening.port)));
    let (file, reader) = (long_file(), bare(cloud).await);
    let direct = connect(&cloud.config(None)).await.unwrap();
    direct.put(KEY, "old".into(), If::Any).await.unwrap();
    for (weather, is_long) in [
        (Weather::Reset, false),
        (Weather::CutAfter(700), false),
        (Weather::CutAfter(400_000), false),
        (Weather::CutAfter(1_500_000), true),
        (Weather::CutAfter(10_000_000), true),
    ] {
        proxy.set(weather);
        let writer = connect(&config).await.unwrap(); // Of its own: kept connections would not notice a change.
        let put = if is_long {
            writer.put_file(KEY, &file, LONG).await
        } else {
            writer.put(KEY, vec![7; 1_000_000].into(), If::Any).await.map(|_| ())
        };
        let error = put.err().unwrap_or_else(|| panic!("{weather:?}: it was written"));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{weather:?}: {error:?}");
        assert_no_secret(&error);
        let left = reader.read_all(KEY, LONG).await.unwrap();
        assert!(left == "old", "{weather:?}: {} bytes were stored", left.len());
        assert_eq!(cloud.unfinished().await, 0, "{weather:?}: an upload that failed is aborted");
        proxy.set(Weather::Fine);
        let put = writer.put("outage/other", "new".into(), If::Any).await.unwrap();
        assert_eq!(put, Put::Written, "after {weather:?}");
    }
    a_caller_that_goes_away(cloud, Arc::clone(&direct), &*direct, &*reader).await;
    // It knows nothing of its upload yet.
    proxy.set(Weather::Late);
    a_caller_that_goes_away(cloud, connect(&config).await.unwrap(), &*direct, &*reader).await;
}

/// A caller with a deadline drops the future of a put.
async fn a_caller_that_goes_away(
    cloud: &impl Cloud,
    writer: Arc<dyn StorageWrite>,
    direct: &dyn StorageWrite,
    reader: &dyn Storage,
) {
    direct.put(KEY, "old".into(), If::Any).await.unwrap();
    let put = tokio::spawn(async move { writer.put_file(KEY, &long_file(), LONG).await });
    while cloud.unfinished().await == 0 && !put.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    put.abort();
    if put.await.is_ok() {
        return; // It was fast enough, or the cloud has no uploads in parts.
    }
    let deadline = Instant::now() + ABORTED;
    while cloud.unfinished().await > 0 {
        assert!(Instant::now() < deadline, "an upload without a caller is aborted");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(reader.read_all(KEY, LONG).await.unwrap() == "old", "a part was stored");
}

/// Returns the errors of a put, of an upload in parts and of a deletion.
async fn errors(writer: &dyn StorageWrite) -> [Error; 3] {
    [
        writer.put(KEY, "x".into(), If::Absent).await.expect_err("it was put"),
        writer.put_file(KEY, &long_file(), LONG).await.expect_err("it was uploaded"),
        writer.delete(KEY).await.expect_err("it was deleted"),
    ]
}

pub(crate) async fn refuses(cloud: &impl Cloud) {
    let missing = connect(&without_bucket(cloud)).await.unwrap();
    for error in [
        missing.put(KEY, "x".into(), If::Any).await.unwrap_err(),
        missing.put(KEY, "x".into(), If::Absent).await.unwrap_err(),
        missing.put_file(KEY, &long_file(), LONG).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoBucket, "{error:?}");
    }
    let proxy = Proxy::before(cloud.address()).await;
    let config = cloud.config(Some(&format!("127.0.0.1:{}", proxy.listening.port)));
    for (weather, kind) in [
        (Weather::Answers(403, ""), ErrorKind::PermissionDenied),
        (Weather::Answers(409, ""), ErrorKind::Unavailable),
        (Weather::Answers(503, "retry-after: 7\r\n"), ErrorKind::Unavailable),
    ] {
        proxy.set(weather);
        let writer = connect(&config).await.unwrap();
        let error = writer.put(KEY, "x".into(), If::Any).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{weather:?}: {error:?}");
        if kind == ErrorKind::PermissionDenied {
            assert!(error.to_string().contains(cloud.needs()), "{error}");
        }
        let waits = weather == Weather::Answers(503, "retry-after: 7\r\n");
        assert_eq!(error.retry_after(), waits.then_some(Duration::from_secs(7)), "{error:?}");
    }
    wrong_credentials(cloud).await;
}

/// Returns the settings with a secret that is wrong; `None` where the emulator takes anybody.
pub(crate) fn with_wrong_secret(cloud: &impl Cloud) -> Option<StoreConfig> {
    let config = cloud.config(None);
    let wrong = |credentials: &Credentials<AccessKey>| {
        let Credentials::Static(cell) = credentials else { panic!("no secret") };
        let cell: &Rotating<AccessKey> = cell;
        cell.set(AccessKey { secret: Secret::new("wrongsecret"), ..AccessKey::clone(&cell.get()) });
    };
    match &config {
        StoreConfig::S3(config) => wrong(&config.credentials),
        StoreConfig::Oss(config) => wrong(&config.credentials),
        StoreConfig::Azure(config) => {
            let Credentials::Static(cell) = &config.credentials else { panic!("no secret") };
            cell.set(AzureSecret::AccountKey(Secret::new("d3JvbmdzZWNyZXQ=")));
        }
        // The emulator takes anybody.
        StoreConfig::Gcs(_) | StoreConfig::Local(_) | StoreConfig::Portable(_) => return None,
    }
    Some(config)
}

async fn wrong_credentials(cloud: &impl Cloud) {
    let Some(config) = with_wrong_secret(cloud) else { return };
    for error in errors(&*connect(&config).await.unwrap()).await {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert_no_secret(&error);
    }
    assert!(bare(cloud).await.read_all(KEY, 9).await.is_err(), "it was written");
}
