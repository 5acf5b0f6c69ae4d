//! Drafts of placement groups.

use super::{Catalogue, Nanos};
use crate::base::id::{JobId, PlacementGroupId};
use crate::event::placement_group::{PlacementGroupDefinition, PlacementGroupLifecycle};
use crate::snapshot::intern::Id;
use crate::snapshot::placement_group::{Bundle, PlacementGroup};
use std::collections::{BTreeMap, BTreeSet};

/// Definition as owned text, so that its derived order is that of the contents. Definitions are rare and small.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Definition {
    at: Nanos,
    name: String,
    ray_namespace: String,
    strategy: String,
    is_detached: bool,
    creator_job: JobId,
    creation_requested: Nanos,
    /// Index, unit resources and label selector (canonical JSON) of each bundle.
    bundles: Vec<(i64, String, String)>,
}

/// One transition as owned text: time, state, scheduling state, attempt, bits of the retry delay, placements.
type State = (Nanos, String, String, i64, u64, Vec<(i64, Vec<u8>)>);

#[derive(Clone, Debug, Default)]
struct Draft {
    definition: Option<Definition>,
    states: BTreeSet<State>,
}

impl Definition {
    fn weight(&self) -> usize {
        let bundles = self.bundles.iter().map(|bundle| size_of_val(bundle) + bundle.1.len() + bundle.2.len());
        let names = self.name.len() + self.ray_namespace.len() + self.strategy.len();
        size_of::<Self>() + names + bundles.sum::<usize>()
    }
}

fn weight_of(state: &State) -> usize {
    let placements = state.5.iter().map(|placement| size_of_val(placement) + placement.1.len());
    2 * size_of::<State>() + state.1.len() + state.2.len() + placements.sum::<usize>()
}

/// All placement groups seen.
#[derive(Debug, Default)]
pub(super) struct PlacementGroups {
    drafts: BTreeMap<PlacementGroupId, Draft>,
    /// Memory that the drafts hold in addition to themselves, in bytes.
    bytes: usize,
}

impl PlacementGroups {
    /// Returns the memory held, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.bytes + self.drafts.len() * 2 * size_of::<(PlacementGroupId, Draft)>()
    }

    pub(super) fn define(
        &mut self,
        values: &mut Catalogue,
        at: Nanos,
        event: &PlacementGroupDefinition<'_>,
    ) -> Result<(), &'static str> {
        let id = event.placement_group_id.ok_or("a placement group definition without placementGroupId")?;
        let mut canonical = |raw: &str, labels: bool| {
            let handle = if labels { values.labels(raw) } else { values.numbers(raw) };
            values.resolve(handle).to_owned()
        };
        let bundles = event.bundles.iter();
        let definition = Definition {
            at,
            name: event.name.to_string(),
            ray_namespace: event.ray_namespace.to_string(),
            strategy: event.strategy.to_owned(),
            is_detached: event.is_detached,
            creator_job: event.creator_job_id.unwrap_or_default(),
            creation_requested: event.creation_request_received,
            bundles: bundles
                .map(|b| (b.index, canonical(b.unit_resources, false), canonical(b.label_selector, true)))
                .collect(),
        };
        self.join(id, Draft { definition: Some(definition), ..Draft::default() });
        Ok(())
    }

    pub(super) fn advance(&mut self, event: &PlacementGroupLifecycle<'_>) -> Result<(), &'static str> {
        let id = event.placement_group_id.ok_or("a placement group lifecycle without placementGroupId")?;
        let states = event.transitions.iter().map(|t| {
            let placements = t.placements.iter();
            (
                t.timestamp,
                t.state.to_owned(),
                t.scheduling_state.to_owned(),
                t.scheduling_attempt,
                t.highest_retry_delay_ms.to_bits(),
                placements.map(|p| (p.index, p.node_id.map(|node| node.0.to_vec()).unwrap_or_default())).collect(),
            )
        });
        self.join(id, Draft { definition: None, states: states.collect() });
        Ok(())
    }

    fn join(&mut self, id: PlacementGroupId, other: Draft) {
        let draft = self.drafts.entry(id).or_default();
        if other.definition > draft.definition {
            self.bytes -= draft.definition.as_ref().map_or(0, Definition::weight);
            self.bytes += other.definition.as_ref().map_or(0, Definition::weight);
            draft.definition = other.definition;
        }
        for state in other.states {
            let bytes = weight_of(&state);
            if draft.states.insert(state) {
                self.bytes += bytes;
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (id, draft) in other.drafts {
            self.join(id, draft);
        }
    }

    pub(super) fn finish(self, values: &mut Catalogue) -> Vec<PlacementGroup> {
        self.drafts.into_iter().map(|(id, draft)| row(values, id, draft)).collect()
    }
}

fn row(values: &mut Catalogue, id: PlacementGroupId, draft: Draft) -> PlacementGroup {
    let d = draft.definition.unwrap_or_default();
    let bundles = d.bundles.iter().map(|(index, resources, labels)| Bundle {
        index: i32::try_from(*index).unwrap_or(-1),
        unit_resources: values.str(resources),
        label_selector: values.str(labels),
        node: Id::default(),
    });
    let mut group = PlacementGroup {
        id,
        bundles: bundles.collect(),
        name: values.str(&d.name),
        ray_namespace: values.str(&d.ray_namespace),
        strategy: values.str(&d.strategy),
        is_detached: d.is_detached,
        creator_job: d.creator_job,
        creation_requested: d.creation_requested,
        ..PlacementGroup::default()
    };
    group.bundles.sort_by_key(|bundle| bundle.index);
    for (at, state, scheduling_state, attempt, delay, placements) in draft.states {
        group.state = values.str(&state);
        group.scheduling_state = values.str(&scheduling_state);
        group.scheduling_attempt = group.scheduling_attempt.max(u32::try_from(attempt).unwrap_or(0));
        group.highest_retry_delay_ms = group.highest_retry_delay_ms.max(f64::from_bits(delay));
        if state == "CREATED" && group.created == 0 {
            group.created = at;
        }
        for (index, node) in placements {
            let at = group.bundles.partition_point(|bundle| i64::from(bundle.index) < index);
            if let Some(bundle) = group.bundles.get_mut(at).filter(|bundle| i64::from(bundle.index) == index) {
                bundle.node = values.raw_id(&node);
            }
        }
    }
    group
}
