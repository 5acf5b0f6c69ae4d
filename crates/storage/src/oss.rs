//! Alibaba Cloud OSS: its REST API, with signature version 4.

mod connection;
mod signer;

pub use connection::OssConnection;

use super::config::OssConfig;
use super::refusal::CHECK_BUCKET;
use super::rest::{self, Cloud, list_xml};
use super::wire::RangeRequest;
use super::{Delimiter, Error, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use async_trait::async_trait;
use http::Method;
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
pub(super) struct Oss(OssConnection);

impl Oss {
    pub(super) fn connect(config: &OssConfig) -> Result<Self, Error> {
        Ok(Self(OssConnection::open(config)?))
    }
}

/// Returns the region in the form used for signing.
fn region(config: &OssConfig) -> &str {
    let region = config.region.strip_prefix("oss-").unwrap_or(&config.region);
    region.strip_suffix("-internal").unwrap_or(region)
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
        let request = self.0.request(prefix, Method::GET, &query, &[]).await?;
        rest::listing(self.0.client(), OSS, prefix, request).await
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
            let request = self.0.request(key, Method::GET, &path, &headers).await?;
            let response = self.0.send(key, OSS.needs, request).await?;
            if response.status() != http::StatusCode::RANGE_NOT_SATISFIABLE {
                return rest::body(key, range, response, None);
            }
        }
        let request = self.0.request(key, Method::HEAD, &path, &headers).await?;
        rest::head_body(key, range, &self.0.send(key, OSS.needs, request).await?)
    }
}
