//! The table `placement_groups`, by id.

use super::Member;
use crate::error::Error;
use crate::row::{Columns, Record, Row};
use crate::values::Values;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::placement_group::{Bundle, PlacementGroup};

impl Record for Bundle {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self { index, unit_resources, label_selector, node } = self;
        columns.number("index", index)?;
        columns.string("resources", unit_resources)?;
        columns.string("label_selector", label_selector)?;
        columns.string("node_id", node)
    }
}

impl Record for PlacementGroup {
    fn empty() -> Self {
        Self::default()
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Self {
            id,
            name,
            ray_namespace,
            strategy,
            is_detached,
            creator_job,
            bundles,
            creation_requested,
            state,
            created,
            scheduling_state,
            scheduling_attempt,
            highest_retry_delay_ms,
        } = self;
        columns.string("placement_group_id", id)?;
        columns.string("name", name)?;
        columns.string("ray_namespace", ray_namespace)?;
        columns.string("strategy", strategy)?;
        columns.flag("is_detached", is_detached)?;
        columns.string("creator_job_id", creator_job)?;
        columns.list("bundles", bundles)?;
        columns.times([("creation_requested_at", creation_requested), ("created_at", created)])?;
        columns.string("state", state)?;
        columns.string("scheduling_state", scheduling_state)?;
        columns.number("scheduling_attempt", scheduling_attempt)?;
        columns.number("highest_retry_delay_ms", highest_retry_delay_ms)
    }
}

impl Row for PlacementGroup {
    const TABLE: &'static str = "placement_groups";

    fn is_before(&self, next: &Self, _values: &Values) -> bool {
        self.id < next.id
    }
}

impl Member for PlacementGroup {
    fn rows(snapshot: &Snapshot) -> &[Self] {
        &snapshot.placement_groups
    }
}
