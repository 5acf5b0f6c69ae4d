//! A row of the table of routes, and the matching of paths.
//!
//! Paths are split at `/` and decoded once (`request::path`), and not normalised, before their segments are compared.
//! actix-web's own router does not keep names exactly: it decodes a path in two steps, so that `%%32%46` becomes first
//! `%2F` and then `/`, and it replaces bytes that are not UTF-8 instead of rejecting them. Nor can its routes be listed,
//! with which the tests compare the documents.

use super::{TABLE, Url};
use crate::http::error::{Error, READING, Shape};
use crate::http::ray::source::Source;
use crate::http::request::Call;
use actix_web::HttpResponse;
use actix_web::http::Method;
use futures_util::future::LocalBoxFuture;
use std::sync::LazyLock;

/// A row of the table.
pub(super) struct Route {
    /// The pattern of the path: a segment `{…}` matches any name, and a last `{below}` all remaining segments.
    pub(super) path: &'static str,
    /// The name in metrics and logs, which must not contain raw paths.
    pub(super) name: &'static str,
    pub(super) need: Need,
    pub(super) family: Family,
    /// The format of errors.
    pub(super) errors: Shape,
    pub(super) handler: Handler,
    /// The methods that are answered, as the header `Allow` lists them.
    pub(super) methods: &'static str,
    /// `true` for a row that exists only while access is on.
    pub(super) only_guarded: bool,
}

/// The methods of a row that logs in or out.
const POSTING: &str = "POST, OPTIONS";

/// The part of the stored sessions that a row shows, by which the guard decides who gets an answer while access is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing that is stored: the same for everybody, whatever names the path has.
    Open,
    /// The same; those who may see the namespace in the path also get headers about the session.
    Document,
    /// A list of what the person may see.
    Listing,
    /// Sessions of the namespace in the path. Below the root, those of the namespace in the cookies.
    Namespace,
    /// The same with bodies of logs, which need a right of their own.
    Logs,
    /// Sessions of the namespace in the cookies.
    Cookie,
}

/// The family of a route, which is the folder of its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Ray's own URLs.
    Ray,
    /// Our own API.
    History,
    /// The routes of `KubeRay`'s history server.
    KubeRay,
    /// Our own pages and their assets.
    Pages,
    /// Probes and metrics.
    Probes,
    /// Logging in, and who is logged in.
    Access,
}

/// A function that answers requests.
pub(super) type Answer = for<'a> fn(&'a Call<'a>) -> LocalBoxFuture<'a, Result<HttpResponse, Error>>;

/// The handler of a route.
pub(super) enum Handler {
    /// A function, at exactly this path.
    Own(Answer),
    /// One of Ray's answers, for the session in the path or in the cookies.
    Api(Source),
    /// A file of Ray's dashboard, in the same two places.
    File,
    /// A function, in the same two places.
    Dialog(Answer),
}

/// A row with a handler of its own.
pub(super) const fn row(path: &'static str, need: Need, family: Family, errors: Shape, handler: Answer) -> Route {
    new(path, need, family, errors, Handler::Own(handler))
}

/// A URL of Ray's API.
pub(super) const fn api(path: &'static str, need: Need, source: Source) -> Route {
    new(path, need, Family::Ray, Shape::Ray, Handler::Api(source))
}

/// Files of Ray's dashboard.
pub(super) const fn file(path: &'static str, need: Need) -> Route {
    new(path, need, Family::Ray, Shape::Ray, Handler::File).named("/static/{below}")
}

/// A URL of the login dialog of Ray's dashboard.
pub(super) const fn dialog(path: &'static str, need: Need, handler: Answer) -> Route {
    new(path, need, Family::Ray, Shape::Ray, Handler::Dialog(handler)).only_guarded()
}

const fn new(path: &'static str, need: Need, family: Family, errors: Shape, handler: Handler) -> Route {
    Route { path, name: path, need, family, errors, handler, methods: READING, only_guarded: false }
}

impl Route {
    /// Returns `true` if this method is answered.
    pub(super) fn takes(&self, method: &Method) -> bool {
        if self.methods == POSTING { method == Method::POST } else { [Method::GET, Method::HEAD].contains(method) }
    }

    /// Changes the name in metrics and logs.
    pub(super) const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Leaves the row out while access is off.
    pub(super) const fn only_guarded(mut self) -> Self {
        self.only_guarded = true;
        self
    }

