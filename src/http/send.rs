//! Sends an `Answer`: whole, or piece by piece while it is made.

use super::body::{PIECE, Whole};
use super::heavy::Turn;
use crate::answer::{Answer, Body};
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::stream;

type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// The response of an answer.
pub(super) fn answer(answer: Answer) -> HttpResponse {
    send(answer, None)
}

/// The response of a long answer, whose turn ends when it was sent.
pub(super) fn long(answer: Answer, turn: Turn) -> HttpResponse {
    send(answer, Some(turn))
}

fn send(answer: Answer, turn: Option<Turn>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(answer.content_type);
    if let Some(name) = answer.attachment {
        response.insert_header((CONTENT_DISPOSITION, attachment(&name)));
    }
    match answer.body {
        Body::Whole(bytes) => whole(response, Bytes::from(bytes.into_owned()), turn),
        Body::Chunks(mut pieces) => {
            // Short answers are one piece: they get a length and no stream.
            let Some(first) = pieces.next() else { return response.body(Bytes::new()) };
            match pieces.next() {
                None => whole(response, Bytes::from(first), turn),
                Some(second) => {
                    // Compressing a long answer costs more than sending it: browsers are near, or a proxy does it.
                    response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
                    response.streaming(remaining([first, second], pieces, turn))
                }
            }
        }
    }
}

/// A body of known length. A big one is handed over in pieces; a turn is kept until it was sent.
fn whole(mut response: HttpResponseBuilder, bytes: Bytes, turn: Option<Turn>) -> HttpResponse {
    if bytes.len() <= PIECE { response.body(bytes) } else { response.body(Whole::new(bytes, turn)) }
}

/// `attachment` with a file name; the name is ours or was cleaned.
pub(super) fn attachment(name: &str) -> String {
    format!("attachment; filename=\"{name}\"")
}

/// Makes each piece off the async threads, when the client has taken the one before.
///
/// A piece that cannot be made ends the connection in the middle of the body: an answer is never silently short.
fn remaining(
    made: [Vec<u8>; 2],
    pieces: Pieces,
    turn: Option<Turn>,
) -> impl futures_util::Stream<Item = Result<Bytes, Broken>> + 'static {
    let made = made.into_iter();
    stream::unfold((made, Some(pieces), turn), |(mut made, pieces, turn)| async move {
        if let Some(piece) = made.next() {
            return Some((Ok(Bytes::from(piece)), (made, pieces, turn)));
        }
        let mut pieces = pieces?;
        match tokio::task::spawn_blocking(move || (pieces.next(), pieces)).await {
            Ok((piece, pieces)) => Some((Ok(Bytes::from(piece?)), (made, Some(pieces), turn))),
            Err(_) => Some((Err(Broken), (made, None, turn))),
        }
    })
}

/// A bug of ours ended an answer in the middle.
#[derive(Debug, thiserror::Error)]
#[error("the answer ended unexpectedly; please report this")]
pub(super) struct Broken;
