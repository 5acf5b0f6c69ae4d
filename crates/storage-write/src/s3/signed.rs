//! The hash of a body in the signature of its request.
//!
//! Servers other than Amazon's may store what arrived before a connection was cut: versitygw 1.8 does if the body is not
//! signed. With the hash, they refuse it.

use super::super::body::Content;
use aws_lc_rs::digest::{Context, SHA256};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sigv4::http_request::SignableBody;
use ray_history_storage::{Error, ErrorKind};
use std::fmt::Write;

/// An interceptor that signs the hash of a body, which the SDK cannot compute of a stream.
#[derive(Debug)]
pub(super) struct Signed(String);

impl Signed {
    /// Reads the bytes. Those of a file are read on the blocking pool, and again when they are sent.
    pub(super) async fn of(key: &str, content: &Content) -> Result<Self, Error> {
        let content = content.clone();
        let hash = tokio::task::spawn_blocking(move || {
            let mut hash = Context::new(&SHA256);
            content.each_piece(|piece| hash.update(piece)).map(|()| hash.finish())
        });
        let hash = hash.await.map_err(|gone| Error::because(ErrorKind::Unavailable, key, gone))?;
        let hash = hash.map_err(|error| Error::because(ErrorKind::Source, key, error))?;
        let mut text = String::with_capacity(64);
        for byte in hash.as_ref() {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Self(text))
    }
}

impl Intercept for Signed {
    fn name(&self) -> &'static str {
        "hash of the body"
    }

    fn modify_before_signing(
        &self,
        _context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // Requests without credentials are not signed.
        if let Some(mut signing) = config.load::<SigV4OperationSigningConfig>().cloned() {
            signing.signing_options.payload_override = Some(SignableBody::Precomputed(self.0.clone()));
            config.interceptor_state().store_put(signing);
        }
        Ok(())
    }
}
