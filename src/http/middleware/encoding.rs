//! Compression of responses, and its effect on their entity tags.
//!
//! Only gzip is used: Ray's proxy decodes nothing newer, and shows the viewer's own cluster if it cannot decode a
//! response. Text bodies of known length are compressed (JSON, pages, scripts); logs and long answers are streamed
//! uncompressed. The tag of a compressed response is weak (RFC 9110, 8.8.1).

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    AcceptEncoding, CONTENT_ENCODING, CONTENT_TYPE, ETAG, Encoding, Header, HeaderMap, HeaderValue, Preference,
    Quality, QualityItem, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};
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

/// The middleware: compresses the response if the client accepts it.
pub(in crate::http) async fn encode<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse, Error> {
    let gzip = accepts_gzip(&request);
    let (request, response) = next.call(request).await?.map_into_boxed_body().into_parts();
    Ok(ServiceResponse::new(request, compress(response, gzip).await))
}

async fn compress(mut response: HttpResponse, gzip: bool) -> HttpResponse {
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

/// Returns `true` if the client accepts gzip, by name or by `*`, with a weight above zero. A malformed item counts as
/// absent.
fn accepts_gzip(request: &impl HttpMessage) -> bool {
    let Ok(AcceptEncoding(items)) = AcceptEncoding::parse(request) else { return false };
    let gzip = |item: &&QualityItem<Preference<Encoding>>| item.item == Preference::Specific(Encoding::gzip());
    let any = |item: &&QualityItem<Preference<Encoding>>| item.item == Preference::Any;
    let item = items.iter().find(gzip).or_else(|| items.iter().rev().find(any));
    item.is_some_and(|item| item.quality > Quality::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::ACCEPT_ENCODING;
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
            (";;, q=1, gzip", true),
            ("gzip;q=much, br", false),
            ("\u{fc}, gzip", false),
        ] {
            let request = TestRequest::default().insert_header((ACCEPT_ENCODING, header)).to_http_request();
            assert_eq!(accepts_gzip(&request), taken, "{header}");
        }
    }
}
