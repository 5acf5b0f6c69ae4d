//! A survey of a store, for whoever sets one up: the sessions that it holds, and how the newest of them fares.
//!
//! Bounded whatever the store holds: folders are walked for some seconds, and of a session with many bytes of events a
//! sample is read.

use super::catalog::{Entry, Listing};
use super::load::Stock;
use super::{Error, OpenSession, Sessions};
use ray_history_core::layout::BucketTree;
use ray_history_core::snapshot::completeness::EventCounts;
use ray_history_core::snapshot::gap::Gap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long folders are walked.
const WALK: Duration = Duration::from_secs(10);
/// Stored bytes of events up to which a session is read whole.
const WHOLE: u64 = 64 << 20;

/// A survey of a store.
#[derive(Debug)]
pub struct Survey {
    /// The sessions that were found.
    pub listing: Arc<Listing>,
    /// Which trees of collectors there are.
    pub trees: BTreeSet<BucketTree>,
    /// Set if there was no time to look into every folder: sessions without a marker may be missing.
    pub cut: bool,
    /// Prefixes below which collectors wrote, where the roots have nothing.
    pub roots_below: Vec<String>,
    /// The newest session.
    pub newest: Option<Newest>,
}

/// The newest session of a store.
#[derive(Debug)]
pub struct Newest {
    /// Which session.
    pub entry: Entry,
    /// When its newest file was written, by the store's clock.
    pub last_written: Option<SystemTime>,
    /// Event files, and their bytes.
    pub event_files: u64,
    /// Stored bytes of the event files.
    pub event_bytes: u64,
    /// Log files.
    pub log_files: u64,
    /// Stored answers of the live dashboard.
    pub endpoints: u64,
    /// What was read of it.
    pub content: Content,
}

/// What was read of a session.
#[derive(Debug)]
pub enum Content {
    /// All of it, with what is missing.
    Whole(Arc<OpenSession>, Vec<Gap>),
    /// The beginnings of some event files.
    Sampled {
        /// The number of these files.
        files: u64,
        /// The events in them, by type.
        events: EventCounts,
    },
    /// Nothing.
    Unreadable(Error),
}

impl Sessions {
    /// Looks through the store.
    pub async fn survey(self: &Arc<Self>) -> Result<Survey, Error> {
        let source = self.source();
        let surveyed = source.catalog.survey(WALK).await?;
        let listing = self.listing();
        let newest = match listing.iter().next() {
            Some(entry) => Some(self.newest(entry).await?),
            None => None,
        };
        let (trees, cut, roots_below) = (surveyed.trees, surveyed.cut, surveyed.roots_below);
        Ok(Survey { listing, trees, cut, roots_below, newest })
    }

    async fn newest(self: &Arc<Self>, entry: Entry) -> Result<Newest, Error> {
        let source = self.source();
        let stock = Stock::take(&source.store, &entry.key, &source.places(&entry.key).await?).await?;
        let read = if stock.event_bytes <= WHOLE {
            let opened = self.open(&entry.key).await;
            opened.map(|session| {
                let gaps = session.gaps(self.standing(&entry.key));
                Content::Whole(session, gaps)
            })
        } else {
            let sampled = stock.sample(&*source.store, &entry.key).await;
            sampled.map(|(files, events)| Content::Sampled { files, events })
        };
        let since = |nanos: i64| SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(u64::try_from(nanos).ok()?));
        Ok(Newest {
            last_written: stock.newest.and_then(since),
            event_files: stock.event_files,
            event_bytes: stock.event_bytes,
            log_files: stock.log_files,
            endpoints: stock.endpoints,
            content: read.unwrap_or_else(Content::Unreadable),
            entry,
        })
    }
}
