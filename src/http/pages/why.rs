//! `/why/…` and `/sessions/…/why`: why a run ended, on one page.
//!
//! An object's page shows its obituary; a session's page also shows what Ray itself tells, and shows that alone where there
//! is no obituary. The server renders all of it, so the page works without scripts.

mod evidence;
mod failures;
mod known;
mod objects;
mod paragraph;
mod spec;
mod timeline;
mod when;

use crate::http::error::Error;
use crate::http::html;
use crate::http::pages::diff::form_of;
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::find;
use actix_web::HttpResponse;
use known::{Known, Missing};
use maud::html;
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::Kind;

/// Path of the server's root from both pages: `/why/{namespace}/{kind}/{name}/{uid}` and
/// `/sessions/{namespace}/{cluster}/{session}/why`.
const ROOT: &str = "../../../../";

/// Answers with the page of an object.
pub(in crate::http) async fn object(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let [namespace, folder, name, uid] = [0, 1, 2, 3].map(|at| call.names[at].to_owned());
    let kinds = [Kind::RayCluster, Kind::RayJob];
    let kind = kinds.into_iter().find(|kind| kind.folder() == folder).ok_or(Error::UnknownUrl)?;
    let object = ObjectId { kind, namespace, name, uid };
    match known::of_object(call, &object).await {
        Ok(known) => Ok(respond(&known)),
        Err(missing) => Ok(without(&format!("Why {kind} {} ended", object.name), missing)),
    }
}

/// Answers with the page of the run of a session. The session is opened, because Ray's facts are in its tables.
pub(in crate::http) async fn session(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let entry = find::entry(call, &key).await?;
    Ok(respond(&known::of_session(call, &entry).await?))
}

/// Returns the page.
fn respond(known: &Known) -> HttpResponse {
    let title = format!("{}: why it ended", known.name);
    let head = html! {
        (html::style(ROOT))
        // Without scripts, too, the page fills once the session is loaded.
        @if known.is_loading { meta http-equiv="refresh" content="5"; }
    };
    let rows = timeline::rows(known);
    let body = html! {
        nav aria-label="Session" {
            a href={ (ROOT) "sessions/" } { "All sessions" }
            @for (path, words) in &known.links { a href={ (ROOT) (path) } { (words) } }
        }
        main.why {
            h1 { (known.heading) }
            (paragraph::paragraph(known, ROOT))
            @for note in &known.notes { p.note { (note) } }
            (evidence::evidence(known, &rows, ROOT))
            (paragraph::noticed(known))
            (failures::failures(known, ROOT))
            (timeline::timeline(known, &rows, ROOT))
            (objects::attempts(known))
            (objects::pods(known))
            (objects::submitter_log(known))
            (spec::spec(known))
            (objects::unseen(known))
            @if let Some(form) = &known.compare {
                h2 { "Compare with…" }
                (form_of(form, ROOT))
            }
            p { a href={ (ROOT) (known.json) } { "The same as JSON" } }
        }
    };
    html::page(&title, &head, &body)
}

/// Returns the page of an object without an obituary that can be shown.
fn without(heading: &str, missing: Missing) -> HttpResponse {
    let (response, words) = match missing {
        Missing::None => {
            let words = "No obituary of it is known: nothing watched it, or it was removed.";
            (HttpResponse::NotFound(), words.to_owned())
        }
        Missing::Away => {
            let words = "The storage cannot be read at the moment; the server's log says why. Try again later.";
            (HttpResponse::BadGateway(), words.to_owned())
        }
        Missing::Newer(words) | Missing::Odd(words) => (HttpResponse::BadGateway(), words),
    };
    let body = html! {
        nav aria-label="Session" { a href={ (ROOT) "sessions/" } { "All sessions" } }
        main.why { h1 { (heading) } p.note { (words) } }
    };
    html::page_with(response, heading, &html::style(ROOT), &body)
}
