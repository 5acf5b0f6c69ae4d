//! A connection to a bucket: requests that are signed, and the meaning of refusals.

use super::super::Error;
use super::super::config::{OssAddressing, OssConfig};
use super::super::rest::{self, Cloud};
use super::signer::OssSigner;
use super::{OSS, region};
use http::Method;
use reqwest::{Client, Response, Url};

/// A bucket, and a client that signs its requests.
#[derive(Debug)]
pub struct OssConnection {
    client: Client,
    signer: OssSigner,
    /// The URL in front of a request's path: the address, and with path style the bucket. Without a final `/`.
    base: String,
}

impl OssConnection {
    /// Prepares a connection, without a request.
    pub fn open(config: &OssConfig) -> Result<Self, Error> {
        // The Host header is signed, so exactly that one must be sent: HTTP/1.1.
        let client = rest::client(config.ca.as_deref(), true)?;
        let base = base(config)?;
        let signer = OssSigner::new(config, client.clone());
        Ok(Self { client, signer, base })
    }

    /// Returns a signed request without a body; `path_and_query` follow the bucket.
    pub async fn request(
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

    /// Sends a request, which needs these permissions.
    pub async fn send(&self, key: &str, needs: &'static str, request: reqwest::Request) -> Result<Response, Error> {
        rest::send(&self.client, Cloud { needs, ..OSS }, key, request).await
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }
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
