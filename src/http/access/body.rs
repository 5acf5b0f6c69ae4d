//! The bodies of logins, in which nothing is: the token is in a header, which no form of another site can send.

use crate::http::error::Error;
use crate::http::error::refusal::Refusal;
use actix_web::web::Payload;
use std::time::Duration;

/// Most bytes of a body.
const MAX_BYTES: usize = 4 << 10;
/// Longest time in which a body comes.
const WAIT: Duration = Duration::from_secs(5);

/// Reads a body and drops it, or refuses one that is longer than any login's.
pub(in crate::http) async fn discard(payload: Payload) -> Result<(), Error> {
    match tokio::time::timeout(WAIT, payload.to_bytes_limited(MAX_BYTES)).await {
        Ok(Ok(Ok(_))) => Ok(()),
        Ok(Err(_)) => Err(Refusal::BodyTooLong.into()),
        Ok(Ok(Err(_))) | Err(_) => Err(Error::BadRequest("The body of this request did not come whole.".to_owned())),
    }
}
