//! Stores that refuse batches, or some keys: what is deleted, what each key is told, and which requests are sent.

use super::super::http::{Answer, Asked, Listening, answering};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use percent_encoding::percent_decode_str;
use ray_history_storage::ErrorKind;
use ray_history_storage::config::{AzureConfig, Credentials, GcsConfig, S3Config, StoreConfig};
use ray_history_storage_write::{StorageWrite, connect};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// A server with the protocol of S3 and some objects.
struct LookAlike {
    server: Listening,
    objects: Arc<Mutex<BTreeSet<String>>>,
    /// `batch` or `single`, for each request.
    asked: Arc<Mutex<Vec<&'static str>>>,
}

/// The answers to batches.
#[derive(Clone, Copy, Debug)]
enum Batches {
    Refused(u16, &'static str),
    /// They succeed, but the answer says nothing of any key.
    Silent,
    /// They succeed, and the answer is no XML.
    Unreadable,
    /// They succeed, except for keys with these words, each of which has the code of this name.
    Works,
}

const CODES: [&str; 4] = ["AccessDenied", "InternalError", "SlowDown", "NoSuchKey"];

fn code_of(key: &str) -> Option<&'static str> {
    CODES.into_iter().find(|code| key.contains(code))
}

impl LookAlike {
    async fn with(keys: &[String], batches: Batches) -> Self {
        let objects = Arc::new(Mutex::new(keys.iter().cloned().collect::<BTreeSet<_>>()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (stored, log) = (Arc::clone(&objects), Arc::clone(&asked));
        let server = answering(move |request| {
            assert!(!request.target.contains("versionId"), "{}", request.target);
            let is_batch = request.method == "POST";
            log.lock().unwrap().push(if is_batch { "batch" } else { "single" });
            let objects = &mut stored.lock().unwrap();
            if is_batch { batch(objects, &request, batches) } else { single(objects, &request) }
        })
        .await;
        Self { server, objects, asked }
    }

    async fn writer(&self) -> Arc<dyn StorageWrite> {
        let config = S3Config {
            bucket: "ray".into(),
            region: Some("us-east-1".into()),
            endpoint: Some(format!("http://127.0.0.1:{}", self.server.port)),
            force_path_style: true,
            requester_pays: true,
            ca: None,
            profile: None,
            credentials: Credentials::Anonymous,
        };
        connect(&StoreConfig::S3(config)).await.unwrap()
    }

    /// Returns how many batches and how many single requests were sent since the last call.
    fn asked(&self) -> (usize, usize) {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let batches = asked.iter().filter(|what| **what == "batch").count();
        (batches, asked.len() - batches)
    }
}

fn refused(status: u16, code: &str) -> Answer {
    Answer::new(status, format!("<Error><Code>{code}</Code><Message>testsecret</Message></Error>"))
}

fn batch(objects: &mut BTreeSet<String>, asked: &Asked, batches: Batches) -> Answer {
    assert!(asked.target.starts_with("/ray") && asked.target.contains("delete"), "{}", asked.target);
    assert_eq!(asked.header("content-md5"), BASE64_STANDARD.encode(Md5::digest(&asked.body)));
    assert_eq!(asked.header("x-amz-request-payer"), "requester");
    let checksums = |name: &&String| name.contains("checksum") || name.contains("trailer");
    assert_eq!(asked.headers.keys().find(checksums), None, "not every server takes it");
    let text = String::from_utf8_lossy(&asked.body);
    assert!(!text.contains("Version"), "{text}");
    if let Batches::Refused(status, code) = batches {
        return refused(status, code);
    }
    let mut told = "<DeleteResult>".to_owned();
    for part in text.split("<Key>").skip(1) {
        let name = part.split("</Key>").next().unwrap();
        let key = name.replace("&lt;", "<").replace("&gt;", ">").replace("&apos;", "'").replace("&amp;", "&");
        match code_of(&key) {
            None => {
                objects.remove(&key);
                told.extend(["<Deleted><Key>", name, "</Key></Deleted>"]);
            }
            Some(code) => {
                told.extend(["<Error><Key>", name, "</Key><Code>", code]);
                told.push_str("</Code><Message>testsecret</Message></Error>");
            }
        }
    }
    match batches {
        Batches::Silent => Answer::new(200, "<DeleteResult/>"),
        Batches::Unreadable => Answer::new(200, "done"),
        _ => Answer::new(200, told + "</DeleteResult>"),
    }
}

fn single(objects: &mut BTreeSet<String>, asked: &Asked) -> Answer {
    assert_eq!(asked.method, "DELETE");
    let path = asked.target.split('?').next().unwrap().trim_start_matches("/ray/");
    let key = percent_decode_str(path).decode_utf8().unwrap();
    match code_of(&key) {
        None => {
            objects.remove(&*key);
            Answer::new(204, "")
        }
        Some(code) => refused(
            if code == "NoSuchKey" {
                404
            } else if code == "AccessDenied" {
                403
            } else {
                503
            },
            code,
        ),
    }
}

fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("a/{n}")).collect()
}

