//! Writes the ledger: news as pieces, at most one a minute, and the pieces of a day that is over as one object.

use super::documents::Bucket;
use super::shared::now;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, TryStreamExt};
use ray_history_obituary::ledger::{Ledger, Piece, Row};
use ray_history_storage::{Delimiter, Error, ErrorKind, ReadRange};
use ray_history_storage_write::{If, Put};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest time between two pieces of one writer.
const BETWEEN: Duration = Duration::from_mins(1);
/// Rows after which a piece is written at once.
const MANY: usize = 1_000;
/// Interval at which days that are over are looked for.
const JOINS: Duration = Duration::from_hours(1);
/// Longest object of the ledger, stored and unpacked: a day with 200,000 runs.
const LONGEST: u64 = 64 << 20;
/// Objects that are read concurrently.
const AT_ONCE: usize = 8;

/// Rows that are not stored yet, and the times of writes.
#[derive(Debug, Default)]
pub(super) struct News {
    rows: Ledger,
    count: usize,
    next: Option<Instant>,
    next_join: Option<Instant>,
}

impl News {
    /// Adds rows to the next piece.
    pub(super) fn add(&mut self, rows: Vec<Row>) {
        self.count += rows.len();
        for row in rows {
            self.rows.add(row);
        }
    }

    /// Writes a piece if there are rows and it is time, or `at_once`. Rows that could not be written stay.
    pub(super) async fn write(&mut self, bucket: &Bucket, replica: &str, at_once: bool) -> Result<(), Error> {
        let is_time = self.next.is_none_or(|next| Instant::now() >= next) || self.count >= MANY || at_once;
        if self.count == 0 || !is_time {
            return Ok(());
        }
        self.next = Some(Instant::now() + BETWEEN);
        let failed = |error: serde_json::Error| Error::failed(Piece::prefix(&bucket.root), error);
        let bytes = self.rows.write().map_err(failed)?;
        let Some(piece) = Piece::now(now(), replica) else { return Ok(()) };
        // No other writer has this name; a second try of our own replaces the first.
        bucket.writer.put(&piece.key(&bucket.root), bytes.into(), If::Any).await?;
        (self.rows, self.count) = (Ledger::default(), 0);
        Ok(())
    }

    /// Joins the pieces of days that are over, if it is time.
    pub(super) async fn join_days(&mut self, bucket: &Bucket) -> Result<(), Error> {
        if self.next_join.is_some_and(|next| Instant::now() < next) {
            return Ok(());
        }
        self.next_join = Some(Instant::now() + JOINS);
        // A writer whose clock is late may still add to yesterday.
        let today = now().plus(-3_600).day();
        let mut days: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let prefix = Piece::prefix(&bucket.root);
        let mut pages = bucket.reader.list_pages(&prefix, Delimiter::None);
        while let Some(page) = pages.next().await {
            for object in page?.objects {
                if let Some(Piece::Written { day, .. }) = Piece::from_key(&bucket.root, &object.key)
                    && day < today
                {
                    days.entry(day).or_default().push(object.key);
                }
            }
        }
        for (day, pieces) in days {
            join_day(bucket, day, pieces).await?;
        }
        Ok(())
    }
}

/// Adds pieces to the object of their day, and deletes them once it is stored.
async fn join_day(bucket: &Bucket, day: String, pieces: Vec<String>) -> Result<(), Error> {
    let key = Piece::Day(day).key(&bucket.root);
    let mut ledger = Ledger::default();
    let stored = match bucket.reader.read(&key, ReadRange::Full).await {
        Ok(body) => Some((body.meta.etag.clone(), body.read_all(LONGEST).await?)),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some((_, bytes)) = &stored {
        let mut unpacked = Vec::new();
        let read = MultiGzDecoder::new(&bytes[..]).take(LONGEST).read_to_end(&mut unpacked);
        read.map_err(|error| Error::failed(&key, error))?;
        ledger.read(&unpacked);
    }
    let reads = pieces.iter().cloned().map(|piece| {
        let reader = Arc::clone(&bucket.reader);
        async move { reader.read_all(&piece, LONGEST).await }
    });
    let read: Vec<_> = futures_util::stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let malformed: usize = read.iter().map(|bytes| ledger.read(bytes)).sum();
    if malformed > 0 {
        tracing::warn!(key, malformed, "lines of the ledger are no rows, and are left out");
    }
    let failed = |error: std::io::Error| Error::failed(&key, error);
    let lines = ledger.write().map_err(|error| Error::failed(&key, error))?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&lines).map_err(failed)?;
    let packed = packed.finish().map_err(failed)?;
    let condition = match &stored {
        None => If::Absent,
        Some((Some(etag), _)) => If::Unchanged(etag),
        Some((None, _)) => return Err(Error::failed(&key, "the store reports no ETag")),
    };
    // Another replica has joined it meanwhile: the pieces stay until the next time.
    if bucket.writer.put(&key, packed.into(), condition).await? == Put::Refused {
        return Ok(());
    }
    for piece in &pieces {
        bucket.writer.delete(piece).await?;
    }
    Ok(())
}
