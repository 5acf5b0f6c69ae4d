//! Checks that the pages of a listing advance: a store that repeats a token or a page, or goes back, would make a
//! listing endless.

use super::{Error, ListPage, PageToken, Storage};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Maximum number of consecutive pages without keys: stores return some for many deleted objects.
const MAX_EMPTY: u32 = 1_000;

/// An order of keys.
type Order = fn(&str, &str) -> Ordering;

/// The known orders of listings: by bytes, and by path segments, as servers on a file system list all of `a/` before
/// `a-b`.
const ORDERS: [Order; 2] = [str::cmp, |a, b| a.split('/').cmp(b.split('/'))];

/// The state of one listing.
#[derive(Debug)]
pub struct Paging {
    hasher: RandomState,
    /// Hashes of the tokens so far.
    tokens: HashSet<u64>,
    /// Hashes of the first key or prefix of each page.
    firsts: HashSet<u64>,
    /// The greatest key or prefix for each of `ORDERS`; `None` after a page went back, or if no order is guaranteed.
    greatest: [Option<String>; 2],
    empty: u32,
}

impl Paging {
    /// Returns the state for a new listing of a store.
    pub fn of(store: &(impl Storage + ?Sized)) -> Self {
        let begin = store.lists_in_order().then(String::new);
        let (hasher, tokens, firsts) = (RandomState::new(), HashSet::new(), HashSet::new());
        Self { hasher, tokens, firsts, greatest: [begin.clone(), begin], empty: 0 }
    }

    /// Records a page of the listing of `prefix`. Fails if the listing does not advance.
    pub fn check(&mut self, prefix: &str, page: &ListPage) -> Result<(), Error> {
        let first = page.objects.first().map(|object| &object.key).or(page.prefixes.first());
        if first.is_some_and(|first| !self.firsts.insert(self.hasher.hash_one(first))) {
            return Err(Error::failed(prefix, "the store repeats a page of its listing"));
        }
        self.empty = if first.is_some() { 0 } else { self.empty + 1 };
        if self.empty > MAX_EMPTY {
            return Err(Error::failed(prefix, "the store returns empty pages of its listing without an end"));
        }
        if self.goes_back(page) {
            return Err(Error::failed(prefix, "the store's listing goes back: its keys do not grow from page to page"));
        }
        let Some(PageToken(token)) = &page.next else { return Ok(()) };
        if self.tokens.insert(self.hasher.hash_one(token)) {
            return Ok(());
        }
        Err(Error::failed(prefix, "the store repeats a page token"))
    }

    /// Records the greatest key. Returns `true` if an earlier page had a greater one than this, in every order.
    fn goes_back(&mut self, page: &ListPage) -> bool {
        let ordered = self.greatest.iter().any(Option::is_some);
        for (greatest, order) in self.greatest.iter_mut().zip(ORDERS) {
            let keys = || page.objects.iter().map(|object| object.key.as_str());
            let all = || keys().chain(page.prefixes.iter().map(String::as_str));
            let ends = (all().min_by(|a, b| order(a, b)), all().max_by(|a, b| order(a, b)));
            let (Some(lowest), Some(highest)) = ends else { return false };
            // An equal one is the boundary, which some servers include in both pages.
            if greatest.as_ref().is_some_and(|before| order(lowest, before).is_ge()) {
                *greatest = Some(highest.to_owned());
            } else {
                *greatest = None;
            }
        }
        ordered && self.greatest.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectMeta;
    use crate::memory::Memory;

    fn page(key: &str, next: &str) -> ListPage {
        let object = ObjectMeta { key: key.to_owned(), size: 0, etag: None, modified: None };
        let objects = if key.is_empty() { Vec::new() } else { vec![object] };
        ListPage { objects, next: Some(PageToken(next.to_owned())), ..ListPage::default() }
    }

    #[test]
    fn repeated_and_endless_pages_are_errors() {
        let walk = |pages: &[(&str, &str)]| {
            let mut paging = Paging::of(&Memory::default());
            pages.iter().try_for_each(|(key, next)| paging.check("p", &page(key, next)))
        };
        assert!(walk(&[("a", "1"), ("", "2"), ("", "3"), ("b", "4")]).is_ok());
        for circle in [
            &[("a", "A"), ("b", "B"), ("c", "A")][..],
            &[("a", "1"), ("a", "2")],
            &[("a", "1"), ("b", "2"), ("a", "3")],
        ] {
            assert!(walk(circle).unwrap_err().to_string().contains("repeats"), "{circle:?}");
        }
        let mut paging = Paging::of(&Memory::default());
        let endless = (0..=MAX_EMPTY).try_for_each(|at| paging.check("p", &page("", &at.to_string())));
        assert!(endless.unwrap_err().to_string().contains("empty pages"));
    }

    #[test]
    fn keys_must_grow_in_one_of_the_known_orders() {
        let walk = |keys: &[&str], mut paging: Paging| {
            let mut pages = keys.iter().enumerate();
            pages.try_for_each(|(at, key)| paging.check("", &page(key, &at.to_string())))
        };
        let ordered = || Paging::of(&Memory::default());
        for growing in [&["a-b/1", "a/1", "b"][..], &["a/1", "a-b/1", "b"], &["c8", "c9", "d"]] {
            walk(growing, ordered()).unwrap();
        }
        // No single order fits all pages of one of these.
        for back in [&["c9", "c10"][..], &["a-b/1", "a/1", "a-b/2"], &["b", "", "a"]] {
            assert!(walk(back, ordered()).unwrap_err().to_string().contains("goes back"), "{back:?}");
        }
        let unordered = Paging { greatest: [None, None], ..ordered() };
        walk(&["c9", "c10"], unordered).unwrap();
    }

    #[test]
    fn a_prefix_may_be_on_two_adjacent_pages() {
        let (mut paging, mut next) = (Paging::of(&Memory::default()), page("a", "1"));
        next.prefixes.push("b/".to_owned());
        paging.check("", &next).unwrap();
        let last = ListPage { prefixes: vec!["b/".to_owned(), "c/".to_owned()], ..ListPage::default() };
        paging.check("", &last).unwrap();
    }
}
