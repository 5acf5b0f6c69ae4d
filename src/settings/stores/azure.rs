//! Settings of Azure Blob Storage.

use super::{Identity, Store};
use crate::crd::{self, AzureSpec};
use crate::settings::Problems;
use crate::settings::reader::Reader;
use crate::settings::secret::Keys;
use crate::settings::sources::{DEFAULT_BUCKET, Sources};
use ray_history_storage::config::{
    AzureConfig, AzureSecret, ConnectionString, Credentials, Rotating, Secret, StoreConfig,
};

const FIELD: &str = "spec.storage.azure";
const CONTAINER: &str = "spec.storage.azure.container";
const ACCOUNT: &str = "spec.storage.azure.account";
const ENDPOINT: &str = "spec.storage.azure.endpoint";
/// Source of credentials for settings from a file.
const CREDENTIALS: &str = "set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET, or use a managed identity";

/// Keys of KubeRay's JSON file.
pub(super) const KUBERAY_KEYS: [&str; 4] =
    ["azureAccountURL", "azureAuthMode", "azureConnectionString", "azureContainer"];

/// Returns the configuration of a container in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &AzureSpec) -> Store {
    let secret = reader.secret(FIELD, spec.credentials_secret_ref.as_ref(), CREDENTIALS);
    let endpoint = reader.endpoint(ENDPOINT, spec.endpoint.as_ref());
    let account = spec.account.clone().or_else(|| account_of(endpoint.as_deref()?));
    if account.is_none() && secret.is_none() {
        reader.problem(ACCOUNT, crd::ACCOUNT_EXPECTED);
    }
    let config = AzureConfig {
        container: reader.bucket_name(CONTAINER, &spec.container, crd::is_azure(&spec.container), crd::AZURE_EXPECTED),
        account: account.unwrap_or_default(),
        endpoint,
        ca: spec.ca_bundle.clone(),
        client_id: spec.client_id.clone(),
        credentials: reader.credentials(FIELD, spec.anonymous, secret.as_ref()),
    };
    (StoreConfig::Azure(config), secret)
}

/// Returns the container in KubeRay's settings, with the credentials in these settings.
pub(super) fn from_kuberay(sources: &mut Sources<'_>) -> (AzureSpec, Option<Identity>) {
    const TEXT: &str = "AZURE_STORAGE_CONNECTION_STRING";
    const URL: &str = "AZURE_STORAGE_ACCOUNT_URL";
    let container = sources.key_or_variable(CONTAINER, "azureContainer", "AZURE_STORAGE_CONTAINER");
    let mut spec = AzureSpec { container: container.unwrap_or_else(|| DEFAULT_BUCKET.into()), ..AzureSpec::default() };
    let mode = sources.key_or_variable("mode", "azureAuthMode", "AZURE_STORAGE_AUTH_MODE").unwrap_or_default();
    let mode = mode.trim().to_ascii_lowercase();
    if !["", "connection_string", "workload_identity", "default"].contains(&mode.as_str()) {
        sources.note("AZURE_STORAGE_AUTH_MODE is not one of connection_string, workload_identity, default: ignored");
    }
    let text = sources.key_or_variable("text", "azureConnectionString", TEXT).filter(|text| !text.is_empty());
    let url = sources.key_or_variable(ENDPOINT, "azureAccountURL", URL);
    let url = url.filter(|url| !url.is_empty());
    let by_token = mode == "workload_identity" || mode == "default";
    match text {
        Some(text) if !by_token => {
            for field in [ENDPOINT, ACCOUNT] {
                sources.set_name(field, TEXT);
            }
            match ConnectionString::parse(&text) {
                Ok(read) => {
                    spec.account = Some(read.account);
                    spec.endpoint = Some(read.endpoint);
                    return (spec, Some(Identity::Azure(read.secret)));
                }
                Err(error) => sources.problem(TEXT, error.to_string()),
            }
        }
        None if mode == "connection_string" => sources.problem(TEXT, "is not set, and the mode is connection_string"),
        _ if url.is_none() => {
            sources.problem(URL, format!("is not set: it or {TEXT} must name the storage account"));
        }
        _ => {
            spec.endpoint = url;
            sources.set_name(ACCOUNT, URL);
            if mode == "workload_identity" {
                for name in ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"] {
                    if sources.variable(name).is_none() {
                        let message = "is not set, and the mode is workload_identity: label the pod \
                                       azure.workload.identity/use and annotate its ServiceAccount";
                        sources.problem(name, message);
                    }
                }
            }
            return (spec, None);
        }
    }
    // A valid placeholder, so that no further problems are reported.
    spec.account = Some("unknown".into());
    (spec, None)
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

/// Returns the account in the address of a blob service: its first path segment if it has one (an emulator), else the
/// first label of the host.
fn account_of(endpoint: &str) -> Option<String> {
    let (host, path) = endpoint.split_once("://")?.1.split_once('/').unwrap_or((endpoint.split_once("://")?.1, ""));
    let account = if path.is_empty() { host.split(['.', ':']).next()? } else { path.split('/').next()? };
    (!account.is_empty()).then(|| account.to_owned())
}
