//! The two URLs of the login dialog of Ray's dashboard, which works unchanged on them: `api/authentication_mode` and
//! `api/authenticate`.
//!
//! The dialog opens on any 401 or 403 while the mode is `token`, posts the token in `Authorization`, and loads the page
//! again. Source: `dashboard/http_server_head.py`.

use super::{cookie, origin};
use crate::access::audit::Class;
use crate::http::error::Error;
use crate::http::error::refusal::Refusal;
use crate::http::guard::{self, About, Audited};
use crate::http::request::Call;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue, VARY};
use ray_history_access::Mode;
use ray_history_access::{Access, LoginRefused, Refused};
use serde_json::json;
use std::sync::Arc;

/// Answers `api/authentication_mode`: `token` where a login would help.
pub(in crate::http) async fn mode(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let access = access(call)?;
    let login = access.settings().login.is_some() && !guard::is_named_by_proxy(call.request, &access).await;
    let mode = if login { "token" } else { "disabled" };
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((VARY, "cookie, authorization"));
    Ok(response.json(json!({"authentication_mode": mode})))
}

/// Answers `api/authenticate`: reviews the token and sets the cookie.
pub(in crate::http) async fn authenticate(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let access = access(call)?;
    origin::check(call.request)?;
    let credentials = guard::of_login(call.request, access.settings());
    let audited = Audited { request: call.request, state: call.state, about: About::default(), class: Class::Login };
    let (person, sealed) = access.login(&credentials).await.map_err(|refused| {
        let error = match refused {
            LoginRefused::Off => guard::unknown(Refused::Anonymous, access.settings()),
            LoginRefused::TooLarge => Refusal::TokenTooLong.into(),
            LoginRefused::Refused(refused) => guard::unknown(refused, access.settings()),
        };
        audited.refused(None, &error);
        error
    })?;
    audited.allowed(&person);
    let mut response = HttpResponse::Ok().json(json!({"status": "authenticated", "message": "Token is valid"}));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cookie::set(&mut response, call.request, sealed);
    Ok(response)
}

/// Returns what decides, or an error until it is there.
pub(super) fn access(call: &Call<'_>) -> Result<Arc<Access>, Error> {
    match call.state.access.get() {
        Mode::On(access) => Ok(access),
        Mode::Closed => Err(Refusal::NotReady.into()),
        Mode::Open => Err(Error::UnknownUrl),
    }
}