#[tokio::test]
async fn s3_without_batches_is_asked_for_one_once() {
    for (batches, again) in [
        (Batches::Refused(501, "NotImplemented"), 0),
        (Batches::Refused(405, "MethodNotAllowed"), 0),
        (Batches::Refused(400, "InvalidRequest"), 0),
        (Batches::Refused(403, "AccessDenied"), 0),
        (Batches::Silent, 0),
        (Batches::Refused(400, "MalformedXML"), 1),
        (Batches::Refused(400, "MissingContentMD5"), 1),
        (Batches::Unreadable, 1),
    ] {
        let keys = keys(50);
        let cloud = LookAlike::with(&keys, batches).await;
        let writer = cloud.writer().await;
        for expected in [(1, 50), (again, 50)] {
            let results = writer.delete_many(&keys).await;
            assert!(results.iter().all(Result::is_ok), "{batches:?}: {results:?}");
            assert_eq!(cloud.asked(), expected, "{batches:?}");
        }
        assert!(cloud.objects.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_refusal_of_s3_that_is_no_matter_of_batches_is_the_error() {
    for (status, code, kind) in [
        (503, "SlowDown", ErrorKind::Throttled),
        (500, "InternalError", ErrorKind::Unavailable),
        (404, "NoSuchBucket", ErrorKind::NoBucket),
        (403, "SignatureDoesNotMatch", ErrorKind::PermissionDenied),
        (400, "ExpiredToken", ErrorKind::PermissionDenied),
        (301, "PermanentRedirect", ErrorKind::Failed),
    ] {
        let keys = keys(1500);
        let cloud = LookAlike::with(&keys, Batches::Refused(status, code)).await;
        let results = cloud.writer().await.delete_many(&keys).await;
        for (key, result) in keys.iter().zip(results) {
            let error = result.expect_err("it was deleted");
            assert_eq!((error.kind(), error.key()), (kind, key.as_str()), "{code}: {error}");
            assert!(!error.to_string().contains("testsecret"), "{error}");
        }
        assert_eq!(cloud.asked(), (1, 0), "{code}");
    }
}

#[tokio::test]
async fn s3_tells_the_error_of_each_key_within_a_success() {
    let keys: Vec<String> = ["a", "AccessDenied/b", "c & <d>'", "NoSuchKey/e", "InternalError/f", "SlowDown/g", "h"]
        .map(str::to_owned)
        .into();
    let cloud = LookAlike::with(&keys, Batches::Works).await;
    let results = cloud.writer().await.delete_many(&keys).await;
    let expected = [
        None,
        Some(ErrorKind::PermissionDenied),
        None,
        None,
        Some(ErrorKind::Unavailable),
        Some(ErrorKind::Throttled),
        None,
    ];
    for ((key, result), expected) in keys.iter().zip(&results).zip(expected) {
        assert_eq!(result.as_ref().err().map(ray_history_storage::Error::kind), expected, "{key}");
    }
    let denied = results[1].as_ref().unwrap_err().to_string();
    assert!(denied.contains("s3:DeleteObject") && !denied.contains("testsecret"), "{denied}");
    assert_eq!(cloud.asked(), (1, 0));
    let left: Vec<String> = cloud.objects.lock().unwrap().iter().cloned().collect();
    assert_eq!(left, ["AccessDenied/b", "InternalError/f", "NoSuchKey/e", "SlowDown/g"]);
}

/// Keys that XML cannot hold, or that its readers change, are deleted singly, the others in one batch.
#[tokio::test]
async fn s3_gets_odd_keys_singly() {
    let keys: Vec<String> =
        ["a\n", "\u{1}b", " c", "d ", "e\u{ffff}", "plain", "plain + %2F ü", "x/"].map(str::to_owned).into();
    let cloud = LookAlike::with(&keys, Batches::Works).await;
    let results = cloud.writer().await.delete_many(&keys).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(cloud.asked(), (1, 5));
    assert!(cloud.objects.lock().unwrap().is_empty());
}

/// Google and Azure, which are asked singly: each key has its own result.
#[tokio::test]
async fn others_are_asked_for_each_key() {
    let keys: Vec<String> = (0..40).map(|n| if n % 10 == 3 { format!("denied/{n}") } else { n.to_string() }).collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let server = answering(move |request| {
        let target = percent_decode_str(&request.target).decode_utf8().unwrap().into_owned();
        log.lock().unwrap().push(target.clone());
        match (request.method.as_str(), target.contains("denied/")) {
            ("DELETE", false) => Answer::new(204, ""),
            ("DELETE", true) => Answer::new(403, ""),
            _ => Answer::new(405, ""),
        }
    })
    .await;
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let google = GcsConfig {
        bucket: "ray".into(),
        endpoint: Some(endpoint.clone()),
        billing_project: None,
        credentials: Credentials::Anonymous,
    };
    let azure = AzureConfig {
        container: "ray".into(),
        account: "acc".into(),
        endpoint: Some(endpoint),
        ca: None,
        client_id: None,
        credentials: Credentials::Anonymous,
    };
    for (config, needs) in [
        (StoreConfig::Gcs(google), "storage.objects.delete"),
        (StoreConfig::Azure(azure), "role Storage Blob Data Contributor"),
    ] {
        let results = connect(&config).await.unwrap().delete_many(&keys).await;
        for (key, result) in keys.iter().zip(results) {
            match result {
                Ok(()) => assert!(!key.contains("denied"), "{key}"),
                Err(error) => {
                    assert!(key.contains("denied"), "{error}");
                    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
                    assert!(error.to_string().contains(needs), "{error}");
                }
            }
        }
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 40, "each once");
        assert!(!asked.iter().any(|target| target.contains("version") || target.contains("generation")), "{asked:?}");
    }
}
