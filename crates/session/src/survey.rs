//! A survey of a store that is being set up: the sessions that it holds, and the state of the newest of them.
//!
//! Bounded for any store: folders are walked for some seconds, and a session with many bytes of events is only sampled.

use super::catalog::{Entry, Listing};
use super::load::Inventory;
use super::{Error, OpenSession, Sessions};
use ray_history_core::base::chain::chain;
use ray_history_core::layout::BucketTree;
use ray_history_core::snapshot::completeness::EventCounts;
use ray_history_core::snapshot::gap::Gap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Time limit of walking folders.
const WALK_LIMIT: Duration = Duration::from_secs(10);
/// Stored bytes of events up to which a session is read whole.
const MAX_WHOLE: u64 = 64 << 20;

/// A survey of a store.
#[derive(Debug)]
pub struct Survey {
    /// The sessions that were found.
    pub listing: Arc<Listing>,
    /// The trees of collectors that were found.
    pub trees: BTreeSet<BucketTree>,
    /// `true` if time ran out before every folder was listed: sessions without a marker may be missing.
    pub cut: bool,
    /// Prefixes below which collectors wrote, if the roots have nothing.
    pub roots_below: Vec<String>,
    /// The newest session.
    pub newest: Option<Newest>,
}

/// The newest session of a store.
#[derive(Debug)]
pub struct Newest {
    /// The session.
    pub entry: Entry,
    /// Time at which the newest file was written, by the store's clock.
    pub last_written: Option<SystemTime>,
    /// Number of event files.
    pub event_files: u64,
    /// Stored bytes of the event files.
    pub event_bytes: u64,
    /// Number of log files.
    pub log_files: u64,
    /// Number of stored answers of the live dashboard.
    pub endpoints: u64,
    /// The content that was read.
    pub content: Content,
}

/// The content that was read of a session.
#[derive(Debug)]
pub enum Content {
    /// The whole session, with its gaps.
    Whole(Arc<OpenSession>, Vec<Gap>),
    /// The beginnings of some event files.
    Sampled {
        /// Number of these files.
        files: u64,
        /// The events in them, by type.
        events: EventCounts,
    },
    /// The session could not be read.
    Unreadable(Error),
}

impl Survey {
    /// Surveys the store of these sessions.
    pub async fn of(sessions: &Arc<Sessions>) -> Result<Self, Error> {
        let source = sessions.source();
        let surveyed = source.catalog.survey(WALK_LIMIT).await?;
        let listing = sessions.listing();
        let newest = match listing.iter().next() {
            Some(entry) => Some(Newest::of(sessions, entry).await?),
            None => None,
        };
        let (trees, cut, roots_below) = (surveyed.trees, surveyed.timed_out, surveyed.roots_below);
        Ok(Self { listing, trees, cut, roots_below, newest })
    }
}

impl Sessions {
    /// Lists everything, however long that takes: markers, folders, marks of retention, and why runs ended.
    ///
    /// # Errors
    /// Returns the first error of the store.
    pub async fn list_everything(&self) -> Result<(), Error> {
        self.refresh_marks().await?;
        self.source().catalog.list_everything().await?;
        self.read_obituaries_once().await;
        Ok(())
    }

    /// Lists the whole store once, for as long as a survey may take: the markers, and the folders of sessions that have
    /// none, and reads why runs ended. Returns `false` if time ran out before every folder was listed.
    pub async fn list_once(&self) -> Result<bool, Error> {
        if let Err(error) = self.refresh_marks().await {
            tracing::warn!(error = %chain(&error), "marks of retention cannot be listed: what is being deleted may be shown");
        }
        let is_whole = !self.source().catalog.survey(WALK_LIMIT).await?.timed_out;
        self.read_obituaries_once().await;
        Ok(is_whole)
    }
}

impl Newest {
    async fn of(sessions: &Arc<Sessions>, entry: Entry) -> Result<Self, Error> {
        let source = sessions.source();
        let inventory = Inventory::list(&source.store, &entry.key, &source.places(&entry.key).await?).await?;
        let read = if inventory.event_bytes <= MAX_WHOLE {
            let opened = sessions.open(&entry.key).await;
            opened.map(|session| {
                let gaps = session.gaps(sessions.standing(&entry.key));
                Content::Whole(session, gaps)
            })
        } else {
            let sampled = inventory.sample(&*source.store, &entry.key).await;
            sampled.map(|(files, events)| Content::Sampled { files, events })
        };
        let since = |nanos: i64| SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(u64::try_from(nanos).ok()?));
        Ok(Self {
            last_written: inventory.newest.and_then(since),
            event_files: inventory.event_files,
            event_bytes: inventory.event_bytes,
            log_files: inventory.log_files,
            endpoints: inventory.endpoints,
            content: read.unwrap_or_else(Content::Unreadable),
            entry,
        })
    }
}
