//! Headers of every answer below a session: the state of the session, and how to revalidate the answer.
//!
//! Defines the `X-Ray-History-…` headers, entity tags and `If-None-Match`. A tag is a hash of everything an answer
//! depends on, so that no answer is built for a client that has it.

use super::request::Call;
use super::sessions::completeness::{complete_to, time};
use super::sessions::find::{self, Shown};
use actix_web::http::header::{
    CACHE_CONTROL, ETAG, ETag, EntityTag, Header, HeaderName, HeaderValue, IfNoneMatch, TryIntoHeaderValue,
};
use actix_web::{HttpRequest, HttpResponse};
use ray_history_core::base::name::SessionKey;
use ray_history_ray_api::Query;
use ray_history_session::OpenSession;
use ray_history_settings::Redaction;
use serde::Serialize;
use siphasher::sip::SipHasher13;
use std::hash::{Hash, Hasher};

const STATE: HeaderName = HeaderName::from_static("x-ray-history-state");
const COMPLETENESS: HeaderName = HeaderName::from_static("x-ray-history-completeness");
const COMPLETE_TO: HeaderName = HeaderName::from_static("x-ray-history-complete-to");
const AS_OF: HeaderName = HeaderName::from_static("x-ray-history-as-of");

/// Only the browser may cache answers, and it must revalidate them each time, because late files change them.
const REVALIDATE: &str = "private, no-cache";

/// Adds the state of a session, its completeness and the time of its last event.
pub(super) fn describe(response: &mut HttpResponse, call: &Call<'_>, session: &Shown) {
    insert(response, call, &session.key, Some(session));
}

/// Does the same for a session that may not be open or stored. A request that may not see it gets nothing, not even of
/// a session that is open: the document of one asks nobody.
pub(super) fn describe_if_shown(
    response: &mut HttpResponse,
    call: &Call<'_>,
    key: &SessionKey,
    session: Option<&OpenSession>,
) {
    if find::is_shown(call, key) {
        insert(response, call, key, session);
    }
}

fn insert(response: &mut HttpResponse, call: &Call<'_>, key: &SessionKey, session: Option<&OpenSession>) {
    let (state, headers) = (call.state, response.headers_mut());
    headers.insert(STATE, HeaderValue::from_static(state.sessions.state(key).as_str()));
    let Some(session) = session else { return };
    let verdict = session.verdict(state.sessions.standing(key));
    headers.insert(COMPLETENESS, HeaderValue::from_static(verdict.as_str()));
    if let Some(Ok(to)) = complete_to(verdict).map(|to| HeaderValue::from_str(&to)) {
        headers.insert(COMPLETE_TO, to);
    }
    if let Some(Ok(as_of)) = as_of(session).map(|at| HeaderValue::from_str(&at)) {
        headers.insert(AS_OF, as_of);
    }
}

/// Returns the time of the last event, RFC 3339, or `None` for a session without events.
pub(super) fn as_of(session: &OpenSession) -> Option<String> {
    time(session.snapshot.as_of)
}

/// Returns the tag of an answer: a hash of the open session, the redaction, and the URL below the session.
pub(super) fn tag(session: &OpenSession, setting: Redaction, query: &Query, below: &[&str], text: &str) -> EntityTag {
    // Fixed keys, because replicas must agree. Includes our version, because another one may answer differently.
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    (&session.key, session.version, setting as u8, query.redact, query.over).hash(&mut hasher);
    (below, text, env!("CARGO_PKG_VERSION")).hash(&mut hasher);
    of_hash(&hasher)
}

/// Returns the tag of a body.
pub(super) fn tag_of(body: &[u8]) -> EntityTag {
    let mut hasher = SipHasher13::new_with_keys(0, 0);
    hasher.write(body);
    of_hash(&hasher)
}

fn of_hash(hasher: &SipHasher13) -> EntityTag {
    EntityTag::new_strong(format!("{:016x}", hasher.finish()))
}

/// Returns `true` if the client already has this answer. Uses weak comparison, as RFC 9110 requires for
/// `If-None-Match`. A malformed header counts as absent, and `*` as no tag: it asks whether there is any answer, which
/// only a write has to know.
pub(super) fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(tag)),
        Ok(IfNoneMatch::Any) | Err(_) => false,
    }
}

/// Returns 304 Not Modified.
pub(super) fn not_modified(tag: EntityTag) -> HttpResponse {
    HttpResponse::NotModified().insert_header(ETag(tag)).insert_header((CACHE_CONTROL, REVALIDATE)).finish()
}

/// Sets the caching headers and the tag of a successful answer.
pub(super) fn revalidate(response: &mut HttpResponse, tag: Option<EntityTag>) {
    if !response.status().is_success() {
        return;
    }
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    if let Some(Ok(tag)) = tag.map(|tag| ETag(tag).try_into_value()) {
        headers.insert(ETAG, tag);
    }
}

/// Returns a JSON response with an entity tag of its bytes, or 304 if the client has it.
pub(super) fn tagged_json(request: &HttpRequest, value: &impl Serialize) -> HttpResponse {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let tag = tag_of(&body);
    if is_known(request, &tag) {
        return not_modified(tag);
    }
    let mut response = HttpResponse::Ok().content_type("application/json").body(body);
    revalidate(&mut response, Some(tag));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::IF_NONE_MATCH;
    use actix_web::test::TestRequest;

    #[test]
    fn if_none_match_compares_weakly() {
        let tag = tag_of(b"x");
        let other = tag_of(b"y");
        for (header, known) in [
            (tag.to_string(), true),
            (format!("W/{tag}"), true),
            (format!("{other}, W/{tag}"), true),
            (format!("nonsense, {tag}"), true),
            (other.to_string(), false),
            (tag.tag().to_owned(), false),
            (format!("\"{}", tag.tag()), false),
            ("*".to_owned(), false),
            (String::new(), false),
        ] {
            let request = TestRequest::default().insert_header((IF_NONE_MATCH, header.clone())).to_http_request();
            assert_eq!(is_known(&request, &tag), known, "{header}");
        }
    }
}
