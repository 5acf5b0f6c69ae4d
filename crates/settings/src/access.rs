//! Access control by Kubernetes: its validated settings, and the Secrets with its keys.

use super::Problems;
use super::reader::Reader;
use super::secret::{Keys, SecretData, Secrets};
use super::shape::quoted;
use crate::crd::{self, AccessMode, AccessSpec, AuthorizationCheck, LoginSpec, ProxySpec};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ray_history_access::Check;
use ray_history_access::settings::{self, AccessSettings, CacheTimes, Key, Secret};
use std::time::Duration;

/// Length of the proxy's secret from which it is not guessed.
const SHORTEST_SECRET: usize = 16;

/// Access control by Kubernetes, without the data of its Secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// `true` if tokens in headers are accepted.
    pub bearer: bool,
    /// Audiences of which a token must have one; empty for those of the API server.
    pub audiences: Vec<String>,
    /// Login in a browser, if it is possible.
    pub login: Option<Login>,
    /// The proxy that authenticates people, if there is one.
    pub proxy: Option<Proxy>,
    /// The permissions that are asked for.
    pub check: Check,
    /// The time for which answers of the API server are kept.
    pub cache: CacheTimes,
}

/// Login in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Name of the Secret with the keys of cookies.
    pub secret: String,
    /// Time for which a login is valid.
    pub lifetime: Duration,
}

/// A proxy that authenticates people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// The proxy, without its secret.
    pub proxy: settings::Proxy,
    /// Name of the Secret with the proxy's secret, if it is a proof.
    pub secret: Option<String>,
}

impl Access {
    /// Returns the names of the Secrets, in the server's own namespace.
    pub fn secrets(&self) -> impl Iterator<Item = &String> {
        let login = self.login.as_ref().map(|login| &login.secret);
        login.into_iter().chain(self.proxy.as_ref().and_then(|proxy| proxy.secret.as_ref()))
    }

    /// Returns the access control with the data of its Secrets.
    ///
    /// # Errors
    /// Returns the keys that are missing or not valid, never the values of the Secrets.
    pub fn with_secrets(&self, secrets: &Secrets) -> Result<AccessSettings, Problems> {
        let none = SecretData::new();
        let keys = |name| Keys { name, data: secrets.get(name).unwrap_or(&none) };
        let login = match &self.login {
            None => None,
            Some(Login { secret, lifetime }) => {
                let keys = keys(secret);
                let previous = match keys.text("previous")? {
                    Some(text) => Some(key(&keys, "previous", text)?),
                    None => None,
                };
                let key = key(&keys, "key", keys.require("key")?)?;
                Some(settings::Login { key, previous, lifetime: *lifetime })
            }
        };
        let proxy = match &self.proxy {
            None => None,
            Some(Proxy { proxy, secret: None }) => Some(proxy.clone()),
            Some(Proxy { proxy, secret: Some(name) }) => {
                let keys = keys(name);
                let secret = keys.require("secret")?;
                if secret.len() < SHORTEST_SECRET {
                    return Err(keys.problem("secret", &format!("must have {SHORTEST_SECRET} characters or more")));
                }
                Some(settings::Proxy { secret: Secret::new(secret), ..proxy.clone() })
            }
        };
        let Self { bearer, audiences, check, cache, .. } = self;
        Ok(AccessSettings { bearer: *bearer, audiences: audiences.clone(), login, proxy, check: *check, cache: *cache })
    }
}

/// Returns a key of cookies.
fn key(keys: &Keys<'_>, name: &str, text: &str) -> Result<Key, Problems> {
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    bytes.map(Key::new).ok_or_else(|| keys.problem(name, &"must be 32 random bytes as base64: openssl rand -base64 32"))
}

