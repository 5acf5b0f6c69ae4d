//! Walks the folders of the data trees concurrently.

use super::Namespaces;
use super::found::Found;
use super::lister::Lister;
use super::place::{Below, Level, Place};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ray_history_core::layout::Root;
use ray_history_storage::Error;

/// Maximum number of concurrent listings: enough to walk a hundred thousand folders in some minutes, too few to disturb
/// loads.
const CONCURRENCY: usize = 16;
/// Maximum number of folders searched for the root that was meant.
const MAX_BELOW: usize = 100;

/// Walks these places and everything below. A folder that may not be listed is left out and reported; a store that is
/// down ends the walk with its error.
pub(super) async fn walk(
    lister: &Lister<'_>,
    mut waiting: Vec<Place>,
    namespaces: &Namespaces,
    found: &mut Found,
) -> Result<(), Error> {
    let mut running = FuturesUnordered::new();
    loop {
        // Last in, first out: the list stays as small as the tree is deep.
        while running.len() < CONCURRENCY
            && let Some(place) = waiting.pop()
        {
            running.push(async move {
                let answer = lister.folders(&place.prefix).await;
                (place, answer)
            });
        }
        let Some((place, answer)) = running.next().await else { return Ok(()) };
        let (names, skipped) = match answer {
            Ok(folders) => folders,
            Err(error) if error.is_of_store() || place.is_top() => return Err(error),
            Err(error) => (Vec::new(), vec![error]),
        };
        found.skip(&skipped);
        for name in names {
            found.recognised |= place.shows_layout(&name);
            match (place.below(&name, namespaces), &place.level) {
                (Below::Place(below), _) => waiting.push(below),
                (Below::Session(key), Level::Sessions { owner, namespace_known, .. }) => {
                    found.data(&key, owner.as_ref(), *namespace_known);
                }
                _ => {}
            }
        }
    }
}

/// Searches for known layouts one folder below the roots.
pub(super) async fn roots_below(lister: &Lister<'_>, roots: &[Root], found: &mut Found) -> Result<(), Error> {
    for root in roots.iter().flat_map(Root::spellings) {
        for folder in folders(lister, &root, found).await?.into_iter().take(MAX_BELOW) {
            let below = Place { prefix: format!("{root}{folder}/"), level: Level::Top };
            if folders(lister, &below.prefix, found).await?.iter().any(|name| below.shows_layout(name)) {
                found.roots_below.push(below.prefix);
            }
        }
    }
    Ok(())
}

async fn folders(lister: &Lister<'_>, prefix: &str, found: &mut Found) -> Result<Vec<String>, Error> {
    match lister.folders(prefix).await {
        Ok((names, skipped)) => {
            found.skip(&skipped);
            Ok(names)
        }
        Err(error) if error.is_of_store() => Err(error),
        Err(error) => {
            found.skip([&error]);
            Ok(Vec::new())
        }
    }
}
