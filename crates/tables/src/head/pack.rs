//! Makes a head from everything that is small, and the names of what is large.

use super::about::About;
use super::facts::{self, FactFile, Kept};
use super::inputs::Input;
use super::report::Report;
use super::{environments, inputs, members, redact};
use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::small;
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::failures::Failures;
use ray_history_core::snapshot::redact::Redactor;
use std::collections::BTreeMap;

/// Everything that a head is made of.
pub(crate) struct HeadParts<'a> {
    pub(crate) about: About,
    pub(crate) stamp: Stamp,
    pub(crate) environments: Environments,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) inputs: Vec<Input>,
    pub(crate) facts: Vec<FactFile>,
    pub(crate) records_by_node: BTreeMap<String, u64>,
}

impl HeadParts<'_> {
    /// Returns the bytes of the head.
    pub(crate) fn pack(mut self) -> Result<Vec<u8>, Error> {
        let (snapshot, stamp) = (self.snapshot, &self.stamp);
        let options = self.about.options;
        let (environments, messages) = (&mut self.environments, options.messages);
        let mut files: Vec<(&str, (Vec<u8>, Expected))> = vec![
            ("nodes.parquet", small::nodes::write(snapshot, stamp)?),
            ("workers.parquet", small::workers::write(snapshot, stamp)?),
            ("drivers.parquet", small::drivers::write(snapshot, stamp)?),
            ("driver_jobs.parquet", small::driver_jobs::write(snapshot, environments, stamp)?),
            ("submission_events.parquet", small::submission_events::write(snapshot, environments, stamp)?),
            ("placement_groups.parquet", small::placement_groups::write(snapshot, stamp)?),
            ("jobs.parquet", small::jobs::write(snapshot, environments, stamp, messages)?),
            ("runtime_envs.parquet", small::runtime_envs::write(snapshot, environments, stamp)?),
            ("failures.parquet", small::failures::write(&Failures::of(snapshot), stamp, messages)?),
            ("inputs.parquet", inputs::write(&self.inputs, stamp)?),
        ];
        files.push(("facts.parquet", facts::write(&kept(snapshot, self.facts, options.clear_environments), stamp)?));
        if options.clear_environments {
            files.push(("environments.parquet", environments::write(&self.environments, stamp)?));
        }
        let promises = files.iter().map(|(name, (_, expected))| ((*name).to_owned(), expected.into()));
        self.about.members = promises.collect();
        let about = serde_json::to_vec(&self.about).map_err(|error| Error::malformed("snapshot.json", error))?;
        let report = Report::of(snapshot, &self.records_by_node).to_bytes()?;
        let mut members = vec![("snapshot.json", about), ("completeness.json", report)];
        members.extend(files.into_iter().map(|(name, (bytes, _))| (name, bytes)));
        members::pack(&members)
    }
}

/// Returns what tables do not hold, without the values of variables unless these are kept.
fn kept(snapshot: &Snapshot, files: Vec<FactFile>, is_clear: bool) -> Kept {
    let document = |body: &str| {
        if is_clear { Bytes::copy_from_slice(body.as_bytes()) } else { Redactor::of_document().all(body).into() }
    };
    Kept {
        files: if is_clear { files } else { files.iter().filter_map(redact::without_variables).collect() },
        endpoints: snapshot.endpoints.iter().map(|(url, body)| (url.clone(), document(body))).collect(),
        platform_events: snapshot.platform_events.iter().map(|event| document(event)).collect(),
    }
}
