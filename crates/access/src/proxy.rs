//! The proof of a proxy, and the identity in its headers.

use crate::credentials::{Credentials, ProxyHeaders};
use crate::identity::Identity;
use crate::settings::Proxy;
use std::collections::BTreeMap;

/// The group of everybody who is authenticated.
const AUTHENTICATED: &str = "system:authenticated";

/// Names that no header can give.
const RESERVED: &str = "system:";

/// The reason why headers name nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nobody {
    /// There are none, their proof does not hold, or they name no user.
    Absent,
    /// They name somebody who cannot be named in a header.
    Refused,
    /// Their form is wrong.
    Malformed,
}

impl Proxy {
    /// Returns the identity that a proxy names. Without its proof the headers mean nothing.
    pub(crate) fn identity(&self, credentials: &Credentials) -> Result<Identity, Nobody> {
        let headers = credentials.proxy.as_ref().ok_or(Nobody::Absent)?;
        if headers.misspelled {
            return Err(Nobody::Malformed);
        }
        if !self.is_proven(credentials, headers) {
            return Err(Nobody::Absent);
        }
        let user = match &*headers.users {
            [] => return Err(Nobody::Absent),
            [user] => text(user)?,
            _ => return Err(Nobody::Malformed),
        };
        if user.is_empty() {
            return Err(Nobody::Absent);
        }
        let user = name(&self.username_prefix, user)?;
        let mut groups = vec![AUTHENTICATED.to_owned()];
        for value in &headers.groups {
            let listed = text(value)?.split(',').map(str::trim).filter(|group| !group.is_empty());
            for group in listed {
                groups.push(name(&self.groups_prefix, group)?);
            }
        }
        Ok(Identity::new(user, "", groups, BTreeMap::new()))
    }

    /// Returns `true` if every proof that the settings name holds, and they name one.
    fn is_proven(&self, credentials: &Credentials, headers: &ProxyHeaders) -> bool {
        let by_address = self.source_ranges.is_empty() || self.is_source(credentials.peer);
        let by_secret = self.secret.as_ref().is_none_or(|secret| match &*headers.proofs {
            [proof] => secret.is(proof),
            _ => false,
        });
        let named = !self.source_ranges.is_empty() || self.secret.is_some();
        named && by_address && by_secret
    }
}

fn text(value: &[u8]) -> Result<&str, Nobody> {
    let text = std::str::from_utf8(value).map_err(|_| Nobody::Malformed)?.trim();
    if text.chars().any(char::is_control) { Err(Nobody::Malformed) } else { Ok(text) }
}

fn name(prefix: &str, name: &str) -> Result<String, Nobody> {
    let full = format!("{prefix}{name}");
    if name.starts_with(RESERVED) || full.starts_with(RESERVED) { Err(Nobody::Refused) } else { Ok(full) }
}

#[cfg(test)]
mod tests;
