//! Pages of a sorted map of keys, for stores that hold all their keys in memory.

use super::{Delimiter, ListPage, ObjectMeta, PageToken};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Returns the page of at most `limit` keys after `page`; `meta` makes the metadata of an object.
pub(crate) fn page<T>(
    objects: &BTreeMap<String, T>,
    prefix: &str,
    delimiter: Delimiter,
    page: Option<PageToken>,
    limit: usize,
    meta: impl Fn(&str, &T) -> ObjectMeta,
) -> ListPage {
    let after = page.map(|token| token.0);
    let from = match &after {
        Some(after) => Bound::Excluded(after.as_str()),
        None => Bound::Included(prefix),
    };
    let mut found = ListPage::default();
    let mut last = after.clone();
    for (key, object) in objects.range::<str, _>((from, Bound::Unbounded)) {
        let Some(rest) = key.strip_prefix(prefix) else { break };
        let folder = match delimiter {
            Delimiter::Slash => rest.find('/').and_then(|at| key.get(..=prefix.len() + at)),
            Delimiter::None => None,
        };
        if folder.is_some() && folder == last.as_deref() {
            continue; // Already rolled up, on this page or on the one before.
        }
        if found.len() == limit {
            found.next = last.map(PageToken);
            break;
        }
        match folder {
            Some(folder) => found.prefixes.push(folder.to_owned()),
            None => found.objects.push(meta(key, object)),
        }
        last = Some(folder.unwrap_or(key).to_owned());
    }
    found
}
