//! One request, taken apart: what a handler is given.

use super::state::State;
use actix_web::HttpRequest;

/// One request, taken apart.
pub(super) struct Call<'a> {
    pub(super) request: &'a HttpRequest,
    pub(super) state: &'a State,
    /// The decoded names of the path.
    pub(super) segments: &'a [&'a str],
    /// The names that stand for the pattern's `{…}`, in order; `{below}` gives all that is left.
    pub(super) names: Vec<&'a str>,
}
