//! The layout of our own HTML pages. They load nothing from other servers, and `maud` escapes every value in them.

use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use maud::{Markup, PreEscaped, html};

/// Content security policy: own styles, scripts and forms only, and no embedding in frames.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

const DOCTYPE: PreEscaped<&str> = PreEscaped("<!doctype html>");

/// Returns a redirect to a relative URL, which works under any prefix.
pub(super) fn redirect(to: &str) -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, to)).finish()
}

/// Returns `true` if the client accepts HTML, as browsers do when they navigate to a page, and programs do not.
pub(super) fn accepts_html(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// Returns a page that redirects the browser. Ray's proxy follows 3xx responses itself, which would hide the new URL
/// from the browser.
pub(super) fn redirect_page(title: &str, to: &str) -> HttpResponse {
    redirect_page_with(HttpResponse::Ok(), title, to)
}

/// Returns a page that redirects the browser, with the given status and headers.
pub(super) fn redirect_page_with(response: HttpResponseBuilder, title: &str, to: &str) -> HttpResponse {
    let head = html! { meta http-equiv="refresh" content={ "0; url=" (to) }; };
    respond(response, POLICY, title, &head, &html! { p { a href=(to) { (title) } } })
}

/// Returns the style sheet and icon links for a page's head; `root` is the relative path to the server's root.
pub(super) fn style(root: &str) -> Markup {
    html! {
        link rel="stylesheet" href={ (root) "sessions/sessions.css" };
        link rel="icon" type="image/svg+xml" href={ (root) "sessions/icon.svg" };
    }
}

/// Returns a page with `style` in its head.
pub(super) fn page(title: &str, head: &Markup, body: &Markup) -> HttpResponse {
    page_with(HttpResponse::Ok(), title, head, body)
}

/// Returns a page with `style` in its head, and with the given status and headers.
pub(super) fn page_with(response: HttpResponseBuilder, title: &str, head: &Markup, body: &Markup) -> HttpResponse {
    respond(response, &format!("{POLICY}; img-src 'self'"), title, head, body)
}

/// Without `img-src` in the policy, browsers request no default icon: behind a proxy it would be another server's.
fn respond(mut response: HttpResponseBuilder, policy: &str, title: &str, head: &Markup, body: &Markup) -> HttpResponse {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) }
                meta name="viewport" content="width=device-width";
                (head)
            }
            body { (body) }
        }
    };
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, policy))
        .body(page.into_string())
}

/// Returns `1 session`, `2 sessions`.
pub(super) fn session_count(n: usize) -> String {
    format!("{n} session{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_counts_have_a_singular() {
        assert_eq!([0, 1, 2].map(session_count), ["0 sessions", "1 session", "2 sessions"]);
    }
}
