//! Finds the views that have any file: `DuckDB` makes no others.

use futures_util::StreamExt;
use ray_history_core::base::name::SessionKey;
use ray_history_storage::{Delimiter, Error, Storage};
use ray_history_tables::{View, views};

/// Returns `views.sql` of what is persisted below `root`, of all sessions or of one; `None` if that is nothing. `base` is
/// the folder or URL of the store, without a slash at its end. Costs a list for each view.
///
/// # Errors
/// Returns the error of the store.
pub async fn views_of(
    store: &dyn Storage,
    base: &str,
    root: &str,
    session: Option<&SessionKey>,
) -> Result<Option<String>, Error> {
    let mut there = Vec::new();
    for view in View::all() {
        let prefix = view.prefix(root, session);
        let page = store.list_pages(&prefix, Delimiter::None).next().await;
        if page.transpose()?.is_some_and(|page| !page.objects.is_empty()) {
            there.push(view);
        }
    }
    let base = format!("{base}/{root}");
    Ok((!there.is_empty()).then(|| views(&base, session, |view| there.contains(&view))))
}
