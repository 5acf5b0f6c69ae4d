//! HTTP for the stores without a client library: requests, refusals, listings, bodies. Shared by Azure, OSS and Google.
//!
//! Errors must never contain a URL, because a shared access signature is part of it.

#[cfg(feature = "oss")]
pub(super) mod delete_xml;
#[cfg(any(feature = "azure", feature = "oss"))]
mod head;
#[cfg(any(feature = "azure", feature = "oss"))]
pub(super) mod list_xml;

#[cfg(any(feature = "azure", feature = "oss"))]
pub(super) use head::head_body;
#[cfg(feature = "azure")]
pub(super) use head::head_meta;
#[cfg(any(feature = "azure", feature = "oss"))]
pub use head::path;

use super::refusal::{Refusal, retry_after};
use super::trust::untrusted_certificate;
use super::{Error, ErrorKind, ListPage, ObjectBody, ObjectMeta, ReadRange, wire};
use futures_util::StreamExt;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history_core::base::chain::chain;
use reqwest::{Certificate, Client, Request, Response};
use std::time::Duration;

/// Characters that are not escaped in a query.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The differences between the clouds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cloud {
    /// The header with the store's code for a refusal, where there is one.
    pub(super) code_header: Option<&'static str>,
    /// Finds the store's code in the body of a refusal.
    pub(super) code: fn(&[u8]) -> Option<String>,
    /// Parses a page of a listing.
    pub(super) page: fn(&[u8]) -> Result<ListPage, String>,
    /// The permissions that the identity needs, in the cloud's terms.
    pub(super) needs: &'static str,
    /// The advice for a missing bucket.
    pub(super) no_bucket: &'static str,
}

/// Returns a client with the common settings. It must never decompress pages and bodies, because ranges count stored
/// bytes.
pub(super) fn client(ca: Option<&str>, http1: bool) -> Result<Client, Error> {
    let mut builder =
        Client::builder().connect_timeout(Duration::from_secs(5)).redirect(reqwest::redirect::Policy::none());
    // The features are off; a dependency may put them on for all.
    builder = builder.no_gzip().no_brotli().no_deflate().no_zstd();
    if http1 {
        builder = builder.http1_only();
    }
    if let Some(pem) = ca {
        let certificates = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|error| Error::failed("", format!("ca: not a certificate in PEM ({})", chain(&error))))?;
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| Error::failed("", error))
}

/// Escapes a part of a query.
pub fn query(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// Sends a request. Responses other than success and 416, which the caller handles, become errors.
pub(super) async fn send(client: &Client, cloud: Cloud, key: &str, request: Request) -> Result<Response, Error> {
    let response = client.execute(request).await.map_err(|error| unavailable(key, error))?;
    let status = response.status().as_u16();
    if response.status().is_success() || status == 416 {
        return Ok(response);
    }
    let wait = retry_after(header(&response, "retry-after"));
    let code = cloud.code_header.and_then(|name| header(&response, name)).map(str::to_owned);
    let code = match code {
        Some(code) => code,
        None => code_in(response, cloud).await.unwrap_or_default(),
    };
    let Cloud { needs, no_bucket, .. } = cloud;
    Err(Refusal { status: Some(status), code: &code, retry_after: wait, needs, no_bucket }.into_error(key))
}

/// Requests a page of a listing.
pub(super) async fn listing(client: &Client, cloud: Cloud, prefix: &str, request: Request) -> Result<ListPage, Error> {
    let bytes = document(client, cloud, prefix, request).await.map_err(|error| match error.kind() {
        // A prefix is never missing, so 404 means the bucket.
        ErrorKind::NotFound => Error::because(ErrorKind::NoBucket, prefix, cloud.no_bucket),
        _ => error,
    })?;
    (cloud.page)(&bytes).map_err(|error| Error::failed(prefix, format!("the listing cannot be understood: {error}")))
}

/// Requests a document as long as a page of a listing at most.
pub(super) async fn document(client: &Client, cloud: Cloud, key: &str, request: Request) -> Result<Vec<u8>, Error> {
    document_of(key, send(client, cloud, key, request).await?).await
}

/// Returns the body of a response, which is as long as a page of a listing at most.
pub async fn document_of(key: &str, response: Response) -> Result<Vec<u8>, Error> {
    let bytes = collect(response, wire::LONGEST_PAGE).await.map_err(|error| unavailable(key, error))?;
    bytes.ok_or_else(|| Error::failed(key, wire::TOO_LONG))
}

/// Reads the metadata of an object from the headers of a GET or HEAD.
fn meta(key: &str, size: u64, response: &Response) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        size,
        etag: header(response, "etag").and_then(wire::etag),
        modified: header(response, "last-modified").and_then(time),
    }
}

/// Returns the body of a GET. Without a `Content-Length`, a whole object has the `stored` length.
pub(super) fn body(key: &str, range: ReadRange, response: Response, stored: Option<u64>) -> Result<ObjectBody, Error> {
    let length = header(&response, "content-length").and_then(|length| length.parse().ok()).or(stored);
    if response.status() == wire::PARTIAL_CONTENT && header(&response, "content-range").is_none() {
        return Err(Error::failed(key, wire::UNKNOWN_RANGE));
    }
    let served = wire::served(header(&response, "content-range"), length).map_err(|why| Error::failed(key, why))?;
    let (size, served) = served.unzip();
    let meta = meta(key, size.unwrap_or_default(), &response);
    let key = key.to_owned();
    let pieces = response
        .bytes_stream()
        .map(move |piece| piece.map_err(|broken| Error::because(ErrorKind::Truncated, &key, broken.without_url())));
    wire::body(meta, range, served, pieces.boxed())
}

/// Parses a time of a listing (ISO 8601) or of a header (`Wed, 09 Sep 2009 09:20:02 GMT`) to nanoseconds since 1970.
pub(super) fn time(text: &str) -> Option<i64> {
    let time: Timestamp = match text.parse() {
        Ok(time) => time,
        Err(_) => jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?,
    };
    i64::try_from(time.as_nanosecond()).ok()
}

/// Returns a header, if it is text.
pub(super) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Returns the store's code in the body of an error.
async fn code_in(response: Response, cloud: Cloud) -> Option<String> {
    let bytes = collect(response, wire::LONGEST_REFUSAL).await.ok()??;
    (cloud.code)(&bytes)
}

/// Reads a whole body; `None` if it is longer than `limit`.
async fn collect(response: Response, limit: usize) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut all = Vec::new();
    let mut pieces = response.bytes_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        if all.len() + piece.len() > limit {
            return Ok(None);
        }
        all.extend_from_slice(&piece);
    }
    Ok(Some(all))
}

fn unavailable(key: &str, error: reqwest::Error) -> Error {
    if let Some(untrusted) = untrusted_certificate(key, &error) {
        return untrusted;
    }
    Error::because(ErrorKind::Unavailable, key, error.without_url())
}
