//! The states of a table's sessions, for those who ask of every row: the judge is asked once per cluster, and of a
//! session only where its cluster's have different ones.
//!
//! For one question: what it was told of a cluster it keeps.

use super::table::{Row, Table};
use crate::base::name::SessionKey;
use crate::liveness::{Judge, State};

/// What is known of a cluster's sessions.
#[derive(Clone, Copy, Debug)]
enum Told {
    Nothing,
    All(State),
    Each,
}

/// The states.
pub(super) struct States<'a> {
    table: &'a Table,
    judge: Option<&'a dyn Judge>,
    /// By place of the cluster.
    clusters: Vec<Told>,
    /// The key asked of before, for its memory.
    key: Option<SessionKey>,
}

impl<'a> States<'a> {
    /// Without a judge all are unknown.
    pub(super) fn new(table: &'a Table, judge: Option<&'a dyn Judge>) -> Self {
        Self { table, judge, clusters: vec![Told::Nothing; table.clusters().len()], key: None }
    }

    pub(super) fn of(&mut self, row: &Row) -> State {
        let (Some(judge), Some(told)) = (self.judge, self.clusters.get_mut(row.cluster as usize)) else {
            return State::Unknown;
        };
        match told {
            Told::All(state) => *state,
            Told::Each => self.table.key_into(row, &mut self.key).map_or(State::Unknown, |key| judge.state(key)),
            Told::Nothing => {
                let Some(key) = self.table.key_into(row, &mut self.key) else { return State::Unknown };
                let all = judge.state_of_all(&key.cluster);
                *told = all.map_or(Told::Each, Told::All);
                all.unwrap_or_else(|| judge.state(key))
            }
        }
    }
}
