//! `/sessions/`: the list of sessions for people.
//!
//! The server renders every page, so it works without scripts; `sessions.js` asks for the same pages and puts their
//! results in place. Owns the form and its rows. Must never show more than a page of rows.

use super::call::Call;
use super::error::Error;
use super::filter;
use super::listing::{note, started};
use super::page::{escape, html};
use super::path::{cluster_name, escape_name, session_path};
use crate::base::name::OwnerKind;
use crate::session::Sessions;
use crate::session::catalog::{Entry, Page};
use actix_web::{HttpResponse, web};
use std::fmt::Write;

/// Rows of a page.
const ROWS: usize = 100;
const MAX_ROWS: usize = 1000;

const HEAD: &str = "<link rel=\"stylesheet\" href=\"sessions.css\"><script src=\"sessions.js\" defer></script>";

/// What the form has: parameter, label, kind of field.
const FIELDS: [(&str, &str, &str); 7] = [
    ("namespace", "Namespace", "text"),
    ("cluster", "Cluster", "text"),
    ("ownerKind", "Owner kind", "rayjob rayservice"),
    ("owner", "Owner", "text"),
    ("state", "State", "live dead unknown"),
    ("startedAfter", "Started from", "date"),
    ("startedBefore", "Started before", "date"),
];

type Parameters = Vec<(String, String)>;

/// The page.
pub(super) fn page(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let given = web::Query::<Parameters>::from_query(call.request.query_string())
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?
        .into_inner();
    let given: Parameters = given.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let wanted = filter::parse(&query(&given, |name, value| Some(moment(name, value))), ROWS, MAX_ROWS)?;
    let sessions = &call.state.sessions;
    let listing = sessions.listing();
    let Page { entries, total, next } = sessions.page(&wanted);

    let mut body = String::from("<h1>Ray sessions</h1>");
    form(&given, &mut body);
    body.push_str("<main id=\"results\" tabindex=\"-1\">");
    note(&listing, &mut body);
    let all = listing.len();
    let filtered = given.iter().any(|(name, _)| name != "after" && name != "limit");
    let count = if filtered { format!("{total} of {all} sessions") } else { format!("{all} sessions") };
    let _ = write!(body, "<p id=\"count\" role=\"status\">{count}</p>");
    if total > 0 {
        table(sessions, &entries, &mut body);
    } else if all > 0 {
        body.push_str(
            "<p class=\"note\">No session fits. Words are looked for in the names of namespaces, clusters, owners and \
             sessions, and every word must occur. <a href=\"./\">Show all sessions</a></p>",
        );
    }
    pager(&given, next.map(|next| next.to_string()), &mut body);
    body.push_str("</main>");
    Ok(html("Ray sessions", HEAD, &body))
}

/// A query from parameters, after a change to each.
fn query(given: &[(String, String)], change: impl Fn(&str, &str) -> Option<String>) -> String {
    let changed = given.iter().filter_map(|(name, value)| Some((name, change(name, value)?)));
    let pairs: Vec<_> = changed.map(|(name, value)| format!("{}={}", escape_name(name), escape_name(&value))).collect();
    pairs.join("&")
}

/// A day, as the form gives it, is the moment at which it begins.
fn moment(name: &str, value: &str) -> String {
    let day = value.len() == 10 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if name.starts_with("started") && day { format!("{value}T00:00:00Z") } else { value.to_owned() }
}

fn form(given: &[(String, String)], body: &mut String) {
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
        let value = escape(value_of(name));
        let _ = match kind {
            "text" => write!(body, "<label>{label}<input name=\"{name}\" value=\"{value}\"></label>"),
            // A moment from a link is more than a day field can hold.
            "date" if value.len() > 10 => {
                write!(body, "<label>{label}<input name=\"{name}\" value=\"{value}\"></label>")
            }
            "date" => write!(body, "<label>{label}<input type=\"date\" name=\"{name}\" value=\"{value}\"></label>"),
            words => {
                let choice = |word: &str| {
                    let chosen = if word == value { " selected" } else { "" };
                    format!("<option{chosen}>{word}</option>")
                };
                let choices: String = words.split(' ').map(choice).collect();
                write!(
                    body,
                    "<label>{label}<select name=\"{name}\"><option value=\"\">any</option>{choices}</select></label>"
                )
            }
        };
    }
    body.push_str("</div><a href=\"./\">Clear all</a></details></form>");
}

fn table(sessions: &Sessions, entries: &[Entry], body: &mut String) {
    body.push_str(
        "<table><thead><tr><th scope=\"col\">Session</th><th scope=\"col\">State</th><th scope=\"col\">Cluster</th>\
         <th scope=\"col\">Namespace</th><th scope=\"col\">Owner</th><th scope=\"col\">Started</th></tr></thead><tbody>",
    );
    for entry in entries {
        row(sessions, entry, body);
    }
    body.push_str("</tbody></table>");
}

fn row(sessions: &Sessions, entry: &Entry, body: &mut String) {
    let cluster = &entry.key.cluster;
    let namespace = escape_name(&cluster.namespace);
    let owner = entry.owner.as_ref().map_or_else(String::new, |owner| {
        let (kind, route) = match owner.kind {
            OwnerKind::RayJob => ("RayJob", "rayjobs"),
            OwnerKind::RayService => ("RayService", "rayservices"),
        };
        format!("{kind} <a href=\"../{route}/{namespace}/{}\">{}</a>", escape_name(&owner.name), escape(&owner.name))
    });
    // Known only while it is open: to find out, all of its files would have to be read.
    let gaps = sessions.peek(&entry.key).is_some_and(|open| open.has_gaps(sessions.standing(&entry.key)));
    let state = sessions.state(&entry.key).as_str();
    let at = started(entry);
    let _ = write!(
        body,
        "<tr><td><a class=\"open\" href=\"{}\">{}</a>{}</td><td><span class=\"state {state}\">{state}</span></td>\
         <td><a href=\"../rayclusters/{namespace}/{}\">{}</a></td><td>{}</td><td>{owner}</td>\
         <td><time datetime=\"{at}\" title=\"{at}, by the clock of its head, whose zone is not known\">{}</time></td></tr>",
        escape(&session_path(&entry.key)),
        escape(entry.key.session.as_str()),
        if gaps { " <span class=\"gaps\">known gaps</span>" } else { "" },
        escape_name(cluster_name(cluster)),
        escape(&cluster.name),
        escape(&cluster.namespace),
        at.replace('T', " ").replace('Z', ""),
    );
}

fn pager(given: &[(String, String)], next: Option<String>, body: &mut String) {
    let others = query(given, |name, value| (name != "after").then(|| value.to_owned()));
    let first = given.iter().any(|(name, _)| name == "after");
    body.push_str("<nav aria-label=\"Pages\">");
    if first {
        let _ = write!(body, "<a href=\"./{}{others}\">First page</a> ", if others.is_empty() { "" } else { "?" });
    }
    if let Some(next) = next {
        let and = if others.is_empty() { "" } else { "&amp;" };
        let _ = write!(
            body,
            "<a rel=\"next\" href=\"./?{}{and}after={}\">Next page</a>",
            escape(&others),
            escape_name(&next)
        );
    }
    body.push_str("</nav>");
}
