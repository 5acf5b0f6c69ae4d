//! Checks the values of KubeRay's settings, and completes what an address tells.

use super::{Sources, azure, gcs, oss, s3};
use crate::names::{self, matches};
use crate::quoted;
use ray_history_storage::config::StoreConfig;

/// Adds a problem for each value that no store can have, and completes the others.
pub(super) fn check(store: &mut StoreConfig, sources: &mut Sources<'_>) {
    match store {
        StoreConfig::S3(config) => {
            let is_valid = names::is_s3(&config.bucket, config.region.as_deref(), config.endpoint.is_some());
            bucket(sources, s3::BUCKET, &config.bucket, is_valid, names::S3_EXPECTED);
            endpoint(sources, s3::ENDPOINT, &mut config.endpoint);
        }
        StoreConfig::Gcs(config) => {
            bucket(sources, gcs::BUCKET, &config.bucket, names::is_gcs(&config.bucket), names::GCS_EXPECTED);
        }
        StoreConfig::Azure(config) => {
            let is_valid = names::is_azure(&config.container);
            bucket(sources, azure::CONTAINER, &config.container, is_valid, names::AZURE_EXPECTED);
            endpoint(sources, azure::ENDPOINT, &mut config.endpoint);
            if config.account.is_empty() {
                config.account = config.endpoint.as_deref().and_then(names::azure_account).unwrap_or_default();
            }
            if config.account.is_empty() {
                sources.problem_of(azure::ACCOUNT, "must name the storage account".to_owned());
            }
        }
        StoreConfig::Oss(config) => {
            bucket(sources, oss::BUCKET, &config.bucket, names::is_oss(&config.bucket), names::OSS_EXPECTED);
            endpoint(sources, oss::ENDPOINT, &mut config.endpoint);
            if config.region.is_empty() {
                sources.problem_of(oss::REGION, EMPTY.to_owned());
            }
        }
        StoreConfig::Local(_) | StoreConfig::Portable(_) => {}
    }
}

const EMPTY: &str = "must not be empty";

fn bucket(sources: &mut Sources<'_>, field: &'static str, name: &str, is_valid: bool, expected: &str) {
    if name.is_empty() {
        sources.problem_of(field, EMPTY.to_owned());
    } else if !is_valid {
        let expected = expected.replace("spec.storage.rootDirs", "STORAGE_ROOT_DIR");
        sources.problem_of(field, format!("{} {expected}", quoted(name)));
    }
}

/// Removes the final `/` of an address. The value is not shown: it may contain a password.
fn endpoint(sources: &mut Sources<'_>, field: &'static str, text: &mut Option<String>) {
    let Some(text) = text else { return };
    if !matches(names::ENDPOINT, text) {
        sources.problem_of(field, names::ENDPOINT_EXPECTED.to_owned());
    }
    text.truncate(text.trim_end_matches('/').len());
}
