//! Credentials for Azure: `object_store`'s, rebuilt when a secret is replaced.

use super::super::config::{AzureConfig, AzureSecret, Credentials};
use super::super::{Error, ErrorKind};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use object_store::azure::{AzureAuthorizer, AzureConfigKey, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::HttpRequest;
use parking_lot::Mutex;
use reqwest::Url;
use std::fmt;
use std::sync::Arc;

/// Signs requests.
pub(super) struct Signer {
    config: AzureConfig,
    /// The provider of the current secret.
    cached: Mutex<Option<Cached>>,
}

type Cached = (Option<Arc<AzureSecret>>, Arc<MicrosoftAzure>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(config: &AzureConfig) -> Result<Self, Error> {
        let signer = Self { config: config.clone(), cached: Mutex::default() };
        signer.provider()?; // Fails early if the key is not base64.
        Ok(signer)
    }

    pub(super) async fn sign(&self, key: &str, request: &mut HttpRequest) -> Result<(), Error> {
        let credential = match self.config.credentials {
            // An empty signature adds only the headers that every request has.
            Credentials::Anonymous => Arc::new(AzureCredential::SASToken(Vec::new())),
            _ => self.provider()?.credentials().get_credential().await.map_err(|_| {
                // The cause may quote a token request.
                Error::because(ErrorKind::PermissionDenied, key, NO_TOKEN)
            })?,
        };
        let signed = AzureAuthorizer::new(&credential, &self.config.account).try_authorize(request);
        signed.map_err(|_| {
            Error::because(ErrorKind::PermissionDenied, key, "the request cannot be signed: check the key")
        })
    }

    /// Returns the cached provider with its tokens, or a new one if the secret was replaced.
    fn provider(&self) -> Result<Arc<MicrosoftAzure>, Error> {
        let secret = match &self.config.credentials {
            Credentials::Static(secret) => Some(secret.get()),
            _ => None,
        };
        let mut cached = self.cached.lock();
        if let Some((of, provider)) = &*cached
            && *of == secret
        {
            return Ok(Arc::clone(provider));
        }
        let provider = Arc::new(build(&self.config, secret.as_deref())?);
        *cached = Some((secret, Arc::clone(&provider)));
        Ok(provider)
    }
}

fn build(config: &AzureConfig, secret: Option<&AzureSecret>) -> Result<MicrosoftAzure, Error> {
    let builder = match secret {
        // Without a configured secret, the environment is used: AZURE_FEDERATED_TOKEN_FILE, IDENTITY_ENDPOINT ...
        None => from_env(),
        Some(AzureSecret::AccountKey(key)) => {
            MicrosoftAzureBuilder::new().with_access_key(key.expose()).with_credential_type("access_key")
        }
        Some(AzureSecret::Sas(sas)) => MicrosoftAzureBuilder::new()
            .with_config(AzureConfigKey::SasKey, sas.expose().trim_start_matches('?'))
            .with_credential_type("sas_token"),
        Some(AzureSecret::ClientSecret { tenant_id, client_id, secret }) => MicrosoftAzureBuilder::new()
            .with_client_secret_authorization(client_id, secret.expose(), tenant_id)
            .with_credential_type("client_secret"),
    };
    let mut builder = builder
        .with_account(&config.account)
        .with_container_name(&config.container)
        .with_use_emulator(false)
        // The endpoint decides about TLS for the store; token servers of nodes have none.
        .with_allow_http(true);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if let Some(client_id) = &config.client_id {
        builder = builder.with_client_id(client_id);
    }
    builder.build().map_err(|_| Error::failed("", UNUSABLE))
}

/// Reads the environment. AKS ends the authority with a slash, which is removed: the token's path begins with one.
fn from_env() -> MicrosoftAzureBuilder {
    let builder = MicrosoftAzureBuilder::from_env();
    match builder.get_config_value(&AzureConfigKey::AuthorityHost) {
        Some(host) => builder.with_config(AzureConfigKey::AuthorityHost, host.trim_end_matches('/')),
        None => builder,
    }
}

/// Returns `true` if a URL contains an expired shared access signature, which Azure refuses like any invalid one.
pub(super) fn is_expired(url: &Url) -> bool {
    let Some((_, end)) = url.query_pairs().find(|(name, _)| name == "se") else { return false };
    let end = end.parse::<Timestamp>().ok().or_else(|| {
        // A date without a time expires at its start.
        Some(end.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
    });
    end.is_some_and(|end| end < Timestamp::now())
}

/// Replaces the advice of a refusal if the signature has expired.
pub(super) fn explain_expired(error: Error, expired: bool) -> Error {
    if expired && error.kind() == ErrorKind::PermissionDenied {
        return Error::because(ErrorKind::PermissionDenied, error.key(), EXPIRED);
    }
    error
}

const EXPIRED: &str = "the shared access signature has expired: create a new one in Azure, and put it into the Secret";
const NO_TOKEN: &str = "no token for Azure was obtained: check the workload identity's federation, or the identity \
                        that is assigned, or name a Secret";
const UNUSABLE: &str = "the credentials cannot be used: an account key is base64, a shared access signature is the \
                        query string that Azure handed out";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_expired_signatures() {
        for (query, expected) in [
            ("", false),
            ("?sv=2024-11-04&sig=x", false),
            ("?se=2020-01-01T00%3A00%3A00Z&sig=x", true),
            ("?se=2020-01-01T00:00Z", true),
            ("?se=2020-01-01", true),
            ("?se=2999-01-01T00%3A00%3A00Z", false),
            ("?se=2999-01-01", false),
            ("?se=soon", false),
        ] {
            let url = format!("https://acc.blob.core.windows.net/ray{query}").parse().unwrap();
            assert_eq!(is_expired(&url), expected, "{query}");
        }
    }
}
