//! Everything in the bucket that belongs to one session: its markers and its data, below every root, in every tree, with
//! and without an owner.
//!
//! A key belongs to a session only if the layout's parsers say so. A listing by prefix also returns keys of other
//! sessions: `session_…_1` is a prefix of `session_…_12`.

#[cfg(test)]
mod tests;

use crate::candidate::{Digest, Survey};
use crate::keys::spellings;
use futures_util::stream::{self, BoxStream, StreamExt};
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_core::layout::{
    PersistedKeys, Root, data_prefixes, marker_keys, may_own, owner_folders, parse_marker, parse_place,
};
use ray_history_storage::{Delimiter, Error, ListPage, ObjectMeta, Storage};
use sha2::{Digest as _, Sha256};

/// The places of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    key: SessionKey,
    /// Markers, then data.
    listings: Vec<Listing>,
}

/// One listing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listing {
    root: String,
    prefix: String,
    part: Part,
}

/// A part of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The objects that say that it exists.
    Markers,
    /// All others that collectors wrote.
    Data,
    /// The persisted snapshot: the head, then the tables.
    Persisted,
}

impl Places {
    /// Looks for the owners that the session may have data below, and returns its places. Fails if a root lies within a
    /// place of the session, because nothing tells then what belongs to which.
    pub async fn find(
        store: &dyn Storage,
        roots: &[Root],
        key: &SessionKey,
        owner: Option<&Owner>,
    ) -> Result<Self, Error> {
        let spelled = spellings(roots);
        let mut listings = Vec::new();
        for root in roots {
            let mut owners: Vec<Owner> = owner.cloned().into_iter().collect();
            for (kind, folder) in owner_folders(root, &key.cluster.namespace) {
                // Owners begin with the same character as their clusters.
                let first: String = key.cluster.name.chars().take(1).collect();
                let page = store.list_all(&format!("{folder}{first}"), Delimiter::Slash).await?;
                if let Some(error) = page.skipped.into_iter().next() {
                    return Err(error);
                }
                let names = page.prefixes.iter().filter_map(|prefix| prefix.strip_prefix(&folder)?.strip_suffix('/'));
                let likely = names.filter(|name| may_own(name, &key.cluster));
                owners.extend(likely.map(|name| Owner { kind, name: name.to_owned() }));
            }
            owners.sort();
            owners.dedup();
            let markers = marker_keys(root, &key.cluster, &key.session, &owners);
            let data = data_prefixes(root, &key.cluster, &key.session, &owners);
            let places = markers.into_iter().map(|prefix| (prefix, Part::Markers));
            let places = places.chain(data.into_iter().map(|place| (place.prefix, Part::Data)));
            for (prefix, part) in places {
                let of = root.spellings().into_iter().rev().find(|root| prefix.starts_with(root));
                let listing = Listing { root: of.unwrap_or_default(), prefix, part };
                // Odd names make prefixes that lead to other sessions, or nowhere.
                if listing.belongs_to(key, &listing.prefix) {
                    listings.push(listing);
                }
            }
        }
        let data = || listings.iter().filter(|listing| listing.part == Part::Data);
        if let Some(root) = spelled.iter().find(|root| data().any(|listing| root.starts_with(&listing.prefix))) {
            return Err(Error::invalid_key(root, "this root lies within a session of another one"));
        }
        listings.sort_by(|a, b| (a.part == Part::Data, &a.prefix).cmp(&(b.part == Part::Data, &b.prefix)));
        // The order is that of the deletion: no head is left without its tables.
        for root in &spelled {
            let prefixes = PersistedKeys::new(root, key).prefixes();
            listings.extend(prefixes.into_iter().map(|prefix| Listing {
                root: root.clone(),
                prefix,
                part: Part::Persisted,
            }));
        }
        listings.dedup_by(|a, b| a.prefix == b.prefix);
        Ok(Self { key: key.clone(), listings })
    }

    /// Returns the prefixes of data. Each ends with `/`.
    pub(crate) fn folders(&self) -> Vec<String> {
        let data = self.listings.iter().filter(|listing| listing.part == Part::Data);
        data.map(|listing| listing.prefix.clone()).filter(|prefix| prefix.ends_with('/')).collect()
    }

    /// Lists a part page by page: the objects that belong to the session. A part that cannot be listed whole is an error.
    pub(crate) fn pages<'a>(
        &'a self,
        store: &'a dyn Storage,
        part: Part,
    ) -> BoxStream<'a, Result<Vec<ObjectMeta>, Error>> {
        let listings = self.listings.iter().filter(move |listing| listing.part == part);
        let pages = listings.map(move |listing| {
            // Below the key of a marker is nothing of the session.
            let delimiter = if part == Part::Markers { Delimiter::Slash } else { Delimiter::None };
            let pages = store.list_pages(&listing.prefix, delimiter);
            pages.map(move |page| page.and_then(|page| self.own(listing, page)))
        });
        stream::iter(pages).flatten().boxed()
    }

    /// Lists what collectors wrote, and returns it in numbers. What is persisted says nothing about the session's life.
    pub async fn survey(&self, store: &dyn Storage) -> Result<Survey, Error> {
        let (mut survey, mut undated) = (Survey::default(), false);
        for part in [Part::Markers, Part::Data] {
            let mut pages = self.pages(store, part);
            while let Some(page) = pages.next().await {
                for object in page? {
                    survey.objects += 1;
                    survey.bytes = survey.bytes.saturating_add(object.size);
                    survey.digest.0 = survey.digest.0.wrapping_add(digest(&object).0);
                    match object.modified {
                        None => undated = true,
                        Some(time) => survey.newest = survey.newest.max(Some(time)),
                    }
                }
            }
        }
        if undated {
            survey.newest = None;
        }
        Ok(survey)
    }

    fn own(&self, listing: &Listing, page: ListPage) -> Result<Vec<ObjectMeta>, Error> {
        if let Some(error) = page.skipped.into_iter().next() {
            return Err(error);
        }
        let mut objects = page.objects;
        objects.retain(|object| listing.belongs_to(&self.key, &object.key));
        Ok(objects)
    }
}

impl Listing {
    /// Returns `true` if the layout says that a key belongs to the session.
    fn belongs_to(&self, session: &SessionKey, key: &str) -> bool {
        if !key.starts_with(&self.prefix) {
            return false;
        }
        let Some(below) = key.strip_prefix(&self.root) else { return false };
        match self.part {
            Part::Markers => parse_marker(below).is_some_and(|marker| marker.key == *session),
            Part::Data => parse_place(below).is_some_and(|place| place.key == *session),
            Part::Persisted => PersistedKeys::new("", session).owns(below),
        }
    }
}

/// Returns the digest of an object: its name, size and tag, or its time if it has none. Those of a listing are added, so
/// that their order does not count.
fn digest(object: &ObjectMeta) -> Digest {
    let mut hash = Sha256::new();
    hash.update((object.key.len() as u64).to_be_bytes());
    hash.update(&object.key);
    hash.update(object.size.to_be_bytes());
    match (&object.etag, object.modified) {
        (Some(etag), _) => hash.update(etag),
        (None, Some(modified)) => hash.update(modified.to_be_bytes()),
        (None, None) => {}
    }
    Digest::end(hash)
}
