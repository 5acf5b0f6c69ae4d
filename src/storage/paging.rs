//! Watches that the pages of one listing go on: a store that repeats a token or a page would keep its reader for ever.

use super::{Error, ListPage, PageToken};
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Pages without any key that may follow each other: stores give some behind many deleted objects.
const MAX_EMPTY: u32 = 1_000;

/// The pages of one listing seen so far.
#[derive(Debug, Default)]
pub struct Paging {
    hasher: RandomState,
    /// Hashes of the tokens that were given out.
    tokens: HashSet<u64>,
    /// The first key or prefix of the page before.
    first: String,
    empty: u32,
}

impl Paging {
    /// Takes note of a page of the listing of `prefix`; an error where the listing does not go on.
    pub fn check(&mut self, prefix: &str, page: &ListPage) -> Result<(), Error> {
        let first = page.objects.first().map(|object| &object.key).or(page.prefixes.first());
        if first.is_some_and(|first| *first == self.first) {
            return Err(Error::failed(prefix, "the store repeats a page of its listing"));
        }
        self.empty = if first.is_some() { 0 } else { self.empty + 1 };
        if self.empty > MAX_EMPTY {
            return Err(Error::failed(prefix, "the store gives empty pages of its listing without an end"));
        }
        if let Some(first) = first {
            self.first.clone_from(first);
        }
        let Some(PageToken(token)) = &page.next else { return Ok(()) };
        if self.tokens.insert(self.hasher.hash_one(token)) {
            return Ok(());
        }
        Err(Error::failed(prefix, "the store repeats a page token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::ObjectMeta;

    fn page(key: &str, next: &str) -> ListPage {
        let object = ObjectMeta { key: key.to_owned(), size: 0, etag: None, modified: None };
        let objects = if key.is_empty() { Vec::new() } else { vec![object] };
        ListPage { objects, next: Some(PageToken(next.to_owned())), ..ListPage::default() }
    }

    #[test]
    fn listings_that_go_in_circles_end() {
        let walk = |pages: &[(&str, &str)]| {
            let mut paging = Paging::default();
            pages.iter().try_for_each(|(key, next)| paging.check("p", &page(key, next)))
        };
        assert!(walk(&[("a", "1"), ("", "2"), ("", "3"), ("b", "4")]).is_ok());
        for circle in
            [&[("a", "A"), ("b", "B"), ("c", "A")][..], &[("a", "1"), ("a", "2")], &[("a", "1"), ("", "2"), ("a", "3")]]
        {
            assert!(walk(circle).unwrap_err().to_string().contains("repeats"), "{circle:?}");
        }
        let mut paging = Paging::default();
        let endless = (0..=MAX_EMPTY).try_for_each(|at| paging.check("p", &page("", &at.to_string())));
        assert!(endless.unwrap_err().to_string().contains("empty pages"));
    }
}
