//! Google Cloud Storage: its JSON API, signed with the credentials of Google's own library.
//!
//! The `ETag` of an object is its generation: listings and reads report it, and reads can be conditional on it.

mod address;
mod credentials;
mod json;
mod stored;

use super::config::GcsConfig;
use super::rest::{self, Cloud};
use super::wire::{self, RangeRequest};
use super::{Delimiter, Error, ErrorKind, ListPage, ObjectBody, PageToken, ReadRange, Storage};
use address::Address;
use async_trait::async_trait;
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::header::{ACCEPT_ENCODING, HOST, HeaderValue, RANGE};
use http::{Extensions, Method, StatusCode};
use reqwest::{Client, Request};
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
const NO_TOKEN: &str = "Google's token or metadata server does not answer; outside Google Cloud, \
                        GOOGLE_APPLICATION_CREDENTIALS or a Secret names credentials";
const NO_CREDENTIALS: &str = "no credentials for Google Cloud were found: check the pod's workload identity, \
                              GOOGLE_APPLICATION_CREDENTIALS, or the key file in the Secret";

/// A bucket.
#[derive(Debug)]
pub(super) struct Gcs {
    client: Client,
    credentials: Credentials,
    /// `None`: the address of the credentials' universe.
    endpoint: Option<Address>,
    /// The name, escaped.
    bucket: String,
}

impl Gcs {
    pub(super) fn connect(config: &GcsConfig) -> Result<Self, Error> {
        // HTTP/1.1 as in Google's own client: reads go over many connections, and one that dies silently fails only
        // its own request.
        let client = rest::client(None, true)?;
        let credentials = credentials::credentials(config)?;
        let endpoint = config.endpoint.as_deref().map(Address::new).transpose()?;
        Ok(Self { client, credentials, endpoint, bucket: rest::query(&config.bucket) })
    }

    /// Returns a signed request; `rest` follows `/o` in the URL.
    async fn request(&self, key: &str, rest: &str) -> Result<Request, Error> {
        // The cause of an error may quote a token request.
        let headers = match self.credentials.headers(Extensions::new()).await {
            Ok(CacheableResource::New { data, .. }) => data,
            Err(error) if error.is_transient() => return Err(Error::because(ErrorKind::Unavailable, key, NO_TOKEN)),
            _ => return Err(Error::because(ErrorKind::PermissionDenied, key, NO_CREDENTIALS)),
        };
        let address = match &self.endpoint {
            Some(address) => address.clone(),
            None => Address::of_universe(self.credentials.universe_domain().await.as_deref())?,
        };
        let url = format!("{}/storage/v1/b/{}/o{rest}", address.base, self.bucket);
        let url = url.parse().map_err(|_| Error::failed(key, "the endpoint is not a URL"))?;
        let mut request = Request::new(Method::GET, url);
        *request.headers_mut() = headers;
        if let Some(host) = address.host {
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
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
        rest::listing(&self.client, GOOGLE, prefix, request).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let name = name(key)?;
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
            let response = rest::send(&self.client, GOOGLE, key, request).await?;
            if response.status() != StatusCode::RANGE_NOT_SATISFIABLE {
                return stored::body(key, range, if_match, response);
            }
        }
        let url = format!("/{name}?fields=name,size,generation,updated{condition}");
        let request = self.request(key, &url).await?;
        let bytes = rest::document(&self.client, GOOGLE, key, request).await?;
        let understood = json::object(&bytes);
        let meta = understood
            .map_err(|error| Error::failed(key, format!("the object's metadata cannot be understood: {error}")))?;
        stored::check_unchanged(key, meta.etag.as_deref(), if_match)?;
        wire::empty(super::ObjectMeta { key: key.to_owned(), ..meta }, range)
    }
}

/// Escapes a key as one part of a path, so that `.` and `..` within it are sent as they are.
fn name(key: &str) -> Result<String, Error> {
    match key {
        "" => Err(Error::invalid_key(key, "a key has at least one character")),
        "." | ".." => Err(Error::invalid_key(key, "it is `.` or `..`, which no URL can address")),
        _ => Ok(rest::query(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::config;
    use super::*;

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
            let path = format!("/{}", name("a/../b c?#%2F").unwrap());
            let request = gcs.request("k", &path).await.unwrap();
            assert_eq!(request.url().as_str(), format!("{base}/storage/v1/b/ray.logs/o/a%2F..%2Fb%20c%3F%23%252F"));
            assert_eq!(request.headers().get(HOST).map(|host| host.to_str().unwrap()), host);
        }
        for key in ["", ".", ".."] {
            assert_eq!(name(key).unwrap_err().kind(), ErrorKind::InvalidKey, "{key:?}");
        }
    }
}
