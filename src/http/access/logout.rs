//! `/logout`: forgets the login of a browser. Nothing is kept on the server, so a copied cookie lives on until its end.

use super::{cookie, origin};
use crate::http::error::Error;
use crate::http::request::Call;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use serde_json::json;

/// Removes the cookie.
pub(in crate::http) fn logout(call: &Call<'_>) -> Result<HttpResponse, Error> {
    origin::check(call.request)?;
    let mut response = HttpResponse::Ok().json(json!({"status": "logged out"}));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    cookie::remove(&mut response);
    Ok(response)
}
