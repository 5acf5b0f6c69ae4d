//! Sets and removes our cookie.
//!
//! Its path is the whole host, because no server knows the prefix below which a proxy shows it.

use crate::http::guard::{COOKIES, is_https};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::{HttpRequest, HttpResponse};
use ray_history_access::Sealed;
use ray_history_core::base::chain::chain;
use std::time::SystemTime;

/// Sets the cookie of a login.
pub(super) fn set(response: &mut HttpResponse, request: &HttpRequest, sealed: Sealed) {
    let secure = is_https(request);
    let left = sealed.expires.duration_since(SystemTime::now()).unwrap_or_default();
    let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
    add(response, COOKIES[usize::from(secure)], &sealed.value, secure, Duration::seconds(seconds));
}

/// Removes the cookie, in both of its forms.
pub(super) fn remove(response: &mut HttpResponse) {
    for (name, secure) in COOKIES.into_iter().zip([false, true]) {
        add(response, name, "", secure, Duration::ZERO);
    }
}

fn add(response: &mut HttpResponse, name: &str, value: &str, secure: bool, life: Duration) {
    // Links from chats and mails must work, so `Strict` would be too much; nothing is changed by a `GET`.
    let cookie = Cookie::build(name, value).path("/").max_age(life).http_only(true).same_site(SameSite::Lax);
    if let Err(error) = response.add_cookie(&cookie.secure(secure).finish()) {
        tracing::warn!(error = %chain(&error), cookie.name = name, "a cookie cannot be set");
    }
}
