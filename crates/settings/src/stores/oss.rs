//! Settings of Alibaba Cloud OSS.

use super::Store;
use crate::Problems;
use crate::crd::{self, OssSpec};
use crate::reader::Reader;
use crate::secret::Keys;
use ray_history_storage::config::{Credentials, OssAddressing, OssConfig, Rotating, StoreConfig};
use ray_history_store_settings::names;

const FIELD: &str = "spec.storage.oss";
const BUCKET: &str = "spec.storage.oss.bucket";
const ENDPOINT: &str = "spec.storage.oss.endpoint";
/// Source of credentials for settings from a file.
const CREDENTIALS: &str = "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET";

/// Returns the configuration of a bucket in a document.
pub(super) fn from_spec(reader: &mut Reader, spec: &OssSpec) -> Store {
    let secret = reader.secret(FIELD, spec.credentials_secret_ref.as_ref(), CREDENTIALS);
    let config = OssConfig {
        bucket: reader.bucket_name(BUCKET, &spec.bucket, names::is_oss(&spec.bucket), names::OSS_EXPECTED),
        region: spec.region.clone(),
        endpoint: reader.endpoint(ENDPOINT, spec.endpoint.as_ref()),
        addressing: match spec.addressing {
            crd::OssAddressing::VirtualHost => OssAddressing::VirtualHost,
            crd::OssAddressing::Path => OssAddressing::Path,
            crd::OssAddressing::Cname => OssAddressing::Cname,
        },
        internal: spec.internal,
        ca: spec.ca_bundle.clone(),
        credentials: reader.credentials(FIELD, spec.anonymous, secret.as_ref()),
    };
    (StoreConfig::Oss(config), secret)
}

/// Returns a bucket of KubeRay's settings as in a document.
pub(super) fn to_spec(oss: &OssConfig) -> OssSpec {
    OssSpec {
        bucket: oss.bucket.clone(),
        region: oss.region.clone(),
        endpoint: oss.endpoint.clone(),
        addressing: match oss.addressing {
            OssAddressing::VirtualHost => crd::OssAddressing::VirtualHost,
            OssAddressing::Path => crd::OssAddressing::Path,
            OssAddressing::Cname => crd::OssAddressing::Cname,
        },
        ..OssSpec::default()
    }
}

/// Replaces the credentials by those in a Secret.
pub(super) fn set_credentials(oss: &mut OssConfig, keys: &Keys<'_>) -> Result<(), Problems> {
    let key = keys.access_key(["accessKeyId", "accessKeySecret", "securityToken"])?;
    oss.credentials = Credentials::Static(Rotating::new(key));
    Ok(())
}

/// Returns the bucket as a URL.
pub(super) fn url(oss: &OssConfig) -> String {
    format!("oss://{}", oss.bucket)
}
