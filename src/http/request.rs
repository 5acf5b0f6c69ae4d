//! Facts of a request that handlers read, and the labels that they leave for the log.

pub(super) mod filter;
pub(super) mod path;

use super::guard::Permit;
use super::state::State;
use actix_web::HttpRequest;

/// A request with its parsed path.
pub(super) struct Call<'a> {
    pub(super) request: &'a HttpRequest,
    pub(super) state: &'a State,
    /// The part of the stored sessions that this request may see.
    pub(super) permit: &'a Permit,
    /// The decoded path segments.
    pub(super) segments: &'a [&'a str],
    /// The segments that matched the pattern's `{…}`, in order; `{below}` matches all remaining segments.
    pub(super) names: &'a [&'a str],
}

/// The name of the route that answered a request, stored in the request's extensions: a label with few values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RouteName(pub(super) &'static str);

impl RouteName {
    /// The label of requests that no route matches.
    pub(super) const UNKNOWN: Self = Self("unknown");
}
