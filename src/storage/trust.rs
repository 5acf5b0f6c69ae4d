//! Whether a connection failed because the other side's certificate is not trusted: no retry will change that.

use super::Error;
use std::error::Error as Cause;
use std::io;

/// The error for it, when that is what is at the bottom of a cause.
pub(super) fn distrust(key: &str, cause: &(dyn Cause + 'static)) -> Option<Error> {
    let mut at = Some(cause);
    while let Some(cause) = at {
        if let Some(why @ rustls::Error::InvalidCertificate(_)) = cause.downcast_ref() {
            let advice =
                "the store's certificate is not trusted: put that of the authority that signed it into caBundle";
            return Some(Error::failed(key, format!("{advice}; {why}")));
        }
        at = match cause.downcast_ref::<io::Error>() {
            // Its source is the source of what it holds.
            Some(error) => error.get_ref().map(|held| held as &(dyn Cause + 'static)),
            None => cause.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError;

    #[test]
    fn it_is_found_below_whatever_the_clients_wrap_around_it() {
        let tls = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls()));
        for cause in [Box::new(tls()) as Box<dyn Cause>, Box::new(wrapped)] {
            let error = distrust("k", &*cause).unwrap();
            assert!(!error.is_transient() && error.to_string().contains("caBundle"), "{error}");
        }
        let reset = io::Error::new(io::ErrorKind::ConnectionReset, rustls::Error::HandshakeNotComplete);
        assert!(distrust("k", &reset).is_none());
    }
}
