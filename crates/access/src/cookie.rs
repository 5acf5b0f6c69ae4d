//! The sealed cookie of a login: the token, readable only for servers that have the key.
//!
//! Nothing is kept on the server, so each replica opens it. The token in it is reviewed like any other, so that it ends
//! when Kubernetes says so.

use crate::settings::{Key, Login};
use crate::token::Token;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Version of the format.
const VERSION: u8 = 1;

/// The method of a login: a token.
const TOKEN: u8 = 1;

/// Bytes of the version and the id of the key. They are authenticated with the rest.
const HEAD: usize = 5;

/// Bytes of method, time of issue and end before the token.
const FACTS: usize = 17;

/// Most bytes of a token in a cookie: browsers keep cookies of at most 4,096 bytes.
const MAX_TOKEN: usize = 2_800;

/// The value of a cookie.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The value, of characters that need no quotes.
    pub value: String,
    /// The end of its life.
    pub expires: SystemTime,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.value.len())
    }
}

/// A token cannot be sealed: it is too long for a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// The content of a cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) token: Token,
    pub(crate) expires: SystemTime,
}

impl Login {
    /// Seals a token, until the end of the token or the longest life of a cookie.
    pub(crate) fn seal(&self, token: &Token, now: SystemTime, end: Option<SystemTime>) -> Result<Sealed, TooLarge> {
        if token.expose().len() > MAX_TOKEN {
            return Err(TooLarge);
        }
        let longest = now + self.lifetime;
        let expires = end.map_or(longest, |end| end.min(longest));
        let mut nonce = [0; NONCE_LEN];
        // Without randomness there is no cookie.
        rand::fill(&mut nonce).map_err(|_| TooLarge)?;
        let mut sealed = head(&self.key).to_vec();
        let mut body = vec![TOKEN];
        body.extend(seconds(now).to_be_bytes());
        body.extend(seconds(expires).to_be_bytes());
        body.extend(token.expose().as_bytes());
        let aead = aead(&self.key).ok_or(TooLarge)?;
        let nonce_of_aead = Nonce::assume_unique_for_key(nonce);
        aead.seal_in_place_append_tag(nonce_of_aead, Aad::from(&sealed), &mut body).map_err(|_| TooLarge)?;
        sealed.extend(nonce);
        sealed.extend(body);
        Ok(Sealed {
            value: URL_SAFE_NO_PAD.encode(sealed),
            expires: UNIX_EPOCH + Duration::from_secs(seconds(expires)),
        })
    }

    /// Opens a cookie that was sealed with one of the keys and has not ended.
    pub(crate) fn open(&self, value: &str, now: SystemTime) -> Option<Opened> {
        let sealed = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (head_of_value, rest) = sealed.split_at_checked(HEAD)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        let key =
            [Some(&self.key), self.previous.as_ref()].into_iter().flatten().find(|key| head(key) == head_of_value)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = body.to_vec();
        let plain = aead(key)?.open_in_place(nonce, Aad::from(head_of_value), &mut body).ok()?;
        let (facts, token) = plain.split_at_checked(FACTS)?;
        let time = |at: usize| {
            let seconds = u64::from_be_bytes(facts.get(at..at + 8)?.try_into().ok()?);
            UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
        };
        if facts.first() != Some(&TOKEN) {
            return None;
        }
        // A lifetime that became shorter ends cookies that were issued before.
        let expires = time(9)?.min(time(1)?.checked_add(self.lifetime)?);
        let token = Token::new(std::str::from_utf8(token).ok()?)?;
        (now < expires).then_some(Opened { token, expires })
    }
}

/// Returns the version and the id of a key.
fn head(key: &Key) -> [u8; HEAD] {
    let digest = digest(&SHA256, key.bytes());
    let mut head = [VERSION; HEAD];
    head[1..].copy_from_slice(&digest.as_ref()[..HEAD - 1]);
    head
}

fn aead(key: &Key) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.bytes()).ok().map(LessSafeKey::new)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
