//! Drafts of placement groups.

use super::{Catalogue, Nanos};
use crate::base::id::{JobId, PlacementGroupId};
use crate::event::placement_group::{PlacementGroupDefinition, PlacementGroupLifecycle};
use crate::snapshot::intern::Id;
use crate::snapshot::placement_group::{Bundle, PlacementGroup};
use std::collections::{BTreeMap, BTreeSet};

/// A definition as owned text: rare and small, so that contents order themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Definition {
    at: Nanos,
    name: String,
    ray_namespace: String,
    strategy: String,
    is_detached: bool,
    creator_job: JobId,
    creation_requested: Nanos,
    /// Index, unit resources, label selector (canonical JSON).
    bundles: Vec<(i64, String, String)>,
}

/// One transition as owned text: time, state, scheduling state, attempt, bits of the retry delay, placements.
type State = (Nanos, String, String, i64, u64, Vec<(i64, Vec<u8>)>);

#[derive(Clone, Debug, Default)]
struct Draft {
    definition: Option<Definition>,
    states: BTreeSet<State>,
}

/// All placement groups seen.
#[derive(Debug, Default)]
pub(super) struct PlacementGroups(BTreeMap<PlacementGroupId, Draft>);

impl PlacementGroups {
    /// Memory held, in bytes, roughly: the lists that a row holds are short.
    pub(super) fn weight(&self) -> usize {
        self.0.len() * 2 * size_of::<(PlacementGroupId, Draft)>()
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
        let draft = self.0.entry(id).or_default();
        draft.definition = draft.definition.take().max(Some(definition));
        Ok(())
    }

    pub(super) fn advance(&mut self, event: &PlacementGroupLifecycle<'_>) -> Result<(), &'static str> {
        let id = event.placement_group_id.ok_or("a placement group lifecycle without placementGroupId")?;
        let draft = self.0.entry(id).or_default();
        for t in &event.transitions {
            let placements = t.placements.iter();
            draft.states.insert((
                t.timestamp,
                t.state.to_owned(),
                t.scheduling_state.to_owned(),
                t.scheduling_attempt,
                t.highest_retry_delay_ms.to_bits(),
                placements.map(|(index, node)| (*index, node.map(|n| n.0.to_vec()).unwrap_or_default())).collect(),
            ));
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (id, draft) in other.0 {
            let ours = self.0.entry(id).or_default();
            ours.definition = ours.definition.take().max(draft.definition);
            ours.states.extend(draft.states);
        }
    }

    pub(super) fn finish(self, values: &mut Catalogue) -> Vec<PlacementGroup> {
        self.0.into_iter().map(|(id, draft)| row(values, id, draft)).collect()
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
    for (at, state, scheduling_state, attempt, delay, placements) in draft.states {
        group.state = values.str(&state);
        group.scheduling_state = values.str(&scheduling_state);
        group.scheduling_attempt = group.scheduling_attempt.max(u32::try_from(attempt).unwrap_or(0));
        group.highest_retry_delay_ms = group.highest_retry_delay_ms.max(f64::from_bits(delay));
        if state == "CREATED" && group.created == 0 {
            group.created = at;
        }
        for (index, node) in placements {
            if let Some(bundle) = group.bundles.iter_mut().find(|b| i64::from(b.index) == index) {
                bundle.node = values.raw_id(&node);
            }
        }
    }
    group.bundles.sort_by_key(|bundle| bundle.index);
    group
}
