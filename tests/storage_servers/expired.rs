//! Expired credentials: an error with advice, until they are replaced.

use super::Cloud;
use super::azure::{ACCOUNT, Azurite, KEY};
use super::gcs::google::{Answers, Google};
use super::http::{Answer, answering};
use super::oss::OssServer;
use super::outage::store;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history_storage::config::{
    AccessKey, AzureConfig, AzureSecret, Credentials, GcsConfig, OssConfig, Rotating, S3Config, Secret, StoreConfig,
};
use ray_history_storage::conformance::Fill;
use ray_history_storage::{Delimiter, ErrorKind, ReadRange};
use reqsign_core::hash::hmac_sha256;

/// Requests are refused until the credentials are replaced. The secret is in no text.
async fn expires(config: StoreConfig, cure: impl FnOnce(), way_out: &str) {
    let store = store(&config).await;
    let read = store.read("expired/x", ReadRange::Full).await.err();
    for error in [store.list("", Delimiter::None, None).await.err(), read] {
        let error = error.expect("it was let in");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
        assert!(error.to_string().contains(way_out), "{error}");
        assert!(!format!("{error:?} {config:?} {store:?}").contains("hunter2"), "{error:?}");
    }
    cure();
    store.list("", Delimiter::None, None).await.unwrap();
    assert_eq!(store.read_all("expired/x", 10).await.unwrap(), "bytes");
}

fn key(token: &str) -> AccessKey {
    AccessKey { id: "testkey".into(), secret: Secret::new("testsecret"), session_token: Some(Secret::new(token)) }
}

/// versitygw hands out no sessions and takes any, so what Amazon answers to an old one is answered here.
#[tokio::test]
async fn a_session_of_s3() {
    let amazon = answering(|asked| {
        if asked.header("x-amz-security-token") != "new" {
            return Answer::new(400, "<Error><Code>ExpiredToken</Code><Message>hunter2</Message></Error>");
        }
        Answer::new(
            200,
            if asked.target.contains("list-type") {
                "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
            } else {
                "bytes"
            },
        )
    })
    .await;
    let cell = Rotating::new(key("hunter2"));
    let config = S3Config {
        bucket: "ray".into(),
        region: Some("us-east-1".into()),
        endpoint: Some(format!("http://127.0.0.1:{}", amazon.port)),
        force_path_style: true,
        requester_pays: false,
        ca: None,
        profile: None,
        credentials: Credentials::Static(cell.clone()),
    };
    expires(StoreConfig::S3(config), || cell.set(key("new")), "renew the Secret").await;
}

#[tokio::test]
async fn a_token_of_oss() {
    let cloud = OssServer::start().await;
    cloud.put("expired/x", "bytes".into()).await.unwrap();
    let StoreConfig::Oss(config) = cloud.config(None) else { unreachable!() };
    let cell = Rotating::new(key("expired"));
    let config = OssConfig { credentials: Credentials::Static(cell.clone()), ..config };
    expires(StoreConfig::Oss(config), || cell.set(key("new")), "renew the Secret").await;
}

/// A signature for the whole account, as Azure's portal hands it out, until so many seconds from now.
fn signature(seconds: i64) -> AzureSecret {
    let until =
        (Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let text = format!("{ACCOUNT}\nrl\nb\nsco\n\n{until}\n\nhttps,http\n2022-11-02\n\n");
    let signed = BASE64_STANDARD.encode(hmac_sha256(&BASE64_STANDARD.decode(KEY).unwrap(), text.as_bytes()));
    let escaped = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (until, signed) = (escaped(&until), escaped(&signed));
    AzureSecret::Sas(Secret::new(format!("sv=2022-11-02&ss=b&srt=sco&sp=rl&se={until}&spr=https,http&sig={signed}")))
}

#[tokio::test]
async fn a_shared_access_signature_of_azure() {
    let cloud = Azurite::start().await;
    cloud.put("expired/x", "bytes".into()).await.unwrap();
    let StoreConfig::Azure(config) = cloud.config(None) else { unreachable!() };
    let cell = Rotating::new(signature(-60));
    let config = AzureConfig { credentials: Credentials::Static(cell.clone()), ..config };
    expires(StoreConfig::Azure(config), || cell.set(signature(600)), "shared access signature has expired").await;
}

/// A key file of Google as it is after `gcloud iam service-accounts keys create`.
pub(crate) fn service_account(id: &str) -> String {
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let file = serde_json::json!({"type": "service_account", "project_id": "p", "private_key_id": id,
        "private_key": key.serialize_pem(), "client_email": "history@p.iam.gserviceaccount.com", "client_id": "1",
        "token_uri": "http://127.0.0.1:1/token", "universe_domain": "googleapis.com"});
    file.to_string()
}

/// The emulator takes anybody, so what Google answers to an old key is answered here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_google() {
    let cloud = Google::with("expired/x").await;
    cloud.answers(Answers::OnlyTo("new"));
    let cell = Rotating::new(Secret::new(service_account("old")));
    let config = GcsConfig { credentials: Credentials::Static(cell.clone()), ..cloud.config() };
    let cure = || cell.set(Secret::new(service_account("new")));
    expires(StoreConfig::Gcs(config), cure, "renew the Secret").await;
    assert_eq!(cloud.seen.all().last().unwrap(), "new history@p.iam.gserviceaccount.com");
}
