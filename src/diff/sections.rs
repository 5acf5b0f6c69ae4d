//! The sections of a comparison, in the order in which they matter.

use super::table::Page;
use ray_history_core::snapshot::diff::words::{number, ratio, seconds, signed};
use ray_history_core::snapshot::diff::{
    Changed, Diff, FailureChange, FunctionChange, JobChange, JobSide, NodeChange, NodeSide, Ranked,
};

/// Rows of a table; `--json` has more.
const ROWS: usize = 15;

/// Writes all sections.
pub(super) fn all(page: &mut Page, diff: &Diff) {
    let missing = [("A", &diff.incomplete.a), ("B", &diff.incomplete.b)];
    if missing.iter().any(|(_, lines)| !lines.is_empty()) {
        page.section("Not all is known, so what follows may be wrong");
        for (name, lines) in missing {
            lines.iter().for_each(|line| page.item(&format!("{name}: {line}")));
        }
    }
    if diff.is_empty() {
        page.section("Nothing differs but sums.");
    }
    if !diff.changed.is_empty() {
        page.section("Versions");
        page.table(&["what", "A", "B"], &diff.changed.iter().map(changed).collect::<Vec<_>>());
    }
    page.section("In total");
    let totals: Vec<_> =
        diff.totals.iter().filter(|total| total.a != total.b || total.a.is_some_and(|a| a > 0.0)).collect();
    let rows = totals.iter().map(|total| {
        let [a, b] = [total.a, total.b].map(|sum| sum.map_or("?".to_owned(), total.words()));
        let difference = total.a.zip(total.b).map(|(a, b)| b - a).filter(|difference| *difference != 0.0);
        let difference = difference.map(|difference| signed(difference, total.words()));
        vec![total.label().to_owned(), a, b, difference.unwrap_or_default()]
    });
    page.table(&["", "A", "B", "difference"], &rows.collect::<Vec<_>>());
    for (title, list) in diff.functions.lists() {
        ranked(page, &format!("Functions: {title}"), list, &["cost", "A", "B", "", "function"], function);
    }
    let failures = &diff.failures;
    let columns = ["A", "B", "what", "error", "detail"];
    ranked(page, "New failures", &failures.new, &columns, failure);
    ranked(page, "Failures that are gone", &failures.gone, &columns, failure);
    ranked(page, "Failures of both", &failures.both, &columns, failure);
    ranked(page, "Jobs", &diff.jobs, &["cost", "A", "B", "changed"], job);
    ranked(page, "Nodes", &diff.nodes, &["cost", "A", "B", "nodes"], node);
}

fn ranked<T>(page: &mut Page, title: &str, list: &Ranked<T>, columns: &[&str], row: fn(&T) -> Vec<String>) {
    if list.rows.is_empty() {
        return;
    }
    page.section(title);
    page.table(columns, &list.rows.iter().take(ROWS).map(row).collect::<Vec<_>>());
    let more = list.rows.len().saturating_sub(ROWS) as u64 + list.omitted;
    if more > 0 {
        page.item(&format!("… {more} more"));
    }
}

fn changed(change: &Changed) -> Vec<String> {
    let [a, b] = [&change.a, &change.b].map(|side| side.as_deref().unwrap_or("-").to_owned());
    vec![change.what.to_string(), a, b]
}

fn function(change: &FunctionChange) -> Vec<String> {
    let [a, b] = [change.a, change.b].map(|side| side.map_or("-".to_owned(), change.words()));
    let about = if change.is_guess { "about " } else { "" };
    let how = [change.quantile().map(str::to_owned), Some(format!("{about}{}", ratio(change.a, change.b)))];
    let how: Vec<String> = how.into_iter().flatten().collect();
    let cost = signed(change.cost_seconds, seconds);
    vec![cost, a, b, how.join(" "), change.func_or_class_name.to_string()]
}

fn failure(change: &FailureChange) -> Vec<String> {
    let [a, b] = [change.a, change.b].map(|side| side.map_or("-".to_owned(), |side| side.attempts.to_string()));
    let what = [&*change.kind, &*change.func_or_class_name].join(" ");
    let because = change.explained_by.as_ref().map(|death| format!("explained by {death}"));
    let detail: Vec<&str> =
        [Some(&*change.detail), because.as_deref()].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    vec![a, b, what.trim().to_owned(), change.error_type.to_string(), detail.join("; ")]
}

fn job(change: &JobChange) -> Vec<String> {
    let side = |side: &Option<JobSide>| {
        side.as_ref().map_or("-".to_owned(), |job| {
            let long = job.seconds.map(seconds).unwrap_or_default();
            format!("{} {} {long}", job.name, job.status).trim().to_owned()
        })
    };
    let words = change.b.as_ref().and_then(|job| job.last_words.clone());
    let changes = change.changed.iter().map(|change| {
        let [a, b] = [&change.a, &change.b].map(|side| side.as_deref().unwrap_or("-"));
        format!("{}: {a} → {b}", change.what)
    });
    let changes: Vec<String> = words.map(Into::into).into_iter().chain(changes).collect();
    vec![signed(change.cost_seconds, seconds), side(&change.a), side(&change.b), changes.join("; ")]
}

fn node(change: &NodeChange) -> Vec<String> {
    let side = |side: Option<NodeSide>| {
        side.map_or("-".to_owned(), |side| {
            let hours = side.hours.map(|hours| format!(" ({} h)", number(hours))).unwrap_or_default();
            let lost = if side.lost > 0 { format!(", {} lost", side.lost) } else { String::new() };
            format!("{}{lost}{hours}", side.nodes)
        })
    };
    let cost = format!("{} h", signed(change.cost_hours, number));
    vec![cost, side(change.a), side(change.b), change.kind()]
}
