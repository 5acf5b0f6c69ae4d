//! Our own HTML pages. They load nothing from other servers, and every value in them is escaped.

use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

/// Content security policy: own styles, scripts and forms only, and no embedding in frames.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

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
    let to = escape(to);
    let head = format!("<meta http-equiv=\"refresh\" content=\"0; url={to}\">");
    html(title, &head, &format!("<p><a href=\"{to}\">{}</a></p>", escape(title)))
}

/// Returns the style sheet and icon links for a page's head; `root` is the relative path to the server's root.
pub(super) fn style(root: &str) -> String {
    format!(
        "<link rel=\"stylesheet\" href=\"{root}sessions/sessions.css\">\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"{root}sessions/icon.svg\">"
    )
}

/// Returns a page. `body` must already be escaped.
pub(super) fn html(title: &str, head: &str, body: &str) -> HttpResponse {
    html_with(HttpResponse::Ok(), title, head, body)
}

/// Returns a page with the given status and headers. `body` must already be escaped.
pub(super) fn html_with(mut response: HttpResponseBuilder, title: &str, head: &str, body: &str) -> HttpResponse {
    let title = escape(title);
    // Browsers must not request a default icon: behind a proxy, it would belong to another server.
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
pub(super) fn session_count(n: usize) -> String {
    format!("{n} session{}", if n == 1 { "" } else { "s" })
}

/// Escapes text for an element or a quoted attribute.
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
    fn session_counts_have_a_singular() {
        assert_eq!([0, 1, 2].map(session_count), ["0 sessions", "1 session", "2 sessions"]);
    }
}
