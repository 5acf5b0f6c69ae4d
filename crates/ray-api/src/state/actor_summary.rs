//! `/api/v0/actors/summarize`: counts of actors by class and state.
//!
//! Classes are in the order of their first actor id, states in the order of first occurrence. Ray counts at most
//! 10,000 actors; this counts all. Source: `ActorSummaries.to_summary` in `util/state/common.py`.

use super::actors::{Actors, select};
use super::resource::{self, Notes};
use crate::json::JsonWriter;
use crate::{Answer, Query, RayError, pieces};
use ray_history_core::base::actor::ActorState;
use ray_history_core::snapshot::Snapshot;
use ray_history_core::snapshot::intern::Str;
use std::collections::HashMap;
use std::sync::Arc;

/// Answers `/api/v0/actors/summarize`.
pub fn summarize(snapshot: &Arc<Snapshot>, query: &Query) -> Result<Answer, RayError> {
    let actors = Actors::new(Arc::clone(snapshot), query.redact);
    let rows = select(&actors, query)?;
    let mut indexes: HashMap<Str, usize> = HashMap::new();
    let mut classes: Vec<(Str, Vec<(ActorState, u32)>)> = Vec::new();
    for actor in rows.iter().filter_map(|&row| actors.actor(row as usize)) {
        let index = *indexes.entry(actor.class_name).or_insert_with(|| {
            classes.push((actor.class_name, Vec::new()));
            classes.len() - 1
        });
        let Some((_, states)) = classes.get_mut(index) else { continue };
        match states.iter_mut().find(|(state, _)| *state == actor.state) {
            Some((_, count)) => *count += 1,
            None => states.push((actor.state, 1)),
        }
    }

    let mut w = pieces::writer(classes.len());
    resource::begin_summary(&mut w, actors.counts(rows.len()));
    w.begin_object();
    let (snapshot, total) = (Arc::clone(snapshot), rows.len());
    let row = move |(class, states): (Str, Vec<(ActorState, u32)>), w: &mut JsonWriter| {
        let class = snapshot.str(class);
        w.key_escaped(class);
        w.begin_object();
        w.key("class_name");
        w.string(class);
        w.key("state_counts");
        w.begin_object();
        for (state, count) in states {
            w.key(state.name());
            w.int(count);
        }
        w.end_object();
        w.end_object();
    };
    Ok(pieces::answer(w, classes, row, move |w| {
        w.end_object();
        w.key("total_actors");
        w.int(total);
        w.key("summary_by");
        w.string("class");
        w.end_object();
        w.end_object();
        w.end_object();
        resource::end(w, Notes::EmptyWarning);
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_events::result_of;
    use serde_json::json;

    #[test]
    fn counts_actors_by_class_and_state() {
        let get = |query: &[(&str, &str)]| result_of(summarize, &Query::of(query));
        let all = get(&[]);
        let cluster = &all["result"]["node_id_to_summary"]["cluster"];
        assert_eq!(cluster["summary"]["A"], json!({"class_name": "A", "state_counts": {"DEAD": 1}}));
        assert_eq!((&cluster["total_actors"], &cluster["summary_by"]), (&json!(5), &json!("class")));
        assert_eq!(cluster["summary"].as_object().unwrap().len(), 5);
        let alive = get(&[("filter_keys", "state"), ("filter_predicates", "="), ("filter_values", "ALIVE")]);
        let cluster = &alive["result"]["node_id_to_summary"]["cluster"];
        let expected = json!({"ServeController": {"class_name": "ServeController", "state_counts": {"ALIVE": 1}}});
        assert_eq!(cluster["summary"], expected);
        assert_eq!((&alive["total"], &alive["num_filtered"]), (&json!(5), &json!(1)));
    }
}
