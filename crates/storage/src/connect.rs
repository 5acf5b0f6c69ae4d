//! Connects to a store by its configuration, and wraps it in its guards.

use super::config::StoreConfig;
use super::guarded::{Guarded, Limits};
use super::{Error, Storage, archive::Archive, local::Local};
use crate::metrics::Metrics;
use std::sync::Arc;

/// Returns the store of a configuration, guarded and counted.
///
/// Makes no request: a wrong bucket or credential shows at the first listing. Fails with `ErrorKind::Failed` if the
/// configuration itself is invalid: an unreadable certificate, a store that this program was built without.
pub async fn connect(config: &StoreConfig, limits: Limits, metrics: &Arc<Metrics>) -> Result<Arc<dyn Storage>, Error> {
    let store = connect_unguarded(config).await?;
    Ok(Arc::new(Guarded::new(store, config.name(), limits, Arc::clone(metrics))))
}

/// Returns the bare store: one request per call, no retries, no bounds. For tests, and for callers that add guards.
pub async fn connect_unguarded(config: &StoreConfig) -> Result<Arc<dyn Storage>, Error> {
    match config {
        StoreConfig::Local(config) => {
            let path = config.path.display().to_string();
            Ok(Arc::new(Local::open(&config.path).map_err(|error| Error::failed(path, error))?))
        }
        StoreConfig::Portable(config) => {
            let files = config.files.clone();
            let opened = tokio::task::spawn_blocking(move || Archive::open(&files)).await;
            let opened = opened.map_err(|gone| Error::failed("", gone))?;
            Ok(Arc::new(opened.map_err(|error| Error::failed("", error))?))
        }
        #[cfg(feature = "s3")]
        StoreConfig::S3(config) => Ok(Arc::new(super::s3::S3::connect(config).await?)),
        #[cfg(feature = "gcs")]
        StoreConfig::Gcs(config) => Ok(Arc::new(super::gcs::Gcs::connect(config)?)),
        #[cfg(feature = "azure")]
        StoreConfig::Azure(config) => Ok(Arc::new(super::azure::Azure::connect(config)?)),
        #[cfg(feature = "oss")]
        StoreConfig::Oss(config) => Ok(Arc::new(super::oss::Oss::connect(config)?)),
        #[cfg(not(all(feature = "s3", feature = "gcs", feature = "azure", feature = "oss")))]
        other => {
            let name = other.name();
            Err(Error::failed("", format!("this program was built without {name}: build it with --features {name}")))
        }
    }
}
