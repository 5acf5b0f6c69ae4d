//! Compression of responses, and its effect on their entity tags.
//!
//! Only gzip is used: Ray's proxy decodes nothing newer, and shows the viewer's own cluster if it cannot decode a
//! response. Text bodies of known length are compressed (JSON, pages, scripts); logs and long answers are streamed
//! uncompressed. The tag of a compressed response is weak (RFC 9110, 8.8.1).

use actix_web::body::{BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Least bytes to compress; shorter bodies fit into one packet anyway.
const SHORTEST: usize = 1024;
/// Bytes from which a body is compressed on a blocking thread.
const LONG: usize = 128 << 10;
const COMPRESSED: [&str; 6] =
    ["application/json", "application/problem+json", "text/html", "text/javascript", "text/css", "image/svg+xml"];

/// Compresses the response if the client accepts it.
pub(super) async fn encode(request: &HttpRequest, mut response: HttpResponse) -> HttpResponse {
    let gzip = accepts_gzip(request.headers());
    if response.status() == StatusCode::NOT_MODIFIED {
        // The full response would have a weak tag.
        if gzip {
            weaken(response.headers_mut());
        }
        return response;
    }
    if response.headers().contains_key(CONTENT_ENCODING) || !is_text(response.headers()) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    if !gzip || response.status() == StatusCode::PARTIAL_CONTENT {
        return response;
    }
    let (head, body) = response.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) if bytes.len() >= SHORTEST => bytes,
        Ok(bytes) => return head.set_body(BoxBody::new(bytes)),
        Err(stream) => return head.set_body(stream),
    };
    let packed = if bytes.len() < LONG {
        pack(&bytes)
    } else {
        let bytes = bytes.clone();
        tokio::task::spawn_blocking(move || pack(&bytes)).await.ok().flatten()
    };
    let Some(packed) = packed else { return head.set_body(BoxBody::new(bytes)) };
    let mut response = head.set_body(BoxBody::new(packed));
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    weaken(response.headers_mut());
    response
}

fn pack(bytes: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

fn is_text(headers: &HeaderMap) -> bool {
    let name = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    COMPRESSED.contains(&name.split(';').next().unwrap_or_default().trim())
}

fn weaken(headers: &mut HeaderMap) {
    let strong = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| tag.starts_with('"'));
    if let Some(Ok(weak)) = strong.map(|tag| HeaderValue::from_str(&format!("W/{tag}"))) {
        headers.insert(ETAG, weak);
    }
}

/// Returns `true` if the client accepts gzip, by name or by `*`, with a weight above zero.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let mut any = false;
    for value in headers.get_all(ACCEPT_ENCODING).filter_map(|value| value.to_str().ok()) {
        for part in value.split(',') {
            let (coding, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
            let taken = weight.is_none_or(|weight| weight > 0.0);
            match coding.trim() {
                coding if coding.eq_ignore_ascii_case("gzip") => return taken,
                "*" => any = taken,
                _ => {}
            }
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn gzip_needs_a_positive_weight() {
        for (header, taken) in [
            ("", false),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0, *", false),
            ("*", true),
            ("*;q=0", false),
            ("identity, br, deflate", false),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT_ENCODING, header)).to_http_request();
            assert_eq!(accepts_gzip(request.headers()), taken, "{header}");
        }
    }
}
