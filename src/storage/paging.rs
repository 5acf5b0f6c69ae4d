//! Watches that the pages of one listing go on: a store that repeats a token or a page, or goes back, would keep its
//! reader for ever.

use super::{Error, ListPage, PageToken, Storage};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Pages without any key that may follow each other: stores give some behind many deleted objects.
const MAX_EMPTY: u32 = 1_000;

/// An order of keys.
type Order = fn(&str, &str) -> Ordering;

/// The orders that stores list in: by bytes, and that of servers which walk a file system, where all of `a/` comes
/// before `a-b`.
const ORDERS: [Order; 2] = [str::cmp, |a, b| a.split('/').cmp(b.split('/'))];

/// The pages of one listing seen so far.
#[derive(Debug)]
pub struct Paging {
    hasher: RandomState,
    /// Hashes of the tokens that were given out.
    tokens: HashSet<u64>,
    /// Hashes of the first key or prefix of each page.
    firsts: HashSet<u64>,
    /// For each of `ORDERS` in which no page went back, the greatest key or prefix; none when no order is promised.
    greatest: [Option<String>; 2],
    empty: u32,
}

impl Paging {
    /// A listing of a store that is about to begin.
    pub fn of(store: &(impl Storage + ?Sized)) -> Self {
        let begin = store.lists_in_order().then(String::new);
        let (hasher, tokens, firsts) = (RandomState::new(), HashSet::new(), HashSet::new());
        Self { hasher, tokens, firsts, greatest: [begin.clone(), begin], empty: 0 }
    }

    /// Takes note of a page of the listing of `prefix`; an error where the listing does not go on.
    pub fn check(&mut self, prefix: &str, page: &ListPage) -> Result<(), Error> {
        let first = page.objects.first().map(|object| &object.key).or(page.prefixes.first());
        if first.is_some_and(|first| !self.firsts.insert(self.hasher.hash_one(first))) {
            return Err(Error::failed(prefix, "the store repeats a page of its listing"));
        }
        self.empty = if first.is_some() { 0 } else { self.empty + 1 };
        if self.empty > MAX_EMPTY {
            return Err(Error::failed(prefix, "the store gives empty pages of its listing without an end"));
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

    /// Notes the greatest key; `true` when the page before had a greater one than this, in every order.
    fn goes_back(&mut self, page: &ListPage) -> bool {
        let ordered = self.greatest.iter().any(Option::is_some);
        for (greatest, order) in self.greatest.iter_mut().zip(ORDERS) {
            let keys = || page.objects.iter().map(|object| object.key.as_str());
            let all = || keys().chain(page.prefixes.iter().map(String::as_str));
            let ends = (all().min_by(|a, b| order(a, b)), all().max_by(|a, b| order(a, b)));
            let (Some(lowest), Some(highest)) = ends else { return false };
            // The same one again is the boundary that some servers count to both pages.
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
    use crate::storage::ObjectMeta;
    use crate::storage::memory::Memory;

    fn page(key: &str, next: &str) -> ListPage {
        let object = ObjectMeta { key: key.to_owned(), size: 0, etag: None, modified: None };
        let objects = if key.is_empty() { Vec::new() } else { vec![object] };
        ListPage { objects, next: Some(PageToken(next.to_owned())), ..ListPage::default() }
    }

    #[test]
    fn listings_that_go_in_circles_end() {
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
    fn keys_grow_from_page_to_page_in_one_of_the_known_orders() {
        let walk = |keys: &[&str], mut paging: Paging| {
            let mut pages = keys.iter().enumerate();
            pages.try_for_each(|(at, key)| paging.check("", &page(key, &at.to_string())))
        };
        let ordered = || Paging::of(&Memory::default());
        for growing in [&["a-b/1", "a/1", "b"][..], &["a/1", "a-b/1", "b"], &["c8", "c9", "d"]] {
            walk(growing, ordered()).unwrap();
        }
        // Each is fine in one of the orders, and they are not fine in the same one.
        for back in [&["c9", "c10"][..], &["a-b/1", "a/1", "a-b/2"], &["b", "", "a"]] {
            assert!(walk(back, ordered()).unwrap_err().to_string().contains("goes back"), "{back:?}");
        }
        let unordered = Paging { greatest: [None, None], ..ordered() };
        walk(&["c9", "c10"], unordered).unwrap();
    }

    #[test]
    fn the_prefix_at_a_boundary_may_be_on_both_pages() {
        let (mut paging, mut next) = (Paging::of(&Memory::default()), page("a", "1"));
        next.prefixes.push("b/".to_owned());
        paging.check("", &next).unwrap();
        let last = ListPage { prefixes: vec!["b/".to_owned(), "c/".to_owned()], ..ListPage::default() };
        paging.check("", &last).unwrap();
    }
}
