//! The states of all sessions of a table: the judge is asked once per cluster, and for a single session only where the
//! states of its cluster differ.
//!
//! Made for one query: verdicts on clusters are cached.

use super::table::{Row, Table};
use crate::liveness::{Judge, State, StateRule};
use ray_history_core::base::name::{ClusterId, SessionKey};

/// The states of the sessions of one table.
pub(super) struct States<'a> {
    table: &'a Table,
    judge: Option<&'a dyn Judge>,
    /// By index of the cluster; `None` until first needed.
    rules: Vec<Option<StateRule>>,
    /// The previous names, whose memory is reused.
    cluster: ClusterId,
    key: Option<SessionKey>,
}

impl<'a> States<'a> {
    /// Creates the states. Without a judge all are unknown.
    pub(super) fn new(table: &'a Table, judge: Option<&'a dyn Judge>) -> Self {
        let cluster = ClusterId { namespace: String::new(), name: String::new() };
        Self { table, judge, rules: vec![None; table.clusters().len()], cluster, key: None }
    }

    pub(super) fn of(&mut self, row: &Row) -> State {
        let (Some(judge), Some(rule)) = (self.judge, self.rules.get_mut(row.cluster as usize)) else {
            return State::Unknown;
        };
        let rule = *rule.get_or_insert_with(|| {
            self.table.cluster_into(row, &mut self.cluster);
            judge.rule(&self.cluster)
        });
        match rule {
            StateRule::All(state) => state,
            StateRule::DeadBefore(micros) if row.micros < micros => State::Dead,
            StateRule::DeadBefore(_) | StateRule::Each => {
                self.table.key_into(row, &mut self.key).map_or(State::Unknown, |key| judge.state(key))
            }
        }
    }
}
