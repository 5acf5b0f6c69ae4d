//! `/select_cluster`: a page with a choice of sessions to enter.

use super::cookies::KINDS;
use crate::http::error::Error;
use crate::http::html;
use crate::http::request::path::{cluster_name, escape_name};
use crate::http::request::{Call, filter};
use crate::http::sessions::find;
use crate::http::sessions::run::ShownRun;
use crate::http::sessions::table::{Rows, note, table};
use actix_web::HttpResponse;
use maud::html;
use ray_history_core::base::name::SessionKey;
use ray_history_session::catalog::{Entry, Page};

/// Most rows of the page; the search finds other sessions.
const ROWS: usize = 200;

/// Answers with a page of links that enter a session.
pub(in crate::http) async fn select(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let wanted = filter::parse(call.request.query_string(), ROWS, ROWS)?;
    let listing = call.state.sessions.listing();
    let Page { entries, total, .. } = find::page(call, wanted);
    let runs = ShownRun::of_all(call, &entries).await;
    let body = html! {
        h1 { "Choose a session" }
        form { input id="search" name="q" type="search" placeholder="Search" autofocus aria-label="Search sessions"; }
        (note(call, &listing))
        @if total > entries.len() {
            p.note { "The newest " (entries.len()) " of " (total) ": search for others." }
        }
        (table(call.state, &Rows { entries: &entries, runs: &runs, loose: &[], sorts: None }, "", link))
    };
    Ok(html::page("Choose a session", &html::style(""), &body))
}

/// Returns the relative path that enters a session.
fn link(entry: &Entry) -> String {
    let SessionKey { cluster, session } = &entry.key;
    let names = [&cluster.namespace, KINDS[0], cluster_name(cluster), session.as_str()].map(escape_name);
    format!("enter_cluster/{}", names.join("/"))
}
