//! When a file of the spool is compressed further, or sealed.

use super::live::Live;
use super::state::SpoolFile;
use super::{Sealing, Spool};
use ray_history_core::base::time::Nanos;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of a file that are compressed before their time.
const MUCH: u64 = 4 << 20;

/// The files whose time has come, and when the next one's comes.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) files: Vec<Nanos>,
    pub(crate) next: Option<Instant>,
}

impl Spool {
    /// Returns the files that are due: `every` after their first record that is not compressed, when they are to be
    /// sealed, or all that have something new, if `all`.
    pub(crate) fn due(&self, every: Duration, sealing: &Sealing, all: bool) -> Due {
        let now = Instant::now();
        let inner = self.inner.lock();
        let mut due = Due::default();
        for (name, live) in &inner.live {
            let Some(file) = inner.state.files.get(name) else { continue };
            let Some(at) = due_at(file, live, every, sealing, now) else { continue };
            let is_new = live.fresh.is_some() || live.is_closed;
            let at = if all && is_new { now } else { at }.max(live.retry_at.unwrap_or(now));
            if at <= now {
                due.files.push(*name);
            } else {
                due.next = Some(due.next.map_or(at, |next| next.min(at)));
            }
        }
        due
    }
}

/// Returns when a file is due; `None` if nothing is to be done.
fn due_at(file: &SpoolFile, live: &Live, every: Duration, sealing: &Sealing, now: Instant) -> Option<Instant> {
    if file.packed.is_some() {
        return None;
    }
    if live.is_closed {
        let waits_for_bucket = live.compressed.is_none() && live.fresh.is_none() && !file.is_stored();
        return (!waits_for_bucket).then_some(now);
    }
    let compressed = live.compressed.map_or(0, |compressed| compressed.end);
    if live.fresh.is_some() && file.end.saturating_sub(compressed) > MUCH {
        return Some(now);
    }
    let seal = (file.end > 0).then(|| live.opened + sealing.age_of(live.compressed.map_or(0, |found| found.size)));
    live.fresh.map(|fresh| fresh.at + every).into_iter().chain(seal).min()
}

/// Returns `true` if a file is to be sealed.
pub(super) fn is_full(file: &SpoolFile, live: &Live, sealing: &Sealing, now: Instant) -> bool {
    let size = live.compressed.map_or(0, |compressed| compressed.size);
    size >= sealing.compressed
        || sealing.every_flush
        || now >= live.opened + sealing.age_of(size)
        || sealing.plain.is_some_and(|most| file.end >= most)
}
