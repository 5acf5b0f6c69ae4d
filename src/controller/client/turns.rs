//! When a request is sent: lists and watches one after the other, and pages of a list for as long as it goes on.

use super::super::pace::Pace;
use http::{Method, Uri};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;

/// Lists, and watches, of one path that may begin at once, and what lies between the later ones. An API server ends
/// watches after minutes.
const BEGINNINGS: Pace = Pace::new(10, Duration::from_secs(5));

/// Pages of a list that follow each other at once, and what lies between the later ones.
const PAGES: Pace = Pace::new(100, Duration::from_millis(100));

/// Pages of a list. At 250 objects each it would have a million.
const MOST_PAGES: usize = 4_000;

/// Why a list is not read to its end.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Endless {
    #[error("the list goes in circles: the API server names a page that was read before")]
    Circle,
    #[error("the list has no end: {MOST_PAGES} pages were read")]
    TooLong,
}

/// The lists and watches, by their paths.
#[derive(Debug, Default)]
pub(super) struct Turns {
    lists: HashMap<String, List>,
    watches: HashMap<String, Pace>,
}

#[derive(Debug)]
struct List {
    beginnings: Pace,
    pages: Pace,
    /// Tokens of the pages that were asked for since it began.
    asked: HashSet<String>,
}

impl Turns {
    /// How long a request has to wait; an error where it would only keep a list going. What is neither a list nor a
    /// watch is sent at once.
    pub(super) fn turn(&mut self, method: &Method, uri: &Uri, now: Instant) -> Result<Duration, Endless> {
        if method != Method::GET {
            return Ok(Duration::ZERO);
        }
        if is_watch(uri) {
            let watches = self.watches.entry(uri.path().to_owned());
            return Ok(watches.or_insert(BEGINNINGS).turn(now));
        }
        if value(uri, "limit").is_none() {
            return Ok(Duration::ZERO);
        }
        let list = self.lists.entry(uri.path().to_owned());
        let list = list.or_insert_with(|| List { beginnings: BEGINNINGS, pages: PAGES, asked: HashSet::new() });
        let Some(token) = value(uri, "continue") else {
            (list.pages, list.asked) = (PAGES, HashSet::new());
            return Ok(list.beginnings.turn(now));
        };
        if list.asked.len() >= MOST_PAGES {
            return Err(Endless::TooLong);
        }
        if !list.asked.insert(token.to_owned()) {
            return Err(Endless::Circle);
        }
        Ok(list.pages.turn(now))
    }
}

/// Whether a request is for a watch.
pub(super) fn is_watch(uri: &Uri) -> bool {
    value(uri, "watch") == Some("true")
}

/// The value of a part of the query, as it is written.
fn value<'u>(uri: &'u Uri, name: &str) -> Option<&'u str> {
    uri.query()?.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/apis/ray.io/v1/rayclusters";

    fn ask(turns: &mut Turns, query: &str) -> Result<Duration, Endless> {
        turns.turn(&Method::GET, &format!("{PATH}{query}").parse().unwrap(), Instant::now())
    }

    #[test]
    fn lists_and_watches_that_begin_again_and_again_wait() {
        for query in ["?&watch=true&timeoutSeconds=290", "?&limit=250"] {
            let mut turns = Turns::default();
            assert!((0..10).all(|_| ask(&mut turns, query).unwrap().is_zero()));
            assert!(ask(&mut turns, query).unwrap() > Duration::from_secs(4), "{query}");
            let other = format!("{PATH}x{query}").parse().unwrap();
            assert_eq!(turns.turn(&Method::GET, &other, Instant::now()), Ok(Duration::ZERO));
            let patch = turns.turn(&Method::PATCH, &format!("{PATH}{query}").parse().unwrap(), Instant::now());
            assert_eq!(patch, Ok(Duration::ZERO));
            assert!((0..50).all(|_| ask(&mut turns, "/one").unwrap().is_zero()));
        }
    }

    #[test]
    fn a_list_that_goes_in_circles_ends_and_may_be_read_again() {
        let mut turns = Turns::default();
        for _ in 0..2 {
            ask(&mut turns, "?&limit=250").unwrap();
            assert!(ask(&mut turns, "?&limit=250&continue=A").is_ok());
            assert!(ask(&mut turns, "?&limit=250&continue=B").is_ok());
            assert_eq!(ask(&mut turns, "?&limit=250&continue=A"), Err(Endless::Circle));
        }
    }

    #[test]
    fn a_list_without_an_end_gets_slow_and_ends() {
        let mut turns = Turns::default();
        let waits: Vec<_> = (0..=MOST_PAGES).map(|at| ask(&mut turns, &format!("?limit=1&continue={at}"))).collect();
        assert_eq!(waits[99], Ok(Duration::ZERO));
        assert!(waits[150].as_ref().unwrap() > &Duration::from_secs(4));
        assert_eq!(waits[MOST_PAGES], Err(Endless::TooLong));
    }
}
