//! `/sessions/`: the list of sessions as an HTML page.
//!
//! The server renders every page, so the list works without scripts; `sessions.js` fetches the same pages and replaces
//! the results in place.

use super::call::Call;
use super::error::Error;
use super::filter;
use super::listing::note;
use super::page::{escape, html, session_count, style};
use super::path::{escape_name, session_path};
use super::session_table;
use crate::session::catalog::{Cursor, Page};
use actix_web::{HttpResponse, web};
use ray_history_core::base::name::OwnerKind;
use std::fmt::Write;

/// Default number of rows per page.
const ROWS: usize = 100;
const MAX_ROWS: usize = 1000;
/// Number of namespaces up to which the form offers a choice instead of a text field.
const CHOICES: usize = 30;
/// Parameters that select the page.
const CURSORS: [&str; 2] = ["after", "before"];

const SCRIPT: &str = "<script src=\"sessions.js\" defer></script>";

/// The fields of the form: parameter, label, kind of field.
const FIELDS: [(&str, &str, &str); 7] = [
    ("namespace", "Namespace", "text"),
    ("cluster", "Cluster", "text"),
    ("ownerKind", "Created by a", "rayjob rayservice"),
    ("owner", "Name of its creator", "text"),
    ("state", "State", "live dead unknown"),
    ("startedAfter", "Started from", "date"),
    ("startedBefore", "Started before", "date"),
];

type Parameters = Vec<(String, String)>;

/// Returns the page.
pub(super) fn page(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let given = web::Query::<Parameters>::from_query(call.request.query_string())
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?
        .into_inner();
    let given: Parameters = given.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let wanted = filter::parse(call.request.query_string(), ROWS, MAX_ROWS)?;
    let sessions = &call.state.sessions;
    let listing = sessions.listing();
    let Page { entries, total, next, previous } = sessions.page(&wanted);

    let mut body = String::from("<h1>Ray sessions</h1>");
    form(&given, listing.namespaces(CHOICES).as_deref(), &mut body);
    body.push_str("<main id=\"results\" tabindex=\"-1\">");
    note(&listing, &mut body);
    let all = listing.len();
    let filtered = given.iter().any(|(name, _)| !CURSORS.contains(&name.as_str()) && name != "limit");
    let count = if filtered { format!("{total} of {}", session_count(all)) } else { session_count(all) };
    let _ = write!(body, "<p id=\"count\" role=\"status\">{count}</p>");
    if total > 0 {
        session_table::write(call.state, &entries, "../", |entry| session_path(&entry.key), &mut body);
    } else if all > 0 {
        body.push_str(
            "<p class=\"note\">No session matches. The search looks for words in the names of namespaces, clusters, \
             owners and sessions, and every word must occur. <a href=\"./\">Show all sessions</a></p>",
        );
    }
    pager(&given, [previous, next], &mut body);
    body.push_str("</main>");
    Ok(html("Ray sessions", &(style("../") + SCRIPT), &body))
}

/// Returns a query string of the parameters, with each value passed through `change`, which may drop it.
fn query(given: &[(String, String)], change: impl Fn(&str, &str) -> Option<String>) -> String {
    let changed = given.iter().filter_map(|(name, value)| Some((name, change(name, value)?)));
    let pairs: Vec<_> = changed.map(|(name, value)| format!("{}={}", escape_name(name), escape_name(&value))).collect();
    pairs.join("&")
}

/// Returns the label of a form value.
fn label_of(value: &str) -> &str {
    match OwnerKind::from_folder(value) {
        Some(kind) => kind.kind(),
        None => value,
    }
}

/// Writes the form. `namespaces` has all namespaces if there are at most `CHOICES`.
fn form(given: &[(String, String)], namespaces: Option<&[&str]>, body: &mut String) {
    let value_of = |name: &str| given.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value);
    let filtered = FIELDS.iter().any(|(name, ..)| !value_of(name).is_empty());
    let _ = write!(
        body,
        "<form id=\"filter\" role=\"search\" action=\"./\"><input id=\"search\" name=\"q\" type=\"search\" value=\"{}\" \
         placeholder=\"Search: names of clusters, namespaces, jobs, services\" autofocus aria-label=\"Search sessions\" \
         aria-keyshortcuts=\"/\"> <button>Search</button><details{}><summary>Filters</summary><div class=\"fields\">",
        escape(value_of("q")),
        if filtered { " open" } else { "" },
    );
    for (name, label, kind) in FIELDS {
        let chosen = value_of(name);
        let value = escape(chosen);
        // A value from a link that is not among the choices is kept as text.
        let choices: Option<Vec<&str>> = match kind {
            "text" | "date" => namespaces.filter(|known| name == "namespace" && known.len() > 1).map(<[&str]>::to_vec),
            words => Some(words.split(' ').collect()),
        };
        let choices = choices.filter(|choices| chosen.is_empty() || choices.contains(&chosen));
        if let Some(choices) = choices {
            let option = |choice: &&str| {
                let selected = if *choice == chosen { " selected" } else { "" };
                format!("<option value=\"{}\"{selected}>{}</option>", escape(choice), escape(label_of(choice)))
            };
            let options: String = choices.iter().map(option).collect();
            let _ = write!(
                body,
                "<label>{label}<select name=\"{name}\"><option value=\"\">any</option>{options}</select></label>"
            );
            continue;
        }
        let _ = match kind {
            // A time or a span from a link does not fit a date field.
            "date" if [0, 10].contains(&value.len()) => {
                write!(body, "<label>{label}<input type=\"date\" name=\"{name}\" value=\"{value}\"></label>")
            }
            _ => write!(body, "<label>{label}<input name=\"{name}\" value=\"{value}\"></label>"),
        };
    }
    body.push_str("</div><a href=\"./\">Clear all</a></details><p class=\"spans\">Started in the");
    let others = query(given, |name, value| {
        (!CURSORS.contains(&name) && !name.starts_with("started")).then(|| value.to_owned())
    });
    let and = if others.is_empty() { "" } else { "&amp;" };
    for (span, words) in [("24h", "last 24 h"), ("7d", "last 7 days")] {
        let current = if value_of("startedAfter") == span { " aria-current=\"true\"" } else { "" };
        let others = escape(&others);
        let _ = write!(body, " <a href=\"./?{others}{and}startedAfter={span}\"{current}>{words}</a>");
    }
    body.push_str("</p></form>");
}

fn pager(given: &[(String, String)], [previous, next]: [Option<Cursor>; 2], body: &mut String) {
    let others = query(given, |name, value| (!CURSORS.contains(&name)).then(|| value.to_owned()));
    let and = if others.is_empty() { "" } else { "&amp;" };
    body.push_str("<nav aria-label=\"Pages\">");
    if given.iter().any(|(name, _)| CURSORS.contains(&name.as_str())) {
        let _ = write!(body, "<a href=\"./{}{others}\">First page</a> ", if others.is_empty() { "" } else { "?" });
    }
    for (cursor, rel, name, words) in
        [(previous, "prev", "before", "Previous page"), (next, "next", "after", "Next page")]
    {
        let Some(cursor) = cursor else { continue };
        let (others, cursor) = (escape(&others), escape_name(&cursor.to_string()));
        let _ = write!(body, "<a rel=\"{rel}\" href=\"./?{others}{and}{name}={cursor}\">{words}</a> ");
    }
    body.push_str("</nav>");
}
