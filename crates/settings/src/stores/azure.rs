//! Settings of Azure Blob Storage.

use super::Store;
use crate::Problems;
use crate::crd::{self, AzureSpec};
use crate::reader::Reader;
use crate::secret::Keys;
use ray_history_storage::config::{
    AzureConfig, AzureSecret, ConnectionString, Credentials, Rotating, Secret, StoreConfig,
};
use ray_history_store_settings::names;

const FIELD: &str = "spec.storage.azure";
const CONTAINER: &str = "spec.storage.azure.container";
const ACCOUNT: &str = "spec.storage.azure.account";
const ENDPOINT: &str = "spec.storage.azure.endpoint";
/// Source of credentials for settings from a file.
const CREDENTIALS: &str = "set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or use a managed identity";

/// Returns the configuration of a container in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &AzureSpec) -> Store {
    let secret = reader.secret(FIELD, spec.credentials_secret_ref.as_ref(), CREDENTIALS);
    let endpoint = reader.endpoint(ENDPOINT, spec.endpoint.as_ref());
    let account = spec.account.clone().or_else(|| names::azure_account(endpoint.as_deref()?));
    if account.is_none() && secret.is_none() {
        reader.problem(ACCOUNT, crd::ACCOUNT_EXPECTED);
    }
    let config = AzureConfig {
        container: reader.bucket_name(
            CONTAINER,
            &spec.container,
            names::is_azure(&spec.container),
            names::AZURE_EXPECTED,
        ),
        account: account.unwrap_or_default(),
        endpoint,
        ca: spec.ca_bundle.clone(),
        client_id: spec.client_id.clone(),
        credentials: reader.credentials(FIELD, spec.anonymous, secret.as_ref()),
    };
    (StoreConfig::Azure(config), secret)
}

/// Returns a container of KubeRay's settings as in a document.
pub(super) fn to_spec(azure: &AzureConfig) -> AzureSpec {
    AzureSpec {
        container: azure.container.clone(),
        account: Some(azure.account.clone()).filter(|account| !account.is_empty()),
        endpoint: azure.endpoint.clone(),
        ..AzureSpec::default()
    }
}

/// Replaces the credentials by those in a Secret. A connection string also gives the account and its address, if they
/// are not set.
pub(super) fn set_credentials(azure: &mut AzureConfig, keys: &Keys<'_>) -> Result<(), Problems> {
    let secret = if let Some(text) = keys.text("connectionString")? {
        let read = ConnectionString::parse(text).map_err(|error| keys.problem("connectionString", &error))?;
        if azure.account.is_empty() {
            azure.account = read.account;
        }
        azure.endpoint.get_or_insert(read.endpoint);
        read.secret
    } else if let Some(key) = keys.text("accountKey")? {
        AzureSecret::AccountKey(Secret::new(key))
    } else if let Some(token) = keys.text("sasToken")? {
        AzureSecret::Sas(Secret::new(token.trim_start_matches('?')))
    } else if let Some(secret) = keys.text("clientSecret")? {
        AzureSecret::ClientSecret {
            tenant_id: keys.require("tenantId")?.to_owned(),
            client_id: keys.require("clientId")?.to_owned(),
            secret: Secret::new(secret),
        }
    } else {
        let possible_keys = "connectionString, accountKey, sasToken and clientSecret";
        return Err(keys.problem("data", &format!("has none of {possible_keys}")));
    };
    if azure.account.is_empty() {
        return Err(keys.problem("connectionString", &"is missing, and spec.storage.azure.account too"));
    }
    azure.credentials = Credentials::Static(Rotating::new(secret));
    Ok(())
}

/// Returns the container as a URL, with its account if that is known.
pub(super) fn url(azure: &AzureConfig) -> String {
    match (azure.account.as_str(), &azure.container) {
        ("", container) => format!("azure://{container}"),
        (account, container) => format!("azure://{account}/{container}"),
    }
}
