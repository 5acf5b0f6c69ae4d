//! The responses of errors. Internal detail is logged, never sent.
//!
//! Ray's routes report errors in Ray's format, our API as RFC 9457 problems, pages as HTML; the texts are the same. All
//! include the request id, which is also in the log; only Ray's own texts are sent unchanged.

use super::Error;
use super::load_status::Status;
use super::refusal::Refusal;
use crate::http::html;
use crate::http::request_id::RequestId;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use maud::html;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ray_history_core::base::chain::chain;
use ray_history_ray_api::RayError;
use ray_history_session as session;
use serde_json::{Value, json};

/// The format of errors of a group of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Shape {
    /// Ray's: plain text, or the envelope of its state API.
    Ray,
    /// RFC 9457, `application/problem+json`.
    Problem,
    /// HTML for browsers and a problem for programs, by `Accept`.
    Page,
}

/// Seconds after which a client should retry.
const RETRY_AFTER: &str = "5";

/// The scheme in which a client may say who it is.
const CHALLENGE: &str = "Bearer realm=\"ray-history\"";

/// Adds the request id, which is also in the log.
fn add_request_id(body: &mut Value, id: Option<RequestId>) {
    if let (Value::Object(body), Some(id)) = (body, id) {
        body.insert("requestId".to_owned(), id.to_string().into());
    }
}

/// Returns the relative path from a request's URL to the root, which works under any prefix.
fn to_root(request: &HttpRequest) -> String {
    "../".repeat(request.uri().path().split('/').count().saturating_sub(2))
}

impl Error {
    /// Returns the response in the given format, and logs storage errors.
    pub(in crate::http) fn respond(&self, request: &HttpRequest, shape: Shape) -> HttpResponse {
        match self {
            Self::Session(session::Error::Storage(error)) => {
                tracing::warn!(error = %chain(&**error), "storage request failed");
            }
            Self::Session(error @ session::Error::NothingReadable { .. }) => {
                tracing::warn!(error = %chain(error), "session has no readable event file");
            }
            _ => {}
        }
        let id = RequestId::of(request);
        let mut response = HttpResponse::build(self.status());
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&self.status()) {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        if let Self::MethodNotAllowed(allowed) = self {
            response.insert_header((header::ALLOW, *allowed));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, CHALLENGE));
        }
        if let Self::Refused(refusal) = self
            && html::accepts_html(request)
        {
            return self.as_refusal_page(refusal, request, response, id);
        }
        match shape {
            Shape::Ray => self.as_ray(response, id),
            Shape::Page if html::accepts_html(request) => self.as_page(request, response, id),
            Shape::Problem | Shape::Page => self.as_problem(request, response, id),
        }
    }

    fn as_ray(&self, mut response: HttpResponseBuilder, id: Option<RequestId>) -> HttpResponse {
        let message = self.to_string();
        // Ray's clients read `result`, `msg` and `data`; our script reads the progress.
        let mut body = match self {
            Self::Ray(RayError::BadQuery(_)) => {
                json!({"result": false, "msg": message, "data": {"result": null}})
            }
            Self::Ray(RayError::FailedJson(_)) => json!({"result": false, "msg": message, "data": {}}),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => json!({"result": false, "msg": message}),
            _ => {
                let ours = !matches!(self, Self::Ray(_) | Self::UnknownUrl);
                let id = id.filter(|_| ours).map_or_else(String::new, |id| format!("\nRequest id: {id}"));
                return response.content_type(ContentType::plaintext()).body(message + &id);
            }
        };
        self.add_progress(&mut body);
        add_request_id(&mut body, id);
        response.json(body)
    }

    fn as_problem(
        &self,
        request: &HttpRequest,
        mut response: HttpResponseBuilder,
        id: Option<RequestId>,
    ) -> HttpResponse {
        let status = self.status();
        let (name, title) = self.problem();
        let mut body = json!({
            "type": format!("tag:history.ray.io,2026:{name}"),
            "title": title,
            "status": status.as_u16(),
            "detail": self.to_string(),
            "instance": request.uri().path(),
        });
        self.add_progress(&mut body);
        add_request_id(&mut body, id);
        response.content_type("application/problem+json").body(body.to_string())
    }

    fn as_page(&self, request: &HttpRequest, response: HttpResponseBuilder, id: Option<RequestId>) -> HttpResponse {
        let (_, title) = self.problem();
        let up = to_root(request);
        let body = html! {
            h1 { (title) }
            p { (self) }
            @if let Some(id) = id {
                p.quiet { "Request id: " (id) }
            }
            p { a href={ (up) "sessions/" } { "All sessions" } }
        };
        html::page_with(response, title, &html::style(&up), &body)
    }

    /// Returns the page of a refusal. A browser of an unknown person is led to the login by the page itself, because
    /// Ray's proxy would follow a redirect.
    fn as_refusal_page(
        &self,
        refusal: &Refusal,
        request: &HttpRequest,
        response: HttpResponseBuilder,
        id: Option<RequestId>,
    ) -> HttpResponse {
        if !refusal.is_for_login() {
            return self.as_page(request, response, id);
        }
        let wanted = request.uri().path_and_query().map_or("", |wanted| wanted.as_str().trim_start_matches('/'));
        let login = format!("{}login?next={}", to_root(request), utf8_percent_encode(wanted, NON_ALPHANUMERIC));
        html::redirect_page_with(response, "Log in", &login)
    }

    fn add_progress(&self, body: &mut Value) {
        let status = match self {
            Self::Loading(progress) => Status::loading(progress),
            Self::Session(error) if self.status() == StatusCode::SERVICE_UNAVAILABLE => {
                Status::failed(error.to_string())
            }
            _ => return,
        };
        if let (Value::Object(body), Ok(Value::Object(status))) = (body, serde_json::to_value(status)) {
            body.extend(status);
        }
    }
}
