//! The store with the sessions: its configuration, the prefixes to search, and the Secret with its credentials.

use super::secret::{Keys, SecretData};
use super::{Problems, stores};
use ray_history_storage::config::{LocalConfig, StoreConfig};
use std::path::PathBuf;

/// A store and the prefixes to search.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage {
    /// The store.
    pub store: StoreConfig,
    /// Prefixes inside the store, as written; `""` is the bucket itself. Never empty.
    pub root_dirs: Vec<String>,
    /// Name of the Secret with the credentials, in the server's own namespace. `None` for the store's default chain and
    /// for anonymous access. `with_secret` applies its data.
    pub credentials_secret: Option<String>,
}

impl Default for Storage {
    fn default() -> Self {
        let store = StoreConfig::Local(LocalConfig { path: PathBuf::from("/") });
        Self { store, root_dirs: vec![String::new()], credentials_secret: None }
    }
}

impl Storage {
    /// Returns the store as a URL, without credentials.
    pub fn url(&self) -> String {
        stores::url(&self.store)
    }

    /// Returns the storage with the credentials of its Secret.
    ///
    /// Problems name the missing keys, never the values of the Secret.
    pub fn with_secret(mut self, data: &SecretData) -> Result<Self, Problems> {
        if let Some(name) = &self.credentials_secret {
            stores::set_credentials(&mut self.store, &Keys { name, data })?;
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_storage::config::{
        AccessKey, AzureConfig, Credentials, OssAddressing, OssConfig, Rotating, Secret,
    };

    fn data(pairs: &[(&str, &str)]) -> SecretData {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
    }

    fn storage(store: StoreConfig) -> Storage {
        Storage { store, credentials_secret: Some("creds".to_owned()), ..Storage::default() }
    }

    fn azure() -> AzureConfig {
        AzureConfig {
            container: "ray".into(),
            account: String::new(),
            endpoint: None,
            ca: None,
            client_id: None,
            credentials: Credentials::Default,
        }
    }

    #[test]
    fn applies_the_credentials_of_a_secret() {
        let oss = OssConfig {
            bucket: "ray".into(),
            region: "cn-hangzhou".into(),
            endpoint: None,
            addressing: OssAddressing::VirtualHost,
            internal: false,
            ca: None,
            credentials: Credentials::Default,
        };
        let with = storage(StoreConfig::Oss(oss))
            .with_secret(&data(&[("accessKeyId", "id\n"), ("accessKeySecret", "hunter2\n")]))
            .unwrap();
        let StoreConfig::Oss(oss) = &with.store else { panic!("the store changed its kind") };
        let key = AccessKey { id: "id".into(), secret: Secret::new("hunter2"), session_token: None };
        assert_eq!(oss.credentials, Credentials::Static(Rotating::new(key)));
        assert!(!format!("{with:?}").contains("hunter2"), "a secret is never shown");
    }

    #[test]
    fn reads_the_account_from_a_connection_string() {
        let text = "AccountName=acc;AccountKey=aGk=";
        let with = storage(StoreConfig::Azure(azure())).with_secret(&data(&[("connectionString", text)])).unwrap();
        assert_eq!(with.url(), "azure://acc/ray");
    }

    #[test]
    fn names_missing_keys_without_showing_values() {
        let store = StoreConfig::Azure(AzureConfig { account: "acc".into(), ..azure() });
        let message = storage(store).with_secret(&data(&[("clientSecret", "hunter2")])).unwrap_err().to_string();
        assert_eq!(message, "secret creds: tenantId: is missing or empty; the Secret has clientSecret");
    }
}
