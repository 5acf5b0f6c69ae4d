//! Azure Blob Storage: its REST API, signed with `object_store`'s credentials.
//!
//! `object_store` itself is not used for requests: it cannot address a key with `//` or a final `/`, and one such key
//! fails its whole listing.

mod connection;
mod credentials;

pub use connection::AzureConnection;

use super::config::AzureConfig;
use super::refusal::CHECK_BUCKET;
use super::rest::{self, Cloud, list_xml};
use super::wire::RangeRequest;
use super::{Delimiter, Error, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use async_trait::async_trait;
use http::Method;
use std::fmt::Write;

const AZURE: Cloud = Cloud {
    code_header: Some("x-ms-error-code"),
    code: list_xml::code,
    page: list_xml::read,
    needs: "list and read blobs of the container (role Storage Blob Data Reader)",
    no_bucket: CHECK_BUCKET,
};
/// Keys per page, as in S3, so that a page costs the same in every store.
const PAGE: u32 = 1000;

/// A container.
#[derive(Debug)]
pub(super) struct Azure(AzureConnection);

impl Azure {
    pub(super) fn connect(config: &AzureConfig) -> Result<Self, Error> {
        Ok(Self(AzureConnection::open(config)?))
    }

    async fn send(&self, key: &str, request: reqwest::Request) -> Result<reqwest::Response, Error> {
        self.0.send(key, AZURE.needs, request).await
    }

    async fn request(
        &self,
        key: &str,
        method: Method,
        url: &str,
        range: Option<String>,
        if_match: Option<&str>,
    ) -> Result<reqwest::Request, Error> {
        let mut headers = Vec::new();
        headers.extend(range.map(|range| ("x-ms-range", range)));
        headers.extend(if_match.map(|etag| ("if-match", format!("\"{etag}\""))));
        self.0.request(key, method, url, &headers).await
    }
}

#[async_trait]
impl Storage for Azure {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let mut url = format!("{}?restype=container&comp=list&maxresults={PAGE}", self.0.container());
        if !prefix.is_empty() {
            let _ = write!(url, "&prefix={}", rest::query(prefix));
        }
        if delimiter == Delimiter::Slash {
            url.push_str("&delimiter=%2F");
        }
        if let Some(PageToken(marker)) = &page {
            let _ = write!(url, "&marker={}", rest::query(marker));
        }
        let request = self.request(prefix, Method::GET, &url, None, None).await?;
        self.0.listing(prefix, request).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let url = self.0.url(key)?;
        let part = match (RangeRequest::from(range), range) {
            // Azure has no suffix ranges, so the size must be known first.
            (RangeRequest::Part(_), ReadRange::Tail(_)) => {
                let head = self.request(key, Method::HEAD, &url, None, if_match).await?;
                let head = self.send(key, head).await?;
                let meta = rest::head_meta(key, &head)?;
                let tail = range.within(meta.size);
                if tail.is_empty() {
                    return rest::head_body(key, range, &head);
                }
                let same = meta.etag.as_deref();
                let part = Some(format!("bytes={}-{}", tail.start, tail.end - 1));
                let request = self.request(key, Method::GET, &url, part, same).await?;
                return rest::body(key, range, self.send(key, request).await?, None);
            }
            (RangeRequest::Whole, _) => Some(None),
            (RangeRequest::Part(part), _) => Some(Some(part)),
            (RangeRequest::Head, _) => None,
        };
        if let Some(part) = part {
            let request = self.request(key, Method::GET, &url, part, if_match).await?;
            let response = self.send(key, request).await?;
            if response.status() != http::StatusCode::RANGE_NOT_SATISFIABLE {
                return rest::body(key, range, response, None);
            }
        }
        let request = self.request(key, Method::HEAD, &url, None, if_match).await?;
        rest::head_body(key, range, &self.send(key, request).await?)
    }
}
