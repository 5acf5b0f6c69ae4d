//! The identity of a Kubernetes: the uid of its namespace `kube-system`.

use crate::api_error;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use std::time::Duration;

/// Pause between two tries to ask for it.
const RETRY: Duration = Duration::from_secs(30);

/// Returns the uid, once the API server answers; empty without the permission to read it.
pub(super) async fn system_uid(client: &Client) -> String {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    loop {
        match namespaces.get_metadata("kube-system").await {
            Ok(system) => return system.metadata.uid.unwrap_or_default(),
            Err(kube::Error::Api(status)) if [403, 404].contains(&status.code) => {
                tracing::debug!(error = status.message, "the uid of kube-system is not known");
                return String::new();
            }
            Err(error) => {
                tracing::debug!(error = %api_error::text(&error), "the API server does not say which it is");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
