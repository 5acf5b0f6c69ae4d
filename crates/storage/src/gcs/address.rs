//! Addresses of the JSON API.

use super::super::Error;
use http::Uri;
use http::header::HeaderValue;

const DEFAULT_UNIVERSE: &str = "googleapis.com";
const DEFAULT_HOST: &str = "storage.googleapis.com";

/// A base URL.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// Without a final `/`.
    pub(super) base: String,
    /// The `Host` header, if it is not that of the URL.
    pub(super) host: Option<HeaderValue>,
}

impl Address {
    /// Returns the address of an endpoint in the settings.
    pub(super) fn new(endpoint: &str) -> Result<Self, Error> {
        let url: Uri = endpoint.parse().map_err(|_| Error::failed("", "endpoint: is not a URL"))?;
        let host = url.host().is_some_and(is_virtual).then(|| HeaderValue::from_static(DEFAULT_HOST));
        Ok(Self { base: endpoint.trim_end_matches('/').to_owned(), host })
    }

    /// Returns the address of a universe: Google's public one, or a partner's.
    pub(super) fn of_universe(domain: Option<&str>) -> Result<Self, Error> {
        Self::new(&format!("https://storage.{}", domain.unwrap_or(DEFAULT_UNIVERSE)))
    }
}

/// Returns `true` for Google's hosts that serve all of its services, such as `private.googleapis.com` and endpoints of
/// Private Service Connect: only the `Host` header tells them which one is meant.
fn is_virtual(host: &str) -> bool {
    let Some(name) = host.strip_suffix(DEFAULT_UNIVERSE).and_then(|name| name.strip_suffix('.')) else { return false };
    let is_regional = name.starts_with("storage.") && name.rsplit('.').next() == Some("rep");
    let is_locational = name.ends_with("-storage") && !name.contains('.');
    !(name == "storage" || is_regional || is_locational)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_all_services_are_told_which_one_is_meant() {
        for (endpoint, base, is_told) in [
            ("https://storage.googleapis.com/", "https://storage.googleapis.com", false),
            ("https://storage.us-central1.rep.googleapis.com", "https://storage.us-central1.rep.googleapis.com", false),
            ("https://us-central1-storage.googleapis.com", "https://us-central1-storage.googleapis.com", false),
            ("https://private.googleapis.com", "https://private.googleapis.com", true),
            ("https://restricted.googleapis.com:443", "https://restricted.googleapis.com:443", true),
            ("https://storage-history.p.googleapis.com", "https://storage-history.p.googleapis.com", true),
            ("https://notgoogleapis.com", "https://notgoogleapis.com", false),
            ("http://127.0.0.1:4443", "http://127.0.0.1:4443", false),
        ] {
            let address = Address::new(endpoint).unwrap();
            assert_eq!((address.base.as_str(), address.host.is_some()), (base, is_told), "{endpoint}");
        }
        assert_eq!(Address::of_universe(None).unwrap().base, "https://storage.googleapis.com");
        assert_eq!(Address::of_universe(Some("example.org")).unwrap().base, "https://storage.example.org");
        assert!(Address::new("not a URL").is_err());
    }
}
