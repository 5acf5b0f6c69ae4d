//! Who we are to Azure: `object_store`'s credentials, made anew when a secret was replaced.

use super::super::config::{AzureConfig, AzureSecret, Credentials};
use super::super::{Error, ErrorKind};
use object_store::azure::{AzureAuthorizer, AzureConfigKey, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder};
use object_store::client::HttpRequest;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Signs requests.
pub(super) struct Signer {
    config: AzureConfig,
    /// What was made of the secret that is in force.
    made: Mutex<Option<Made>>,
}

type Made = (Option<Arc<AzureSecret>>, Arc<MicrosoftAzure>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(config: &AzureConfig) -> Result<Self, Error> {
        let signer = Self { config: config.clone(), made: Mutex::default() };
        signer.provider()?; // A key that is no base64 shows at once.
        Ok(signer)
    }

    pub(super) async fn sign(&self, key: &str, request: &mut HttpRequest) -> Result<(), Error> {
        let credential = match self.config.credentials {
            // An empty signature adds nothing but the headers that every request has.
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

    /// Keeps tokens as long as the secret is the same.
    fn provider(&self) -> Result<Arc<MicrosoftAzure>, Error> {
        let secret = match &self.config.credentials {
            Credentials::Static(secret) => Some(secret.get()),
            _ => None,
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, provider)) = &*made
            && *of == secret
        {
            return Ok(Arc::clone(provider));
        }
        let provider = Arc::new(build(&self.config, secret.as_deref())?);
        *made = Some((secret, Arc::clone(&provider)));
        Ok(provider)
    }
}

fn build(config: &AzureConfig, secret: Option<&AzureSecret>) -> Result<MicrosoftAzure, Error> {
    let builder = match secret {
        // Without a secret of ours, the environment tells: AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID, IDENTITY_ENDPOINT ...
        None => MicrosoftAzureBuilder::from_env(),
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
        // Whether the store is spoken to in the clear is the endpoint's matter; token servers of nodes are.
        .with_allow_http(true);
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    if let Some(client_id) = &config.client_id {
        builder = builder.with_client_id(client_id);
    }
    builder.build().map_err(|_| Error::failed("", UNUSABLE))
}

const NO_TOKEN: &str = "no token for Azure could be had: check the workload identity's federation, or the identity that \
                        is assigned, or name a Secret";
const UNUSABLE: &str = "the credentials cannot be used: an account key is base64, a shared access signature is the \
                        query string that Azure handed out";
