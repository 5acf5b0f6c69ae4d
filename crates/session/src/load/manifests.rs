//! Reads the manifests of a session. They are untrusted, so their length and number in memory are bounded.

use super::nodes::{ManifestObject, SegmentObject};
use futures_util::{StreamExt, stream};
use ray_history_manifest::proof::Found;
use ray_history_manifest::{MAX_BYTES, Manifest, NotUnderstood};
use ray_history_storage::{Error, ErrorKind, ReadRange, Storage};
use std::sync::Arc;

/// Manifests read concurrently.
const FETCHES: usize = 16;

/// The manifests of a session, and those that could not be read.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    /// The manifests, understood or not, sorted by node and spool.
    pub(crate) found: Vec<Found>,
    /// Those that the store did not give, with the reason.
    pub(crate) unreadable: Vec<(String, String)>,
}

impl Manifests {
    /// Returns `true` if a segment may hold bytes that are in no settled file.
    pub(crate) fn needs(&self, segment: &SegmentObject) -> bool {
        let of_spool = |found: &Found| (&found.node, &found.spool).cmp(&(&segment.node, &segment.spool));
        let found = self.found.binary_search_by(of_spool).ok().and_then(|at| self.found.get(at));
        let manifest = found.and_then(|found| found.manifest.as_ref().ok());
        manifest.is_none_or(|manifest| segment.number >= manifest.logs.segments.first)
    }
}

/// Reads manifests. Calls `held` with the bytes of each one before it is read; what it returns is kept until all are.
pub(crate) async fn read<H>(
    store: &Arc<dyn Storage>,
    objects: &[ManifestObject],
    held: impl Fn(u64) -> H,
) -> Manifests {
    let mut reads = stream::iter(objects.to_vec())
        .map(|object| {
            let held = &held;
            async move {
                if object.size > MAX_BYTES {
                    let too_long = Err(NotUnderstood::TooLong(object.size));
                    return (object, Ok((too_long, false)), None);
                }
                let held = held(object.size);
                let read = read_one(&**store, &object).await;
                (object, read, Some(held))
            }
        })
        .buffer_unordered(FETCHES);
    let (mut read, mut all_held) = (Manifests::default(), Vec::new());
    while let Some((object, manifest, held)) = reads.next().await {
        all_held.extend(held);
        let (manifest, newer) = match manifest {
            Ok(read) => read,
            // It was listed a moment ago, and is gone.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                read.unreadable.push((object.key, error.to_string()));
                (Err(NotUnderstood::Damaged(error.to_string())), false)
            }
        };
        read.found.push(Found { node: object.node, spool: object.spool, manifest, newer });
    }
    read.found.sort_by(|a, b| (&a.node, &a.spool).cmp(&(&b.node, &b.spool)));
    read
}

/// Reads a manifest, and tells whether it was written after the listing.
async fn read_one(
    store: &dyn Storage,
    object: &ManifestObject,
) -> Result<(Result<Manifest, NotUnderstood>, bool), Error> {
    // It may have grown since it was listed.
    let body = store.read(&object.key, ReadRange::Between(0, MAX_BYTES + 1)).await?;
    let newer = body.is_measured && (body.meta.size != object.size || body.meta.etag != object.etag);
    Ok((Manifest::parse(&body.read_all(MAX_BYTES + 1).await?), newer))
}
