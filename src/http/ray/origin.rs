//! The origin check of a WebSocket: only pages of this server may open one.
//!
//! Browsers let any page open a WebSocket to any server and read its messages, so the server has to check `Origin`.
//! Programs send none. `X-Forwarded-Host` is not trusted here or anywhere in this server: a proxy must keep `Host`.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN};

/// Returns `true` if a request comes from a program or from a page of this server.
pub(super) fn is_own(request: &HttpRequest) -> bool {
    let headers = request.headers();
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    let (origin, host) = (single_value(headers, &ORIGIN), single_value(headers, &HOST));
    origin.zip(host).is_some_and(|(origin, host)| is_same(origin, host))
}

/// Returns the value of a header that occurs exactly once.
fn single_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let first = values.next()?;
    values.next().is_none().then(|| first.to_str().ok()).flatten()
}

/// Returns `true` if an origin has this host and port. Its scheme is not compared: TLS may end at a proxy.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let name = |authority: &'_ str| authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    name(authority) == name(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn rejects_other_origins() {
        for (origin, host, own) in [
            ("http://history:8080", "history:8080", true),
            ("https://History.example.com", "history.example.com", true),
            ("https://history.example.com", "history.example.com:443", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("https://evil.example.com", "history.example.com", false),
            ("http://history:8081", "history:8080", false),
            ("http://history:443", "history", false),
            ("https://history.example.com.evil.com", "history.example.com", false),
            ("chrome-extension://history", "history", false),
            ("null", "history", false),
            ("", "history", false),
        ] {
            let request = TestRequest::default().insert_header((ORIGIN, origin)).insert_header((HOST, host));
            assert_eq!(is_own(&request.to_http_request()), own, "{origin} {host}");
        }
    }

    /// Programs send no origin; several origins and `X-Forwarded-Host` are not trusted.
    #[test]
    fn accepts_none_and_rejects_several_origins() {
        let request = || TestRequest::default().insert_header((HOST, "history"));
        assert!(is_own(&request().to_http_request()));
        let twice = request().append_header((ORIGIN, "http://history")).append_header((ORIGIN, "http://evil"));
        assert!(!is_own(&twice.to_http_request()));
        let forwarded = request().insert_header((ORIGIN, "http://evil")).insert_header(("x-forwarded-host", "evil"));
        assert!(!is_own(&forwarded.to_http_request()));
    }
}
