//! `/sessions/`: the list of sessions as an HTML page.
//!
//! The server renders every page, so the list works without scripts; `sessions.js` fetches the same pages and replaces
//! the results in place.

mod form;

use crate::http::error::Error;
use crate::http::html::{self, session_count};
use crate::http::request::path::{escape_name, session_path};
use crate::http::request::{Call, filter};
use crate::http::sessions::find;
use crate::http::sessions::run::ShownRun;
use crate::http::sessions::table::{Rows, note, table};
use actix_web::{HttpResponse, web};
use maud::{Markup, html};
use ray_history_access::Way;
use ray_history_session::catalog::{Cursor, Entry, Page, Query, Sort, SortBy};

/// Default number of rows per page.
const ROWS: usize = 100;
const MAX_ROWS: usize = 1000;
/// Parameters that select the page.
const CURSORS: [&str; 2] = ["after", "before"];

type Parameters = Vec<(String, String)>;

/// Returns the page.
pub(in crate::http) async fn page(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let given = web::Query::<Parameters>::from_query(call.request.query_string())
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?
        .into_inner();
    let given: Parameters = given.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let wanted = Query { runs: true, ..filter::parse(call.request.query_string(), ROWS, MAX_ROWS)? };
    let sort = wanted.sort;
    let (listing, visible) = (call.state.sessions.listing(), call.permit.visible());
    let Page { entries, runs: loose, total, runs_total, unread, next, previous } = find::page(call, wanted);
    let all = listing.count(visible);
    let runs = ShownRun::of_all(call, &entries).await;
    // The script asks again while something is being read.
    let is_reading = unread > 0 || runs.iter().any(ShownRun::is_awaited);
    let filtered = given.iter().any(|(name, _)| !CURSORS.contains(&name.as_str()) && name != "limit" && name != "sort");
    let rows =
        Rows { entries: &entries, runs: &runs, loose: &loose, sorts: Some(&|word| sorted_by(&given, sort, word)) };
    let head = html! {
        (html::style("../"))
        script src="sessions.js" defer {}
    };
    let body = html! {
        h1 { "Ray sessions" }
        (known(call))
        (form::form(&given, listing.namespaces(form::CHOICES, visible).as_deref()))
        main id="results" tabindex="-1" data-reading[is_reading] {
            (note(call, &listing))
            p id="count" role="status" {
                @if filtered { (total - runs_total) " of " } (session_count(all))
                @if runs_total > 0 { ", " (run_count(runs_total)) " without a session" }
                @if unread > 0 { "; " (unread) " more are being read, and may match: ask again" }
            }
            @if total > 0 {
                (table(call.state, &rows, "../", |entry: &Entry| session_path(&entry.key)))
            } @else if all > 0 {
                p.note {
                    "No session matches. The search looks for words in the names of namespaces, clusters, "
                    "owners and sessions, and every word must occur. " a href="./" { "Show all sessions" }
                }
            }
            (pager(&given, [previous, next]))
        }
    };
    Ok(html::page("Ray sessions", &head, &body))
}

/// Returns the line that says who is logged in, and how to change that; empty while access is off.
fn known(call: &Call<'_>) -> Markup {
    let person = call.permit.granted_to().map(|granted| &granted.person);
    html! {
        @if let Some(person) = person {
            p.quiet id="person" {
                "You are " (person.identity.user()) ". "
                @if person.way == Way::Cookie { a href="../login" { "Log out" } }
            }
        }
    }
}

/// Returns the link that sorts by a word, or the other way round if the page is sorted by it already, and the direction of
/// that.
fn sorted_by(given: &[(String, String)], sort: Sort, word: &str) -> (String, Option<&'static str>) {
    let others = query(given, |name| !CURSORS.contains(&name) && name != "sort");
    let by = Sort::parse(word).unwrap_or_default();
    let is_sorted = by.by == sort.by;
    let minus = if is_sorted && !sort.reverse { "-" } else { "" };
    // The newest and the longest come first, but failed ones before those that succeeded.
    let ascends = sort.reverse != (sort.by == SortBy::Outcome);
    let direction = is_sorted.then_some(if ascends { "ascending" } else { "descending" });
    (format!("./?{others}{}sort={minus}{word}", if others.is_empty() { "" } else { "&" }), direction)
}

fn run_count(n: usize) -> String {
    format!("{n} run{}", if n == 1 { "" } else { "s" })
}

/// Returns a query string of the parameters that are kept.
fn query(given: &[(String, String)], keep: impl Fn(&str) -> bool) -> String {
    let kept = given.iter().filter(|(name, _)| keep(name));
    let pairs: Vec<_> = kept.map(|(name, value)| format!("{}={}", escape_name(name), escape_name(value))).collect();
    pairs.join("&")
}

fn pager(given: &[(String, String)], [previous, next]: [Option<Cursor>; 2]) -> Markup {
    let others = query(given, |name| !CURSORS.contains(&name));
    let and = if others.is_empty() { "" } else { "&" };
    let pages = [(previous, "prev", "before", "Previous page"), (next, "next", "after", "Next page")];
    html! {
        nav aria-label="Pages" {
            @if given.iter().any(|(name, _)| CURSORS.contains(&name.as_str())) {
                a href={ "./" @if !others.is_empty() { "?" } (others) } { "First page" } " "
            }
            @for (cursor, rel, name, words) in pages {
                @if let Some(cursor) = cursor {
                    a rel=(rel) href={ "./?" (others) (and) (name) "=" (escape_name(&cursor.to_string())) } { (words) }
                    " "
                }
            }
        }
    }
}
