//! Tables of a comparison, one row for each change.

use maud::{Markup, html};
use ray_history_core::snapshot::diff::words::{number, ratio, seconds, signed};
use ray_history_core::snapshot::diff::{
    FailureChange, FailureSide, FunctionChange, JobChange, JobSide, NodeChange, NodeSide, Ranked,
};

/// Returns a table with its title; nothing for an empty list.
pub(super) fn table<T, const N: usize>(
    title: &str,
    columns: [&str; N],
    list: &Ranked<T>,
    cells: fn(&T) -> [Markup; N],
) -> Markup {
    html! {
        @if !list.rows.is_empty() {
            h2 { (title) }
            table {
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in &list.rows {
                        tr { @for (column, cell) in columns.iter().zip(cells(row)) { td data-label=(column) { (cell) } } }
                    }
                }
            }
            @if list.omitted > 0 { p.quiet { "And " (list.omitted) " more, which cost less." } }
        }
    }
}

pub(super) fn function(change: &FunctionChange) -> [Markup; 5] {
    let side = |number: Option<f64>| html! { (number.map_or("–".to_owned(), change.words())) };
    [
        html! { b { (change.func_or_class_name) } " " span.quiet { (change.task_type) } },
        html! { (signed(change.cost_seconds, seconds)) },
        side(change.a),
        side(change.b),
        html! {
            @if let Some(quantile) = change.quantile() { (quantile) " " }
            @if change.is_guess { "about " }
            (ratio(change.a, change.b))
        },
    ]
}

pub(super) fn failure(change: &FailureChange) -> [Markup; 4] {
    let side = |side: Option<FailureSide>| {
        html! {
            @if let Some(side) = side {
                (side.attempts)
                @if side.recovered > 0 { div.quiet { (side.recovered) " of " (side.tasks) " tasks finished later" } }
            } @else { "–" }
        }
    };
    [
        html! {
            (change.kind) " "
            @if !change.func_or_class_name.is_empty() { b { (change.func_or_class_name) } " " }
            code title={ "Fingerprint " (change.fingerprint) } { (change.error_type) }
            @if !change.detail.is_empty() { div.words { (change.detail) } }
            @if let Some(death) = &change.explained_by { div.quiet { "explained by the death of a " (death) } }
        },
        side(change.a),
        side(change.b),
        html! {
            @if !change.sample_message.is_empty() {
                details { summary { "Message" } pre tabindex="0" { (change.sample_message) } }
            } @else { span.quiet { (change.sample_id.chars().take(16).collect::<String>()) } }
        },
    ]
}

pub(super) fn job(change: &JobChange) -> [Markup; 4] {
    let side = |side: &Option<JobSide>| {
        html! {
            @if let Some(job) = side {
                b { (job.name) } " " (job.status)
                @if let Some(long) = job.seconds { " after " (seconds(long)) }
                @if let Some(code) = job.exit_code.filter(|code| *code != 0) { ", exit code " (code) }
                @if let Some(words) = &job.last_words { div.words { (words) } }
            } @else { "–" }
        }
    };
    [
        side(&change.a),
        side(&change.b),
        html! { (signed(change.cost_seconds, seconds)) },
        html! {
            @for change in &change.changed {
                div.words { b { (change.what) } ": " (change.a.as_deref().unwrap_or("–")) " → " (change.b.as_deref().unwrap_or("–")) }
            }
        },
    ]
}

pub(super) fn node(change: &NodeChange) -> [Markup; 4] {
    let side = |side: Option<NodeSide>| {
        html! {
            @if let Some(side) = side {
                (side.nodes)
                @if let Some(hours) = side.hours { ", " (number(hours)) " h" }
                @if side.lost > 0 { ", " (side.lost) " lost" }
            } @else { "–" }
        }
    };
    [html! { (change.kind()) }, side(change.a), side(change.b), html! { (signed(change.cost_hours, number)) " h" }]
}
