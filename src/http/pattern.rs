//! Route patterns: labels for metrics, and matching of paths.
//!
//! Path segments are compared after decoding, and not normalised.

/// The pattern of the route that answered a request, stored in the request's extensions: a label with few values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutePattern(pub &'static str);

/// The label of requests that no route matches.
pub(super) const UNKNOWN: RoutePattern = RoutePattern("unknown");

/// A pattern split at `/`. Split only once, because every request is compared with many patterns.
pub(super) type Parts = Vec<&'static str>;

const BELOW: &str = "{below}";

/// Splits a pattern at `/`.
pub(super) fn parts(pattern: &'static str) -> Parts {
    pattern.strip_prefix('/').unwrap_or(pattern).split('/').collect()
}

/// Returns the segments that matched `{…}`, or `None` if the pattern does not match. A last empty segment
/// (a final `/`) matches only `{below}`.
pub(super) fn names<'a>(parts: &[&str], segments: &[&'a str]) -> Option<Vec<&'a str>> {
    let (fixed, open) = match parts.split_last() {
        Some((&BELOW, fixed)) => (fixed, true),
        _ => (parts, false),
    };
    if segments.len() < fixed.len() || (!open && segments.len() > fixed.len()) {
        return None;
    }
    let is_name = |part: &str| part.starts_with('{');
    let fits = |(part, segment): (&&str, &&str)| if is_name(part) { !segment.is_empty() } else { part == segment };
    if !fixed.iter().zip(segments).all(fits) {
        return None;
    }
    let mut names = Vec::with_capacity(segments.len());
    names.extend(fixed.iter().zip(segments).filter(|(part, _)| is_name(part)).map(|(_, name)| *name));
    names.extend(&segments[fixed.len()..]);
    Some(names)
}
