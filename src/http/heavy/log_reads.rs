//! Turns at reading all logs of a session: the part of the memory for long answers that such reads may hold.
//!
//! A search or download holds as much memory as a quarter of the answers may have, for as long as it runs. Without a
//! bound, one client could keep all others from every long answer.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads of all logs at once.
const AT_ONCE: usize = 3;
/// Reads of one person at once, so that another person's begins all the same.
const OF_A_PERSON: usize = 2;

/// The turns; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct LogReads {
    all: Arc<Semaphore>,
    of_persons: Arc<Mutex<HashMap<String, Weak<Semaphore>>>>,
}

/// A turn; others get it on drop.
#[derive(Debug)]
pub(in crate::http) struct LogRead {
    _of_person: Option<OwnedSemaphorePermit>,
    _of_all: OwnedSemaphorePermit,
}

impl Default for LogReads {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(AT_ONCE)), of_persons: Arc::default() }
    }
}

impl LogReads {
    /// Waits for a turn. Where nobody is known, only the bound of all holds. `None` if the server stops.
    pub(super) async fn begin(&self, person: Option<&str>) -> Option<LogRead> {
        let of_person = match person {
            Some(person) => Some(self.of_person(person).acquire_owned().await.ok()?),
            None => None,
        };
        let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(LogRead { _of_person: of_person, _of_all: of_all })
    }

    /// Returns the turns of a person, which exist as long as somebody has one or waits.
    fn of_person(&self, person: &str) -> Arc<Semaphore> {
        let mut persons = self.of_persons.lock();
        if let Some(turns) = persons.get(person).and_then(Weak::upgrade) {
            return turns;
        }
        persons.retain(|_, turns| turns.strong_count() > 0);
        let turns = Arc::new(Semaphore::new(OF_A_PERSON));
        persons.insert(person.to_owned(), Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn one_person_leaves_a_turn_to_others() {
        let reads = LogReads::default();
        let now = |person: Option<&'static str>| reads.begin(person).now_or_never().flatten();
        let of_one = [now(Some("one")), now(Some("one"))];
        assert!(of_one.iter().all(Option::is_some));
        assert!(now(Some("one")).is_none(), "a person has two");
        let other = now(Some("other"));
        assert!(other.is_some(), "the third is for somebody else");
        assert!(now(None).is_none() && now(Some("third")).is_none(), "all have three");
        drop(of_one);
        assert!(now(Some("one")).is_some(), "an ended read leaves its turn");
        drop(other);
        assert!(now(Some("third")).is_some());
        assert_eq!(reads.of_persons.lock().len(), 1, "nothing is kept of those who left");
    }
}
