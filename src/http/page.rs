//! Pages of our own: no request leaves the server, every value is escaped.

use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

/// Our pages load their own style and script, send their own forms, and are in nobody's frame.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Leads to a relative URL, so that it works under any prefix.
pub(super) fn redirect(to: &str) -> HttpResponse {
    HttpResponse::TemporaryRedirect().insert_header((LOCATION, to)).finish()
}

/// Returns `true` if a person asks: browsers name HTML when they go to a page, programs and scripts do not.
pub(super) fn is_wanted(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// Leads a browser on from a page: Ray's proxy follows redirects itself, so that the browser would not know where it is.
pub(super) fn onward(title: &str, to: &str) -> HttpResponse {
    let to = escape(to);
    let head = format!("<meta http-equiv=\"refresh\" content=\"0; url={to}\">");
    html(title, &head, &format!("<p><a href=\"{to}\">{}</a></p>", escape(title)))
}

/// Returns the style and the icon of our pages, for their heads; `root` leads to the server's root.
pub(super) fn style(root: &str) -> String {
    format!(
        "<link rel=\"stylesheet\" href=\"{root}sessions/sessions.css\">\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"{root}sessions/icon.svg\">"
    )
}

/// A page of our own. `body` must be escaped already.
pub(super) fn html(title: &str, head: &str, body: &str) -> HttpResponse {
    html_with(HttpResponse::Ok(), title, head, body)
}

/// The same with a status and headers already set.
pub(super) fn html_with(mut response: HttpResponseBuilder, title: &str, head: &str, body: &str) -> HttpResponse {
    let title = escape(title);
    // A page that names no icon must not make the browser ask for one: behind a proxy, that would be somebody else's.
    let icon = if head.contains("rel=\"icon\"") { "; img-src 'self'" } else { "" };
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, format!("{POLICY}{icon}")))
        .body(format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width\">{head}</head><body>{body}</body></html>"
        ))
}

/// Returns `1 session`, `2 sessions`.
pub(super) fn sessions(n: usize) -> String {
    format!("{n} session{}", if n == 1 { "" } else { "s" })
}

/// Text for the inside of an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_is_no_plural() {
        assert_eq!([0, 1, 2].map(sessions), ["0 sessions", "1 session", "2 sessions"]);
    }
}
