//! Lists and reads heads for rollups.

use super::Tell;
use crate::outcome::Error;
use crate::persister::run;
use bytes::Bytes;
use futures_util::StreamExt;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_core::layout::{Day, PersistedKeys};
use ray_history_storage::{Delimiter, ErrorKind, ReadRange, Storage};
use ray_history_tables::{FleetSession, Head, MAX_HEAD};
use std::collections::BTreeMap;

/// Heads that are read at once.
const AT_ONCE: usize = 8;

/// A head as it was listed.
pub(super) struct Listed {
    pub(super) key: SessionKey,
    pub(super) size: u64,
    pub(super) etag: Option<String>,
}

/// The heads below one root.
pub(super) struct Heads<'a> {
    pub(super) reader: &'a dyn Storage,
    pub(super) root: &'a str,
    pub(super) tell: &'a Tell,
}

impl Heads<'_> {
    /// Lists all heads by day.
    pub(super) async fn list(&self) -> Result<BTreeMap<Day, Vec<Listed>>, Error> {
        let prefix = PersistedKeys::heads(self.root);
        let mut days: BTreeMap<Day, Vec<Listed>> = BTreeMap::new();
        let mut pages = self.reader.list_pages(&prefix, Delimiter::None);
        while let Some(page) = pages.next().await {
            for object in page?.objects {
                if let Some(key) = PersistedKeys::parse_head(self.root, &object.key) {
                    let listed = Listed { size: object.size, etag: object.etag, key };
                    days.entry(Day::of(&listed.key.session)).or_default().push(listed);
                }
            }
        }
        Ok(days)
    }

    /// Reads the rows of sessions, and counts the heads that cannot be read. Sessions without a head are left out.
    pub(super) async fn read(&self, keys: &[SessionKey]) -> Result<(Vec<FleetSession>, u64), Error> {
        let keys = futures_util::stream::iter(keys.to_vec());
        let mut heads = keys.map(|key| self.one(key)).buffered(AT_ONCE);
        let (mut rows, mut skipped) = (Vec::new(), 0);
        while let Some(head) = heads.next().await {
            match head? {
                Found::Rows(session) => rows.push(*session),
                Found::Nothing => {}
                Found::Damaged => skipped += 1,
            }
        }
        Ok((rows, skipped))
    }

    async fn one(&self, key: SessionKey) -> Result<Found, Error> {
        let name = PersistedKeys::new(self.root, &key).head();
        let body = match self.reader.read(&name, ReadRange::Full).await {
            Ok(body) => body,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(error.into()),
        };
        let etag = body.meta.etag.clone();
        let bytes: Bytes = match body.read_all(MAX_HEAD).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::TooLarge => return Ok(Found::Damaged),
            Err(error) => return Err(error.into()),
        };
        let (root, told) = (self.root.to_owned(), (self.tell)(&key));
        let size = bytes.len() as u64;
        let rows = run(move || {
            let head = Head::read(bytes, &key)?;
            FleetSession::of(&head, &key, &root, (size, etag.as_deref()), &told)
        });
        Ok(match rows.await? {
            Ok(rows) => Found::Rows(Box::new(rows)),
            Err(error) => {
                tracing::warn!(key = name, error = %chain(&error), "a head is in no rollup");
                Found::Damaged
            }
        })
    }
}

enum Found {
    Rows(Box<FleetSession>),
    Nothing,
    Damaged,
}
