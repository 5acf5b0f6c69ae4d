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
use tokio::sync::OnceCell;

pub(super) fn credentials(config: &GcsConfig) -> Result<Signing, Error> {
    let key = match &config.credentials {
        Credentials::Anonymous => return Ok(anonymous::Builder::new().build()),
        Credentials::Default => None,
        Credentials::Static(key) => Some(key.clone()),
    };
    let provider = Provider { key, payer: config.billing_project.clone(), cached: Mutex::default() };
    provider.current()?; // Fails early if the file is not a key.
    Ok(Signing::from(provider))
}

/// The application default credentials, or a key file that may be replaced while the program runs.
struct Provider {
    key: Option<Rotating<Secret>>,
    payer: Option<String>,
    cached: Mutex<Option<Cached>>,
}

/// Credentials that were built.
#[derive(Clone)]
struct Cached {
    /// The key file of which they were built.
    key: Option<Arc<Secret>>,
    signing: Signing,
    /// Their universe, once they have told it: a request must not ask for it again, new credentials may be of another.
    universe: Arc<OnceCell<String>>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Provider {
    /// Returns the cached credentials with their tokens, or new ones if the key was replaced.
    fn current(&self) -> Result<Cached, Error> {
        let key = self.key.as_ref().map(Rotating::get);
        let mut cached = self.cached.lock();
        if let Some(cached) = cached.as_ref().filter(|cached| cached.key == key) {
            return Ok(cached.clone());
        }
        let payer = self.payer.as_deref();
        let signing = match &key {
            Some(key) => build(key.expose(), payer).ok_or_else(|| Error::failed("", NO_KEY))?,
            None => build_default(payer).ok_or_else(|| Error::failed("", NO_DEFAULT))?,
        };
        Ok(cached.insert(Cached { key, signing, universe: Arc::default() }).clone())
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
        let Cached { signing, .. } = self.current().map_err(|_| CredentialsError::from_msg(false, NO_KEY))?;
        let headers = signing.headers(extensions).await;
        if headers.as_ref().is_err_and(|error| !error.is_transient()) {
            // After such an error Google's credentials never ask again, but its cause may pass: a right that is not
            // granted yet, a token file that is being replaced.
            *self.cached.lock() = None;
        }
        headers
    }

    async fn universe_domain(&self) -> Option<String> {
        let Cached { signing, universe, .. } = self.current().ok()?;
        let asked = universe.get_or_try_init(async || signing.universe_domain().await.ok_or(()));
        asked.await.ok().cloned()
    }
}

const NO_DEFAULT: &str = "the application default credentials cannot be used: check GOOGLE_APPLICATION_CREDENTIALS";
const NO_KEY: &str = "the key file cannot be used: it is the JSON that Google Cloud hands out, with \"type\": \
                      \"service_account\", \"external_account\" or \"authorized_user\"";

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Credentials that count how often they are asked for their universe. The first answer gets lost, and they have no
    /// token.
    #[derive(Debug)]
    struct Counted(Arc<AtomicUsize>);

    impl CredentialsProvider for Counted {
        async fn headers(&self, _: Extensions) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
            Err(CredentialsError::from_msg(false, "no token"))
        }

        async fn universe_domain(&self) -> Option<String> {
            (self.0.fetch_add(1, Ordering::Relaxed) > 0).then(|| "first.example".to_owned())
        }
    }

    #[tokio::test]
    async fn a_universe_is_asked_for_until_it_is_known_and_again_of_new_credentials() {
        let text = r#"{"type": "external_account", "audience": "a", "token_url": "http://127.0.0.1:1",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": "/nowhere"},
            "universe_domain": "second.example"}"#;
        let (asked, key) = (Arc::default(), Rotating::new(Secret::new(text)));
        let signing = Signing::from(Counted(Arc::clone(&asked)));
        let cached = Cached { key: Some(key.get()), signing, universe: Arc::default() };
        let provider = Provider { key: Some(key), payer: None, cached: Mutex::new(Some(cached)) };
        assert_eq!(provider.universe_domain().await, None);
        for _ in 0..3 {
            assert_eq!(provider.universe_domain().await.as_deref(), Some("first.example"));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert!(provider.headers(Extensions::new()).await.is_err());
        assert_eq!(provider.universe_domain().await.as_deref(), Some("second.example"), "the credentials are new");
    }
}
