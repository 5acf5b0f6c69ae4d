//! Log files whose ends lie in segments: what is stored as an object of its own, continued by frames of segments.
//!
//! `LogStore` reads such a file as if it were one object, so that ranges, last lines and facts need not know. A part
//! that is in no segment, because the collector lost it, ends the file.

use super::nodes::SegmentObject;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use ray_history_core::layout::{OWN_FOLDER, rotated_from};
use ray_history_manifest::segment::{Frame, Index, USUAL_TAIL, read_frame, read_index};
use ray_history_storage::{
    Delimiter, Error, ErrorKind, ListPage, ObjectBody, ObjectMeta, PageToken, ReadRange, Storage,
};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// Segments whose indexes are read concurrently.
const FETCHES: usize = 16;
/// Longest index that is read, in stored bytes.
const LONGEST_INDEX: u64 = 4 << 20;
/// Frames of one read that are fetched ahead.
const AHEAD: usize = 4;

/// A range of a log file in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    segment: Arc<str>,
    /// The offsets in the log file.
    range: Range<u64>,
    /// The offset and the length of the gzip member in the segment.
    frame: (u64, u32),
}

/// The end of a log file, behind what is stored as an object of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pieces {
    /// Sorted by their starts; none lies within the one before.
    pieces: Vec<Piece>,
    /// The time at which the file was first seen, in nanoseconds since 1970.
    seen: i64,
}

impl Pieces {
    /// Returns the offset at which the file ends that has `settled` bytes of its own.
    pub(super) fn end(&self, settled: u64) -> u64 {
        let continued = |end: u64, piece: &Piece| if piece.range.start <= end { end.max(piece.range.end) } else { end };
        self.pieces.iter().fold(settled, continued)
    }

    /// Returns `true` if an object of the file's name that was written at a time is still that of the file before it: just
    /// after a rotation. Then the pieces have all of the file. Where clocks differ it does not matter which of the two is
    /// read, because pieces that begin at the start are as long as the file's object.
    pub(super) fn replace(&self, written: Option<i64>) -> bool {
        self.end(0) > 0 && written.is_some_and(|written| written < self.seen)
    }

    /// Returns the approximate memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.pieces.len() * size_of::<Piece>()
    }
}

/// The indexes of segments by key, each with the version of the segment: one that has not changed is not read again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Indexes(HashMap<String, (String, Arc<[Frame]>)>);

impl Indexes {
    /// Returns the index of a segment if it was read of the same version.
    fn find(&self, segment: &SegmentObject) -> Option<Arc<[Frame]>> {
        let (version, frames) = self.0.get(&segment.key)?;
        (Some(version) == segment.etag.as_ref()).then(|| Arc::clone(frames))
    }

    fn insert(&mut self, segment: SegmentObject, frames: Arc<[Frame]>) {
        if let Some(version) = segment.etag {
            self.0.insert(segment.key, (version, frames));
        }
    }

    /// Returns the approximate memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.0.iter().map(|(key, (_, frames))| 2 * key.len() + weight_of(frames)).sum()
    }
}

fn weight_of(frames: &[Frame]) -> usize {
    frames.iter().map(|frame| size_of::<Frame>() + frame.path.len() + frame.file.len()).sum()
}

/// The contents of segments.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// Pieces by node and path, each with the key at which the file is stored or will be.
    pub(super) logs: BTreeMap<(String, String), (String, Pieces)>,
    /// The indexes that were read, or that were known.
    pub(super) indexes: Indexes,
    /// Segments that could not be read, with the reason.
    pub(crate) unreadable: Vec<(String, String)>,
}

