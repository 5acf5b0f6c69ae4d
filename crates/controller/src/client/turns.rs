//! Rate limits of requests: starts of lists and watches, and the pages of a list.

use super::super::pace::Pace;
use http::{Method, Uri};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// Pace at which lists, or watches, of one path may start. An API server ends watches after minutes.
const STARTS: Pace = Pace::new(10, Duration::from_secs(5));

/// Pace of the pages of a list.
const PAGES: Pace = Pace::new(100, Duration::from_millis(100));

/// Most pages of a list: a million objects at 250 per page.
const MAX_PAGES: usize = 4_000;

/// Reason why a list is not read to its end.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EndlessList {
    #[error("the list goes in circles: the API server names a page that was read before")]
    Circle,
    #[error("the list has no end: {MAX_PAGES} pages were read")]
    TooLong,
}

/// The state of lists and watches, by path.
#[derive(Debug, Default)]
pub(super) struct RequestLimiter {
    lists: HashMap<String, List>,
    watches: HashMap<String, Pace>,
}

#[derive(Debug)]
struct List {
    starts: Pace,
    pages: Pace,
    /// Tokens of the pages requested since the list started.
    tokens: HashSet<String>,
}

impl RequestLimiter {
    /// Returns the delay of a request, or an error if its list does not end. Requests that are neither a list nor a
    /// watch are not delayed.
    pub(super) fn delay(&mut self, method: &Method, uri: &Uri, now: Instant) -> Result<Duration, EndlessList> {
        if method != Method::GET {
            return Ok(Duration::ZERO);
        }
        if is_watch(uri) {
            let watches = self.watches.entry(uri.path().to_owned());
            return Ok(watches.or_insert(STARTS).delay(now));
        }
        if value(uri, "limit").is_none() {
            return Ok(Duration::ZERO);
        }
        let list = self.lists.entry(uri.path().to_owned());
        let list = list.or_insert_with(|| List { starts: STARTS, pages: PAGES, tokens: HashSet::new() });
        let Some(token) = value(uri, "continue") else {
            (list.pages, list.tokens) = (PAGES, HashSet::new());
            return Ok(list.starts.delay(now));
        };
        if list.tokens.len() >= MAX_PAGES {
            return Err(EndlessList::TooLong);
        }
        if !list.tokens.insert(token.to_owned()) {
            return Err(EndlessList::Circle);
        }
        Ok(list.pages.delay(now))
    }
}

/// Returns `true` for a watch.
pub(super) fn is_watch(uri: &Uri) -> bool {
    value(uri, "watch") == Some("true")
}

/// Returns the raw value of a query parameter.
fn value<'u>(uri: &'u Uri, name: &str) -> Option<&'u str> {
    uri.query()?.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/apis/ray.io/v1/rayclusters";

    fn ask(limiter: &mut RequestLimiter, query: &str) -> Result<Duration, EndlessList> {
        limiter.delay(&Method::GET, &format!("{PATH}{query}").parse().unwrap(), Instant::now())
    }

    #[test]
    fn delays_frequent_lists_and_watches() {
        for query in ["?&watch=true&timeoutSeconds=290", "?&limit=250"] {
            let mut limiter = RequestLimiter::default();
            assert!((0..10).all(|_| ask(&mut limiter, query).unwrap().is_zero()));
            assert!(ask(&mut limiter, query).unwrap() > Duration::from_secs(4), "{query}");
            let other = format!("{PATH}x{query}").parse().unwrap();
            assert_eq!(limiter.delay(&Method::GET, &other, Instant::now()), Ok(Duration::ZERO));
            let patch = limiter.delay(&Method::PATCH, &format!("{PATH}{query}").parse().unwrap(), Instant::now());
            assert_eq!(patch, Ok(Duration::ZERO));
            assert!((0..50).all(|_| ask(&mut limiter, "/one").unwrap().is_zero()));
        }
    }

    #[test]
    fn a_circular_list_ends_and_may_restart() {
        let mut limiter = RequestLimiter::default();
        for _ in 0..2 {
            ask(&mut limiter, "?&limit=250").unwrap();
            assert!(ask(&mut limiter, "?&limit=250&continue=A").is_ok());
            assert!(ask(&mut limiter, "?&limit=250&continue=B").is_ok());
            assert_eq!(ask(&mut limiter, "?&limit=250&continue=A"), Err(EndlessList::Circle));
        }
    }

    #[test]
    fn an_endless_list_slows_down_and_ends() {
        let mut limiter = RequestLimiter::default();
        let waits: Vec<_> = (0..=MAX_PAGES).map(|at| ask(&mut limiter, &format!("?limit=1&continue={at}"))).collect();
        assert_eq!(waits[99], Ok(Duration::ZERO));
        assert!(waits[150].as_ref().unwrap() > &Duration::from_secs(4));
        assert_eq!(waits[MAX_PAGES], Err(EndlessList::TooLong));
    }
}
