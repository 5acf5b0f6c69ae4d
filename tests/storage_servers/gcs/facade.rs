//! `google.storage.v2.Storage/ListObjects` before fake-gcs-server's JSON listing, and what goes wrong with it.

use super::super::child::Seen;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tonic::codegen::{Body, StdError, http};
use tonic::{Code, Request, Response, Status};

const PAGE: usize = 1000;

/// How listings are answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answers {
    /// As they are.
    Well,
    /// With this status.
    Status(Code),
    /// Not at all.
    Never,
    /// Only to whom this key belongs.
    OnlyTo(&'static str),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ListRequest {
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
pub(crate) struct ListResponse {
    #[prost(message, repeated, tag = "1")]
    objects: Vec<Object>,
    #[prost(string, repeated, tag = "2")]
    prefixes: Vec<String>,
    #[prost(string, tag = "3")]
    next_page_token: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Object {
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
pub(crate) struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone)]
pub(crate) struct Facade {
    pub(super) client: reqwest::Client,
    pub(super) base: String,
    pub(super) answers: Arc<Mutex<Answers>>,
    pub(super) seen: Seen,
}

/// Who sends this: the key and owner of a self-signed token, else the token.
fn who(authorization: &str) -> String {
    let token = authorization.trim_start_matches("Bearer ");
    let part = |at: usize| {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(at)?).ok()?;
        serde_json::from_slice::<serde_json::Value>(&bytes).ok()
    };
    match (part(0), part(1)) {
        (Some(head), Some(claims)) => {
            format!("{} {}", head["kid"].as_str().unwrap_or("?"), claims["iss"].as_str().unwrap_or("?"))
        }
        _ => token.to_owned(),
    }
}

impl Facade {
    async fn list(self, request: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        let who = request.metadata().get("authorization").and_then(|value| value.to_str().ok()).map(who);
        let who = who.unwrap_or_default();
        self.seen.add(who.clone());
        let answers = *self.answers.lock().unwrap();
        match answers {
            Answers::Status(code) => return Err(Status::new(code, "hunter2")),
            Answers::Never => tokio::time::sleep(Duration::from_secs(60)).await,
            Answers::OnlyTo(key) if who.split(' ').next() != Some(key) => {
                return Err(Status::unauthenticated("hunter2"));
            }
            Answers::Well | Answers::OnlyTo(_) => {}
        }
        let request = request.into_inner();
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
        Box::pin(self.clone().list(request))
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