/// Reads the indexes of segments, but those that are `known`. Calls `held` with the bytes of each one; what it returns is
/// kept until all are read. `is_stored` returns `true` if a node has a log file at a path.
pub(crate) async fn read<H>(
    store: &Arc<dyn Storage>,
    segments: &[SegmentObject],
    known: &Indexes,
    held: impl Fn(u64) -> H,
    is_stored: impl Fn(&str, &str) -> bool,
) -> Segments {
    let mut reads = stream::iter(segments.to_vec())
        .map(|segment| async move {
            let frames = match known.find(&segment) {
                Some(frames) => Ok(frames),
                None => read_frames(&**store, &segment).await.map(Arc::from),
            };
            (segment, frames)
        })
        .buffer_unordered(FETCHES);
    let (mut read, mut all_held) = (Segments::default(), Vec::new());
    // By node and the first path of a file: the frames of each file that had this path.
    let mut found = BTreeMap::<(String, String, String), BTreeMap<String, Vec<Piece>>>::new();
    while let Some((segment, frames)) = reads.next().await {
        let key: Arc<str> = segment.key.as_str().into();
        let below_node = format!("{OWN_FOLDER}/{}/logs-", segment.spool);
        let folder = segment.key.rfind(&below_node).map_or("", |at| &segment.key[..at]);
        match frames {
            Ok(frames) => {
                // As an index, and as pieces.
                all_held.push(held(2 * weight_of(&frames) as u64));
                for Frame { path, file, at, len, frame, size } in &*frames {
                    let range = *at..at.saturating_add(u64::from(*len));
                    let piece = Piece { segment: Arc::clone(&key), range, frame: (*frame, *size) };
                    found
                        .entry((segment.node.clone(), folder.to_owned(), path.clone()))
                        .or_default()
                        .entry(file.clone())
                        .or_default()
                        .push(piece);
                }
                read.indexes.insert(segment, frames);
            }
            // Its bytes are settled by now.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => read.unreadable.push((segment.key, error.to_string())),
        }
    }
    for ((node, folder, path), files) in found {
        let newest = files.keys().max_by_key(|file| first_seen(file)).cloned();
        for (file, pieces) in files {
            // A file of an earlier identity was rotated, and has its own name.
            let rotated = rotated_path(&path, &file);
            let is_rotated =
                rotated.as_ref().is_some_and(|rotated| is_stored(&node, rotated)) || Some(&file) != newest.as_ref();
            let path = if is_rotated { rotated.unwrap_or_else(|| path.clone()) } else { path.clone() };
            let key = format!("{folder}logs/{path}");
            let pieces = Pieces { pieces: sorted(pieces), seen: first_seen(&file) };
            read.logs.insert((node.clone(), path), (key, pieces));
        }
    }
    read
}

/// Returns the time at which a file was first seen, from its identity `{ino}-{ns}`.
fn first_seen(file: &str) -> i64 {
    file.split_once('-').and_then(|(_, seen)| seen.parse().ok()).unwrap_or_default()
}

/// Returns the name under which a collector keeps a rotated file.
fn rotated_path(path: &str, file: &str) -> Option<String> {
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    let dot = path[name..].rfind('.').filter(|dot| *dot > 0).map_or(path.len(), |dot| name + dot);
    let (stem, extension) = path.split_at(dot);
    let rotated = format!("{stem}.rotated.{file}{extension}");
    (rotated_from(&rotated).as_deref() == Some(path)).then_some(rotated)
}

/// Sorts pieces by their starts, and leaves out those that lie within another one.
fn sorted(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_by_key(|piece| (piece.range.start, std::cmp::Reverse(piece.range.end)));
    let mut end = None;
    pieces.retain(|piece| {
        let goes_on = end.is_none_or(|end| piece.range.end > end);
        end = end.max(Some(piece.range.end));
        goes_on
    });
    pieces
}

async fn read_frames(store: &dyn Storage, segment: &SegmentObject) -> Result<Vec<Frame>, Error> {
    let damaged = |why: &dyn std::fmt::Display| Error::failed(segment.key.clone(), why.to_string());
    let body = store.read(&segment.key, ReadRange::Tail(USUAL_TAIL)).await?;
    // It may have grown since it was listed.
    let size = if body.is_measured { body.meta.size } else { segment.size };
    let tail = body.read_all(USUAL_TAIL).await?;
    match read_index(&tail, size).map_err(|error| damaged(&error))? {
        Index::Frames(frames) => Ok(frames),
        Index::BeginsAt(at) if size.saturating_sub(at) <= LONGEST_INDEX => {
            let range = ReadRange::Between(at, size);
            let tail = store.read(&segment.key, range).await?.read_all(LONGEST_INDEX).await?;
            match read_index(&tail, size).map_err(|error| damaged(&error))? {
                Index::Frames(frames) => Ok(frames),
                Index::BeginsAt(_) => Err(damaged(&"its index has no beginning")),
            }
        }
        Index::BeginsAt(_) => Err(damaged(&"its index is too long")),
    }
}

