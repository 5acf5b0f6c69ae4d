//! Ray's routes at the root, for the session that a browser has entered: its cookies select it.
//!
//! The answer itself comes from its caller, because it is that of Ray's routes below a session.

use super::cookies;
use crate::http::error::{Error, Shape};
use crate::http::html::{accepts_html, redirect, redirect_page};
use crate::http::request::Call;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, VARY};
use ray_history_session::catalog::Entry;

/// The kind of a URL at the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Kind {
    /// The dashboard's document.
    Document,
    /// A file of the dashboard. It is the same for all users, and shared caches may keep it, so it sets no cookies.
    File,
    /// An answer of Ray's API.
    Api,
    /// No URL of Ray.
    Unknown,
}

/// Returns the redirect to the list of sessions, for a client that has not entered a session.
fn home(call: &Call<'_>) -> HttpResponse {
    let mut response =
        if accepts_html(call.request) { redirect_page("Ray sessions", "sessions/") } else { redirect("sessions/") };
    response.headers_mut().append(VARY, HeaderValue::from_static("accept, cookie"));
    response
}

/// Returns `true` if a client has the cookies of a session.
pub(in crate::http) fn is_entered(call: &Call<'_>) -> bool {
    cookies::are_set(call.request)
}

/// Answers for the session in the cookies by `ray`, and extends their lifetime.
pub(in crate::http) async fn answer(
    call: &Call<'_>,
    kind: Kind,
    ray: impl AsyncFnOnce(&Entry) -> Result<HttpResponse, Error>,
) -> Result<HttpResponse, Error> {
    if !cookies::are_set(call.request) {
        let asks_for_a_session = match kind {
            Kind::Document => return Ok(home(call)),
            Kind::Api => true,
            // Browsers request an icon everywhere.
            Kind::File => call.segments.first() == Some(&"static"),
            Kind::Unknown => false,
        };
        if !asks_for_a_session {
            // Browsers get a page with a link to the list; programs get Ray's answer.
            let shape = if accepts_html(call.request) { Shape::Page } else { Shape::Ray };
            return Ok(Error::UnknownUrl.respond(call.request, shape));
        }
        cookies::resolve(call).await?;
    }
    Ok(entered(call, kind, ray).await)
}

async fn entered(
    call: &Call<'_>,
    kind: Kind,
    ray: impl AsyncFnOnce(&Entry) -> Result<HttpResponse, Error>,
) -> HttpResponse {
    let shape = if kind == Kind::Document { Shape::Page } else { Shape::Ray };
    let mut response = match cookies::resolve(call).await {
        Ok(entry) => {
            let mut response = ray(&entry).await.unwrap_or_else(|error| error.respond(call.request, shape));
            if kind == Kind::File && response.status().is_success() {
                return response;
            }
            cookies::set(&mut response, &entry);
            response
        }
        Err(error) => error.respond(call.request, shape),
    };
    if response.status() == StatusCode::NOT_FOUND {
        *response.status_mut() = StatusCode::GONE;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("cookie"));
    response
}
