//! Detects connections that failed because the server's certificate is not trusted; a retry does not help.

use super::Error;
use std::error::Error as Cause;
use std::io;

/// Returns the error for an untrusted certificate, if one is among the causes.
pub(super) fn untrusted_certificate(key: &str, cause: &(dyn Cause + 'static)) -> Option<Error> {
    let mut at = Some(cause);
    while let Some(cause) = at {
        if let Some(why @ rustls::Error::InvalidCertificate(_)) = cause.downcast_ref() {
            let advice = "the store's certificate is not trusted: add that of the authority that signed it to \
                          caBundle, or to the system's";
            return Some(Error::failed(key, format!("{advice}; {why}")));
        }
        at = match cause.downcast_ref::<io::Error>() {
            // Its `source` skips the error inside.
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
    fn finds_the_error_inside_wrappers_of_clients() {
        let tls = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, tls()));
        for cause in [Box::new(tls()) as Box<dyn Cause>, Box::new(wrapped)] {
            let error = untrusted_certificate("k", &*cause).unwrap();
            assert!(!error.is_transient() && error.to_string().contains("caBundle"), "{error}");
        }
        let reset = io::Error::new(io::ErrorKind::ConnectionReset, rustls::Error::HandshakeNotComplete);
        assert!(untrusted_certificate("k", &reset).is_none());
    }
}
