//! The parsed request that a handler gets.

use super::state::State;
use actix_web::HttpRequest;

/// A request with its parsed path.
pub(super) struct Call<'a> {
    pub(super) request: &'a HttpRequest,
    pub(super) state: &'a State,
    /// The decoded path segments.
    pub(super) segments: &'a [&'a str],
    /// The segments that matched the pattern's `{…}`, in order; `{below}` matches all remaining segments.
    pub(super) names: Vec<&'a str>,
}