    /// Takes `POST` in the place of `GET`.
    pub(super) const fn posting(mut self) -> Self {
        self.methods = POSTING;
        self
    }
}

/// All URLs below a session; also the name of requests for Ray's rows there until their session is known.
pub(super) const BELOW_SESSION: &str = "/sessions/{namespace}/{cluster}/{session}/{below}";
/// The same at the root.
pub(super) const BELOW_ROOT: &str = "/{below}";

/// The place of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mount {
    /// At the row's own path.
    Server,
    /// Below a session's path.
    Session,
    /// At the root, for the session in the client's cookies.
    Root,
}

impl Mount {
    /// Returns the segments before those of the row.
    pub(super) fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Server | Self::Root => &[],
            Self::Session => &["sessions", "{namespace}", "{cluster}", "{session}"],
        }
    }
}

const BELOW: &str = "{below}";

/// A row of the table at one place, with its pattern split at `/`. Split only once, because every request is compared
/// with many patterns.
struct Pattern {
    route: &'static Route,
    mount: Mount,
    parts: Vec<&'static str>,
}

/// The row of a path.
pub(super) struct Found<'a> {
    pub(super) route: &'static Route,
    pub(super) mount: Mount,
    /// The segments that matched the pattern's `{…}`, with those of the mount first.
    pub(super) names: Vec<&'a str>,
}

impl<'a> Found<'a> {
    /// Returns `true` for a URL of the session in the client's cookies.
    pub(super) fn is_entered(&self) -> bool {
        self.mount == Mount::Root || self.route.need == Need::Cookie
    }

    /// Returns the segment that matched a part of the pattern.
    pub(super) fn name(&self, part: &str) -> Option<&'a str> {
        let own = self.route.path.split('/');
        let mut parts = self.mount.parts().iter().copied().chain(own).filter(|part| part.starts_with('{'));
        self.names.get(parts.position(|known| known == part)?).copied()
    }
}

static PATTERNS: LazyLock<Vec<Pattern>> = LazyLock::new(|| TABLE.iter().flat_map(patterns).collect());

fn patterns(route: &'static Route) -> Vec<Pattern> {
    let mounts: &[Mount] = match route.handler {
        Handler::Own(_) => &[Mount::Server],
        Handler::Api(_) | Handler::File | Handler::Dialog(_) => &[Mount::Session, Mount::Root],
    };
    let pattern = |mount: &Mount| {
        let parts = mount.parts().iter().copied().chain(route.path.trim_start_matches('/').split('/')).collect();
        Pattern { route, mount: *mount, parts }
    };
    mounts.iter().map(pattern).collect()
}

/// Returns all patterns that are matched while access is on, in order.
pub(super) fn urls() -> Vec<Url> {
    let url = |pattern: &Pattern| Url {
        below: if pattern.mount == Mount::Session { "/sessions/{namespace}/{cluster}/{session}" } else { "" },
        pattern: pattern.route.path,
        need: pattern.route.need,
        methods: pattern.route.methods,
        is_entered: pattern.mount == Mount::Root || pattern.route.need == Need::Cookie,
    };
    let is_first = |at: usize, pattern: &Pattern| PATTERNS[..at].iter().all(|before| before.parts != pattern.parts);
    PATTERNS
        .iter()
        .enumerate()
        .filter(|(at, pattern)| is_first(*at, pattern))
        .map(|(_, pattern)| url(pattern))
        .collect()
}

/// Returns the first row that matches a path; `is_guarded` while access is on.
pub(super) fn find<'a>(segments: &[&'a str], is_guarded: bool) -> Option<Found<'a>> {
    let patterns = PATTERNS.iter().filter(|pattern| is_guarded || !pattern.route.only_guarded);
    patterns.into_iter().find_map(|pattern| {
        let names = pattern.names(segments)?;
        Some(Found { route: pattern.route, mount: pattern.mount, names })
    })
}

impl Pattern {
    /// Returns the segments that matched `{…}`, or `None` if the pattern does not match. A last empty segment
    /// (a final `/`) matches only `{below}`, and is optional in Ray's API.
    fn names<'a>(&self, mut segments: &[&'a str]) -> Option<Vec<&'a str>> {
        if let (Handler::Api(_) | Handler::Dialog(_), [before @ .., ""]) = (&self.route.handler, segments) {
            segments = before;
        }
        let (fixed, open) = match self.parts.split_last() {
            Some((&BELOW, fixed)) => (fixed, true),
            _ => (&self.parts[..], false),
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
}

#[cfg(test)]
mod tests;
