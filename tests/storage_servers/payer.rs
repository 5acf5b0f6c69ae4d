//! Requests to a bucket whose requester pays say so.

use super::child::Seen;
use super::expired::service_account;
use super::http::{Answer, answering};
use super::outage::store;
use ray_history_storage::config::{Credentials, GcsConfig, Rotating, S3Config, Secret, StoreConfig};
use ray_history_storage::{Delimiter, ReadRange};

/// Lists, reads, and asks for an object's size; returns the payer that each request named.
async fn said(requester_pays: bool) -> Vec<String> {
    let seen = Seen::default();
    let server = answering({
        let seen = seen.clone();
        move |asked| {
            let listing = asked.target.contains("list-type");
            seen.add(format!("{} {listing}: {}", asked.method, asked.header("x-amz-request-payer")));
            let mut answer = Answer::new(
                200,
                if listing { "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>" } else { "bytes" },
            );
            answer.headers.push(("etag", "\"1\"".to_owned()));
            answer
        }
    })
    .await;
    let store = store(&StoreConfig::S3(S3Config {
        bucket: "ray".into(),
        region: Some("us-east-1".into()),
        endpoint: Some(format!("http://127.0.0.1:{}", server.port)),
        force_path_style: true,
        requester_pays,
        ca: None,
        profile: None,
        credentials: Credentials::Anonymous,
    }))
    .await;
    store.list("", Delimiter::None, None).await.unwrap();
    assert_eq!(store.read_all("x", 10).await.unwrap(), "bytes");
    assert!(store.read("x", ReadRange::Tail(0)).await.unwrap().is_empty());
    seen.all()
}

#[tokio::test]
async fn every_request_of_a_requester_who_pays_says_so() {
    assert_eq!(said(true).await, ["GET true: requester", "GET false: requester", "HEAD false: requester"]);
    assert_eq!(said(false).await, ["GET true: ", "GET false: ", "HEAD false: "]);
}

/// Google is told which project pays.
#[tokio::test]
async fn every_request_to_google_names_the_project_that_pays() {
    let seen = Seen::default();
    let server = answering({
        let seen = seen.clone();
        move |asked| {
            let what = if asked.target.contains("maxResults") {
                "list"
            } else if asked.target.contains("alt=media") {
                "read"
            } else {
                "describe"
            };
            seen.add(format!("{what}: {}", asked.header("x-goog-user-project")));
            let mut answer = Answer::new(
                200,
                match what {
                    "list" => r#"{"kind": "storage#objects"}"#,
                    "read" => "bytes",
                    _ => r#"{"name": "x", "size": "5", "generation": "1"}"#,
                },
            );
            answer.headers.push(("x-goog-generation", "1".to_owned()));
            answer
        }
    })
    .await;
    let store = store(&StoreConfig::Gcs(GcsConfig {
        bucket: "ray".into(),
        endpoint: Some(format!("http://127.0.0.1:{}", server.port)),
        billing_project: Some("payer".into()),
        credentials: Credentials::Static(Rotating::new(Secret::new(service_account("key")))),
    }))
    .await;
    assert!(store.list("", Delimiter::None, None).await.unwrap().is_empty());
    assert_eq!(store.read_all("x", 10).await.unwrap(), "bytes");
    assert!(store.read("x", ReadRange::Tail(0)).await.unwrap().is_empty());
    assert_eq!(seen.all(), ["list: payer", "read: payer", "describe: payer"]);
}
