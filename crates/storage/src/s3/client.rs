//! A connection to a bucket: the SDK's client with credentials, region, endpoint and certificates.

use super::super::config::{AccessKey, Credentials, Rotating, S3Config};
use super::capped::Capped;
use super::{Error, error};
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::future;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{
    Builder, Credentials as Signing, IdentityCache, Intercept, ProvideCredentials, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedCredentialsProvider, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::RequestPayer;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};

/// The region if none is configured. The SDK does not sign without one; servers other than Amazon's accept any.
const FALLBACK_REGION: &str = "us-east-1";

/// A bucket, and a client that signs its requests.
#[derive(Clone, Debug)]
pub struct S3Connection {
    /// The client. It neither retries nor notices streams that stall.
    pub client: Client,
    /// Name of the bucket.
    pub bucket: String,
    /// The value of `x-amz-request-payer`.
    pub payer: Option<RequestPayer>,
}

impl S3Connection {
    /// Prepares a connection, without a request.
    pub async fn open(config: &S3Config) -> Result<Self, Error> {
        let payer = config.requester_pays.then_some(RequestPayer::Requester);
        Ok(Self { client: client(config).await?, bucket: config.bucket.clone(), payer })
    }

    /// Converts the error of a request. `needs` are the permissions that it needs, in Amazon's terms.
    pub fn refused<E>(key: &str, error: SdkError<E, HttpResponse>, needs: &'static str) -> Error
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        error::refused_needing(key, error, needs)
    }

    /// Returns an interceptor that fails a response longer than any page of a listing.
    pub fn bounded() -> impl Intercept + 'static {
        Capped::Listing
    }
}

async fn client(config: &S3Config) -> Result<Client, Error> {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
    if let Some(profile) = &config.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &config.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(pem) = &config.ca {
        let trust = TrustStore::empty().with_native_roots(true).with_pem_certificate(pem.as_bytes());
        let tls = TlsContext::builder().with_trust_store(trust).build().map_err(|error| Error::failed("", error))?;
        let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        loader = loader.http_client(http.tls_context(tls).build_https());
    }
    loader = match &config.credentials {
        Credentials::Default => loader,
        Credentials::Anonymous => loader.no_credentials(),
        // Not cached, so that a replaced key signs the next request.
        Credentials::Static(keys) => {
            loader.identity_cache(IdentityCache::no_cache()).credentials_provider(Static(keys.clone()))
        }
    };
    let shared = loader.load().await;
    let mut builder = Builder::from(&shared)
        .force_path_style(config.force_path_style)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        // Ceph and older servers do not support the newer checksums.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    if shared.region().is_none() {
        builder = builder.region(Region::new(FALLBACK_REGION));
    }
    if matches!(config.credentials, Credentials::Anonymous) {
        builder = builder.allow_no_auth();
    }
    Ok(Client::from_conf(builder.build()))
}

/// Keys that may be replaced while the program runs.
#[derive(Debug)]
struct Static(Rotating<AccessKey>);

impl ProvideCredentials for Static {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let key = self.0.get();
        let token = key.session_token.as_ref().map(|token| token.expose().to_owned());
        let signing = Signing::new(&key.id, key.secret.expose(), token, None, "settings");
        future::ProvideCredentials::ready(Ok(signing))
    }
}

impl From<Static> for SharedCredentialsProvider {
    fn from(keys: Static) -> Self {
        Self::new(keys)
    }
}
