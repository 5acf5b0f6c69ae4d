//! Sends an `Answer`: whole, or piece by piece while it is made.

use super::body::{PIECE, Whole};
use super::heavy::Making;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::stream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history_core::ray_api::{Answer, Body};

type Pieces = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// An answer whose first two pieces are made; none are left where it has no more.
pub(super) struct Begun {
    content_type: &'static str,
    attachment: Option<String>,
    first: Vec<u8>,
    second: Option<Vec<u8>>,
    left: Option<Pieces>,
}

impl Begun {
    /// Makes the first pieces of an answer.
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

/// The response of an answer.
pub(super) fn answer(answer: Answer) -> HttpResponse {
    send(Begun::new(answer), None)
}

/// The response of a long answer.
pub(super) fn long(begun: Begun, making: Making) -> HttpResponse {
    send(begun, Some(making))
}

fn send(begun: Begun, making: Option<Making>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.content_type(begun.content_type);
    if let Some(name) = begun.attachment {
        response.insert_header((CONTENT_DISPOSITION, attachment(&name)));
    }
    match (begun.second, begun.left) {
        (Some(second), Some(left)) => {
            // Compressing a long answer costs more than sending it: browsers are near, or a proxy does it.
            response.insert_header((CONTENT_ENCODING, HeaderValue::from_static("identity")));
            response.streaming(remaining([begun.first, second], left, making))
        }
        // Short answers are one piece: they get a length and no stream.
        _ => whole(response, Bytes::from(begun.first), making),
    }
}

/// A body of known length. A big one is handed over in pieces; its memory is held until it was sent.
fn whole(mut response: HttpResponseBuilder, bytes: Bytes, making: Option<Making>) -> HttpResponse {
    if bytes.len() <= PIECE { response.body(bytes) } else { response.body(Whole::new(bytes, making)) }
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
    making: Option<Making>,
) -> impl futures_util::Stream<Item = Result<Bytes, Broken>> + 'static {
    let made = made.into_iter();
    stream::unfold((made, Some(pieces), making), |(mut made, pieces, making)| async move {
        if let Some(piece) = made.next() {
            return Some((Ok(Bytes::from(piece)), (made, pieces, making)));
        }
        let mut pieces = pieces?;
        let next = move || (pieces.next(), pieces);
        let next = match &making {
            Some(making) => making.make(next).await.ok(),
            None => tokio::task::spawn_blocking(next).await.ok(),
        };
        match next {
            Some((piece, pieces)) => Some((Ok(Bytes::from(piece?)), (made, Some(pieces), making))),
            None => Some((Err(Broken), (made, None, making))),
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
