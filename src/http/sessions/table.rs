//! The HTML table of sessions, shared by all pages that list sessions.
//!
//! A row begins with the name that people gave: of the RayJob or RayService, else the submission, else the cluster. Then
//! follows how its jobs ended. `sessions.js` adds the age of each time, and the viewer's local time if the time zone is
//! known.

mod groups;
mod loose;
mod outcome;
mod subject;

use super::run::ShownRun;
use super::summary::{Summary, local};
use super::{causes, empty};
use crate::http::request::Call;
use crate::http::state::State;
use groups::Group;
use maud::{Markup, html};
use ray_history_core::base::time::Nanos;
use ray_history_manifest::proof::Verdict;
use ray_history_retention::time;
use ray_history_session::catalog::{Entry, Listing, LooseRun};

/// The columns, each with the word by which lists are sorted by it.
const COLUMNS: [(&str, Option<&str>); 8] = [
    ("Run", None),
    ("Why", Some("outcome")),
    ("Namespace", None),
    ("State", None),
    ("Started", Some("started")),
    ("Duration", Some("duration")),
    ("Ray", None),
    ("Session", None),
];

/// Returns the link that sorts by a word, and the direction if the page is sorted by it already.
pub(in crate::http) type Sorts<'a> = &'a dyn Fn(&str) -> (String, Option<&'static str>);

/// The items of a page, and how the page is sorted.
pub(in crate::http) struct Rows<'a> {
    /// The sessions.
    pub(in crate::http) entries: &'a [Entry],
    /// The jobs of each session.
    pub(in crate::http) runs: &'a [ShownRun],
    /// Runs without a session, between them.
    pub(in crate::http) loose: &'a [LooseRun],
    /// The links that sort; none on pages that have one order.
    pub(in crate::http) sorts: Option<Sorts<'a>>,
}

/// Returns the table. `root` is the relative path from the page to the server's root; `link` returns that of a session.
pub(in crate::http) fn table(state: &State, rows: &Rows<'_>, root: &str, link: impl Fn(&Entry) -> String) -> Markup {
    let Rows { entries, runs, loose, sorts } = rows;
    let at = |place: usize| loose.iter().filter(move |run| run.before == place);
    let groups = groups::groups(entries, runs);
    html! {
        p.quiet {
            "Starts are in the time zone of each head, or, where none is shown, by its own clock. Durations end with the "
            "last job."
        }
        table {
            thead { tr { @for (column, sort) in COLUMNS { (title(column, sort.zip(*sorts))) } } }
            tbody {
                @for (place, (entry, run)) in entries.iter().zip(*runs).enumerate() {
                    @for loose in at(place) { (loose::row(&loose.row, root)) }
                    (row(state, entry, run, groups[place].as_ref(), root, &link(entry)))
                }
                @for loose in at(entries.len()) { (loose::row(&loose.row, root)) }
            }
        }
    }
}