/// A log file that is continued by pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Continued {
    /// Length of the object of its own; zero without one.
    pub(super) settled: u64,
    /// The rest.
    pub(super) pieces: Pieces,
}

/// A store in which log files that are continued by segments are whole. Everything else is read as it is.
#[derive(Debug)]
pub(crate) struct LogStore {
    inner: Arc<dyn Storage>,
    continued: HashMap<String, Arc<Continued>>,
}

impl LogStore {
    /// Returns a store with these files, by their keys; the store itself if there are none.
    pub(super) fn with(
        inner: &Arc<dyn Storage>,
        continued: impl Iterator<Item = (String, Arc<Continued>)>,
    ) -> Arc<dyn Storage> {
        let continued: HashMap<_, _> = continued.collect();
        if continued.is_empty() {
            return Arc::clone(inner);
        }
        Arc::new(Self { inner: Arc::clone(inner), continued })
    }
}

#[async_trait]
impl Storage for LogStore {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        self.inner.list(prefix, delimiter, page).await
    }

    fn listing_is_free(&self) -> bool {
        self.inner.listing_is_free()
    }

    fn lists_in_order(&self) -> bool {
        self.inner.lists_in_order()
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        let Some(file) = self.continued.get(key) else { return self.inner.read_matching(key, range, if_match).await };
        let size = file.pieces.end(file.settled);
        let range = range.within(size);
        let own = range.start..range.end.min(file.settled);
        let mut stream = stream::empty().boxed();
        if own.start < own.end {
            // Segments continue what was stored when they were listed; it is a part of what is stored now.
            let body = self.inner.read(key, ReadRange::Between(own.start, own.end)).await?;
            if body.promised().is_some_and(|promised| promised != own.end - own.start) {
                return Err(Error::new(ErrorKind::PreconditionFailed, key));
            }
            stream = body.stream;
        }
        let mut at = range.start.max(file.settled);
        let mut frames = Vec::new();
        for piece in &file.pieces.pieces {
            let wanted = at.max(piece.range.start)..piece.range.end.min(range.end);
            if piece.range.start <= at && wanted.start < wanted.end {
                at = wanted.end;
                frames.push((piece.clone(), wanted));
            }
        }
        let inner = Arc::clone(&self.inner);
        let rest = stream::iter(frames)
            .map(move |(piece, wanted)| {
                let inner = Arc::clone(&inner);
                async move { read_piece(&*inner, &piece, wanted).await }
            })
            .buffered(AHEAD);
        let meta = ObjectMeta { key: key.to_owned(), size, etag: None, modified: None };
        Ok(ObjectBody { meta, range, is_measured: true, stream: stream.chain(rest).boxed() })
    }
}

/// Reads a range of a log file from its piece.
async fn read_piece(store: &dyn Storage, piece: &Piece, wanted: Range<u64>) -> Result<Bytes, Error> {
    let Piece { segment, range, frame: (at, size) } = piece;
    let (at, size) = (*at, u64::from(*size));
    let member = store.read(segment, ReadRange::Between(at, at + size)).await?.read_all(size).await?;
    let frame = Frame {
        path: String::new(),
        file: String::new(),
        at: range.start,
        len: (range.end - range.start) as u32,
        frame: at,
        size: size as u32,
    };
    let bytes = read_frame(&frame, &member).map_err(|error| Error::failed(segment.to_string(), error.to_string()))?;
    let within = (wanted.start - range.start) as usize..(wanted.end - range.start) as usize;
    Ok(Bytes::from(bytes).slice(within))
}

#[cfg(test)]
mod tests;
