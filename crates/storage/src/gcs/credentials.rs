//! Credentials for Google Cloud, rebuilt when a key file is replaced and after errors that Google's library keeps.

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
    let key = match &config.credentials {
        Credentials::Anonymous => return Ok(anonymous::Builder::new().build()),
        Credentials::Default => None,
        Credentials::Static(key) => Some(key.clone()),
    };
    let provider = Provider { key, payer: config.billing_project.clone(), cached: Mutex::default() };
    provider.signing()?; // Fails early if the file is not a key.
    Ok(Signing::from(provider))
}

/// The application default credentials, or a key file that may be replaced while the program runs.
struct Provider {
    key: Option<Rotating<Secret>>,
    payer: Option<String>,
    /// The credentials of the current text.
    cached: Mutex<Option<Cached>>,
}

type Cached = (Option<Arc<Secret>>, Signing);

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Provider {
    /// Returns the cached credentials with their tokens, or new ones if the key was replaced.
    fn signing(&self) -> Result<Signing, Error> {
        let key = self.key.as_ref().map(Rotating::get);
        let mut cached = self.cached.lock();
        if let Some((of, signing)) = &*cached
            && *of == key
        {
            return Ok(signing.clone());
        }
        let payer = self.payer.as_deref();
        let signing = match &key {
            Some(key) => build(key.expose(), payer).ok_or_else(|| Error::failed("", NO_KEY))?,
            None => build_default(payer).ok_or_else(|| Error::failed("", NO_DEFAULT))?,
        };
        *cached = Some((key, signing.clone()));
        Ok(signing)
    }
}

fn build_default(payer: Option<&str>) -> Option<Signing> {
    let builder = Builder::default();
    match payer {
        Some(project) => builder.with_quota_project_id(project),
        None => builder,
    }
    .build()
    .ok()
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

impl CredentialsProvider for Provider {
    async fn headers(&self, extensions: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let signing = self.signing().map_err(|_| CredentialsError::from_msg(false, NO_KEY))?;
        let headers = signing.headers(extensions).await;
        if headers.as_ref().is_err_and(|error| !error.is_transient()) {
            // After such an error Google's credentials never ask again, but its cause may pass: a right that is not
            // granted yet, a token file that is being replaced.
            *self.cached.lock() = None;
        }
        headers
    }

    async fn universe_domain(&self) -> Option<String> {
        self.signing().ok()?.universe_domain().await
    }
}

const NO_DEFAULT: &str = "the application default credentials cannot be used: check GOOGLE_APPLICATION_CREDENTIALS";
const NO_KEY: &str = "the key file cannot be used: it is the JSON that Google Cloud hands out, with \"type\": \
                      \"service_account\", \"external_account\" or \"authorized_user\"";
