//! Settings of access, with valid values only.

use crate::right::Check;
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Settings of access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessSettings {
    /// Bearer tokens in headers are accepted.
    pub bearer: bool,
    /// Audiences of which a token must have one; empty for those of the API server itself.
    pub audiences: Vec<String>,
    /// The login of browsers; `None` without a dialog and cookies.
    pub login: Option<Login>,
    /// The proxy that names users in headers; `None` if such headers mean nothing.
    pub proxy: Option<Proxy>,
    /// The permissions that are asked for.
    pub check: Check,
    /// Times of the caches.
    pub cache: CacheTimes,
}

impl AccessSettings {
    /// Returns `true` if there is a way in by tokens.
    pub fn reviews_tokens(&self) -> bool {
        self.bearer || self.login.is_some()
    }
}

impl Default for AccessSettings {
    fn default() -> Self {
        let (audiences, check, cache) = (Vec::new(), Check::default(), CacheTimes::default());
        Self { bearer: true, audiences, login: None, proxy: None, check, cache }
    }
}

/// The login of browsers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The key that seals cookies.
    pub key: Key,
    /// A key that still opens cookies.
    pub previous: Option<Key>,
    /// Longest life of a cookie.
    pub lifetime: Duration,
}

/// A key of cookies.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// Returns a key of 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

/// A proxy that names users in headers, and its proof. At least one of `source_ranges` and `secret` is set, and all that
/// are set must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Header with the name of the user, in lower case.
    pub username_header: String,
    /// Header with the groups, in lower case.
    pub groups_header: String,
    /// Text before each name of a user.
    pub username_prefix: String,
    /// Text before each name of a group.
    pub groups_prefix: String,
    /// Addresses from which the proxy connects; empty if they prove nothing.
    pub source_ranges: Vec<IpNet>,
    /// The value of the header `X-Ray-History-Proxy`.
    pub secret: Option<Secret>,
}

impl Proxy {
    /// Returns `true` for an address from which the proxy connects.
    pub fn is_source(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.source_ranges.iter().any(|range| range.contains(&peer))
    }
}

/// A secret text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Returns a secret, or `None` for an empty text.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    pub(crate) fn is(&self, given: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), given).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Times for which decisions are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTimes {
    /// Longest time for which a permission is believed.
    pub allowed_for: Duration,
    /// Time for which a denial is believed.
    pub denied_for: Duration,
    /// Time for which both are believed longer while no review is possible.
    pub stale_for: Duration,
}

impl Default for CacheTimes {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self { allowed_for: minutes(1), denied_for: minutes(5), stale_for: minutes(5) }
    }
}
