//! fake-gcs-server, for listings and reads. It takes anybody and refuses nothing, so what Google answers to identities
//! and errors is answered by `google`.

pub(crate) mod google;

use super::Cloud;
use super::http::{Listening, listen};
use super::outage::store;
use crate::common::process::Process;
use crate::common::stores::{free_port, installed};
use anyhow::ensure;
use async_trait::async_trait;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history_storage::config::{Credentials, GcsConfig, StoreConfig};
use ray_history_storage::conformance::Fill;
use ray_history_storage::{ErrorKind, ReadRange};
use std::io::Write;
use std::process::Command;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct FakeGcs {
    _server: Process,
    port: u16,
    client: reqwest::Client,
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
        let url = format!("http://{address}/storage/v1/b");
        let made = client.post(&url).json(&serde_json::json!({"name": "ray"})).send().await.unwrap();
        assert!(made.status().is_success(), "{made:?}");
        Self { _server: server, port, client }
    }

    /// Puts an object with further fields of the query, each behind a `&`.
    async fn put_with(&self, key: &str, fields: &str, bytes: Bytes) -> anyhow::Result<()> {
        let name = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let url = format!("http://{}/upload/storage/v1/b/ray/o?uploadType=media&name={name}{fields}", self.address());
        let status = self.client.post(url).body(bytes).send().await?.status();
        ensure!(status.is_success(), "{key}: {status}");
        Ok(())
    }
}

#[async_trait]
impl Cloud for FakeGcs {
    fn config(&self, address: Option<&str>) -> StoreConfig {
        let address = address.map_or_else(|| self.address(), str::to_owned);
        StoreConfig::Gcs(GcsConfig {
            bucket: "ray".into(),
            endpoint: Some(format!("http://{address}")),
            billing_project: None,
            credentials: Credentials::Anonymous,
        })
    }

    fn needs(&self) -> &'static str {
        "storage.objects.create"
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

#[async_trait]
impl Fill for FakeGcs {
    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        self.put_with(key, "", bytes).await
    }
}

/// A proxy that removes `Accept-Encoding`, as those do that want to read what they pass on.
async fn without_accept_encoding(address: String) -> Listening {
    listen(move |stream| pass(stream, address.clone())).await
}

async fn pass(mut stream: TcpStream, address: String) {
    let mut request = vec![0; 16 << 10];
    let length = stream.read(&mut request).await.unwrap();
    let request = String::from_utf8_lossy(&request[..length]).replace("accept-encoding: gzip", "connection: close");
    let mut server = TcpStream::connect(address).await.unwrap();
    server.write_all(request.as_bytes()).await.unwrap();
    let _ = tokio::io::copy(&mut server, &mut stream).await;
}

/// Google unpacks such objects on the way unless it is told not to; their offsets count stored bytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stored_as_gzip_is_read_as_it_is_stored() {
    let cloud = FakeGcs::start().await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&b"{\"eventType\": \"NODE\"}\n".repeat(1000)).unwrap();
    let packed = Bytes::from(encoder.finish().unwrap());
    let size = packed.len() as u64;
    cloud.put_with("stored/x.gz", "&contentEncoding=gzip", packed.clone()).await.unwrap();
    let reads = [
        (ReadRange::Full, 0..size),
        (ReadRange::From(5), 5..size),
        (ReadRange::Between(2, 9), 2..9),
        (ReadRange::Tail(7), size - 7..size),
    ];
    let direct = store(&cloud.config(None)).await;
    let proxy = without_accept_encoding(cloud.address()).await;
    let unpacked = store(&cloud.config(Some(&format!("127.0.0.1:{}", proxy.port)))).await;
    for (range, expected) in reads {
        let body = direct.read("stored/x.gz", range).await.unwrap();
        assert_eq!(body.meta.size, size);
        let expected = packed.slice(expected.start as usize..expected.end as usize);
        assert_eq!(body.read_all(size).await.unwrap(), expected, "{range:?}");
        let error = unpacked.read("stored/x.gz", range).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed, "{range:?}: {error}");
        assert!(error.to_string().contains("unpacked or packed on the way"), "{range:?}: {error}");
    }
}
