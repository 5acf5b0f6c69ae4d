//! One placement group, from a stored response or from events.

use crate::cell::Cell;
use crate::json::JsonWriter;
use crate::state::resource::{Column, Columns, Kind, Resource};
use ray_history_core::base::stored_json::parts::{self, Members};
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::placement_group::PlacementGroup;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

/// The source of a row.
#[derive(Clone, Debug)]
pub(super) enum Row {
    /// A byte range of the stored response of a URL.
    Stored(Arc<str>, Range<usize>),
    /// A row of the snapshot's table.
    Event(usize),
}

/// Placement groups as rows with the columns of `C`.
pub(super) struct Groups<C> {
    snapshot: Arc<Snapshot>,
    rows: Vec<Row>,
    /// The stored row read last, kept because its columns are requested one after another.
    last: RefCell<(usize, Members)>,
    columns: PhantomData<C>,
}

impl<C> Groups<C> {
    pub(super) fn new(snapshot: Arc<Snapshot>, rows: Vec<Row>) -> Self {
        Self { snapshot, rows, last: RefCell::new((usize::MAX, Members::new())), columns: PhantomData }
    }

    fn group(&self, row: usize) -> Option<&PlacementGroup> {
        match self.rows.get(row)? {
            Row::Event(at) => self.snapshot.placement_groups.get(*at),
            Row::Stored(..) => None,
        }
    }

    fn stored_cell(&self, row: usize, column: &str, kind: Kind) -> Cell<'_> {
        let mut last = self.last.borrow_mut();
        if last.0 != row {
            let stored = match self.rows.get(row) {
                Some(Row::Stored(url, range)) => self.snapshot.endpoint(url).and_then(|body| body.get(range.clone())),
                _ => None,
            };
            *last = (row, stored.and_then(parts::members).unwrap_or_default());
        }
        let Some(value) = last.1.get(column).map(|value| value.get()) else { return Cell::Null };
        match (value, kind) {
            ("null", _) => Cell::Null,
            ("true" | "false", Kind::Bool | Kind::BoolOrNull) => Cell::Bool(value == "true"),
            (text, Kind::Text) if text.starts_with('"') => {
                Cell::Str(parts::string(text).unwrap_or_default().into_owned().into())
            }
            _ => Cell::Json(value.as_bytes().to_vec().into()),
        }
    }
}

impl<C: Columns> Resource for Groups<C> {
    const COLUMNS: &'static [Column] = C::COLUMNS;

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn cell(&self, row: usize, column: &'static str) -> Cell<'_> {
        let Some(group) = self.group(row) else {
            let kind = C::COLUMNS.iter().find(|known| known.name == column).map_or(Kind::Other, |known| known.kind);
            return self.stored_cell(row, column, kind);
        };
        let text = |text| Cell::Str(self.snapshot.str(text).into());
        match column {
            "placement_group_id" => Cell::Hex(&group.id.0),
            "name" => text(group.name),
            "creator_job_id" => Cell::Hex(&group.creator_job.0),
            "state" => text(group.state),
            "is_detached" => Cell::Bool(group.is_detached),
            "topology_strategy" | "topology_assignments" => Cell::Json(b"{}".into()),
            _ => Cell::Null,
        }
    }

    fn write(&mut self, row: usize, column: &'static str, w: &mut JsonWriter) {
        match (self.group(row), column) {
            (Some(group), "bundles") => write_bundles(&self.snapshot, group, w),
            (Some(group), "stats") => write_stats(&self.snapshot, group, w),
            _ => self.cell(row, column).write(w),
        }
    }
}

fn write_bundles(snapshot: &Snapshot, group: &PlacementGroup, w: &mut JsonWriter) {
    w.begin_array();
    for bundle in &group.bundles {
        w.begin_object();
        w.key("bundle_id");
        w.begin_object();
        w.key("placement_group_id");
        w.hex(&group.id.0);
        w.key("bundle_index");
        w.int(bundle.index);
        w.end_object();
        w.key("unit_resources");
        write_object(snapshot.str(bundle.unit_resources), w);
        w.key("node_id");
        w.hex(snapshot.id(bundle.node));
        w.key("label_selector");
        write_object(snapshot.str(bundle.label_selector), w);
        w.end_object();
    }
    w.end_array();
}

fn write_object(json: &str, w: &mut JsonWriter) {
    w.raw(if json.is_empty() { b"{}" } else { json.as_bytes() });
}

fn write_stats(snapshot: &Snapshot, group: &PlacementGroup, w: &mut JsonWriter) {
    let latency = group.created.saturating_sub(group.creation_requested).max(0) / 1_000;
    w.begin_object();
    w.key("creation_request_received_ns");
    w.int_string(group.creation_requested);
    w.key("end_to_end_creation_latency_us");
    w.int_string(if group.created > 0 { latency } else { 0 });
    w.key("scheduling_attempt");
    w.int(group.scheduling_attempt);
    w.key("scheduling_state");
    w.string(snapshot.str(group.scheduling_state));
    w.key("highest_retry_delay_ms");
    w.float(group.highest_retry_delay_ms);
    w.end_object();
}
