//! `/login`: the page that logs a browser in with a token, and leads back.

use super::dialog::access;
use crate::http::error::Error;
use crate::http::guard;
use crate::http::html::{self, redirect_page};
use crate::http::request::Call;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use maud::html;

const SCRIPT: &str = include_str!("login/login.js");
/// The page after a login that nothing led to.
const HOME: &str = "./sessions/";

/// Answers with the page. Whom a proxy names is led on at once.
pub(in crate::http) async fn page(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let next = next(call.request.query_string());
    let access = access(call)?;
    if guard::is_named_by_proxy(call.request, &access).await {
        return Ok(redirect_page("Ray sessions", &next));
    }
    let settings = access.settings();
    let audience = settings.audiences.first().map_or_else(String::new, |audience| format!(" --audience {audience}"));
    let head = html! {
        (html::style("./"))
        script src="sessions/login.js" defer {}
    };
    let body = html! {
        h1 { "Log in" }
        @if settings.login.is_some() {
            p { "This server shows the sessions of namespaces in which you have the right in Kubernetes." }
            form id="login" data-next=(next) {
                label { "Token " input id="token" type="password" autocomplete="off" required autofocus; }
                " " button { "Log in" }
                " " button id="logout" type="button" { "Log out" }
            }
            p id="result" role="status" {}
            p.quiet { "A token of yours: " code { "kubectl create token SERVICEACCOUNT --duration 8h" (audience) } }
            noscript { p.note { "Logging in needs JavaScript." } }
        } @else {
            p.note { "Browsers do not log in here: come through the proxy that logs in." }
        }
        p { a href=(next) { "Back" } }
    };
    Ok(html::page("Log in", &head, &body))
}

/// Answers with the script of the page.
pub(in crate::http) fn script() -> HttpResponse {
    let cache = (CACHE_CONTROL, "no-cache");
    HttpResponse::Ok().content_type("text/javascript; charset=utf-8").insert_header(cache).body(SCRIPT)
}

/// Returns the page to go to afterwards, relative to this one. Anything that browsers may take for another host's is
/// dropped.
fn next(query: &str) -> String {
    let given = web::Query::<Vec<(String, String)>>::from_query(query).map(web::Query::into_inner).unwrap_or_default();
    let next = given.into_iter().find_map(|(name, value)| (name == "next").then_some(value)).unwrap_or_default();
    let relative =
        !next.is_empty() && !next.starts_with('/') && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if relative { format!("./{next}") } else { HOME.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_relative_path_is_gone_to() {
        for (query, expected) in [
            ("next=sessions%2Fa%2Fb%2Fs%2F", "./sessions/a/b/s/"),
            ("next=sessions/%3Fq%3Dx%26limit%3D7", "./sessions/?q=x&limit=7"),
            ("next=rayjobs/a/b%2520c", "./rayjobs/a/b%20c"),
            // With `./` first, a scheme is a file's name.
            ("next=javascript:alert(1)", "./javascript:alert(1)"),
            ("next=https://evil.example.com", "./https://evil.example.com"),
            ("next=//evil.example.com", HOME),
            ("next=/%2Fevil.example.com", HOME),
            ("next=%5C%5Cevil.example.com", HOME),
            ("next=a%5Cb", HOME),
            ("next=%09//evil", HOME),
            ("next=a%0Ab", HOME),
            ("next=", HOME),
            ("", HOME),
            ("%ff", HOME),
        ] {
            assert_eq!(next(query), expected, "{query}");
        }
    }
}
