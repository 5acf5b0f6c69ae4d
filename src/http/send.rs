//! Sends an `Answer`: whole, or piece by piece while it is made.

use super::body::{PIECE, Whole};
use super::heavy::Turn;
use crate::answer::{Answer, Body};
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

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

/// What may stand in `filename*` as it is: `attr-char` of RFC 8187.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// `attachment` with a file name, of whatever characters: as RFC 6266 wants, with `filename*` where ASCII is not enough.
pub(super) fn attachment(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let plain = |c: char| if c.is_ascii() && !matches!(c, '"' | '\\' | '/' | '%') { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    if name == ascii {
        return format!("attachment; filename=\"{ascii}\"");
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ATTR_CHAR))
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

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn a_file_name_of_any_characters_is_told() {
        for (name, told) in [
            ("raylet.out", r#"filename="raylet.out""#),
            ("worker-a b.err", r#"filename="worker-a b.err""#),
            ("früh.log", r#"filename="fr_h.log"; filename*=UTF-8''fr%C3%BCh.log"#),
            ("日.out", r#"filename="_.out"; filename*=UTF-8''%E6%97%A5.out"#),
            ("a\"b\r\n.log", r#"filename="a_b.log"; filename*=UTF-8''a%22b.log"#),
            ("50%.log", r#"filename="50_.log"; filename*=UTF-8''50%25.log"#),
            ("", r#"filename="""#),
        ] {
            assert_eq!(attachment(name), format!("attachment; {told}"), "{name:?}");
        }
    }
}
