//! fake-gcs-server for reads, and a gRPC façade before its JSON listing: no emulator that a registry has speaks
//! `google.storage.v2`. The façade cuts pages itself, because the server does not count prefixes.

pub(crate) mod facade;

use super::Cloud;
use super::child::Seen;
use crate::common::process::Process;
use crate::common::stores::{free_port, installed};
use anyhow::ensure;
use async_trait::async_trait;
use bytes::Bytes;
use facade::{Answers, Facade};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history_storage::config::{Credentials, GcsConfig, StoreConfig};
use ray_history_storage::conformance::Fill;
use std::process::Command;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

pub(crate) struct FakeGcs {
    _server: Process,
    port: u16,
    client: reqwest::Client,
    facade: JoinHandle<()>,
    facade_port: u16,
    answers: Arc<Mutex<Answers>>,
    /// Who asked for listings.
    pub(crate) seen: Seen,
}

impl Drop for FakeGcs {
    fn drop(&mut self) {
        self.facade.abort();
    }
}

impl FakeGcs {
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(installed("fake-gcs-server"));
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-backend", "memory", "-log-level", "warn"]);
        command.args(["-port", &port.to_string(), "-public-host", &address]);
        command.args(["-external-url", &format!("http://{address}")]);
        let server = Process::listening(&mut command, port);
        let client = reqwest::Client::new();
        let base = format!("http://{address}/storage/v1/b");
        let made = client.post(&base).json(&serde_json::json!({"name": "ray"})).send().await.unwrap();
        assert!(made.status().is_success(), "{made:?}");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let facade_port = listener.local_addr().unwrap().port();
        let (answers, seen) = (Arc::new(Mutex::new(Answers::Well)), Seen::default());
        let service = Facade { client: client.clone(), base, answers: Arc::clone(&answers), seen: seen.clone() };
        let facade = tokio::spawn(async move {
            let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
            tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { _server: server, port, client, facade, facade_port, answers, seen }
    }

    /// From now on, listings are answered so.
    pub(crate) fn answers(&self, how: Answers) {
        *self.answers.lock().unwrap() = how;
    }

    /// Where listings are answered.
    pub(crate) fn facade(&self) -> String {
        format!("127.0.0.1:{}", self.facade_port)
    }
}

impl Cloud for FakeGcs {
    fn config(&self, address: Option<&str>) -> StoreConfig {
        let address = address.map_or_else(|| self.address(), str::to_owned);
        StoreConfig::Gcs(GcsConfig {
            bucket: "ray".into(),
            endpoint: Some(format!("http://{address}")),
            listing_endpoint: Some(format!("http://{}", self.facade())),
            billing_project: None,
            credentials: Credentials::Anonymous,
        })
    }

    fn listings(&self, address: Option<&str>) -> (String, StoreConfig) {
        let StoreConfig::Gcs(config) = self.config(None) else { unreachable!() };
        let listing_endpoint = address.map(|address| format!("http://{address}")).or(config.listing_endpoint);
        (self.facade(), StoreConfig::Gcs(GcsConfig { listing_endpoint, ..config }))
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

#[async_trait]
impl Fill for FakeGcs {
    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        let name = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let url = format!("http://{}/upload/storage/v1/b/ray/o?uploadType=media&name={name}", self.address());
        let status = self.client.post(url).body(bytes).send().await?.status();
        ensure!(status.is_success(), "{key}: {status}");
        Ok(())
    }
}
