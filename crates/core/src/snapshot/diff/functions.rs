//! Functions by name and type, over all jobs of a session.

mod merged;

use super::cost::{Ranked, is_noticed, rounded};
use super::totals::{run_seconds, wait_seconds};
use crate::base::task::TaskType;
use crate::snapshot::digest::Digest;
use merged::Merged;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Fewest run times of which quantiles are compared.
const ENOUGH: u64 = 20;
/// Ratio of quantiles, either way, from which on they are told,
const RATIO: f64 = 1.2;
/// and the same where one is only known by powers of two: equal times may lie on both sides of one.
const RATIO_OF_GUESSES: f64 = 3.0;
/// Least cost of a quantile that is told, in seconds.
const LEAST_COST: f64 = 0.001;

/// A number of a function that changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FunctionChange {
    /// The function.
    pub func_or_class_name: Box<str>,
    /// The type of its tasks, in Ray's words.
    #[serde(rename = "type")]
    pub task_type: Box<str>,
    /// `runSeconds`, `p50Seconds`, `p99Seconds`, `waitSeconds`, `attempts` or `retries`.
    pub what: Box<str>,
    /// The number of A; `None` if A did not have the function.
    pub a: Option<f64>,
    /// The number of B; `None` if B did not have the function.
    pub b: Option<f64>,
    /// The seconds of run or waiting time that B has more because of it.
    pub cost_seconds: f64,
    /// `true` for quantiles over several jobs, which are only known by powers of two.
    pub is_guess: bool,
}

/// Numbers of functions that changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FunctionChanges {
    /// Run time in total.
    pub run: Ranked<FunctionChange>,
    /// Quantiles of the run time: slower or faster, not more or less often.
    pub quantiles: Ranked<FunctionChange>,
    /// Waiting time in total.
    pub wait: Ranked<FunctionChange>,
    /// Attempts.
    pub attempts: Ranked<FunctionChange>,
    /// Attempts that are not the first of their task.
    pub retries: Ranked<FunctionChange>,
}

impl FunctionChanges {
    /// Returns all lists, each with its title.
    pub fn lists(&self) -> [(&'static str, &Ranked<FunctionChange>); 5] {
        [
            ("Run time in total", &self.run),
            ("Slower and faster", &self.quantiles),
            ("Waiting time in total", &self.wait),
            ("Attempts", &self.attempts),
            ("Retries", &self.retries),
        ]
    }
}

/// A function of one session or of both.
struct Pair<'a> {
    name: (&'a str, TaskType),
    a: Option<&'a Merged>,
    b: Option<&'a Merged>,
}

pub(super) fn of(a: &Digest, b: &Digest) -> FunctionChanges {
    let [runs, waits] = [run_seconds, wait_seconds].map(|sum| sum(a).max(sum(b)));
    let (a, b) = (merged::all(a), merged::all(b));
    let names: BTreeSet<_> = a.keys().chain(b.keys()).copied().collect();
    let pairs: Vec<Pair<'_>> = names.into_iter().map(|name| Pair { name, a: a.get(&name), b: b.get(&name) }).collect();
    let ranked = |rows: Vec<FunctionChange>| Ranked::by(rows, |row| row.cost_seconds);
    let sums =
        |what, all, of: fn(&Merged) -> f64| ranked(pairs.iter().filter_map(|pair| pair.sum(what, all, of)).collect());
    let counts = |what, of: fn(&Merged) -> u64| {
        let mut rows: Vec<_> = pairs.iter().filter_map(|pair| pair.count(what, of)).collect();
        // Attempts that never ran cost nothing, but are many or few.
        let number = |row: &FunctionChange| row.b.unwrap_or_default() - row.a.unwrap_or_default();
        rows.sort_by(|a, b| number(b).abs().total_cmp(&number(a).abs()));
        ranked(rows)
    };
    FunctionChanges {
        run: sums("runSeconds", runs, Merged::run_seconds),
        quantiles: ranked(pairs.iter().flat_map(Pair::quantiles).collect()),
        wait: sums("waitSeconds", waits, Merged::wait_seconds),
        attempts: counts("attempts", |merged| merged.attempts),
        retries: counts("retries", |merged| merged.retried),
    }
}

impl Pair<'_> {
    fn change(&self, what: &str, of: impl Fn(&Merged) -> f64, cost: f64) -> FunctionChange {
        let (name, task_type) = self.name;
        FunctionChange {
            func_or_class_name: name.into(),
            task_type: task_type.name().into(),
            what: what.into(),
            a: self.a.map(|merged| rounded(of(merged))),
            b: self.b.map(|merged| rounded(of(merged))),
            cost_seconds: rounded(cost),
            is_guess: false,
        }
    }

    /// Returns the change of a sum of seconds, if it is more than noise.
    fn sum(&self, what: &str, all: f64, of: fn(&Merged) -> f64) -> Option<FunctionChange> {
        let [a, b] = [self.a, self.b].map(|side| side.map_or(0.0, of));
        is_noticed(a, b, all).then(|| self.change(what, of, b - a))
    }

    /// Returns the change of a number of attempts. It costs as much as these attempts run.
    fn count(&self, what: &str, of: fn(&Merged) -> u64) -> Option<FunctionChange> {
        let [a, b] = [self.a, self.b].map(|side| side.map_or(0, of));
        let long = [self.b, self.a].into_iter().flatten().find_map(Merged::mean_seconds).unwrap_or_default();
        let of = |merged: &Merged| of(merged) as f64;
        (a != b).then(|| self.change(what, of, (b as f64 - a as f64) * long))
    }

    /// Returns the quantiles that changed, if both sessions have enough run times.
    fn quantiles(&self) -> Vec<FunctionChange> {
        let (Some(a), Some(b)) = (self.a, self.b) else { return Vec::new() };
        if a.runs.min(b.runs) < ENOUGH {
            return Vec::new();
        }
        let is_guess = !(a.is_exact() && b.is_exact());
        let told = if is_guess { RATIO_OF_GUESSES } else { RATIO };
        // The median stands for all runs, the last hundredth for itself.
        let changes = [("p50Seconds", 0.5, 1.0), ("p99Seconds", 0.99, 0.01)].map(|(what, share, weight)| {
            let [before, after] = [a, b].map(|side| side.quantile(share));
            let cost = (after - before) * b.runs as f64 * weight;
            let ratio = if before > after { before / after } else { after / before };
            let is_told = ratio >= told && cost.abs() >= LEAST_COST;
            is_told.then(|| FunctionChange { is_guess, ..self.change(what, |side| side.quantile(share), cost) })
        });
        changes.into_iter().flatten().collect()
    }
}
