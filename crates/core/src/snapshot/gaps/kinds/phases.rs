//! Gap of the phases of attempts, of whose profile events Ray before 2.55 sends only some.

use super::Checks;
use crate::base::task::{TaskState, TaskType};
use crate::snapshot::Snapshot;
use crate::snapshot::gap::{Code, Gap, Weight, count};
use crate::snapshot::task::Attempt;
use crate::snapshot::version::RayVersion;

/// The profile event of a whole attempt has this prefix and its name.
const WHOLE: &str = "task::";
/// The phase in which every attempt begins (`execute_task` in `_raylet.pyx`).
const FIRST: &str = "task:deserialize_arguments";
/// The phase that every finished attempt has reached, but for methods of asynchronous actors, which have none.
const RUN: &str = "task:execute";

impl Checks<'_> {
    /// Checks whether attempts have their phases. The stored task list of a dashboard has them, up to its last poll.
    pub(super) fn phases(&self) -> Option<Gap> {
        let version = self.version.filter(|version| *version < RayVersion::PROFILE_EVENTS)?;
        let (mut missing, mut of) = (0, 0);
        for lacks in self.snapshot.tasks.iter().filter_map(|attempt| lacks_phases(self.snapshot, &attempt)) {
            of += 1;
            missing += u64::from(lacks);
        }
        if missing == 0 {
            return None;
        }
        let message = format!(
            "Ray {version} sent only some profile events: the timeline lacks phases of {missing} of {}",
            count(of, "task attempt")
        );
        Some(Gap::new(Code::UnsentProfileEvents, Weight::Part, message).missing(missing).of(of).advice(
            "Let the collector poll /api/v0/tasks?detail=1&limit=10000, as `ray-history collect` does. Ray exports all \
             profile events from version 2.55 on.",
        ))
    }
}

/// Returns `true` if an attempt lacks a phase that it had; `None` without the event of the whole attempt, which comes
/// last.
fn lacks_phases(snapshot: &Snapshot, attempt: &Attempt<'_>) -> Option<bool> {
    let is_actor_task = attempt.shape().task_type == TaskType::ActorTask;
    let (mut whole, mut first, mut run) = (false, false, is_actor_task || attempt.state() != TaskState::Finished);
    for span in attempt.profile() {
        let name = snapshot.str(span.name);
        whole |= name.starts_with(WHOLE);
        first |= name == FIRST;
        run |= name == RUN;
    }
    whole.then_some(!(first && run))
}
