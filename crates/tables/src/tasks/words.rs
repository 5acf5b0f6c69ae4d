//! The columns of strings of one batch of `tasks`, as handles.

use crate::columns::Batch;
use crate::error::Error;
use crate::handles::Handles;
use crate::values::Values;
use ray_history_core::base::id::JobId;
use ray_history_core::base::task::{Language, TaskType};
use ray_history_core::snapshot::intern::{Id, Str};
use ray_history_core::snapshot::task::{ProfileSource, Shape};
use ray_history_core::snapshot::text::Text;

/// The columns.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) name: Handles<Str>,
    pub(super) parent: Handles<Id>,
    pub(super) placement_group: Handles<Id>,
    pub(super) node: Handles<Id>,
    pub(super) worker: Handles<Id>,
    pub(super) error_type: Handles<Str>,
    pub(super) error_message: Handles<Text>,
    pub(super) stdout_file: Handles<Str>,
    pub(super) stderr_file: Handles<Str>,
    /// Jobs that the ids do not name.
    pub(super) odd_job: Handles<Option<JobId>>,
    /// Actors that the ids do not name; no id where the id names one.
    pub(super) odd_actor: Handles<Option<Id>>,
    task_type: Handles<TaskType>,
    language: Handles<Language>,
    func_or_class_name: Handles<Str>,
    resources: Handles<Str>,
    label_selector: Handles<Str>,
    fallback_strategy: Handles<Str>,
    runtime_env: Handles<Str>,
    call_site: Handles<Str>,
    profile_component: Handles<Option<Str>>,
    profile_component_id: Handles<Id>,
    profile_node_ip: Handles<Str>,
}

impl Default for Columns {
    fn default() -> Self {
        Self {
            name: Handles::of("name"),
            parent: Handles::of("parent_task_id"),
            placement_group: Handles::of("placement_group_id"),
            node: Handles::of("node_id"),
            worker: Handles::of("worker_id"),
            error_type: Handles::of("error_type"),
            error_message: Handles::of("error_message"),
            stdout_file: Handles::of("stdout_file"),
            stderr_file: Handles::of("stderr_file"),
            odd_job: Handles::of("_job_id"),
            odd_actor: Handles::of("_actor_id"),
            task_type: Handles::of("type"),
            language: Handles::of("language"),
            func_or_class_name: Handles::of("func_or_class_name"),
            resources: Handles::of("required_resources"),
            label_selector: Handles::of("label_selector"),
            fallback_strategy: Handles::of("fallback_strategy"),
            runtime_env: Handles::of("runtime_env"),
            call_site: Handles::of("call_site"),
            profile_component: Handles::of("_profile_component"),
            profile_component_id: Handles::of("_profile_component_id"),
            profile_node_ip: Handles::of("_profile_node_ip"),
        }
    }
}

impl Columns {
    /// Reads the columns of a batch.
    pub(super) fn read(&mut self, batch: &Batch, values: &mut Values) -> Result<(), Error> {
        let strings = [
            &mut self.name,
            &mut self.error_type,
            &mut self.stdout_file,
            &mut self.stderr_file,
            &mut self.func_or_class_name,
            &mut self.resources,
            &mut self.label_selector,
            &mut self.fallback_strategy,
            &mut self.runtime_env,
            &mut self.call_site,
            &mut self.profile_node_ip,
        ];
        for column in strings {
            column.read(batch, |value| Some(values.strings.str(value)))?;
        }
        let ids = [
            (&mut self.parent, 24),
            (&mut self.placement_group, 18),
            (&mut self.node, 28),
            (&mut self.worker, 28),
            (&mut self.profile_component_id, 28),
        ];
        for (column, bytes) in ids {
            column.read(batch, |hex| values.id_of(hex, bytes))?;
        }
        self.error_message.read(batch, |text| Some(values.texts.intern(text)))?;
        self.odd_job.read(batch, |hex| JobId::from_hex(hex).map(Some))?;
        self.odd_actor.read(batch, |hex| {
            let nil = hex.bytes().all(|byte| byte == b'f');
            if nil { Some(Some(Id::default())) } else { values.id_of(hex, 16).map(Some) }
        })?;
        // Words of a later version are ignored.
        self.task_type.read(batch, |word| Some(TaskType::parse(word).unwrap_or_default()))?;
        self.language.read(batch, |word| Some(Language::parse(word).unwrap_or_default()))?;
        self.profile_component.read(batch, |value| Some(Some(values.strings.str(value))))
    }

    /// Returns the shape of a row, with the runtime environment that the file shows.
    pub(super) fn shape(&self, row: usize) -> Shape {
        Shape {
            task_type: self.task_type.get(row),
            language: self.language.get(row),
            func_or_class_name: self.func_or_class_name.get(row),
            resources: self.resources.get(row),
            runtime_env: self.runtime_env.get(row),
            label_selector: self.label_selector.get(row),
            fallback_strategy: self.fallback_strategy.get(row),
            call_site: self.call_site.get(row),
        }
    }

    /// Returns the profile source of a row, if it has one.
    pub(super) fn profile_source(&self, row: usize) -> Option<ProfileSource> {
        let component_type = self.profile_component.get(row)?;
        let (component_id, node_ip) = (self.profile_component_id.get(row), self.profile_node_ip.get(row));
        Some(ProfileSource { component_type, component_id, node_ip })
    }
}
