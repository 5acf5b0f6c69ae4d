//! Google Cloud Storage: its JSON API, signed with the credentials of Google's own library.
//!
//! The `ETag` of an object is its generation: listings and reads report it, and reads can be conditional on it.

mod address;
mod connection;
mod credentials;
mod json;
mod stored;

use super::config::GcsConfig;
use super::rest::{self, Cloud};
use super::wire::{self, RangeRequest};
use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use async_trait::async_trait;
pub use connection::GcsConnection;
use http::header::{ACCEPT_ENCODING, HeaderValue, RANGE};
use http::{Method, StatusCode};
use reqwest::Request;
use std::fmt::Write;

const GOOGLE: Cloud = Cloud {
    code_header: None,
    code: json::code,
    page: json::read,
    needs: "storage.objects.list and storage.objects.get on the bucket (role Storage Object Viewer)",
    // Google knows neither accounts nor regions in addresses.
    no_bucket: "check the bucket's name",
};
/// The fields of a page that are used. A page without entries has no other than `kind`.
const FIELDS: &str = "kind,items(name,size,generation,updated),prefixes,nextPageToken";

/// A bucket.
#[derive(Debug)]
pub(super) struct Gcs {
    connection: GcsConnection,
}

impl Gcs {
    pub(super) fn connect(config: &GcsConfig) -> Result<Self, Error> {
        Ok(Self { connection: GcsConnection::open(config)? })
    }

    /// Returns a signed request; `rest` follows `/o` in the URL.
    async fn request(&self, key: &str, rest: &str) -> Result<Request, Error> {
        self.connection.request(key, Method::GET, &format!("/storage/v1/b/{}/o{rest}", self.connection.bucket())).await
    }
}

#[async_trait]
impl Storage for Gcs {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        let mut query = format!("?maxResults=1000&fields={}", rest::query(FIELDS));
        if !prefix.is_empty() {
            let _ = write!(query, "&prefix={}", rest::query(prefix));
        }
        if delimiter == Delimiter::Slash {
            query.push_str("&delimiter=%2F");
        }
        if let Some(PageToken(token)) = &page {
            let _ = write!(query, "&pageToken={}", rest::query(token));
        }
        let request = self.request(prefix, &query).await?;
        rest::listing(self.connection.client(), GOOGLE, prefix, request).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let name = GcsConnection::name(key)?;
        let mut condition = String::new();
        if let Some(etag) = if_match {
            let changed = || Error::new(ErrorKind::PreconditionFailed, key); // Not a generation.
            let generation: u64 = etag.parse().map_err(|_| changed())?;
            condition = format!("&ifGenerationMatch={generation}");
        }
        let range_request = RangeRequest::from(range);
        if range_request != RangeRequest::Head {
            let url = format!("/{name}?alt=media{condition}");
            let mut request = self.request(key, &url).await?;
            // Without it, Google unpacks objects that are stored with `Content-Encoding: gzip`, and ignores ranges.
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
            if let RangeRequest::Part(part) = range_request {
                let part = part.parse().map_err(|_| Error::invalid_key(key, "its range cannot be sent"))?;
                request.headers_mut().insert(RANGE, part);
            }
            let response = self.connection.send(key, GOOGLE.needs, request).await?;
            if response.status() != StatusCode::RANGE_NOT_SATISFIABLE {
                return stored::body(key, range, if_match, response);
            }
        }
        let url = format!("/{name}?fields=name,size,generation,updated{condition}");
        let request = self.request(key, &url).await?;
        let bytes = rest::document(self.connection.client(), GOOGLE, key, request).await?;
        let understood = json::object(&bytes);
        let meta = understood
            .map_err(|error| Error::failed(key, format!("the object's metadata cannot be understood: {error}")))?;
        stored::check_unchanged(key, meta.etag.as_deref(), if_match)?;
        wire::empty(super::ObjectMeta { key: key.to_owned(), ..meta }, range)
    }
}

#[cfg(test)]
mod tests {
    use super::super::config;
    use super::*;
    use http::header::HOST;

    #[tokio::test]
    async fn requests_address_one_object_of_the_bucket() {
        const HOST_OF_ALL: &str = "https://private.googleapis.com";
        for (endpoint, base, host) in [
            (None, "https://storage.googleapis.com", None),
            (Some("http://127.0.0.1:1/gcs/"), "http://127.0.0.1:1/gcs", None),
            (Some(HOST_OF_ALL), HOST_OF_ALL, Some("storage.googleapis.com")),
        ] {
            let gcs = Gcs::connect(&GcsConfig {
                bucket: "ray.logs".into(),
                endpoint: endpoint.map(str::to_owned),
                billing_project: None,
                credentials: config::Credentials::Anonymous,
            });
            let gcs = gcs.unwrap();
            let path = format!("/{}", GcsConnection::name("a/../b c?#%2F").unwrap());
            let request = gcs.request("k", &path).await.unwrap();
            assert_eq!(request.url().as_str(), format!("{base}/storage/v1/b/ray.logs/o/a%2F..%2Fb%20c%3F%23%252F"));
            assert_eq!(request.headers().get(HOST).map(|host| host.to_str().unwrap()), host);
        }
        for key in ["", ".", ".."] {
            assert_eq!(GcsConnection::name(key).unwrap_err().kind(), ErrorKind::InvalidKey, "{key:?}");
        }
    }
}
