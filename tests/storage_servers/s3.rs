//! versitygw: verifies signatures, keeps objects as files.

use super::Cloud;
use crate::common::process::Process;
use crate::common::stores::{free_port, versitygw};
use async_trait::async_trait;
use aws_sdk_s3::config::{BehaviorVersion, Credentials as Signing, Region};
use bytes::Bytes;
use ray_history_storage::config::{AccessKey, Credentials, Rotating, S3Config, Secret, StoreConfig};
use ray_history_storage::conformance::Fill;
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
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .endpoint_url(format!("http://127.0.0.1:{port}"))
            .force_path_style(true)
            .credentials_provider(Signing::new("testkey", "testsecret", None, None, "test"));
        Self { _server: server, port, client: aws_sdk_s3::Client::from_conf(config.build()), _data: data }
    }
}

#[async_trait]
impl Cloud for VersityGw {
    fn config(&self, address: Option<&str>) -> StoreConfig {
        let address = address.map_or_else(|| self.address(), str::to_owned);
        StoreConfig::S3(S3Config {
            bucket: "ray".into(),
            region: Some("us-east-1".into()),
            endpoint: Some(format!("http://{address}")),
            force_path_style: true,
            requester_pays: false,
            ca: None,
            profile: None,
            credentials: Credentials::Static(Rotating::new(AccessKey {
                id: "testkey".into(),
                secret: Secret::new("testsecret"),
                session_token: None,
            })),
        })
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
    /// It keeps objects as files: none can lie where others lie below it, and doubled slashes are one.
    fn holds(&self, key: &str) -> bool {
        key != "m/a" && !key.contains("//")
    }

    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        self.client.put_object().bucket("ray").key(key).body(bytes.into()).send().await?;
        Ok(())
    }
}
