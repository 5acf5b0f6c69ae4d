//! Credentials for Google Cloud, rebuilt when a key file is replaced.

use super::super::Error;
use super::super::config::{Credentials, GcsConfig, Rotating, Secret};
use google_cloud_auth::credentials::{
    Builder, CacheableResource, Credentials as Signing, CredentialsProvider, anonymous, external_account,
    service_account, user_account,
};
use google_cloud_auth::errors::CredentialsError;
use http::{Extensions, HeaderMap};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;

pub(super) fn credentials(config: &GcsConfig) -> Result<Signing, Error> {
    let payer = config.billing_project.clone();
    match &config.credentials {
        Credentials::Anonymous => Ok(anonymous::Builder::new().build()),
        Credentials::Default => {
            let builder = Builder::default();
            let builder = match payer {
                Some(project) => builder.with_quota_project_id(project),
                None => builder,
            };
            builder.build().map_err(|_| {
                Error::failed(
                    "",
                    "the application default credentials cannot be used: check GOOGLE_APPLICATION_CREDENTIALS",
                )
            })
        }
        Credentials::Static(key) => {
            let file = KeyFile { key: key.clone(), payer, cached: Mutex::default() };
            file.signing()?; // Fails early if the file is not a key.
            Ok(Signing::from(file))
        }
    }
}

/// A key file that may be replaced while the program runs.
struct KeyFile {
    key: Rotating<Secret>,
    payer: Option<String>,
    /// The credentials of the current text.
    cached: Mutex<Option<(Arc<Secret>, Signing)>>,
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("key", &self.key).finish_non_exhaustive()
    }
}

impl KeyFile {
    /// Returns the cached credentials with their tokens, or new ones if the key was replaced.
    fn signing(&self) -> Result<Signing, Error> {
        let key = self.key.get();
        let mut cached = self.cached.lock();
        if let Some((of, signing)) = &*cached
            && *of == key
        {
            return Ok(signing.clone());
        }
        let signing = build(key.expose(), self.payer.as_deref()).ok_or_else(|| Error::failed("", NO_KEY))?;
        *cached = Some((key, signing.clone()));
        Ok(signing)
    }
}

/// Builds credentials by the `type` of the file.
fn build(text: &str, payer: Option<&str>) -> Option<Signing> {
    let file: serde_json::Value = serde_json::from_str(text).ok()?;
    macro_rules! build {
        ($builder:expr) => {{
            let builder = $builder;
            match payer {
                Some(project) => builder.with_quota_project_id(project),
                None => builder,
            }
            .build()
            .ok()
        }};
    }
    match file.get("type")?.as_str()? {
        "service_account" => build!(service_account::Builder::new(file)),
        "external_account" => build!(external_account::Builder::new(file)),
        "authorized_user" => build!(user_account::Builder::new(file)),
        _ => None,
    }
}

impl CredentialsProvider for KeyFile {
    async fn headers(&self, extensions: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let signing = self.signing().map_err(|_| CredentialsError::from_msg(false, NO_KEY))?;
        signing.headers(extensions).await
    }

    async fn universe_domain(&self) -> Option<String> {
        self.signing().ok()?.universe_domain().await
    }
}

const NO_KEY: &str = "the key file cannot be used: it is the JSON that Google Cloud hands out, with \"type\": \
                      \"service_account\", \"external_account\" or \"authorized_user\"";
