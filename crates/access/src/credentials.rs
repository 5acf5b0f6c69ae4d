//! The credentials of a request.

use crate::token::Token;
use std::fmt;
use std::net::IpAddr;

/// The credentials of a request: all that it brings to prove who it is from.
#[derive(Clone)]
pub struct Credentials {
    /// Tokens of headers, in the order in which they are tried.
    pub tokens: Vec<Token>,
    /// A header of tokens had a text that can be no token.
    pub malformed: bool,
    /// The value of the cookie that this request may use.
    pub cookie: Option<String>,
    /// Headers of a proxy, proven or not; `None` if no header is one.
    pub proxy: Option<ProxyHeaders>,
    /// The address of the connection.
    pub peer: IpAddr,
    /// The client's address as `X-Forwarded-For` names it last; believed from addresses of the proxy only.
    pub forwarded: Option<IpAddr>,
}

impl Credentials {
    /// Returns the credentials of a request without any.
    pub fn none(peer: IpAddr) -> Self {
        Self { tokens: Vec::new(), malformed: false, cookie: None, proxy: None, peer, forwarded: None }
    }
}

/// Headers of a proxy as they came, one entry for each header.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxyHeaders {
    /// Values of the header of users.
    pub users: Vec<Vec<u8>>,
    /// Values of the header of groups; each may have several, separated by commas.
    pub groups: Vec<Vec<u8>>,
    /// Values of `X-Ray-History-Proxy`.
    pub proofs: Vec<Vec<u8>>,
    /// A header has one of these names with `_` in the place of a `-`.
    pub misspelled: bool,
}

/// Shows what there is, and no token, cookie or proof.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, cookie, proxy, peer, forwarded, malformed: _ } = self;
        let (tokens, cookie) = (tokens.len(), cookie.is_some());
        write!(f, "Credentials({tokens} tokens, cookie: {cookie}, {proxy:?}, {peer}, {forwarded:?})")
    }
}

/// Shows how many headers there are, and no proof.
impl fmt::Debug for ProxyHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { users, groups, proofs, misspelled: _ } = self;
        write!(f, "ProxyHeaders({} users, {} groups, {} proofs)", users.len(), groups.len(), proofs.len())
    }
}
