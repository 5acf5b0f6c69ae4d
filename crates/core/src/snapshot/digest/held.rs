//! Resources that actors held while they lived.

use crate::snapshot::Snapshot;
use crate::snapshot::asked::Asked;
use crate::snapshot::intern::Str;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// The resources that actors asked for, times their lives up to their end or to the last event. Their calls ask for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Held {
    /// Actors that lived.
    pub actors: u64,
    /// CPUs times seconds.
    pub cpu_seconds: f64,
    /// GPUs times seconds.
    pub gpu_seconds: f64,
}

impl Held {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut sum = Self::default();
        let mut known: HashMap<Str, Asked, RandomState> = HashMap::default();
        for actor in snapshot.actors.iter().filter(|actor| actor.start > 0) {
            let end = if actor.end > 0 { actor.end } else { snapshot.as_of };
            let seconds = end.saturating_sub(actor.start).max(0) as f64 / 1e9;
            let asked = known.entry(actor.resources).or_insert_with(|| Asked::of(snapshot.str(actor.resources)));
            sum.actors += 1;
            sum.cpu_seconds += asked.cpu * seconds;
            sum.gpu_seconds += asked.gpu * seconds;
        }
        sum
    }
}
