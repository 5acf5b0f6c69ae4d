//! The origin of a login: pages of other origins may neither log in nor out.
//!
//! `Origin` is not compared with `Host`: behind Ray's proxy they differ.

use crate::http::error::Error;
use crate::http::error::refusal::Refusal;
use actix_web::HttpRequest;

/// Refuses a request that a browser sent for a page of another origin.
pub(super) fn check(request: &HttpRequest) -> Result<(), Error> {
    let own = |site: &[u8]| [&b"same-origin"[..], b"none"].contains(&site);
    let foreign = request.headers().get_all("sec-fetch-site").any(|site| !own(site.as_bytes()));
    if foreign { Err(Refusal::ForeignLogin.into()) } else { Ok(()) }
}
