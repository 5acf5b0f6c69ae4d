//! Failures between the program and a cloud: each has its kind and message, and the store recovers from it.

use super::Cloud;
use super::gcs::google::{Answers, Google};
use super::http::{Listening, listen};
use bytes::Bytes;
use ray_history_metrics::Metrics;
use ray_history_storage::config::{AccessKey, AzureSecret, Credentials, Rotating, Secret, StoreConfig};
use ray_history_storage::guarded::Limits;
use ray_history_storage::{Delimiter, Error, ErrorKind, ReadRange, Storage, connect};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

const SIZE: usize = 300_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Weather {
    Fine,
    /// Connections end at once.
    Reset,
    /// A connection takes this many bytes, then it ends.
    CutAfter(u64),
    /// A connection brings this many bytes, then nothing more.
    Stalls(u64),
    /// A second passes before a connection brings anything.
    Late,
    /// Every request is answered with this status and header.
    Answers(u16, &'static str),
}

pub(crate) struct Proxy {
    pub(crate) listening: Listening,
    weather: Arc<Mutex<Weather>>,
}

impl Proxy {
    pub(crate) async fn before(address: String) -> Self {
        let weather = Arc::new(Mutex::new(Weather::Fine));
        let now = Arc::clone(&weather);
        let listening = listen(move |stream| {
            let weather = *now.lock().unwrap();
            pass(stream, address.clone(), weather)
        })
        .await;
        Self { listening, weather }
    }

    pub(crate) fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }
}

