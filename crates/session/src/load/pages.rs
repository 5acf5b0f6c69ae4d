//! The listing of a session, page by page: files of the first pages are read while later pages are listed.

use super::objects::SessionObjects;
use futures_util::stream::{BoxStream, SelectAll};
use futures_util::{Stream, StreamExt, stream};
use ray_history_core::layout::{DataPrefix, Tree};
use ray_history_storage::{Delimiter, Error, ListPage, ObjectMeta, PageToken, Paging, Storage};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The index of a prefix, one of its pages, and `true` if that is its last.
type Page = Result<(usize, ListPage, bool), Error>;

/// A listing in progress.
pub(super) struct Pages {
    prefixes: Vec<DataPrefix>,
    rest: SelectAll<BoxStream<'static, Page>>,
    /// Number of prefixes whose last page has not arrived.
    open: usize,
    /// The objects listed so far.
    pub(super) objects: SessionObjects,
    /// The event files of the first pages.
    first: Vec<ObjectMeta>,
}

impl Pages {
    /// Lists all prefixes concurrently, up to the first page of each.
    pub(super) async fn first(store: Arc<dyn Storage>, prefixes: Vec<DataPrefix>) -> Result<Self, Error> {
        Self::first_into(SessionObjects::default(), store, prefixes).await
    }

    /// The same, into `objects`.
    pub(super) async fn first_into(
        objects: SessionObjects,
        store: Arc<dyn Storage>,
        prefixes: Vec<DataPrefix>,
    ) -> Result<Self, Error> {
        let lists = prefixes.iter().enumerate().map(|(at, place)| list(Arc::clone(&store), at, place.prefix.clone()));
        let mut pages =
            Self { rest: stream::select_all(lists), open: prefixes.len(), objects, first: Vec::new(), prefixes };
        let mut missing: Vec<bool> = vec![true; pages.prefixes.len()];
        while missing.contains(&true) {
            let Some(page) = pages.rest.next().await else { break };
            let (at, page, last) = page?;
            if let Some(missing) = missing.get_mut(at) {
                *missing = false;
            }
            let mut found = pages.add(at, page, last);
            pages.first.append(&mut found);
        }
        Ok(pages)
    }

    /// Returns `true` if everything is listed.
    pub(super) fn is_last(&self) -> bool {
        self.open == 0
    }

    /// Takes the event files of the first pages, without empty ones.
    pub(super) fn take_first(&mut self) -> Vec<ObjectMeta> {
        big_first(std::mem::take(&mut self.first))
    }

    /// Returns event files as they are listed, without empty ones. `objects` is complete when the stream has ended.
    pub(super) fn event_files(&mut self) -> impl Stream<Item = Result<Vec<ObjectMeta>, Error>> + '_ {
        let first = self.take_first();
        let rest = stream::unfold(self, |pages| async move {
            let page = pages.rest.next().await?;
            let files = page.map(|(at, page, last)| big_first(pages.add(at, page, last)));
            Some((files, pages))
        });
        stream::iter([Ok(first)]).chain(rest)
    }

    /// Lists the remaining pages.
    pub(super) async fn rest(&mut self) -> Result<(), Error> {
        while let Some(page) = self.rest.next().await {
            let (at, page, last) = page?;
            self.add(at, page, last);
        }
        Ok(())
    }

    /// Sums records of event files by node. Only the layout of v1.7 has nodes.
    pub(super) fn by_node(&self, records: BTreeMap<Arc<str>, u64>) -> BTreeMap<String, u64> {
        let mut nodes = BTreeMap::<String, u64>::new();
        for (file, records) in records {
            let places = self.prefixes.iter().filter(|place| place.tree == Tree::History);
            let rest = places.into_iter().find_map(|place| file.strip_prefix(&place.prefix));
            if let Some((node, _)) = rest.and_then(|rest| rest.split_once('/')) {
                *nodes.entry(node.to_owned()).or_default() += records;
            }
        }
        nodes
    }

    fn add(&mut self, at: usize, page: ListPage, last: bool) -> Vec<ObjectMeta> {
        self.open -= usize::from(last);
        self.prefixes.get(at).map(|place| self.objects.add(place, page)).unwrap_or_default()
    }
}

/// Returns the pages of one prefix. Ends after an error.
fn list(store: Arc<dyn Storage>, at: usize, prefix: String) -> BoxStream<'static, Page> {
    let paging = Paging::of(&*store);
    let begin = Some((None::<PageToken>, store, prefix, paging));
    let pages = stream::unfold(begin, move |state| async move {
        let (token, store, prefix, mut paging) = state?;
        match store.list(&prefix, Delimiter::None, token).await {
            Ok(mut page) => {
                if let Err(circle) = paging.check(&prefix, &page) {
                    return Some((Err(circle), None));
                }
                let next = page.next.take().map(|token| (Some(token), store, prefix, paging));
                Some((Ok((at, page, next.is_none())), next))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    pages.boxed()
}

/// Sorts files by size, largest first, so that the last ones to finish are small. Drops empty files.
fn big_first(mut files: Vec<ObjectMeta>) -> Vec<ObjectMeta> {
    files.retain(|file| file.size > 0);
    files.sort_by_key(|file| std::cmp::Reverse(file.size));
    files
}
