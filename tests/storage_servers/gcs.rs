//! fake-gcs-server for reads, and a gRPC façade before its JSON listing: no emulator that a registry has speaks
//! `google.storage.v2`. The façade cuts pages itself, because the server does not count prefixes.

use super::Cloud;
use super::process::{Server, free_port, program, start};
use anyhow::ensure;
use async_trait::async_trait;
use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history::storage::config::{Credentials, GcsConfig, StoreConfig};
use ray_history::storage::conformance::Fill;
use std::future::{Future, ready};
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};
use tokio::task::JoinHandle;
use tonic::codegen::{Body, StdError, http};
use tonic::{Request, Response, Status};

const PAGE: usize = 1000;

pub(crate) struct FakeGcs {
    server: Server,
    client: reqwest::Client,
    facade: JoinHandle<()>,
    facade_port: u16,
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
        let mut command = Command::new(program("fake-gcs-server"));
        command.args(["-scheme", "http", "-host", "127.0.0.1", "-backend", "memory", "-log-level", "warn"]);
        command.args(["-port", &port.to_string(), "-public-host", &address]);
        command.args(["-external-url", &format!("http://{address}")]);
        let server = start(&mut command, port);
        let client = reqwest::Client::new();
        let base = format!("http://{address}/storage/v1/b");
        let made = client.post(&base).json(&serde_json::json!({"name": "ray"})).send().await.unwrap();
        assert!(made.status().is_success(), "{made:?}");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let facade_port = listener.local_addr().unwrap().port();
        let service = Facade { client: client.clone(), base };
        let facade = tokio::spawn(async move {
            let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
            tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { server, client, facade, facade_port }
    }
}

impl Cloud for FakeGcs {
    fn config(&self, address: Option<&str>) -> StoreConfig {
        let address = address.map_or_else(|| self.address(), str::to_owned);
        StoreConfig::Gcs(GcsConfig {
            bucket: "ray".into(),
            endpoint: Some(format!("http://{address}")),
            listing_endpoint: Some(format!("http://127.0.0.1:{}", self.facade_port)),
            billing_project: None,
            credentials: Credentials::Anonymous,
        })
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.server.port)
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

#[derive(Clone, PartialEq, prost::Message)]
struct ListRequest {
    #[prost(string, tag = "1")]
    parent: String,
    #[prost(string, tag = "3")]
    page_token: String,
    #[prost(string, tag = "4")]
    delimiter: String,
    #[prost(string, tag = "6")]
    prefix: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    objects: Vec<Object>,
    #[prost(string, repeated, tag = "2")]
    prefixes: Vec<String>,
    #[prost(string, tag = "3")]
    next_page_token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Object {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int64, tag = "3")]
    generation: i64,
    #[prost(int64, tag = "6")]
    size: i64,
    #[prost(message, optional, tag = "17")]
    update_time: Option<Time>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone)]
struct Facade {
    client: reqwest::Client,
    base: String,
}

impl Facade {
    async fn list(self, request: ListRequest) -> Result<Response<ListResponse>, Status> {
        let unavailable = |error: reqwest::Error| Status::unavailable(error.to_string());
        let bucket = request.parent.rsplit('/').next().unwrap_or_default();
        let query = [("prefix", &request.prefix), ("delimiter", &request.delimiter)];
        let query: Vec<String> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        let url = format!("{}/{bucket}/o?maxResults=1000000&{}", self.base, query.join("&"));
        let response = self.client.get(url).send().await.map_err(unavailable)?;
        if response.status() == 404 {
            return Err(Status::not_found("The specified bucket does not exist."));
        }
        let found: serde_json::Value = response.json().await.map_err(unavailable)?;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let mut entries: Vec<(String, Option<Object>)> = Vec::new();
        for item in found["items"].as_array().into_iter().flatten() {
            let updated: jiff::Timestamp = text(&item["updated"]).parse().unwrap();
            let object = Object {
                name: text(&item["name"]),
                generation: text(&item["generation"]).parse().unwrap(),
                size: text(&item["size"]).parse().unwrap(),
                update_time: Some(Time { seconds: updated.as_second(), nanos: updated.subsec_nanosecond() }),
            };
            entries.push((object.name.clone(), Some(object)));
        }
        entries.extend(found["prefixes"].as_array().into_iter().flatten().map(|prefix| (text(prefix), None)));
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        let from = entries.partition_point(|(name, _)| !request.page_token.is_empty() && *name <= request.page_token);
        let rest = entries.split_off(from);
        let mut answer = ListResponse::default();
        if rest.len() > PAGE {
            answer.next_page_token = rest[PAGE - 1].0.clone();
        }
        for (name, object) in rest.into_iter().take(PAGE) {
            match object {
                Some(object) => answer.objects.push(object),
                None => answer.prefixes.push(name),
            }
        }
        Ok(Response::new(answer))
    }
}

impl tonic::server::UnaryService<ListRequest> for Facade {
    type Response = ListResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ListResponse>, Status>> + Send>>;

    fn call(&mut self, request: Request<ListRequest>) -> Self::Future {
        Box::pin(self.clone().list(request.into_inner()))
    }
}

impl tonic::server::NamedService for Facade {
    const NAME: &'static str = "google.storage.v2.Storage";
}

impl<B> tonic::codegen::Service<http::Request<B>> for Facade
where
    B: Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() != "/google.storage.v2.Storage/ListObjects" {
            return Box::pin(ready(Ok(Status::unimplemented("only ListObjects").into_http())));
        }
        let facade = self.clone();
        Box::pin(async move {
            let codec = tonic_prost::ProstCodec::<ListResponse, ListRequest>::default();
            Ok(tonic::server::Grpc::new(codec).unary(facade, request).await)
        })
    }
}
