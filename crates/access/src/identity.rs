//! Identities as Kubernetes has them, and the person of a request.

use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

/// A user as Kubernetes knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    user: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
    digest: [u8; 32],
}

impl Identity {
    /// Returns an identity. The order of groups, and of the values of an extra field, means nothing.
    pub fn new(
        user: impl Into<String>,
        uid: impl Into<String>,
        mut groups: Vec<String>,
        mut extra: BTreeMap<String, Vec<String>>,
    ) -> Self {
        groups.sort_unstable();
        groups.dedup();
        for values in extra.values_mut() {
            values.sort_unstable();
        }
        let (user, uid) = (user.into(), uid.into());
        let digest = digest(&user, &uid, &groups, &extra);
        Self { user, uid, groups, extra, digest }
    }

    /// Returns the name of the user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the uid, empty if there is none.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Returns the groups, sorted.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// Returns further fields that an authenticator added.
    pub fn extra(&self) -> &BTreeMap<String, Vec<String>> {
        &self.extra
    }

    /// Returns a digest of all fields, by which decisions are cached.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Returns a digest of the name and uid alone, which is the same for all tokens of a person.
    pub(crate) fn name_digest(&self) -> [u8; 32] {
        digest(&self.user, &self.uid, &[], &BTreeMap::new())
    }
}

/// Hashes all fields with their lengths, so that no two identities have the same text.
fn digest(user: &str, uid: &str, groups: &[String], extra: &BTreeMap<String, Vec<String>>) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    let number = |hash: &mut Context, number: usize| hash.update(&(number as u64).to_le_bytes());
    let text = |hash: &mut Context, text: &str| {
        number(hash, text.len());
        hash.update(text.as_bytes());
    };
    text(&mut hash, user);
    text(&mut hash, uid);
    let list = |hash: &mut Context, list: &[String]| {
        number(hash, list.len());
        for item in list {
            text(hash, item);
        }
    };
    list(&mut hash, groups);
    for (key, values) in extra {
        list(&mut hash, std::slice::from_ref(key));
        list(&mut hash, values);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    bytes
}

/// The way in which a person proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// A bearer token in a header.
    Bearer,
    /// The sealed cookie of a login.
    Cookie,
    /// Headers of a proxy that proved itself.
    Proxy,
}

impl Way {
    /// Returns the word for logs and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie => "cookie",
            Self::Proxy => "proxy",
        }
    }
}

/// The person behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user as Kubernetes knows it.
    pub identity: Arc<Identity>,
    /// The way in.
    pub way: Way,
    /// The end of the token or cookie, if it has one that is known.
    pub expires: Option<SystemTime>,
}
