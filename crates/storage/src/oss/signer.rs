//! Credentials for OSS, and the signature of requests.
//!
//! Works around two limits of the signer. It lists additional headers only if `Host` is among the headers to sign, and
//! OSS refuses requests without them. And it takes the bucket from the host name, which a custom address does not
//! contain: a request is therefore signed for the bucket's own host name and sent to the custom address.

use super::super::config::{AccessKey, Credentials, OssConfig, Rotating};
use super::super::{Error, ErrorKind};
use http::request::Parts;
use http_client::Http;
use reqsign_aliyun_oss::{
    AssumeRoleWithOidcCredentialProvider, Credential, CredentialsUriCredentialProvider, EcsRamRoleCredentialProvider,
    EnvCredentialProvider, RequestSigner, SigningVersion,
};
use reqsign_core::{Context, OsEnv, ProvideCredential, ProvideCredentialChain, Signer};
use reqsign_file_read_tokio::TokioFileRead;
use reqwest::Client;

const SESSION: &str = "ray-history";

/// Signs requests to one bucket.
#[derive(Debug)]
pub(super) struct OssSigner {
    kind: Kind,
    bucket: String,
}

#[derive(Debug)]
enum Kind {
    Anonymous,
    /// Built for each request, so that a replaced key signs the next one.
    Static(Rotating<AccessKey>, String),
    /// Keeps temporary credentials until they expire.
    Chain(Box<Signer<Credential>>),
}

impl OssSigner {
    pub(super) fn new(config: &OssConfig, client: Client) -> Self {
        let region = super::region(config);
        let kind = match &config.credentials {
            Credentials::Anonymous => Kind::Anonymous,
            Credentials::Static(keys) => Kind::Static(keys.clone(), region.to_owned()),
            Credentials::Default => {
                // The order matters: the node's role is last, or pods with a role of their own would sign as the node.
                let chain = ProvideCredentialChain::new()
                    .push(EnvCredentialProvider::new())
                    .push(AssumeRoleWithOidcCredentialProvider::new().with_role_session_name(SESSION))
                    .push(CredentialsUriCredentialProvider::new())
                    .push(EcsRamRoleCredentialProvider::new());
                Kind::Chain(Box::new(Signer::new(context(client), chain, requests(&config.bucket, region))))
            }
        };
        Self { kind, bucket: config.bucket.clone() }
    }

    /// Signs for the bucket's own host name; the request keeps its address. `path_and_query` follows the bucket.
    pub(super) async fn sign(&self, key: &str, parts: &mut Parts, path_and_query: &str) -> Result<(), Error> {
        let Some(host) = parts.uri.authority().cloned() else {
            return Err(Error::failed(key, "the endpoint has no host"));
        };
        let host = host.as_str().parse().map_err(|_| Error::failed(key, "the endpoint's host cannot be sent"))?;
        parts.headers.insert(http::header::HOST, host);
        let address = parts.uri.clone();
        let own = format!("https://{}.oss/{path_and_query}", self.bucket);
        parts.uri = own.parse().map_err(|_| Error::invalid_key(key, "it cannot be put into a URL"))?;
        let signed = match &self.kind {
            Kind::Anonymous => Ok(()),
            Kind::Static(keys, region) => {
                let signer = Signer::new(Context::new(), CurrentKeys(keys.clone()), requests(&self.bucket, region));
                signer.sign(parts, None).await
            }
            Kind::Chain(signer) => signer.sign(parts, None).await,
        };
        parts.uri = address;
        // The cause may quote a token request.
        signed.map_err(|_| Error::because(ErrorKind::PermissionDenied, key, NO_CREDENTIALS))
    }
}

fn requests(bucket: &str, region: &str) -> RequestSigner {
    RequestSigner::new(bucket).with_region(region).with_signing_version(SigningVersion::V4)
}

fn context(client: Client) -> Context {
    Context::new().with_file_read(TokioFileRead).with_http_send(Http(client)).with_env(OsEnv)
}

/// Provides the current keys, which may be replaced while the program runs.
#[derive(Debug)]
struct CurrentKeys(Rotating<AccessKey>);

impl ProvideCredential for CurrentKeys {
    type Credential = Credential;

    async fn provide_credential(&self, _: &Context) -> reqsign_core::Result<Option<Credential>> {
        let key = self.0.get();
        Ok(Some(Credential {
            access_key_id: key.id.clone(),
            access_key_secret: key.secret.expose().to_owned(),
            security_token: key.session_token.as_ref().map(|token| token.expose().to_owned()),
            expires_in: None,
        }))
    }
}

mod http_client {
    use bytes::Bytes;
    use reqsign_core::{Error, HttpSend, Result};
    use std::time::Duration;

    /// Timeout for a token server. Short, because a listing waits for it.
    const TIMEOUT: Duration = Duration::from_secs(10);

    /// The common client, for token servers.
    #[derive(Debug)]
    pub(super) struct Http(pub(super) reqwest::Client);

    impl HttpSend for Http {
        async fn http_send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>> {
            // Without the URL, because a projected token is part of it.
            let failed = |error: reqwest::Error| Error::unexpected("token server").with_source(error.without_url());
            let mut request = reqwest::Request::try_from(request).map_err(failed)?;
            *request.timeout_mut() = Some(TIMEOUT);
            let response = self.0.execute(request).await.map_err(failed)?;
            let mut answer = http::Response::builder().status(response.status());
            if let Some(headers) = answer.headers_mut() {
                *headers = response.headers().clone();
            }
            let body = response.bytes().await.map_err(failed)?;
            answer.body(body).map_err(|error| Error::unexpected("token server").with_source(error))
        }
    }
}

const NO_CREDENTIALS: &str = "no credentials for OSS were found: bind a RAM role to the service account (RRSA), give \
                              the node one, set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or \
                              name a Secret";
