//! A token that a client sent. It is shown in no log.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::fmt;
use std::time::{Duration, SystemTime};

/// Most bytes of a token.
const MAX_BYTES: usize = 16 << 10;

/// A token of at most 16 KiB of printable ASCII without spaces.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// Returns a token, or `None` for a text that can be none; no API server has to be asked about it.
    pub fn new(text: &str) -> Option<Self> {
        // Looks at all bytes, several at a time, because nearly all texts are tokens.
        let printable = text.bytes().fold(true, |printable, byte| printable & byte.is_ascii_graphic());
        (!text.is_empty() && text.len() <= MAX_BYTES && printable).then(|| Self(text.into()))
    }

    /// Returns the token itself, for the API server and the sealed cookie only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the end that a JSON Web Token claims. The claim is not verified: a false one is refused in a review.
    pub(crate) fn expires(&self) -> Option<SystemTime> {
        #[derive(Deserialize)]
        struct Claims {
            exp: f64,
        }
        let mut parts = self.0.split('.');
        let (Some(_), Some(claims), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return None;
        };
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let since = Duration::try_from_secs_f64(claims.exp).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(since)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_short_and_printable() {
        assert!(Token::new(&"x".repeat(MAX_BYTES)).is_some());
        for wrong in ["", "a b", "a\nb", "ü", "a\u{7f}", &"x".repeat(MAX_BYTES + 1)] {
            assert!(Token::new(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn the_end_is_read_from_a_json_web_token_only() {
        let of = |text: &str| Token::new(text).unwrap().expires();
        let jwt = |claims: &str| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        assert_eq!(of(&jwt(r#"{"exp":1800000000,"sub":"a"}"#)), Some(end));
        assert_eq!(of(&jwt(r#"{"exp":1800000000.0}"#)), Some(end));
        for claims in [r#"{"sub":"a"}"#, r#"{"exp":"soon"}"#, r#"{"exp":-5}"#, r#"{"exp":1e300}"#, "x"] {
            assert_eq!(of(&jwt(claims)), None, "{claims}");
        }
        assert_eq!(of("a.b"), None);
        assert_eq!(of("a.b.c.d"), None);
    }

    #[test]
    fn a_debug_text_hides_the_token() {
        assert!(!format!("{:?}", Token::new("planted")).contains("planted"));
    }
}
