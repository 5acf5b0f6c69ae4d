//! Locations of attempts' output in events.

use super::{Catalogue, NONE, Tasks};
use crate::base::task::TaskType;
use crate::event::task::TaskLog;
use crate::snapshot::intern::Id;
use crate::snapshot::task::LogInfo;

impl Tasks {
    /// Joins log locations. Start and end offsets come in different events, so each field takes its greatest value.
    pub(super) fn join_log(&mut self, number: u32, other: LogInfo, values: &Catalogue) {
        let Some(draft) = self.drafts.get_mut(number as usize) else { return };
        let Some(ours) = self.logs.get_mut(draft.log as usize) else {
            draft.log = self.logs.len() as u32;
            self.logs.push(other);
            return;
        };
        for (ours, other) in [(&mut ours.stdout_file, other.stdout_file), (&mut ours.stderr_file, other.stderr_file)] {
            if values.compare_str(other, *ours).is_gt() {
                *ours = other;
            }
        }
        ours.stdout_start = ours.stdout_start.max(other.stdout_start);
        ours.stdout_end = ours.stdout_end.max(other.stdout_end);
        ours.stderr_start = ours.stderr_start.max(other.stderr_start);
        ours.stderr_end = ours.stderr_end.max(other.stderr_end);
    }

    /// Returns the workers of normal tasks, each as often as it ran one, if no attempt has a location.
    pub(in super::super) fn workers_of_unlocated(&self) -> impl Iterator<Item = Id> {
        let told = self.drafts.iter().any(|draft| draft.log != NONE);
        let drafts = self.drafts.iter().filter(move |_| !told);
        drafts.filter_map(|draft| {
            let shape = self.shapes.get(draft.definition.get().shape as usize)?;
            let ran = draft.definition.is_set() && shape.task_type == TaskType::NormalTask;
            (ran && !draft.worker.get().is_none()).then(|| draft.worker.get())
        })
    }
}

pub(super) fn log_info(values: &mut Catalogue, log: &TaskLog<'_>) -> LogInfo {
    LogInfo {
        stdout_file: values.str(&log.stdout_file),
        stderr_file: values.str(&log.stderr_file),
        stdout_start: log.stdout_start,
        stdout_end: log.stdout_end,
        stderr_start: log.stderr_start,
        stderr_end: log.stderr_end,
    }
}
