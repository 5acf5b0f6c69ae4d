//! Access control: how people prove who they are, and what Kubernetes is asked about them. Types, defaults and rules.
//!
//! Contains no key: keys are in Secrets that are named here.

#![expect(clippy::struct_field_names, reason = "the fields have the names of the documents")]
#![expect(unreachable_pub, reason = "the schema derive makes public copies of these types inside functions")]

use super::{ALLOWED_FOR, DENIED_FOR, LIFETIME, STALE_FOR, SecretRef};
use kube::KubeSchema;
use kube::core::cel::Rule;
use regex_lite::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// Access control.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = way_in())]
pub struct AccessSpec {
    /// `None`: whoever reaches the server sees everything. `Kubernetes`: people prove who they are, and see the
    /// namespaces that Kubernetes' authorization allows them.
    #[serde(default)]
    pub mode: AccessMode,
    /// The ways in which people prove who they are. At least one must be set with mode `Kubernetes`.
    #[serde(default)]
    pub authentication: AuthenticationSpec,
    /// The permissions that are asked for.
    #[serde(default)]
    pub authorization: AuthorizationSpec,
    /// The time for which answers of the API server are kept.
    #[serde(default)]
    pub cache: AccessCacheSpec,
}

/// Returns the rule that people have a way in.
fn way_in() -> Rule {
    Rule::new(
        "self.mode != 'Kubernetes' || has(self.authentication.tokens) || has(self.authentication.login) || \
         has(self.authentication.proxy)",
    )
    .message(WAY_IN_EXPECTED)
    .field_path(".authentication")
}

/// The error for mode `Kubernetes` without any way in.
pub(crate) const WAY_IN_EXPECTED: &str =
    "at least one of tokens, login and proxy must be set with mode Kubernetes; tokens: {} accepts Kubernetes tokens";

/// The people who may see sessions.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessMode {
    /// Everybody who reaches the server.
    #[default]
    None,
    /// Those whom Kubernetes' authorization allows it.
    Kubernetes,
}

/// The ways in which people prove who they are.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthenticationSpec {
    /// Kubernetes tokens in the header `Authorization` (or `X-Ray-Authorization`): Ray's command line, curl, platforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<TokensSpec>,
    /// Ray's login dialog and the page `/login`, which take a Kubernetes token once and set a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginSpec>,
    /// A proxy that authenticates people and sends their names in headers, such as oauth2-proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<ProxySpec>,
}

/// Kubernetes tokens.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TokensSpec {
    /// Audiences of which a token must have one; empty for those of the API server, which all tokens of kubectl have.
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)))]
    pub audiences: Vec<String>,
}

/// Login in a browser.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginSpec {
    /// Secret with `key`, which seals cookies, and optionally `previous`, which still opens them: 32 random bytes each,
    /// as base64 (`openssl rand -base64 32`).
    pub key_secret_ref: SecretRef,
    /// Time for which a login is valid, from `5m` to `24h`; never beyond the token's own expiry.
    #[serde(default = "LoginSpec::default_lifetime")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = LIFETIME.rule())]
    pub lifetime: String,
}

impl LoginSpec {
    fn default_lifetime() -> String {
        "8h".to_owned()
    }
}

/// A proxy that authenticates people.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = two_headers())]
pub struct ProxySpec {
    /// Header with the name of the user, once in a request.
    #[serde(default = "ProxySpec::default_username_header")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = header())]
    pub username_header: String,
    /// Header with the groups of the user, separated by commas; it may repeat.
    #[serde(default = "ProxySpec::default_groups_header")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = header())]
    pub groups_header: String,
    /// Prefix of user names in a `RoleBinding`, as with the API server's `--oidc-username-prefix`.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[x_kube(validation = prefix())]
    pub username_prefix: String,
    /// Prefix of group names in a `RoleBinding`, as with the API server's `--oidc-groups-prefix`.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[x_kube(validation = prefix())]
    pub groups_prefix: String,
    /// The proofs that a request comes from the proxy. All that are set must hold.
    pub trust: TrustSpec,
}

impl ProxySpec {
    fn default_username_header() -> String {
        "X-Auth-Request-Email".to_owned()
    }

    fn default_groups_header() -> String {
        "X-Auth-Request-Groups".to_owned()
    }
}

/// Returns the rule for the name of a header with an identity.
fn header() -> Rule {
    Rule::new(format!("self.matches(r'{HEADER}') && !(self.lowerAscii() in {RESERVED_HEADERS:?})"))
        .message(HEADER_EXPECTED)
}

