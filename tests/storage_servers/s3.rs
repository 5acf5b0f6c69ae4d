//! versitygw: verifies signatures, keeps objects as files.

use super::Cloud;
use crate::common::process::Process;
use crate::common::stores::{free_port, versitygw, versitygw_with_versions};
use async_trait::async_trait;
use aws_sdk_s3::config::{BehaviorVersion, Credentials as Signing, Region};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use bytes::Bytes;
use ray_history_storage::config::{AccessKey, Credentials, Rotating, S3Config, Secret, StoreConfig};
use ray_history_storage::conformance::Fill;
use ray_history_storage::{Storage, connect_unguarded};
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) struct VersityGw {
    _server: Process,
    port: u16,
    client: aws_sdk_s3::Client,
    _data: TempDir,
}

impl VersityGw {
    #[expect(clippy::unused_async, reason = "started like the other clouds")]
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("ray")).unwrap();
        let port = free_port();
        let server = versitygw(data.path(), port, "testkey", "testsecret");
        Self { _server: server, port, client: client(port), _data: data }
    }
}

fn client(port: u16) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .force_path_style(true)
        .credentials_provider(Signing::new("testkey", "testsecret", None, None, "test"));
    aws_sdk_s3::Client::from_conf(config.build())
}

fn config(address: &str, id: &str, secret: &str) -> StoreConfig {
    StoreConfig::S3(S3Config {
        bucket: "ray".into(),
        region: Some("us-east-1".into()),
        endpoint: Some(format!("http://{address}")),
        force_path_style: true,
        requester_pays: false,
        ca: None,
        profile: None,
        credentials: Credentials::Static(Rotating::new(AccessKey {
            id: id.into(),
            secret: Secret::new(secret),
            session_token: None,
        })),
    })
}

/// The key of a user without any right of its own, and its secret.
pub(crate) const WRITER: (&str, &str) = ("writer", "writersecret");

/// versitygw with a bucket that keeps versions.
pub(crate) struct Versioned {
    _server: Process,
    port: u16,
    client: aws_sdk_s3::Client,
    _data: [TempDir; 3],
}

impl Versioned {
    pub(crate) async fn start() -> Self {
        let data = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [buckets, versions, users] = &data;
        std::fs::create_dir(buckets.path().join("ray")).unwrap();
        let (id, secret) = WRITER;
        let user = serde_json::json!({"access": id, "secret": secret, "role": "user"});
        let all = serde_json::json!({"accessAccounts": {id: user}}).to_string();
        std::fs::write(users.path().join("users.json"), all).unwrap();
        let port = free_port();
        let server = versitygw_with_versions(buckets.path(), versions.path(), users.path(), port);
        let client = client(port);
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        client.put_bucket_versioning().bucket("ray").versioning_configuration(on).send().await.unwrap();
        Self { _server: server, port, client, _data: data }
    }

    pub(crate) fn config(&self, id: &str, secret: &str) -> StoreConfig {
        config(&format!("127.0.0.1:{}", self.port), id, secret)
    }

    pub(crate) async fn reader(&self) -> Arc<dyn Storage> {
        connect_unguarded(&self.config("testkey", "testsecret")).await.unwrap()
    }

    pub(crate) async fn allow(&self, policy: &str) {
        self.client.put_bucket_policy().bucket("ray").policy(policy).send().await.unwrap();
    }

    /// Returns what each version of an object holds, the newest first; the newest of all is a deletion.
    pub(crate) async fn versions(&self, key: &str) -> Vec<String> {
        let listed = self.client.list_object_versions().bucket("ray").prefix(key).send().await.unwrap();
        let markers: Vec<_> = listed.delete_markers().iter().filter(|marker| marker.key() == Some(key)).collect();
        assert!(markers.iter().any(|marker| marker.is_latest() == Some(true)), "{key}: {listed:?}");
        let mut found = Vec::new();
        for version in listed.versions().iter().filter(|version| version.key() == Some(key)) {
            let id = version.version_id().unwrap();
            let read = self.client.get_object().bucket("ray").key(key).version_id(id).send().await.unwrap();
            let bytes = read.body.collect().await.unwrap().to_vec();
            found.push(String::from_utf8(bytes).unwrap());
        }
        found
    }
}

#[async_trait]
impl Cloud for VersityGw {
    fn config(&self, address: Option<&str>) -> StoreConfig {
        let address = address.map_or_else(|| self.address(), str::to_owned);
        config(&address, "testkey", "testsecret")
    }

    fn needs(&self) -> &'static str {
        "s3:PutObject and s3:AbortMultipartUpload"
    }

    async fn unfinished(&self) -> usize {
        self.client.list_multipart_uploads().bucket("ray").send().await.unwrap().uploads().len()
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

#[async_trait]
impl Fill for VersityGw {
    /// It keeps objects as files: none can lie where others lie below it, doubled slashes are one,
    /// and listings have another character in place of a control character.
    fn holds(&self, key: &str) -> bool {
        key != "m/a" && !key.starts_with('/') && !key.contains("//") && !key.contains('\u{1}')
    }

    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        self.client.put_object().bucket("ray").key(key).body(bytes.into()).send().await?;
        Ok(())
    }
}
