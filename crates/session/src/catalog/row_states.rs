//! The states of all sessions of a table, for one query: the rule of each cluster is looked up once, and a single session
//! only where the states of its cluster differ.

use super::table::{Row, Table};
use crate::liveness::{State, StateRule, Watched};
use ray_history_core::base::name::{ClusterId, SessionKey};

/// The states of the sessions of one table.
pub(super) struct RowStates<'a> {
    table: &'a Table,
    watched: &'a Watched,
    /// By index of the cluster; `None` until first needed.
    rules: Vec<Option<StateRule>>,
    /// The names that were looked up last; their memory is reused.
    cluster: ClusterId,
    key: Option<SessionKey>,
}

impl<'a> RowStates<'a> {
    /// Creates the states; nothing is looked up yet.
    pub(super) fn new(table: &'a Table, watched: &'a Watched) -> Self {
        let cluster = ClusterId { namespace: String::new(), name: String::new() };
        Self { table, watched, rules: vec![None; table.clusters().len()], cluster, key: None }
    }

    /// Returns the state of the session in a row.
    pub(super) fn of(&mut self, row: &Row) -> State {
        let Some(rule) = self.rules.get_mut(row.cluster as usize) else { return State::Unknown };
        let rule = *rule.get_or_insert_with(|| {
            self.table.cluster_into(row, &mut self.cluster);
            self.watched.rule(&self.cluster)
        });
        match rule {
            StateRule::All(state) => state,
            StateRule::DeadBefore(micros) if row.micros < micros => State::Dead,
            StateRule::DeadBefore(_) | StateRule::Each => {
                self.table.key_into(row, &mut self.key).map_or(State::Unknown, |key| self.watched.state(key))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::{Builder, Sighting, Source};
    use super::*;
    use crate::liveness::{Cluster, Listed, StartBounds};
    use std::collections::BTreeMap;

    /// Noon of the tenth of January 2026, in Unix microseconds.
    const TENTH: i64 = (1_767_225_600 + 9 * 86_400 + 43_200) * 1_000_000;

    fn table(sessions: &[(&str, &str, u32)]) -> Table {
        let mut table = Builder::default();
        for (namespace, cluster, day) in sessions {
            let session = format!("session_2026-01-{day:02}_12-00-00_000000_1");
            let (owner, written) = (None, None);
            table.add(
                Source::Marker,
                Sighting { namespace, cluster, session: &session, owner, namespace_known: true, written },
            );
        }
        table.finish(|_, _| true)
    }

    /// Returns a watch of `dev`, in which `train` runs since the tenth.
    fn watched(table: &Table) -> Watched {
        let watched = Watched::default();
        let train = ClusterId { namespace: "dev".into(), name: "train".into() };
        let cluster =
            Cluster { uid: "one".into(), created: TENTH, suspended: false, owner: None, head: None, keep: None };
        let listed = table.rows().iter().filter_map(|row| {
            let key = table.key(row)?;
            Some(Listed { start: StartBounds::from_name(&key.session), key, namespace_known: true })
        });
        watched.update(|states| {
            states.relisted(Some("dev"), [(train, cluster)].into(), TENTH);
            states.listed(listed, i64::MAX);
        });
        watched
    }

    #[test]
    fn looks_up_one_rule_per_cluster_and_few_sessions() {
        let train = (1..=20).map(|day| ("dev", "train", day));
        let others = [("dev", "bench", 2), ("dev", "bench", 3), ("prod", "bench", 3)];
        let table = table(&train.chain(others).collect::<Vec<_>>());
        let watched = watched(&table);
        let mut states = RowStates::new(&table, &watched);
        let (mut counts, mut looked_up) = (BTreeMap::new(), Vec::new());
        for row in table.rows() {
            states.key = None;
            let state = states.of(row);
            assert_eq!(state, watched.state(&table.key(row).unwrap()), "the rule agrees with the state");
            *counts.entry(state.as_str()).or_insert(0) += 1;
            looked_up.extend(states.key.take());
        }
        assert_eq!(counts, [("dead", 21), ("live", 1), ("unknown", 1)].into());
        assert_eq!(states.rules.iter().flatten().count(), 3);
        let [newest] = &looked_up[..] else { panic!("{looked_up:?}") };
        assert!(newest.session.as_str().starts_with("session_2026-01-20"), "older ones of its cluster are dead");
    }

    /// The rule is kept for the whole query, so a page shows one state of each cluster.
    #[test]
    fn rule_is_looked_up_once() {
        let table = table(&[("dev", "bench", 2), ("dev", "bench", 3)]);
        let watched = watched(&table);
        let mut states = RowStates::new(&table, &watched);
        assert_eq!(states.of(&table.rows()[0]), State::Dead);
        watched.update(|states| states.watch(&["prod".to_owned()], false));
        assert_eq!(states.of(&table.rows()[1]), State::Dead);
        assert_eq!(RowStates::new(&table, &watched).of(&table.rows()[1]), State::Unknown);
    }
}