/// Returns the settings of a spec; `None` for mode `None`.
pub(super) fn read(reader: &mut Reader, spec: &AccessSpec) -> Option<Access> {
    let cache = &spec.cache;
    let tokens = spec.authentication.tokens.as_ref();
    let access = Access {
        bearer: tokens.is_some(),
        audiences: tokens.map(|tokens| tokens.audiences.clone()).unwrap_or_default(),
        login: spec.authentication.login.as_ref().map(|spec| login(reader, spec)),
        proxy: spec.authentication.proxy.as_ref().map(|spec| proxy(reader, spec)),
        check: match spec.authorization.check {
            AuthorizationCheck::Sessions => Check::Sessions,
            AuthorizationCheck::RayClusters => Check::RayClusters,
            AuthorizationCheck::Everyone => Check::Everyone,
        },
        cache: CacheTimes {
            allowed_for: reader.duration("spec.access.cache.allowedFor", &cache.allowed_for, crd::ALLOWED_FOR),
            denied_for: reader.duration("spec.access.cache.deniedFor", &cache.denied_for, crd::DENIED_FOR),
            stale_for: reader.duration("spec.access.cache.staleFor", &cache.stale_for, crd::STALE_FOR),
        },
    };
    if spec.mode == AccessMode::None {
        return None;
    }
    if !access.bearer && access.login.is_none() && access.proxy.is_none() {
        reader.problem("spec.access.authentication", crd::WAY_IN_EXPECTED);
    }
    Some(access)
}

fn login(reader: &mut Reader, spec: &LoginSpec) -> Login {
    let field = "spec.access.authentication.login";
    let secret = reader.only_in_kubernetes(
        &format!("{field}.keySecretRef"),
        Some(&spec.key_secret_ref),
        "leave login out, and let people in by tokens or a proxy",
    );
    let lifetime = reader.duration(&format!("{field}.lifetime"), &spec.lifetime, crd::LIFETIME);
    Login { secret: secret.unwrap_or_default(), lifetime }
}

fn proxy(reader: &mut Reader, spec: &ProxySpec) -> Proxy {
    let field = "spec.access.authentication.proxy";
    for (name, header) in [("usernameHeader", &spec.username_header), ("groupsHeader", &spec.groups_header)] {
        if !crd::is_identity_header(header) {
            reader.problem(&format!("{field}.{name}"), format!("{} {}", quoted(header), crd::HEADER_EXPECTED));
        }
    }
    if spec.username_header.eq_ignore_ascii_case(&spec.groups_header) {
        reader.problem(&format!("{field}.groupsHeader"), crd::OTHER_HEADER_EXPECTED);
    }
    for (name, prefix) in [("usernamePrefix", &spec.username_prefix), ("groupsPrefix", &spec.groups_prefix)] {
        if prefix.starts_with("system:") {
            reader.problem(&format!("{field}.{name}"), format!("{} {}", quoted(prefix), crd::PREFIX_EXPECTED));
        }
    }
    let trust = &spec.trust;
    if trust.source_ranges.is_empty() && trust.secret_ref.is_none() {
        reader.problem(&format!("{field}.trust"), crd::PROOF_EXPECTED);
    }
    let mut source_ranges = Vec::new();
    for (at, range) in trust.source_ranges.iter().enumerate() {
        match range.parse() {
            Ok(range) => source_ranges.push(range),
            Err(_) => reader.problem(
                &format!("{field}.trust.sourceRanges[{at}]"),
                format!("{} must be a range of addresses, such as 10.0.0.0/8 or fd00::/8", quoted(range)),
            ),
        }
    }
    let secret = reader.only_in_kubernetes(
        &format!("{field}.trust.secretRef"),
        trust.secret_ref.as_ref(),
        "leave it out and set sourceRanges",
    );
    let proxy = settings::Proxy {
        username_header: spec.username_header.to_ascii_lowercase(),
        groups_header: spec.groups_header.to_ascii_lowercase(),
        username_prefix: spec.username_prefix.clone(),
        groups_prefix: spec.groups_prefix.clone(),
        source_ranges,
        secret: None,
    };
    Proxy { proxy, secret }
}
