//! Sends an `Answer` whole, or piece by piece while it is built.

use super::body::{PIECE, PiecewiseBody};
use super::heavy::LongAnswer;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history_core::ray_api::{Answer, Body};

type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// An answer whose first two pieces are built. `left` is `None` if there are no more.
pub(super) struct StartedAnswer {
    content_type: &'static str,
    attachment: Option<String>,
    first: Vec<u8>,
    second: Option<Vec<u8>>,
    left: Option<Pieces>,
}

impl StartedAnswer {
    /// Builds the first two pieces of an answer.
    pub(super) fn new(answer: Answer) -> Self {
        let Answer { content_type, attachment, body } = answer;
        let (first, second, left) = match body {
            Body::Whole(bytes) => (bytes.into_owned(), None, None),
            Body::Chunks(mut pieces) => {
                let first = pieces.next().unwrap_or_default();
                let second = pieces.next();
                let left = second.is_some().then_some(pieces);
                (first, second, left)
            }
        };
        Self { content_type, attachment, first, second, left }
    }
}

/// Returns the response of an answer.
pub(super) fn answer(answer: Answer) -> HttpResponse {
    send(StartedAnswer::new(answer), None)
}

/// Returns the response of a long answer.
pub(super) fn long(started: StartedAnswer, long_answer: LongAnswer) -> HttpResponse {
    send(started, Some(long_answer))
}

fn send(started: StartedAnswer, long_answer: Option<LongAnswer>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(started.content_type);
    if let Some(name) = started.attachment {
        response.insert_header((CONTENT_DISPOSITION, attachment(&name)));
    }
    match (started.second, started.left) {
        (Some(second), Some(left)) => {
            // Compressing a long answer costs more than sending it to a client nearby; a proxy can compress it.
            response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
            response.streaming(remaining([started.first, second], left, long_answer))
        }
        // An answer of one piece is sent with its length and not streamed.
        _ => whole(response, Bytes::from(started.first), long_answer),
    }
}

/// Returns a response of known length. A large body is sent in pieces, and holds its memory until it is sent.
fn whole(mut response: HttpResponseBuilder, bytes: Bytes, long_answer: Option<LongAnswer>) -> HttpResponse {
    if bytes.len() <= PIECE { response.body(bytes) } else { response.body(PiecewiseBody::new(bytes, long_answer)) }
}

/// The characters that `filename*` must escape: all but `attr-char` of RFC 8187.
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

/// Returns a `Content-Disposition` of `attachment` with any file name. Adds `filename*` (RFC 6266) if the name is not
/// plain ASCII.
pub(super) fn attachment(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let plain = |c: char| if c.is_ascii() && !matches!(c, '"' | '\\' | '/' | '%') { c } else { '_' };
    let ascii: String = name.chars().map(plain).collect();
    if name == ascii {
        return format!("attachment; filename=\"{ascii}\"");
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ATTR_CHAR))
}

/// Builds each piece on a blocking thread, after the client has taken the previous one.
///
/// If a piece cannot be built, the connection ends in the middle of the body, so that no answer is silently short.
fn remaining(
    made: [Vec<u8>; 2],
    pieces: Pieces,
    long_answer: Option<LongAnswer>,
) -> impl futures_util::Stream<Item = Result<Bytes, Broken>> + 'static {
    let made = made.into_iter();
    stream::unfold((made, Some(pieces), long_answer), |(mut made, pieces, long_answer)| async move {
        if let Some(piece) = made.next() {
            return Some((Ok(Bytes::from(piece)), (made, pieces, long_answer)));
        }
        let mut pieces = pieces?;
        let next = move || (pieces.next(), pieces);
        let next = match &long_answer {
            Some(long_answer) => long_answer.make(next).await.ok(),
            None => tokio::task::spawn_blocking(next).await.ok(),
        };
        match next {
            Some((piece, pieces)) => Some((Ok(Bytes::from(piece?)), (made, Some(pieces), long_answer))),
            None => Some((Err(Broken), (made, None, long_answer))),
        }
    })
}

/// A bug in this server ended an answer early.
#[derive(Debug, thiserror::Error)]
#[error("the answer ended unexpectedly; please report this")]
pub(super) struct Broken;

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn attachment_encodes_any_file_name() {
        for (name, expected) in [
            ("raylet.out", r#"filename="raylet.out""#),
            ("worker-a b.err", r#"filename="worker-a b.err""#),
            ("früh.log", r#"filename="fr_h.log"; filename*=UTF-8''fr%C3%BCh.log"#),
            ("日.out", r#"filename="_.out"; filename*=UTF-8''%E6%97%A5.out"#),
            ("a\"b\r\n.log", r#"filename="a_b.log"; filename*=UTF-8''a%22b.log"#),
            ("50%.log", r#"filename="50_.log"; filename*=UTF-8''50%25.log"#),
            ("", r#"filename="""#),
        ] {
            assert_eq!(attachment(name), format!("attachment; {expected}"), "{name:?}");
        }
    }
}