/// The form of a header's name. Without `_`, which some proxies pass on as `-`.
const HEADER: &str = "^[A-Za-z][A-Za-z0-9-]*$";

/// Headers that have another meaning.
const RESERVED_HEADERS: [&str; 5] = ["authorization", "cookie", "host", "x-ray-authorization", "x-ray-history-proxy"];

/// The error for a header that cannot have an identity.
pub(crate) const HEADER_EXPECTED: &str =
    "must be the name of a header (letters, digits, -) that has no other meaning, such as X-Auth-Request-Email";

/// Returns `true` if a header may have an identity.
pub fn is_identity_header(name: &str) -> bool {
    static FORM: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(HEADER).ok());
    let is_reserved = RESERVED_HEADERS.iter().any(|reserved| name.eq_ignore_ascii_case(reserved));
    FORM.as_ref().is_some_and(|form| form.is_match(name)) && !is_reserved
}

/// Returns the rule that users and groups are in two headers.
fn two_headers() -> Rule {
    Rule::new("self.usernameHeader.lowerAscii() != self.groupsHeader.lowerAscii()")
        .message(OTHER_HEADER_EXPECTED)
        .field_path(".groupsHeader")
}

/// The error for one header with both user and groups.
pub(crate) const OTHER_HEADER_EXPECTED: &str = "must be another header than usernameHeader";

/// Returns the rule for the prefix of users and groups.
fn prefix() -> Rule {
    Rule::new("!self.startsWith('system:')").message(PREFIX_EXPECTED)
}

/// The error for a prefix of Kubernetes' own users and groups.
pub(crate) const PREFIX_EXPECTED: &str = "must not begin with system:, as Kubernetes' own users and groups do";

/// The proofs that a request comes from the proxy.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = proof())]
pub struct TrustSpec {
    /// Addresses of the proxy, as CIDR ranges such as `10.0.0.0/8`. Compared with the address of the TCP connection.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(max = 49), pattern(r"^[0-9a-fA-F:.]+/[0-9]{1,3}$")))]
    pub source_ranges: Vec<String>,
    /// Secret with `secret`, at least 16 characters, which the proxy sends in the header `X-Ray-History-Proxy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// Returns the rule that a proxy proves itself.
fn proof() -> Rule {
    Rule::new("size(self.sourceRanges) > 0 || has(self.secretRef)").message(PROOF_EXPECTED)
}

/// The error for a proxy without a proof.
pub(crate) const PROOF_EXPECTED: &str =
    "sourceRanges or secretRef must be set: without a proof, whoever reaches the server could send the proxy's headers";

/// The permissions that are asked for.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuthorizationSpec {
    /// The resource whose permissions count.
    pub check: AuthorizationCheck,
}

/// The resource whose permissions count.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthorizationCheck {
    /// `get` on `sessions`, `sessions/log` and `sessions/env` in `history.ray.io`.
    #[default]
    Sessions,
    /// `get` on `rayclusters` in `ray.io` and on `pods/log`; values of environment variables need `update` on
    /// `rayclusters`.
    RayClusters,
    /// None: whoever is authenticated sees sessions and logs of all namespaces.
    Everyone,
}

/// The time for which answers of the API server are kept.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessCacheSpec {
    /// Time for which a permission is kept, from `1s` to `1h`: the longest time until a removed `RoleBinding` takes
    /// effect.
    #[serde(default = "AccessCacheSpec::default_allowed_for")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = ALLOWED_FOR.rule())]
    pub allowed_for: String,
    /// Time for which a refusal is kept, from `1s` to `1h`. A link to a session asks again after 10 s.
    #[serde(default = "AccessCacheSpec::default_denied_for")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = DENIED_FOR.rule())]
    pub denied_for: String,
    /// Time for which a permission is honoured longer while the API server cannot be asked, from `0s` to `1h`.
    #[serde(default = "AccessCacheSpec::default_stale_for")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = STALE_FOR.rule())]
    pub stale_for: String,
}

impl AccessCacheSpec {
    fn default_allowed_for() -> String {
        "1m".to_owned()
    }

    fn default_denied_for() -> String {
        "5m".to_owned()
    }

    fn default_stale_for() -> String {
        "5m".to_owned()
    }
}

impl Default for AccessCacheSpec {
    fn default() -> Self {
        Self {
            allowed_for: Self::default_allowed_for(),
            denied_for: Self::default_denied_for(),
            stale_for: Self::default_stale_for(),
        }
    }
}
