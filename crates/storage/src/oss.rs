//! Alibaba Cloud OSS: its REST API, with signature version 4.

mod signer;

use super::config::{OssAddressing, OssConfig};
use super::refusal::CHECK_BUCKET;
use super::rest::{self, Cloud, list_xml};
use super::wire::RangeRequest;
use super::{Delimiter, Error, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use async_trait::async_trait;
use http::Method;
use reqwest::{Client, Url};
use signer::OssSigner;
use std::fmt::Write;

const OSS: Cloud = Cloud {
    code_header: Some("x-oss-error-code"),
    code: list_xml::code,
    page: list_xml::read,
    needs: "oss:ListObjects and oss:GetObject on the bucket",
    no_bucket: CHECK_BUCKET,
};

/// A bucket.
#[derive(Debug)]
pub(super) struct Oss {
    client: Client,
    signer: OssSigner,
    /// The URL in front of a request's path: the address, and with path style the bucket. Without a final `/`.
    base: String,
}

impl Oss {
    pub(super) fn connect(config: &OssConfig) -> Result<Self, Error> {
        // The Host header is signed, so exactly that one must be sent: HTTP/1.1.
        let client = rest::client(config.ca.as_deref(), true)?;
        let base = base(config)?;
        let signer = OssSigner::new(config, client.clone());
        Ok(Self { client, signer, base })
    }

    async fn request(
        &self,
        key: &str,
        method: Method,
        path_and_query: &str,
        headers: &[(&'static str, String)],
    ) -> Result<reqwest::Request, Error> {
        let url = format!("{}/{path_and_query}", self.base);
        let url: Url = url.parse().map_err(|_| Error::failed(key, "the endpoint is not a URL"))?;
        let mut request = http::Request::builder().method(method).uri(url.as_str());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(()).map_err(|_| Error::invalid_key(key, "it cannot be put into a request"))?;
        let (mut parts, ()) = request.into_parts();
        self.signer.sign(key, &mut parts, path_and_query).await?;
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        Ok(request)
    }
}

/// Returns the region in the form used for signing.
fn region(config: &OssConfig) -> &str {
    let region = config.region.strip_prefix("oss-").unwrap_or(&config.region);
    region.strip_suffix("-internal").unwrap_or(region)
}

fn base(config: &OssConfig) -> Result<String, Error> {
    let internal = if config.internal { "-internal" } else { "" };
    let own = || format!("https://oss-{}{internal}.aliyuncs.com", region(config));
    let endpoint = config.endpoint.clone().unwrap_or_else(own);
    let endpoint = endpoint.trim_end_matches('/');
    let (scheme, host) =
        endpoint.split_once("://").ok_or_else(|| Error::failed("", "endpoint: begin it with https://"))?;
    Ok(match config.addressing {
        OssAddressing::VirtualHost => format!("{scheme}://{}.{host}", config.bucket),
        OssAddressing::Path => format!("{endpoint}/{}", config.bucket),
        OssAddressing::Cname => endpoint.to_owned(),
    })
}

#[async_trait]
impl Storage for Oss {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let mut query = "?list-type=2&max-keys=1000&encoding-type=url".to_owned();
        if !prefix.is_empty() {
            let _ = write!(query, "&prefix={}", rest::query(prefix));
        }
        if delimiter == Delimiter::Slash {
            query.push_str("&delimiter=%2F");
        }
        if let Some(PageToken(token)) = &page {
            let _ = write!(query, "&continuation-token={}", rest::query(token));
        }
        let request = self.request(prefix, Method::GET, &query, &[]).await?;
        rest::listing(&self.client, OSS, prefix, request).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let path = rest::path(key)?;
        let mut headers = Vec::new();
        if let Some(etag) = if_match {
            headers.push(("if-match", format!("\"{etag}\"")));
        }
        let range_request = RangeRequest::from(range);
        if range_request != RangeRequest::Head {
            let mut headers = headers.clone();
            if let RangeRequest::Part(part) = range_request {
                headers.push(("range", part));
                // Without it, the response to a range past the end is the whole object.
                headers.push(("x-oss-range-behavior", "standard".to_owned()));
            }
            let request = self.request(key, Method::GET, &path, &headers).await?;
            let response = rest::send(&self.client, OSS, key, request).await?;
            if response.status() != http::StatusCode::RANGE_NOT_SATISFIABLE {
                return rest::body(key, range, response, None);
            }
        }
        let request = self.request(key, Method::HEAD, &path, &headers).await?;
        rest::head_body(key, range, &rest::send(&self.client, OSS, key, request).await?)
    }
}
