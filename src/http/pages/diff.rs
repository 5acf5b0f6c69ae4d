//! `/sessions/diff`: what changed from one session to another, on one page, and the form that asks for it.
//!
//! The server renders all of it, so the page works without scripts. While a session is read, it asks again by itself.

mod form;
mod sections;

pub(super) use form::{Form, form_of};

use crate::http::error::Error;
use crate::http::html;
use crate::http::request::Call;
use crate::http::sessions::compare::{Comparison, Named, compare};
use crate::http::sessions::find;
use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use std::time::Duration;

/// Path of the server's root from this page.
const ROOT: &str = "../";
/// Longest wait for a session to open.
const WAIT: Duration = Duration::from_secs(3);
const TITLE: &str = "What changed";

/// Answers with the page.
pub(in crate::http) async fn page(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let given = web::Query::<Vec<(String, String)>>::from_query(call.request.query_string())
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?
        .into_inner();
    let value = |name: &str| given.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.trim());
    let (a, b) = (value("a"), value("b"));
    let form = Form { a: a.to_owned(), b: b.to_owned(), others: Vec::new() };
    if a.is_empty() || b.is_empty() {
        let asked = html! { p { "Two sessions, by what they are called here. B is the one that came after." } };
        return Ok(respond(HttpResponse::Ok(), &form, false, &asked));
    }
    Ok(match compared(call, a, b).await {
        Ok(Some(comparison)) => respond(HttpResponse::Ok(), &form, false, &sections::all(&comparison, ROOT)),
        Ok(None) => {
            let words = html! { p.note { "The sessions are being read, and this page asks again by itself." } };
            respond(HttpResponse::Ok(), &form, true, &words)
        }
        Err(error @ Error::Refused(_)) => return Err(error),
        Err(error) => {
            let words = html! { p.note { (error) } };
            respond(HttpResponse::build(error.status()), &form, false, &words)
        }
    })
}

/// Returns the comparison; `None` while a session is read.
async fn compared(call: &Call<'_>, a: &str, b: &str) -> Result<Option<Comparison>, Error> {
    let (a, b) = (Named::parse("a", a)?, Named::parse("b", b)?);
    let keys = [a.key(call).await?, b.key(call).await?];
    for key in &keys {
        find::begin(call, key).await?;
        call.permit.audit(call.request, call.state, key);
    }
    let [a, b] = &keys;
    let (Some(a), Some(b)) = (find::shown_within(call, a, WAIT).await?, find::shown_within(call, b, WAIT).await?)
    else {
        return Ok(None);
    };
    Ok(Some(compare(call, &a, &b).await?))
}

fn respond(response: actix_web::HttpResponseBuilder, form: &Form, is_loading: bool, shown: &Markup) -> HttpResponse {
    let head = html! {
        (html::style(ROOT))
        @if is_loading { meta http-equiv="refresh" content="5"; }
    };
    let body = html! {
        nav aria-label="Session" { a href={ (ROOT) "sessions/" } { "All sessions" } }
        main.why {
            h1 { (TITLE) }
            (form_of(form, ROOT))
            (shown)
        }
    };
    html::page_with(response, TITLE, &head, &body)
}
