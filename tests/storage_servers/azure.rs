//! Azurite: Microsoft's own emulator, which verifies signatures.

use super::Cloud;
use crate::common::process::Process;
use crate::common::stores::{free_port, installed};
use anyhow::ensure;
use async_trait::async_trait;
use bytes::Bytes;
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use object_store::client::HttpRequestBody;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history_storage::config::{AzureConfig, AzureSecret, Credentials, Rotating, Secret, StoreConfig};
use ray_history_storage::conformance::Fill;
use std::process::Command;

pub(crate) const ACCOUNT: &str = "devstoreaccount1";
/// The emulator's public key.
pub(crate) const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub(crate) struct Azurite {
    _server: Process,
    port: u16,
    client: reqwest::Client,
}

impl Azurite {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let mut command = Command::new(installed("node_modules/.bin/azurite-blob"));
        command.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string(), "--inMemoryPersistence", "--silent"]);
        command.args(["--disableTelemetry", "--skipApiVersionCheck"]);
        let azurite = Self { _server: Process::listening(&mut command, port), port, client: reqwest::Client::new() };
        azurite.request("PUT", "ray?restype=container", Bytes::new()).await.unwrap();
        azurite
    }

    async fn request(&self, method: &str, path: &str, bytes: Bytes) -> anyhow::Result<()> {
        let request = http::Request::builder().method(method).header("x-ms-blob-type", "BlockBlob");
        let request = request.header("content-length", bytes.len());
        let mut request =
            request.uri(format!("http://{}/{ACCOUNT}/{path}", self.address())).body(HttpRequestBody::empty())?;
        let credential = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY)?);
        AzureAuthorizer::new(&credential, ACCOUNT).try_authorize(&mut request)?;
        let (parts, _) = request.into_parts();
        let request = self.client.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(bytes);
        let status = request.send().await?.status();
        ensure!(status.is_success(), "{method} {path}: {status}");
        Ok(())
    }
}

#[async_trait]
impl Cloud for Azurite {
    fn config(&self, address: Option<&str>) -> StoreConfig {
        let address = address.map_or_else(|| self.address(), str::to_owned);
        StoreConfig::Azure(AzureConfig {
            container: "ray".into(),
            account: ACCOUNT.into(),
            endpoint: Some(format!("http://{address}/{ACCOUNT}")),
            ca: None,
            client_id: None,
            credentials: Credentials::Static(Rotating::new(AzureSecret::AccountKey(Secret::new(KEY)))),
        })
    }

    fn needs(&self) -> &'static str {
        "role Storage Blob Data Contributor"
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

#[async_trait]
impl Fill for Azurite {
    /// It makes a slash of a backslash, and cannot list control characters.
    fn holds(&self, key: &str) -> bool {
        !key.contains(['\\', '\u{1}', '\r'])
    }

    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        self.request("PUT", &format!("ray/{}", utf8_percent_encode(key, &PATH)), bytes).await
    }
}
