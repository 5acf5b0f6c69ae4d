//! `/sessions/…/functions`: how often each function of a session ran, how long, and for how long it waited.

use crate::http::error::Error;
use crate::http::html;
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::{digest, find};
use actix_web::HttpResponse;
use maud::{Markup, html};
use ray_history_core::snapshot::diff::words::seconds;
use ray_history_core::snapshot::functions::{FunctionRow, FunctionStats, Functions};
use std::time::Duration;

/// Path of the server's root from this page.
const ROOT: &str = "../../../../";
/// Longest wait for the session to open.
const WAIT: Duration = Duration::from_secs(3);
/// Rows that are shown.
const SHOWN: usize = 200;
const COLUMNS: [&str; 7] = ["Function", "Attempts", "Run time", "Median", "99 of 100", "Waiting", "Asked for"];

/// Answers with the page.
pub(in crate::http) async fn page(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let functions = match find::shown_within(call, &key, WAIT).await? {
        Some(open) => Some(digest::part(call, &open, Functions::of).await?),
        None => None,
    };
    let title = format!("Functions of {}", key.session);
    let head = html! {
        (html::style(ROOT))
        @if functions.is_none() { meta http-equiv="refresh" content="5"; }
    };
    let body = html! {
        nav aria-label="Session" {
            a href={ (ROOT) "sessions/" } { "All sessions" }
            a href="./" { "Dashboard of this session" }
            a href="why" { "Why its run ended" }
        }
        main.why {
            h1 { (title) }
            @match &functions {
                None => p.note { "The session is being read, and this page asks again by itself." },
                Some(functions) => (table(functions)),
            }
        }
    };
    Ok(html::page(&title, &head, &body))
}

fn table(functions: &Functions) -> Markup {
    let hidden = functions.rows.len().saturating_sub(SHOWN) as u64
        + functions.others.as_ref().map_or(0, |others| others.functions);
    html! {
        @if functions.rows.is_empty() { p { "No task of the session is known." } } @else {
            p.quiet { "A row is a function in a job; those that ran longest in total come first." }
            table {
                thead { tr { @for column in COLUMNS { th scope="col" { (column) } } } }
                tbody { @for row in functions.rows.iter().take(SHOWN) { (tr(row)) } }
            }
            @if hidden > 0 { p.quiet { "And " (hidden) " more, which ran less." } }
        }
    }
}

fn tr(row: &FunctionRow) -> Markup {
    let FunctionRow { job_id, func_or_class_name, task_type, stats } = row;
    let micros = |micros: Option<u64>| micros.map(|micros| seconds(micros as f64 / 1e6));
    let run = |of: fn(&ray_history_core::snapshot::functions::Run) -> u64| micros(stats.run.as_ref().map(of));
    let cells = [
        ("Run time", run(|run| run.sum_us)),
        ("Median", run(|run| run.p50_us)),
        ("99 of 100", run(|run| run.p99_us)),
        ("Waiting", micros(stats.wait.map(|wait| wait.sum_us))),
    ];
    html! {
        tr {
            td { b { (func_or_class_name) } div.quiet { (task_type.name()) ", job " (job_id) } }
            td data-label="Attempts" { (attempts(stats)) }
            @for (label, cell) in cells { td data-label=(label) { @if let Some(cell) = cell { (cell) } } }
            td data-label="Asked for" { (asked(stats)) }
        }
    }
}

fn attempts(stats: &FunctionStats) -> Markup {
    let parts = [(stats.failed, "failed"), (stats.unfinished, "without an end"), (stats.retried, "retried")];
    html! {
        (stats.attempts)
        @for (count, words) in parts { @if count > 0 { div.quiet { (count) " " (words) } } }
    }
}

fn asked(stats: &FunctionStats) -> Markup {
    let hours = [(stats.cpu_seconds, "CPU"), (stats.gpu_seconds, "GPU")];
    html! { @for (asked, name) in hours { @if asked > 0.0 { div { (name) " " (seconds(asked)) } } } }
}