/// Returns the title of a column, with the link that sorts by it.
fn title(column: &str, sort: Option<(&str, Sorts<'_>)>) -> Markup {
    let sort = sort.map(|(word, sorts)| sorts(word));
    html! {
        @if let Some((link, direction)) = sort {
            th scope="col" aria-sort=[direction] {
                a href=(link) { (column) }
            }
        } @else {
            th scope="col" { (column) }
        }
    }
}

/// Returns a note if the list may be out of date, or an explanation if it is empty.
pub(in crate::http) fn note(call: &Call<'_>, listing: &Listing) -> Markup {
    html! {
        @if listing.stale.is_some() {
            p.note {
                "The storage cannot be listed at the moment: this list may be out of date. Listing is retried "
                "automatically; the server's log has the reason."
            }
        } @else if let Some(missing) = causes::missing(call.state) {
            p.note { (missing) }
        }
        @if listing.stale.is_some() {
        } @else if let Some(reason) = empty::reason(call, listing) {
            p.note { (reason) }
        } @else if listing.is_empty() {
            p.note {
                "No sessions are stored here yet. A collector writes one when its cluster starts: look whether the Ray "
                "pods have a collector, and whether it writes to the storage and below the root that this server reads."
            }
        }
    }
}

fn row(state: &State, entry: &Entry, run: &ShownRun, group: Option<&Group>, root: &str, link: &str) -> Markup {
    let summary = Summary::of(state, entry);
    let (class, word) = summary.word();
    html! {
        tr class=[group.map(Group::class)] {
            td {
                (subject::subject(entry, run, root, link))
                @if let Some(group) = group { div.quiet { (group.words()) } }
                @if let Some((class, word, title)) = completeness(state, entry) {
                    " " span class=(class) title=[title] { (word) }
                }
            }
            td data-label="Why" { (outcome::outcome(run, root)) }
            td data-label="Namespace" { (entry.key.cluster.namespace) }
            td {
                span class={ "state " (class) } title=(summary.sentence()) { (word) }
                @if let Some(at) = summary.last_write {
                    div.quiet { "last write " (exact(at, summary.zone, summary.last_write_title())) }
                }
            }
            td data-label="Started" { (started(entry, &summary)) }
            td data-label="Duration" {
                @if let Some(long) = run.duration() {
                    span title="from the start of the head to the end of its last job, or to its last event" {
                        (duration(long))
                    }
                }
            }
            td data-label="Ray" { @if let Some(version) = run.facts().and_then(|facts| facts.ray_version.as_ref()) { (version) } }
            td.quiet {
                (entry.key.session)
                @if let Some(expiry) = state.sessions.expiry(&entry.key) {
                    div.expires title=(expiry.reason) { "will be deleted on " (time::day(expiry.not_before)) }
                }
            }
        }
    }
}

/// Returns a CSS class, a word and a title for the completeness of a session, if something is known of it. Most gaps are
/// known only of open sessions, because finding them requires reading all files; manifests tell more.
fn completeness(state: &State, entry: &Entry) -> Option<(&'static str, String, Option<&'static str>)> {
    let key = &entry.key;
    let (verdict, title) = if let Some(open) = state.sessions.peek(key) {
        (open.verdict(state.sessions.standing(key)), "as Ray's own counters say")
    } else {
        let title = "by the manifests of its collectors; when it is opened, the stored files are compared with them";
        (state.sessions.proved_verdict(key)?, title)
    };
    match verdict {
        Verdict::Gaps => Some(("gaps", "known gaps".to_owned(), None)),
        Verdict::Complete(_) => Some(("whole", "complete".to_owned(), Some(title))),
        Verdict::CompleteTo(to) => {
            let to = jiff::Timestamp::from_nanosecond(to.into()).unwrap_or_default();
            Some(("whole", format!("complete to {}", local(to, None)), Some(title)))
        }
        Verdict::NoKnownGaps => None,
    }
}

/// Returns the start. Without a known zone, the `datetime` attribute has none either.
fn started(entry: &Entry, summary: &Summary) -> Markup {
    if let Some(at) = summary.started {
        return exact(at, summary.zone, "by the clock of its head");
    }
    let micros = entry.key.session.local_micros().unwrap_or(0);
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    let title = "by the clock of its head, whose zone is not known";
    html! { time datetime=(at.strftime("%Y-%m-%dT%H:%M:%S")) title=(title) { (at.strftime("%Y-%m-%d %H:%M:%S")) } }
}

/// Returns a time in the head's zone, or in UTC.
fn exact(at: jiff::Timestamp, zone: Option<i64>, title: &str) -> Markup {
    html! { time datetime=(at) title=(title) { (local(at, zone)) } }
}

/// Returns a duration in its two largest units, such as `1 h 5 min`.
fn duration(long: Nanos) -> String {
    let seconds = long / 1_000_000_000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|(length, _)| seconds >= *length).unwrap_or(units.len() - 1);
    let mut left = seconds;
    let mut parts = Vec::new();
    for (length, unit) in units.iter().skip(first).take(2) {
        if left / length > 0 || parts.is_empty() {
            parts.push(format!("{} {unit}", left / length));
        }
        left %= length;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_725, "1 h 2 min"),
            (86_400, "1 d"),
            (90_061, "1 d 1 h"),
            (864_059, "10 d"),
        ] {
            assert_eq!(duration(seconds * 1_000_000_000 + 999), text);
        }
    }
}
