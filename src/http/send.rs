//! Sends an `Answer`: whole, or piece by piece while it is made.

use crate::answer::{Answer, Body};
use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderValue};
use bytes::Bytes;
use futures_util::stream;
use std::convert::Infallible;

type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// The response of an answer.
pub(super) fn answer(answer: Answer) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(answer.content_type);
    if let Some(name) = answer.attachment {
        response.insert_header((CONTENT_DISPOSITION, attachment(&name)));
    }
    match answer.body {
        Body::Whole(bytes) => response.body(bytes.into_owned()),
        Body::Chunks(mut pieces) => {
            // Short answers are one piece: they get a length and no stream.
            let Some(first) = pieces.next() else { return response.body(Bytes::new()) };
            match pieces.next() {
                None => response.body(first),
                Some(second) => {
                    // Compressing a long answer costs more than sending it: browsers are near, or a proxy does it.
                    response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
                    response.streaming(remaining([first, second], pieces))
                }
            }
        }
    }
}

/// `attachment` with a file name; the name is ours or was cleaned.
pub(super) fn attachment(name: &str) -> String {
    format!("attachment; filename=\"{name}\"")
}

/// Makes each piece off the async threads, when the client has taken the one before.
fn remaining(
    made: [Vec<u8>; 2],
    pieces: Pieces,
) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> + 'static {
    let made = made.into_iter();
    stream::unfold((made, Some(pieces)), |(mut made, pieces)| async move {
        if let Some(piece) = made.next() {
            return Some((Ok(Bytes::from(piece)), (made, pieces)));
        }
        let mut pieces = pieces?;
        let (piece, pieces) = tokio::task::spawn_blocking(move || (pieces.next(), pieces)).await.ok()?;
        Some((Ok(Bytes::from(piece?)), (made, Some(pieces))))
    })
}
