//! KubeRay's settings of Azure Blob Storage.

use super::sources::{DEFAULT_BUCKET, Sources};
use ray_history_storage::config::{AzureConfig, ConnectionString, Credentials, Rotating};

pub(super) const CONTAINER: &str = "spec.storage.azure.container";
pub(super) const ACCOUNT: &str = "spec.storage.azure.account";
pub(super) const ENDPOINT: &str = "spec.storage.azure.endpoint";

/// Keys of the JSON file.
pub(super) const KEYS: [&str; 4] = ["azureAccountURL", "azureAuthMode", "azureConnectionString", "azureContainer"];

const TEXT: &str = "AZURE_STORAGE_CONNECTION_STRING";
const URL: &str = "AZURE_STORAGE_ACCOUNT_URL";

/// Returns the container, with the credentials in the settings. Its account is empty if only the endpoint tells it.
pub(super) fn read(sources: &mut Sources<'_>) -> AzureConfig {
    let container = sources.key_or_variable(CONTAINER, "azureContainer", "AZURE_STORAGE_CONTAINER");
    let mut config = AzureConfig {
        container: container.unwrap_or_else(|| DEFAULT_BUCKET.into()),
        account: String::new(),
        endpoint: None,
        ca: None,
        client_id: None,
        credentials: Credentials::Default,
    };
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
                    config.account = read.account;
                    config.endpoint = Some(read.endpoint);
                    config.credentials = Credentials::Static(Rotating::new(read.secret));
                    return config;
                }
                Err(error) => sources.problem(TEXT, error.to_string()),
            }
        }
        None if mode == "connection_string" => sources.problem(TEXT, "is not set, and the mode is connection_string"),
        _ if url.is_none() => {
            sources.problem(URL, format!("is not set: it or {TEXT} must name the storage account"));
        }
        _ => {
            config.endpoint = url;
            sources.set_name(ACCOUNT, URL);
            if mode == "workload_identity" {
                require_identity(sources);
            }
            return config;
        }
    }
    // A valid placeholder, so that no further problems are reported.
    config.account = "unknown".into();
    config
}

fn require_identity(sources: &mut Sources<'_>) {
    for name in ["AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"] {
        if sources.variable(name).is_none() {
            let message = "is not set, and the mode is workload_identity: label the pod azure.workload.identity/use and \
                           annotate its ServiceAccount";
            sources.problem(name, message);
        }
    }
}