async fn pass(mut stream: TcpStream, address: String, weather: Weather) {
    let mut server = match weather {
        Weather::Reset => return,
        Weather::Answers(status, header) => {
            let mut request = [0; 16 << 10];
            let _ = stream.read(&mut request).await;
            let text = format!("HTTP/1.1 {status} X\r\n{header}content-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(text.as_bytes()).await;
            return;
        }
        Weather::Fine | Weather::Late | Weather::CutAfter(_) | Weather::Stalls(_) => {
            TcpStream::connect(address).await.unwrap()
        }
    };
    if let Weather::CutAfter(bytes) = weather {
        let (from_client, mut to_client) = stream.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
        let taken = tokio::io::copy(&mut from_client.take(bytes), &mut to_server).await;
        if taken.is_ok_and(|taken| taken == bytes) {
            answers.abort();
        }
        return;
    }
    if weather == Weather::Fine {
        let _ = copy_bidirectional(&mut stream, &mut server).await;
        return;
    }
    let (mut from_client, mut to_client) = stream.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let Weather::Stalls(bytes) = weather else {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
        return;
    };
    let _ = tokio::io::copy(&mut from_server.take(bytes), &mut to_client).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
}

async fn read(store: &dyn Storage) -> Result<Bytes, Error> {
    store.read_all("outage/x", SIZE as u64).await
}

/// Opens a store with short timeouts. Each weather needs its own: kept connections would not notice a change.
pub(crate) async fn store(config: &StoreConfig) -> Arc<dyn Storage> {
    let limits = Limits {
        call: Duration::from_secs(2),
        stall: Duration::from_millis(500),
        attempts: 2,
        longest_pause: Duration::from_secs(1),
        ..Limits::default()
    };
    connect(config, limits, &Metrics::default().storage).await.unwrap()
}

pub(crate) async fn runs(cloud: &impl Cloud) {
    cloud.put("outage/x", vec![7; SIZE].into()).await.unwrap();
    let proxy = Proxy::before(cloud.address()).await;
    let config = cloud.config(Some(&format!("127.0.0.1:{}", proxy.listening.port)));
    for weather in [
        Weather::Reset,
        Weather::Stalls(100),
        Weather::Answers(503, ""),
        Weather::Answers(503, "retry-after: 120\r\n"),
        Weather::Answers(429, "retry-after: 1\r\n"),
    ] {
        proxy.set(weather);
        let store = store(&config).await;
        let error = read(&*store).await.err().unwrap_or_else(|| panic!("{weather:?}: it was read"));
        assert!(error.is_transient(), "{weather:?}: {error:?}");
        assert_no_secret(&error);
        if weather == Weather::Answers(503, "retry-after: 120\r\n") {
            assert_eq!(error.retry_after(), Some(Duration::from_secs(120)), "{error:?}");
        }
        proxy.set(Weather::Fine);
        assert_eq!(read(&*store).await.unwrap().len(), SIZE, "after {weather:?}");
    }
    proxy.set(Weather::Stalls(100_000));
    let whole = read(&*store(&config).await).await.unwrap();
    assert_eq!(whole.len(), SIZE, "a body that stalls goes on where it stalled");
    let refused = cloud.config(Some(&format!("127.0.0.1:{}", crate::common::stores::free_port())));
    let error = read(&*store(&refused).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    a_missing_bucket(cloud).await;
    wrong_credentials(cloud).await;
}

/// Does the same as [`runs`] with listings.
pub(crate) async fn of_listings(cloud: &impl Cloud) {
    cloud.put("outage/x", vec![7; 10].into()).await.unwrap();
    let proxy = Proxy::before(cloud.address()).await;
    let config = cloud.config(Some(&format!("127.0.0.1:{}", proxy.listening.port)));
    let list = async |config: &StoreConfig| {
        let store = store(config).await;
        (store.list("outage/", Delimiter::None, None).await, store)
    };
    for weather in [
        Weather::Reset,
        Weather::Stalls(20),
        Weather::Answers(503, ""),
        Weather::Answers(503, "retry-after: 120\r\n"),
        Weather::Answers(429, "retry-after: 1\r\n"),
    ] {
        proxy.set(weather);
        let (listed, store) = list(&config).await;
        let error = listed.err().unwrap_or_else(|| panic!("{weather:?}: it was listed"));
        let throttled = matches!(weather, Weather::Answers(429, _));
        let kind = if throttled { ErrorKind::Throttled } else { ErrorKind::Unavailable };
        assert_eq!(error.kind(), kind, "{weather:?}: {error:?}");
        assert_no_secret(&error);
        proxy.set(Weather::Fine);
        let listed = store.list("outage/", Delimiter::None, None).await;
        assert_eq!(listed.unwrap().objects.len(), 1, "after {weather:?}");
    }
    let refused = cloud.config(Some(&format!("127.0.0.1:{}", crate::common::stores::free_port())));
    let error = list(&refused).await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}

/// The emulator refuses nothing, so what Google answers is answered here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_google_refuses_has_its_kind_and_recovers() {
    let cloud = Google::with("outage/x").await;
    let store = store(&StoreConfig::Gcs(cloud.config())).await;
    for (status, reason, kind, words) in [
        (503, "backendError", ErrorKind::Unavailable, "HTTP 503 backendError"),
        (429, "rateLimitExceeded", ErrorKind::Throttled, "HTTP 429 rateLimitExceeded"),
        (403, "rateLimitExceeded", ErrorKind::Throttled, "HTTP 403 rateLimitExceeded"),
        (500, "internalError", ErrorKind::Unavailable, "HTTP 500"),
        (504, "gatewayTimeout", ErrorKind::Unavailable, "HTTP 504"),
        (403, "forbidden", ErrorKind::PermissionDenied, "storage.objects.list and storage.objects.get"),
        (401, "authError", ErrorKind::PermissionDenied, "renew the Secret"),
        (412, "conditionNotMet", ErrorKind::PreconditionFailed, "HTTP 412"),
        (400, "invalid", ErrorKind::Failed, "HTTP 400 invalid"),
        (302, "mediaDownloadRedirect", ErrorKind::Failed, "HTTP 302"),
    ] {
        cloud.answers(Answers::Refusal(status, reason, "hunter2"));
        let read = store.read_all("outage/x", 5).await.unwrap_err();
        for error in [store.list("outage/", Delimiter::None, None).await.unwrap_err(), read] {
            assert_eq!(error.kind(), kind, "{status} {reason}: {error:?}");
            assert!(error.to_string().contains(words), "{status} {reason}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{status} {reason}: {error:?}");
        }
        cloud.answers(Answers::Well);
        assert_eq!(store.list("outage/", Delimiter::None, None).await.unwrap().objects.len(), 1, "{status} {reason}");
        assert_eq!(store.read_all("outage/x", 5).await.unwrap(), "bytes", "{status} {reason}");
    }
    let pays = "Bucket is a requester pays bucket but no user project provided.";
    cloud.answers(Answers::Refusal(400, "required", pays));
    let error = store.read_all("outage/x", 5).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert!(error.to_string().contains("set billingProject"), "{error}");
    // Only the message tells a missing bucket from a missing object.
    for (message, kind) in [
        ("No such object: ray/outage/x", ErrorKind::NotFound),
        ("No such object: ray/The specified bucket does not exist", ErrorKind::NotFound),
        ("The specified bucket does not exist.", ErrorKind::NoBucket),
    ] {
        cloud.answers(Answers::Refusal(404, "notFound", message));
        assert_eq!(store.read_all("outage/x", 5).await.unwrap_err().kind(), kind, "{message}");
        let error = store.list("outage/", Delimiter::None, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoBucket, "{message}");
        assert!(error.to_string().contains("(check the bucket's name"), "{error}");
        assert!(!error.to_string().contains("region"), "{error}");
    }
}

/// The emulator ignores conditions, so whether they are sent is seen here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn google_is_asked_for_the_generation_that_was_listed() {
    let cloud = Google::with("outage/x").await;
    let store = store(&StoreConfig::Gcs(cloud.config())).await;
    for range in [ReadRange::Full, ReadRange::Between(1, 3), ReadRange::Tail(0)] {
        let error = store.read_matching("outage/x", range, Some("2")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{range:?}: {error:?}");
        assert!(error.to_string().contains("HTTP 412"), "not refused by the store: {error}");
    }
    assert!(store.read_matching("outage/x", ReadRange::Full, Some("1")).await.is_ok());
}

async fn a_missing_bucket(cloud: &impl Cloud) {
    let error = store(&without_bucket(cloud)).await.list("", Delimiter::None, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoBucket, "{error:?}");
}

/// Returns the settings of a bucket that is not there.
pub(crate) fn without_bucket(cloud: &impl Cloud) -> StoreConfig {
    let mut config = cloud.config(None);
    let bucket = match &mut config {
        StoreConfig::S3(config) => &mut config.bucket,
        StoreConfig::Gcs(config) => &mut config.bucket,
        StoreConfig::Azure(config) => &mut config.container,
        StoreConfig::Oss(config) => &mut config.bucket,
        StoreConfig::Local(_) | StoreConfig::Portable(_) => unreachable!(),
    };
    *bucket = "nosuchbucket".into();
    config
}

/// The secret is wrong, then it is replaced: the same store works again.
async fn wrong_credentials(cloud: &impl Cloud) {
    match cloud.config(None) {
        StoreConfig::S3(config) => keys(StoreConfig::S3(config.clone()), &config.credentials).await,
        StoreConfig::Oss(config) => keys(StoreConfig::Oss(config.clone()), &config.credentials).await,
        StoreConfig::Azure(config) => {
            let Credentials::Static(cell) = &config.credentials else { panic!("no secret") };
            let right = AzureSecret::clone(&cell.get());
            cell.set(AzureSecret::AccountKey(Secret::new("d3JvbmdzZWNyZXQ=")));
            recovers(StoreConfig::Azure(config.clone()), || cell.set(right)).await;
        }
        // The emulator takes anybody.
        StoreConfig::Gcs(_) | StoreConfig::Local(_) | StoreConfig::Portable(_) => {}
    }
}

async fn keys(config: StoreConfig, credentials: &Credentials<AccessKey>) {
    let Credentials::Static(cell) = credentials else { panic!("no secret") };
    let cell: &Rotating<AccessKey> = cell;
    let right = AccessKey::clone(&cell.get());
    cell.set(AccessKey { secret: Secret::new("wrongsecret"), ..right.clone() });
    recovers(config, || cell.set(right)).await;
}

async fn recovers(config: StoreConfig, cure: impl FnOnce()) {
    let store = store(&config).await;
    for error in [read(&*store).await.unwrap_err(), store.list("", Delimiter::None, None).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        let way_out = ["check the key", "identity in use"];
        assert!(way_out.iter().any(|words| error.to_string().contains(words)), "{error}");
        assert_no_secret(&error);
    }
    assert!(!format!("{config:?} {store:?}").contains("wrongsecret"));
    cure();
    assert_eq!(read(&*store).await.unwrap().len(), SIZE);
}

pub(crate) fn assert_no_secret(error: &Error) {
    let text = format!("{error} {error:?}");
    for secret in ["testsecret", "wrongsecret", "d3Jvbmd", "Eby8vdM0"] {
        assert!(!text.contains(secret), "{text}");
    }
}
