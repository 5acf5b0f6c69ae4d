//! `/api/jobs/{id}/logs/tail`: the log of a submission over a WebSocket, as `ray job logs --follow` requests it.
//!
//! The whole stored log is sent as text; then the connection is closed as Ray closes that of an ended job. Messages of
//! the client are not read. A page of another origin is rejected before anything is loaded.
//! Source: `tail_job_logs` of `dashboard/modules/job/{job_head,sdk}.py`.

use super::{logs, origin};
use crate::http::error::Error;
use crate::http::state::State;
use actix_http::ws::{CloseCode, Codec, Message, hash_key, verify_handshake};
use actix_web::http::header::{CONTENT_ENCODING, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY};
use actix_web::{HttpRequest, HttpResponse};
use bytes::BytesMut;
use futures_util::{StreamExt, stream};
use ray_history_ray_api::logs::job::Decoder;
use ray_history_session::OpenSession;
use tokio_util::codec::Encoder;

/// Rejects requests that are not a handshake or come from a page of another origin. Call it before opening the session.
pub(in crate::http) fn admit(request: &HttpRequest) -> Result<(), Error> {
    if !origin::is_own(request) {
        return Err(Error::ForeignOrigin);
    }
    verify_handshake(request.head())
        .map_err(|error| Error::BadRequest(format!("This URL is for WebSockets alone: {error}.")))
}

/// Answers an admitted handshake with the whole log.
pub(in crate::http) async fn of_job(
    request: &HttpRequest,
    state: &State,
    session: &OpenSession,
    id: &str,
) -> Result<HttpResponse, Error> {
    let blocks = logs::job_log(state, session, id).await?;
    let frames = stream::unfold((blocks, Some(Decoder::default())), |(mut blocks, decoder)| async move {
        let mut decoder = decoder?;
        let mut frames = BytesMut::new();
        let (written, left) = match blocks.next().await {
            Some(Ok(block)) => (write([text(decoder.push(&block))], &mut frames), Some(decoder)),
            Some(Err(error)) => (Err(Broken::Read(error.to_string())), None),
            None => {
                let close = Message::Close(Some(CloseCode::Normal.into()));
                (write([text(decoder.finish().to_owned()), Some(close)], &mut frames), None)
            }
        };
        Some((written.map(|()| frames.freeze()), (blocks, left)))
    });
    // `admit` has verified that the client sent a key.
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map_or(&[][..], HeaderValue::as_bytes);
    let accept = hash_key(key);
    let mut response = HttpResponse::SwitchingProtocols();
    response.upgrade("websocket").insert_header((SEC_WEBSOCKET_ACCEPT, &accept[..]));
    response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
    Ok(response.streaming(frames))
}

/// Reason for ending a connection before the end of the log.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the log could not be read to its end: {0}")]
    Read(String),
    #[error("a message could not be written: {0}")]
    Write(#[from] actix_http::ws::ProtocolError),
}

/// Returns a text message, or `None` for an empty text.
fn text(text: String) -> Option<Message> {
    (!text.is_empty()).then(|| Message::Text(text.into()))
}

fn write(messages: impl IntoIterator<Item = Option<Message>>, frames: &mut BytesMut) -> Result<(), Broken> {
    messages.into_iter().flatten().try_for_each(|message| Ok(Codec::new().encode(message, frames)?))
}
