//! A connection to a bucket: requests that are signed, and the meaning of refusals.

use super::super::config::GcsConfig;
use super::super::rest::{self, Cloud};
use super::super::{Error, ErrorKind};
use super::address::Address;
use super::{GOOGLE, credentials};
use google_cloud_auth::credentials::{CacheableResource, Credentials};
use http::header::HOST;
use http::{Extensions, Method};
use reqwest::{Client, Request, Response};

const NO_TOKEN: &str = "Google's token or metadata server does not answer; outside Google Cloud, \
                        GOOGLE_APPLICATION_CREDENTIALS or a Secret names credentials";
const NO_CREDENTIALS: &str = "no credentials for Google Cloud were found: check the pod's workload identity, \
                              GOOGLE_APPLICATION_CREDENTIALS, or the key file in the Secret";

/// A bucket, and a client that signs its requests.
#[derive(Debug)]
pub struct GcsConnection {
    client: Client,
    credentials: Credentials,
    /// `None`: the address of the credentials' universe.
    endpoint: Option<Address>,
    /// The name, escaped.
    bucket: String,
}

impl GcsConnection {
    /// Prepares a connection, without a request.
    pub fn open(config: &GcsConfig) -> Result<Self, Error> {
        // HTTP/1.1 as in Google's own client: reads go over many connections, and one that dies silently fails only
        // its own request.
        let client = rest::client(None, true)?;
        let credentials = credentials::credentials(config)?;
        let endpoint = config.endpoint.as_deref().map(Address::new).transpose()?;
        Ok(Self { client, credentials, endpoint, bucket: rest::query(&config.bucket) })
    }

    /// Returns the name of the bucket, escaped for a path.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// Escapes a key as one part of a path, so that `.` and `..` within it are sent as they are.
    pub fn name(key: &str) -> Result<String, Error> {
        match key {
            "" => Err(Error::invalid_key(key, "a key has at least one character")),
            "." | ".." => Err(Error::invalid_key(key, "it is `.` or `..`, which no URL can address")),
            _ => Ok(rest::query(key)),
        }
    }

    /// Returns a signed request without a body; `path` and query follow the address of the service.
    pub async fn request(&self, key: &str, method: Method, path: &str) -> Result<Request, Error> {
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
        let url = format!("{}{path}", address.base);
        let url = url.parse().map_err(|_| Error::failed(key, "the endpoint is not a URL"))?;
        let mut request = Request::new(method, url);
        *request.headers_mut() = headers;
        if let Some(host) = address.host {
            request.headers_mut().insert(HOST, host);
        }
        Ok(request)
    }

    /// Sends a request, which needs these permissions.
    pub async fn send(&self, key: &str, needs: &'static str, request: Request) -> Result<Response, Error> {
        rest::send(&self.client, Cloud { needs, ..GOOGLE }, key, request).await
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}
