//! Digests of open sessions, made off the threads that answer requests.

use super::find::Shown;
use crate::http::error::Error;
use crate::http::request::Call;
use ray_history_core::base::task::TaskState;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::digest::Digest;
use ray_history_session::{OpenSession, Sessions};
use std::sync::Arc;

/// Memory that a digest holds while it is made, for each attempt.
const ATTEMPT: u64 = 96;
/// The same for each attempt that failed, which may be a group of its own.
const GROUP: u64 = 2 << 10;

/// Returns the memory that a digest of a snapshot, or a part of one, holds while it is made.
pub(in crate::http) fn held(snapshot: &Snapshot) -> u64 {
    let failed = snapshot.tasks.iter().filter(|attempt| attempt.state() == TaskState::Failed).count();
    ATTEMPT * snapshot.tasks.len() as u64 + GROUP * failed as u64
}

/// Makes a part of the digest of a session.
pub(in crate::http) async fn part<T: Send + 'static>(
    call: &Call<'_>,
    open: &Shown,
    make: impl FnOnce(&Snapshot) -> T + Send + 'static,
) -> Result<T, Error> {
    if let Some(error) = &open.nothing_read {
        return Err(error.clone().into());
    }
    let session = Arc::clone(open);
    let work = move || make(&session.snapshot);
    let (made, _) = call.state.heavy.begin(&call.state.sessions, held(&open.snapshot), work).await?;
    Ok(made)
}

/// Makes the digest of a session.
pub(in crate::http) async fn of(call: &Call<'_>, open: &Shown) -> Result<Digest, Error> {
    let (gaps, is_over) = standing(&call.state.sessions, open);
    part(call, open, move |snapshot| Digest::of(snapshot, &gaps, is_over)).await
}

/// Makes the digest of a session for a command, which does nothing else.
pub(in crate::http) fn of_store(sessions: &Sessions, open: &OpenSession) -> Digest {
    let (gaps, is_over) = standing(sessions, open);
    Digest::of(&open.snapshot, &gaps, is_over)
}

fn standing(sessions: &Sessions, open: &OpenSession) -> (Vec<ray_history_core::snapshot::gap::Gap>, bool) {
    let standing = sessions.standing(&open.key);
    (open.gaps(standing), standing.is_over(&open.snapshot))
}
