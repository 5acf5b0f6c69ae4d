//! Patterns of routes: their names for metrics, and which paths they fit.
//!
//! Names in paths are compared decoded, and never normalised.

/// The pattern of the route that answered, left in the request's extensions: a label with few values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutePattern(pub &'static str);

/// The label of what no route knows.
pub(super) const UNKNOWN: RoutePattern = RoutePattern("unknown");

/// A pattern, taken apart at `/`: done once, because every request is compared with many.
pub(super) type Parts = Vec<&'static str>;

const BELOW: &str = "{below}";

/// Takes a pattern apart.
pub(super) fn parts(pattern: &'static str) -> Parts {
    pattern.strip_prefix('/').unwrap_or(pattern).split('/').collect()
}

/// The names that stand for `{…}`, if the pattern fits; a last empty name (a final `/`) is one only `{below}` takes.
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
