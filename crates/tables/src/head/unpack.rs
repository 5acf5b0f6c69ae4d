//! Makes a snapshot from a head and the tables that it names.

use super::facts::{self, Kept};
use super::report::Report;
use super::{Head, TableFile, environments};
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::small::Table;
use crate::values::Values;
use crate::{actors, profile, tasks};
use bytes::Bytes;
use ray_history_core::base::stored_json;
use ray_history_core::layout::LargeTable;
use ray_history_core::logs::Facts;
use ray_history_core::logs::processes::ProcessLogs;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::submission::UnifiedJob;
use ray_history_core::snapshot::task::TaskTable;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// A snapshot that was made from a head and its tables.
#[derive(Debug)]
pub struct Opened {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Records that were read of each node, for the proof by manifests.
    pub records_by_node: BTreeMap<String, u64>,
}

impl Head {
    /// Returns the snapshot of the head and its tables, which must be checked (`TableFile::check`).
    pub fn open(&self, tables: &[(TableFile, Bytes)]) -> Result<Opened, Error> {
        let (about, stamp, mut values) = (&self.about, self.about.stamp(), Values::default());
        let is_clear = about.options.clear_environments;
        if is_clear {
            let (bytes, expected) = self.member("environments.parquet")?;
            values.environments = Some(environments::read(bytes, &stamp, &expected)?);
        }
        let tasks = self.tasks(tables, &stamp, &mut values)?;
        let mut actors = Vec::new();
        for (bytes, expected) in parts(tables, LargeTable::Actors)? {
            actors.append(&mut actors::read(bytes, &stamp, &expected, &mut values)?);
        }
        let report = Report::read(self.json("completeness.json")?)?;
        let Kept { files, endpoints, platform_events } = {
            let (bytes, expected) = self.member("facts.parquet")?;
            facts::read(bytes, &stamp, &expected)?
        };
        let mut facts = Facts::default();
        for file in &files {
            facts.read(&file.node, &file.path, &file.bytes);
        }
        // The tables have what these tell.
        facts.processes = ProcessLogs::default();
        let (version, commit) = report.ray.clone();
        facts.monitor.set_missing_version((version.into(), commit.into()));
        let strict = |body: Bytes| {
            let text = String::from_utf8(body.into()).map(String::into_boxed_str);
            text.map_err(|error| Error::malformed("facts", error))
        };
        let endpoints = endpoints.into_iter().map(|(url, body)| Ok((url, strict(body)?)));
        let as_of = about.as_of.parse().map_err(|error| Error::malformed("snapshot.json", error))?;
        let records_by_node = report.records_by_node.clone();
        let (completeness, gaps) = report.into_parts();
        let mut snapshot = Snapshot {
            session_name: about.session.session.clone(),
            tasks,
            actors,
            nodes: self.small(&stamp, &mut values)?,
            workers: self.small(&stamp, &mut values)?,
            drivers: self.small(&stamp, &mut values)?,
            driver_jobs: self.small(&stamp, &mut values)?,
            submission_events: self.small(&stamp, &mut values)?,
            placement_groups: self.small(&stamp, &mut values)?,
            endpoints: endpoints.collect::<Result<_, Error>>()?,
            platform_events: platform_events.into_iter().map(strict).collect::<Result<_, _>>()?,
            facts,
            completeness,
            gaps,
            as_of,
            ..Snapshot::default()
        };
        let listed = if is_clear {
            None
        } else {
            // The agents' logs hold values of variables, so they are not kept.
            Some((self.small(&stamp, &mut values)?, self.small(&stamp, &mut values)?))
        };
        snapshot.strings = values.strings.freeze();
        snapshot.ids = values.ids.freeze();
        snapshot.texts = values.texts.freeze();
        snapshot.derive();
        if let Some((runtime_envs, jobs)) = listed {
            snapshot.runtime_envs = runtime_envs;
            take_environments(&mut snapshot.jobs, jobs);
        }
        Ok(Opened { snapshot, records_by_node })
    }

    fn tasks(&self, tables: &[(TableFile, Bytes)], stamp: &Stamp, values: &mut Values) -> Result<TaskTable, Error> {
        let mut read = tasks::read(&parts(tables, LargeTable::Tasks)?, stamp, values)?;
        if self.about.options.profile_events {
            profile::read(&parts(tables, LargeTable::ProfileEvents)?, stamp, values, &mut read)?;
        }
        Ok(read.table)
    }

    /// Reads a small table.
    pub(crate) fn small<T: Table>(&self, stamp: &Stamp, values: &mut Values) -> Result<Vec<T>, Error> {
        let (bytes, expected) = self.member(&format!("{}.parquet", T::NAME))?;
        T::read(bytes, stamp, &expected, values)
    }
}

/// Takes over the environments of jobs as they were made from clear values: which variables Ray itself has added is only
/// known by their values.
fn take_environments(jobs: &mut [UnifiedJob], made: Vec<UnifiedJob>) {
    let key = |job: &UnifiedJob| (job.submission_id.clone(), job.driver().map(|driver| driver.id));
    let mut made: HashMap<_, _> = made.into_iter().map(|job| (key(&job), job.runtime_env)).collect();
    let read = |text: &str| stored_json::read::<Value>(text);
    for job in jobs {
        let Some(made) = made.remove(&key(job)).and_then(|environment| read(&environment)) else { continue };
        // What says the same keeps its form.
        if read(&job.runtime_env).as_ref() != Some(&made) {
            job.runtime_env = made.to_string().into();
        }
    }
}

/// Returns the parts of a table, in order; there is one at least, and none is missing.
fn parts(tables: &[(TableFile, Bytes)], table: LargeTable) -> Result<Vec<(Bytes, Expected)>, Error> {
    let mut found: Vec<_> = tables.iter().filter(|(file, _)| file.name == table.name()).collect();
    found.sort_by_key(|(file, _)| file.part);
    let is_whole = !found.is_empty() && found.iter().zip(0..).all(|((file, _), part)| file.part == part);
    if !is_whole {
        return Err(Error::malformed(table.name(), "the head names no such table, or not all of its parts"));
    }
    Ok(found.into_iter().map(|(file, bytes)| (bytes.clone(), file.expected())).collect())
}
