//! The store with the sessions: its configuration, the prefixes to search, and the Secret with its credentials.

use super::{Problem, Problems};
use ray_history_storage::config::{
    AccessKey, AzureSecret, ConnectionString, Credentials, LocalConfig, Rotating, Secret, StoreConfig,
};
use std::collections::BTreeMap;
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
        match &self.store {
            StoreConfig::S3(s3) => format!("s3://{}", s3.bucket),
            StoreConfig::Gcs(gcs) => format!("gs://{}", gcs.bucket),
            StoreConfig::Azure(azure) if azure.account.is_empty() => format!("azure://{}", azure.container),
            StoreConfig::Azure(azure) => format!("azure://{}/{}", azure.account, azure.container),
            StoreConfig::Oss(oss) => format!("oss://{}", oss.bucket),
            StoreConfig::Local(local) => format!("file://{}", local.path.display()),
        }
    }

    /// Returns the storage with the credentials of its Secret; `data` is the decoded `data` of the Secret.
    ///
    /// Problems name the missing keys, never the values of the Secret.
    pub fn with_secret(mut self, data: &BTreeMap<String, Vec<u8>>) -> Result<Self, Problems> {
        let Some(name) = &self.credentials_secret else { return Ok(self) };
        let keys = Keys { name, data };
        match &mut self.store {
            StoreConfig::S3(s3) => {
                let key = keys.access_key(["accessKeyId", "secretAccessKey", "sessionToken"])?;
                s3.credentials = Credentials::Static(Rotating::new(key));
            }
            StoreConfig::Oss(oss) => {
                let key = keys.access_key(["accessKeyId", "accessKeySecret", "securityToken"])?;
                oss.credentials = Credentials::Static(Rotating::new(key));
            }
            StoreConfig::Gcs(gcs) => {
                gcs.credentials = Credentials::Static(Rotating::new(Secret::new(keys.require("key.json")?)));
            }
            StoreConfig::Azure(azure) => {
                let secret = if let Some(text) = keys.text("connectionString")? {
                    let read =
                        ConnectionString::parse(text).map_err(|error| keys.problem("connectionString", &error))?;
                    if azure.account.is_empty() {
                        azure.account = read.account;
                    }
                    azure.endpoint.get_or_insert(read.endpoint);
                    read.secret
                } else if let Some(key) = keys.text("accountKey")? {
                    AzureSecret::AccountKey(Secret::new(key))
                } else if let Some(token) = keys.text("sasToken")? {
                    AzureSecret::Sas(Secret::new(token.trim_start_matches('?')))
                } else if let Some(secret) = keys.text("clientSecret")? {
                    AzureSecret::ClientSecret {
                        tenant_id: keys.require("tenantId")?.to_owned(),
                        client_id: keys.require("clientId")?.to_owned(),
                        secret: Secret::new(secret),
                    }
                } else {
                    let possible_keys = "connectionString, accountKey, sasToken and clientSecret";
                    return Err(keys.problem("data", &format!("has none of {possible_keys}")));
                };
                if azure.account.is_empty() {
                    return Err(keys.problem("connectionString", &"is missing, and spec.storage.azure.account too"));
                }
                azure.credentials = Credentials::Static(Rotating::new(secret));
            }
            StoreConfig::Local(_) => {}
        }
        Ok(self)
    }
}

/// The keys of one Secret.
struct Keys<'a> {
    name: &'a str,
    data: &'a BTreeMap<String, Vec<u8>>,
}

impl Keys<'_> {
    fn problem(&self, key: &str, message: &impl ToString) -> Problems {
        Problem::new(format!("secret {}: {key}", self.name), message.to_string()).into()
    }

    /// Returns a value; `None` if the key is missing or its value is empty.
    fn text(&self, key: &str) -> Result<Option<&str>, Problems> {
        let Some(bytes) = self.data.get(key) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).map_err(|_| self.problem(key, &"is not text"))?.trim();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn require(&self, key: &str) -> Result<&str, Problems> {
        let others: Vec<&str> = self.data.keys().map(String::as_str).collect();
        let there = if others.is_empty() { "nothing".to_owned() } else { others.join(", ") };
        self.text(key)?.ok_or_else(|| self.problem(key, &format!("is missing or empty; the Secret has {there}")))
    }

    fn access_key(&self, [id, secret, token]: [&str; 3]) -> Result<AccessKey, Problems> {
        Ok(AccessKey {
            id: self.require(id)?.to_owned(),
            secret: Secret::new(self.require(secret)?),
            session_token: self.text(token)?.map(Secret::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_storage::config::{AzureConfig, OssAddressing, OssConfig};

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
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
