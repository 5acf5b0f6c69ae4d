//! Counts the stored files of one session, and samples its events if they are too many to be read.

use super::pages::Pages;
use super::places::{self, Places};
use crate::{Error, low_priority};
use bytes::Bytes;
use futures_util::StreamExt;
use ray_history_core::base::name::SessionKey;
use ray_history_core::event::records::{Records, Step};
use ray_history_core::snapshot::build::Builder;
use ray_history_core::snapshot::completeness::EventCounts;
use ray_history_storage::{ObjectMeta, ReadRange, Storage};
use std::io::Cursor;
use std::pin::pin;
use std::sync::Arc;

/// Number of event files that are sampled.
const SAMPLED_FILES: usize = 8;
/// Bytes read of each sampled file.
const SAMPLE: u64 = 1 << 20;
/// Longest record that is read, in bytes: little gzip can expand to a lot.
const LONGEST: usize = 32 << 20;

/// The stored files of one session.
#[derive(Debug)]
pub(crate) struct Inventory {
    /// Event files that are not empty, big ones first on each page of the listing.
    events: Vec<ObjectMeta>,
    /// Number of event files, including empty ones.
    pub(crate) event_files: u64,
    /// Stored bytes of the event files.
    pub(crate) event_bytes: u64,
    /// Number of log files.
    pub(crate) log_files: u64,
    /// Number of stored answers of the live dashboard.
    pub(crate) endpoints: u64,
    /// Time at which the newest object was written, in nanoseconds since 1970.
    pub(crate) newest: Option<i64>,
}

impl Inventory {
    /// Lists all objects of a session and reads none.
    pub(crate) async fn list(store: &Arc<dyn Storage>, key: &SessionKey, places: &Places) -> Result<Self, Error> {
        let prefixes = places::prefixes(&**store, key, places).await?;
        let mut pages = Pages::first(Arc::clone(store), prefixes).await?;
        let mut events = Vec::new();
        {
            let files = pages.event_files();
            let mut files = pin!(files);
            while let Some(page) = files.next().await {
                events.extend(page?);
            }
        }
        let found = &pages.objects;
        Ok(Self {
            event_files: found.events.files,
            event_bytes: events.iter().map(|file| file.size).sum(),
            log_files: found.logs().count() as u64,
            endpoints: found.endpoints.len() as u64,
            newest: found.newest,
            events,
        })
    }

    /// Reads the beginnings of some event files. Returns the number of these files, and the events in them by type.
    pub(crate) async fn sample(&self, store: &dyn Storage, key: &SessionKey) -> Result<(u64, EventCounts), Error> {
        // Spread over the whole list, because a file is of one node, or of one job, and of some hour.
        let step = self.events.len().div_ceil(SAMPLED_FILES).max(1);
        let mut samples = Vec::new();
        for file in self.events.iter().step_by(step) {
            let end = SAMPLE.min(file.size);
            let bytes = store.read(&file.key, ReadRange::Between(0, end)).await?.read_all(SAMPLE).await?;
            samples.push((file.key.clone(), bytes));
        }
        let (files, session) = (samples.len() as u64, key.session.to_string());
        Ok((files, low_priority::run(move || count(&session, samples)).await?))
    }
}

fn count(session: &str, samples: Vec<(String, Bytes)>) -> EventCounts {
    let mut builder = Builder::new(session);
    for (key, bytes) in samples {
        let mut records = Records::new(Cursor::new(bytes));
        loop {
            match records.step() {
                Step::Block(block) => {
                    block.records().for_each(|(position, record)| builder.fold_record(&key, position, record));
                }
                Step::Incomplete if records.may_hold() > LONGEST => break,
                Step::Incomplete => {}
                Step::End => break,
            }
        }
    }
    builder.completeness_mut().events.clone()
}
