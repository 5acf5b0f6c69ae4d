//! Reads what a request brings to prove who it is from: headers of tokens, our cookie, and the headers of a proxy.
//!
//! Nothing of it is ever logged. Ray's own cookie (`ray-authentication-token`), which browsers send to every port of a
//! host, is not looked at, and no token is taken from a URL.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName};
use ray_history_access::settings::Proxy;
use ray_history_access::{AccessSettings, Credentials, ProxyHeaders, Token};
use std::net::{IpAddr, Ipv6Addr};

/// The second header of tokens, as in Ray. A local head, behind which this server may be, takes the first.
const RAY_AUTHORIZATION: HeaderName = HeaderName::from_static("x-ray-authorization");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The header by which a proxy proves itself.
const PROOF: &str = "x-ray-history-proxy";

/// Names of our cookie: over plain HTTP, and over HTTPS, where browsers let no other host and no plain page set it.
pub(in crate::http) const COOKIES: [&str; 2] = ["ray-history", "__Host-ray-history"];

/// Returns the credentials of a request.
pub(super) fn read(request: &HttpRequest, settings: &AccessSettings) -> Credentials {
    let cookie = settings.login.is_some().then(|| cookie(request)).flatten();
    Credentials { cookie, ..of_headers(request, settings) }
}

/// Returns the credentials of a request that logs in: its tokens alone.
pub(in crate::http) fn of_login(request: &HttpRequest, settings: &AccessSettings) -> Credentials {
    Credentials { proxy: None, ..of_headers(request, settings) }
}

/// Returns the headers of a proxy alone.
pub(super) fn of_proxy(request: &HttpRequest, settings: &AccessSettings) -> Credentials {
    Credentials { tokens: Vec::new(), malformed: false, ..of_headers(request, settings) }
}

fn of_headers(request: &HttpRequest, settings: &AccessSettings) -> Credentials {
    let headers = request.headers();
    let peer = request.peer_addr().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.ip());
    let (tokens, malformed) = tokens(headers);
    let proxy = settings.proxy.as_ref().and_then(|proxy| proxy_headers(headers, proxy));
    let forwarded = last(headers, &FORWARDED_FOR).and_then(|address| address.parse().ok());
    Credentials { tokens, malformed, cookie: None, proxy, peer, forwarded }
}

/// Returns the bearer tokens in the order of trial, and `true` if a header has one that can be none. Headers of other
/// schemes are a proxy's.
fn tokens(headers: &HeaderMap) -> (Vec<Token>, bool) {
    let (mut tokens, mut malformed) = (Vec::new(), false);
    for value in [AUTHORIZATION, RAY_AUTHORIZATION].iter().flat_map(|name| headers.get_all(name)) {
        let Some(token) = value.as_bytes().split_at_checked(BEARER.len()) else { continue };
        if !token.0.eq_ignore_ascii_case(BEARER) {
            continue;
        }
        match std::str::from_utf8(token.1).ok().and_then(|token| Token::new(token.trim())) {
            Some(token) => tokens.push(token),
            None => malformed = true,
        }
    }
    (tokens, malformed)
}

const BEARER: &[u8] = b"bearer ";

/// Returns the value of our cookie.
fn cookie(request: &HttpRequest) -> Option<String> {
    let name = COOKIES[usize::from(is_https(request))];
    let values = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.trim_matches('"').to_owned())
}

/// Returns `true` if the client speaks HTTPS, as the proxy that ends TLS says. Only the choice of the cookie depends on
/// it.
pub(in crate::http) fn is_https(request: &HttpRequest) -> bool {
    let given = request.headers().get(&FORWARDED_PROTO).and_then(|value| value.to_str().ok());
    let first = given.and_then(|value| value.split(',').next());
    first.is_some_and(|proto| proto.trim().eq_ignore_ascii_case("https"))
}

/// Returns the headers of a proxy, if there is any, or one that is spelled like one.
fn proxy_headers(headers: &HeaderMap, proxy: &Proxy) -> Option<ProxyHeaders> {
    let names = [proxy.username_header.as_str(), proxy.groups_header.as_str(), PROOF];
    let values = |name: &str| headers.get_all(name).map(|value| value.as_bytes().to_vec()).collect::<Vec<_>>();
    let [users, groups, proofs] = names.map(values);
    let misspelled = headers.keys().map(HeaderName::as_str).any(|name| {
        let dashed = name.replace('_', "-");
        !names.contains(&name) && names.iter().any(|known| known.replace('_', "-") == dashed)
    });
    let none = users.is_empty() && groups.is_empty() && proofs.is_empty() && !misspelled;
    (!none).then_some(ProxyHeaders { users, groups, proofs, misspelled })
}

/// Returns the last item of a header that lists several.
fn last<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let last = headers.get_all(name).last()?.to_str().ok()?;
    last.rsplit(',').next().map(str::trim)
}
