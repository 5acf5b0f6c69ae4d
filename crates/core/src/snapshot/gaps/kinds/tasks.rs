//! Gaps of events of tasks and of the jobs that submitted them.

use super::Checks;
use crate::base::task::TaskType;
use crate::event::EventKind;
use crate::snapshot::gap::{Code, Gap, Weight, count};

impl Checks<'_> {
    pub(super) fn tasks(&self) -> Vec<Gap> {
        use EventKind::{ActorTaskDefinition, TaskDefinition, TaskLifecycle, TaskProfile};
        const TASKS: [EventKind; 3] = [TaskDefinition, TaskLifecycle, ActorTaskDefinition];
        let (seen, mut found) = (&self.seen, Vec::new());
        if self.none_of(&TASKS) {
            let ran = self.evidence.logged_workers > 0
                || seen.attempts > 0
                || !self.snapshot.actors.is_empty()
                || self.snapshot.driver_jobs.iter().any(|job| job.defined);
            if ran {
                let workers = match self.evidence.logged_workers {
                    0 => String::new(),
                    workers => format!(", although {} left logs", count(workers, "worker")),
                };
                let message = format!(
                    "No task data: task events were not exported{workers}; the task table, its summaries and the \
                     timeline are empty"
                );
                found.push(self.unexported(Code::TaskEvents, Weight::Kind, &TASKS, message));
            }
            return found;
        }
        let kinds = [
            (
                Code::TaskDefinitionEvents,
                TaskDefinition,
                seen.normal_or_creation,
                "Task definitions were not exported: {} have no name and are not shown",
            ),
            (
                Code::ActorTaskDefinitionEvents,
                ActorTaskDefinition,
                seen.actor_tasks,
                "Definitions of actor tasks were not exported: {} have no name and are not shown",
            ),
            (
                Code::TaskLifecycleEvents,
                TaskLifecycle,
                seen.attempts,
                "States of tasks were not exported: times and outcomes of {} are unknown",
            ),
            (
                Code::TaskProfileEvents,
                TaskProfile,
                seen.ran,
                "Profile events were not exported: the timeline is empty, and the phases of {} are unknown",
            ),
        ];
        for (code, kind, attempts, message) in kinds {
            if attempts > 0 && self.none_of(&[kind]) {
                let message = message.replace("{}", &count(attempts, "task attempt"));
                found.push(self.unexported(code, Weight::Kind, &[kind], message).missing(attempts));
            }
        }
        let undefined = self.snapshot.completeness.attempts_without_definition;
        if undefined > 0
            && !self.none_of(&[TaskDefinition])
            && (seen.actor_tasks == 0 || !self.none_of(&[ActorTaskDefinition]))
        {
            let message = format!(
                "{} of {} have no definition, and are not shown",
                undefined,
                count(seen.attempts, "task attempt")
            );
            found.push(Gap::new(Code::UndefinedAttempts, Weight::Part, message).missing(undefined).of(seen.attempts));
        }
        found
    }

    pub(super) fn jobs(&self) -> Option<Gap> {
        use EventKind::{DriverJobDefinition, DriverJobLifecycle};
        const JOBS: [EventKind; 2] = [DriverJobDefinition, DriverJobLifecycle];
        let missing = JOBS.map(|kind| self.none_of(&[kind]));
        // Ray's internal drivers have no definition, so only a user's job shows that one is missing.
        let ran = self.seen.normal_or_creation > 0 && (self.evidence.submissions > 0 || self.has_normal_tasks());
        let message = match missing {
            [true, true] if self.seen.attempts > 0 => {
                "Events of jobs were not exported: drivers are known from logs and tasks only"
            }
            [true, false] if ran => {
                "Definitions of jobs were not exported: their commands, metadata and environments are unknown"
            }
            [false, true] => "States of jobs were not exported: starts and ends of jobs are unknown",
            _ => return None,
        };
        Some(self.unexported(Code::DriverJobEvents, Weight::Kind, &JOBS, message.to_owned()))
    }

    fn has_normal_tasks(&self) -> bool {
        self.snapshot
            .tasks
            .iter()
            .any(|attempt| attempt.shape().task_type == TaskType::NormalTask && attempt.is_defined())
    }
}
