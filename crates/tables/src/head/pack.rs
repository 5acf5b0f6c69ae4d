//! Makes a head from everything that is small, and the names of what is large.

use super::about::About;
use super::facts::{self, FactFile, Kept};
use super::inputs::Input;
use super::report::Report;
use super::totals::Totals;
use super::{environments, inputs, members, redact};
use crate::environments::Environments;
use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::small::{Table, failures, functions};
use bytes::Bytes;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::digest::Digest;
use ray_history_core::snapshot::driver::Driver;
use ray_history_core::snapshot::job::{DriverJob, SubmissionEvents};
use ray_history_core::snapshot::node::Node;
use ray_history_core::snapshot::placement_group::PlacementGroup;
use ray_history_core::snapshot::redact::Redactor;
use ray_history_core::snapshot::runtime_env::NodeRuntimeEnv;
use ray_history_core::snapshot::submission::UnifiedJob;
use ray_history_core::snapshot::worker::Worker;
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
        let mut small = Small { snapshot, environments, stamp, messages, files: Vec::new() };
        small.add::<Node>()?;
        small.add::<Worker>()?;
        small.add::<Driver>()?;
        small.add::<DriverJob>()?;
        small.add::<SubmissionEvents>()?;
        small.add::<PlacementGroup>()?;
        small.add::<UnifiedJob>()?;
        small.add::<NodeRuntimeEnv>()?;
        let mut files = small.files;
        let mut add = |name: &str, file| files.push((format!("{name}.parquet"), file));
        let digest = Digest::of(snapshot, &[], true);
        add(failures::NAME, failures::write(&digest.failures, stamp, messages)?);
        add(functions::NAME, functions::write(&digest.functions, stamp)?);
        add("inputs", inputs::write(&self.inputs, stamp)?);
        add("facts", facts::write(&kept(snapshot, self.facts, options.clear_environments), stamp)?);
        if options.clear_environments {
            add("environments", environments::write(&self.environments, stamp)?);
        }
        let promises = files.iter().map(|(name, (_, expected))| (name.clone(), expected.into()));
        self.about.members = promises.collect();
        let about = serde_json::to_vec(&self.about).map_err(|error| Error::malformed("snapshot.json", error))?;
        let report = Report::of(snapshot, &self.records_by_node).to_bytes()?;
        let totals = Totals::of(snapshot, &digest).to_bytes()?;
        let mut members = vec![("snapshot.json", about), ("completeness.json", report), ("totals.json", totals)];
        members.extend(files.iter_mut().map(|(name, (bytes, _))| (name.as_str(), std::mem::take(bytes))));
        members::pack(&members)
    }
}

/// The files of small tables.
struct Small<'a> {
    snapshot: &'a Snapshot,
    environments: &'a mut Environments,
    stamp: &'a Stamp,
    messages: bool,
    files: Vec<(String, (Vec<u8>, Expected))>,
}

impl Small<'_> {
    fn add<T: Table>(&mut self) -> Result<(), Error> {
        let file = T::write(self.snapshot, self.environments, self.stamp, self.messages)?;
        self.files.push((format!("{}.parquet", T::NAME), file));
        Ok(())
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
