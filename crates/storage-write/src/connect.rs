//! Connects to a store by its configuration.

use super::StorageWrite;
use super::local::LocalWriter;
use ray_history_storage::Error;
use ray_history_storage::config::StoreConfig;
use std::sync::Arc;

/// Returns the writing side of the store of a configuration.
///
/// Makes no request: a wrong bucket or credential shows at the first write. Fails with `ErrorKind::Failed` if the
/// configuration itself is invalid: an unreadable certificate, a store that this program was built without.
pub async fn connect(config: &StoreConfig) -> Result<Arc<dyn StorageWrite>, Error> {
    match config {
        StoreConfig::Local(config) => Ok(Arc::new(LocalWriter::open(&config.path)?)),
        StoreConfig::Portable(_) => Err(Error::failed("", "portable files of sessions are only read")),
        #[cfg(feature = "s3")]
        StoreConfig::S3(config) => Ok(Arc::new(super::s3::S3Writer::connect(config).await?)),
        #[cfg(feature = "gcs")]
        StoreConfig::Gcs(config) => Ok(Arc::new(super::gcs::GcsWriter::connect(config)?)),
        #[cfg(feature = "azure")]
        StoreConfig::Azure(config) => Ok(Arc::new(super::azure::AzureWriter::connect(config)?)),
        #[cfg(feature = "oss")]
        StoreConfig::Oss(config) => Ok(Arc::new(super::oss::OssWriter::connect(config)?)),
        #[cfg(not(all(feature = "s3", feature = "gcs", feature = "azure", feature = "oss")))]
        other => {
            let name = other.name();
            Err(Error::failed("", format!("this program was built without {name}: build it with --features {name}")))
        }
    }
}
