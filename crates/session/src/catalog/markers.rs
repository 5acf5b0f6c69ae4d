//! Lists all markers with flat listings, which return the most keys per request.

use super::found::Found;
use super::lister::Lister;
use ray_history_core::layout::{MARKER_TREES, Root, parse_marker};
use ray_history_storage::{Delimiter, Error};

/// Adds every marker below the roots. An error in one tree fails the whole listing.
pub(super) async fn list(lister: &Lister<'_>, roots: &[Root], found: &mut Found) -> Result<(), Error> {
    for root in roots.iter().flat_map(Root::spellings) {
        for tree in MARKER_TREES {
            below(lister, &root, tree, found).await?;
        }
    }
    Ok(())
}

async fn below(lister: &Lister<'_>, root: &str, tree: &str, found: &mut Found) -> Result<(), Error> {
    let (mut next, mut paging) = (None, lister.paging());
    loop {
        let page = lister.page(&format!("{root}{tree}"), Delimiter::None, next, &mut paging).await?;
        found.recognised |= !page.objects.is_empty();
        found.skip(&page.skipped);
        for object in &page.objects {
            match object.key.strip_prefix(root).and_then(parse_marker) {
                Some(marker) => found.marker(&marker, object.modified),
                // Folder objects are not malformed markers.
                None if object.key.ends_with('/') => {}
                None => found.unknown_keys.add(&object.key),
            }
        }
        next = page.next;
        if next.is_none() {
            return Ok(());
        }
        // A store in memory never waits: a hundred pages must not starve other tasks.
        tokio::task::yield_now().await;
    }
}
