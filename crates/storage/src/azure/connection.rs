//! A connection to a container: requests that are signed, and the meaning of refusals.

use super::super::config::AzureConfig;
use super::super::rest::{self, Cloud};
use super::super::{Error, ListPage};
use super::AZURE;
use super::credentials::{self, Signer};
use http::Method;
use object_store::client::HttpRequestBody;
use reqwest::{Client, Request, Response};

/// A container, and a client that signs its requests.
#[derive(Debug)]
pub struct AzureConnection {
    client: Client,
    signer: Signer,
    /// `https://account.blob.core.windows.net/container`
    container: String,
}

impl AzureConnection {
    /// Prepares a connection, without a request.
    pub fn open(config: &AzureConfig) -> Result<Self, Error> {
        let endpoint = config.endpoint.clone().unwrap_or_else(|| default_endpoint(&config.account));
        let endpoint = endpoint.trim_end_matches('/');
        let client = rest::client(config.ca.as_deref(), false)?;
        let signer = Signer::new(config)?;
        Ok(Self { client, signer, container: format!("{endpoint}/{}", rest::query(&config.container)) })
    }

    /// Returns the URL of the container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Returns the URL of a blob.
    pub fn url(&self, key: &str) -> Result<String, Error> {
        Ok(format!("{}/{}", self.container, rest::path(key)?))
    }

    /// Returns a signed request without a body. A body that is added must have the length in `content-length`.
    pub async fn request(
        &self,
        key: &str,
        method: Method,
        url: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Request, Error> {
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut request =
            request.body(HttpRequestBody::empty()).map_err(|_| Error::failed(key, "the endpoint is not a URL"))?;
        self.signer.sign(key, &mut request).await?;
        let (parts, _) = request.into_parts();
        let url = parts.uri.to_string().parse().map_err(|_| Error::failed(key, "the endpoint is not a URL"))?;
        let mut request = Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        Ok(request)
    }

    /// Sends a request, which needs these permissions. If the signature in its URL has expired, a refusal reports that.
    pub async fn send(&self, key: &str, needs: &'static str, request: Request) -> Result<Response, Error> {
        let expired = credentials::is_expired(request.url());
        let sent = rest::send(&self.client, Cloud { needs, ..AZURE }, key, request).await;
        sent.map_err(|error| credentials::explain_expired(error, expired))
    }

    /// Requests a page of a listing.
    pub(super) async fn listing(&self, prefix: &str, request: Request) -> Result<ListPage, Error> {
        let expired = credentials::is_expired(request.url());
        let listed = rest::listing(&self.client, AZURE, prefix, request).await;
        listed.map_err(|error| credentials::explain_expired(error, expired))
    }
}

fn default_endpoint(account: &str) -> String {
    format!("https://{account}.blob.core.windows.net")
}
