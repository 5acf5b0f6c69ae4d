//! The name of a row, by which people know a session: of its RayJob or RayService, else of its only submission, else of its
//! cluster.

use crate::http::request::path::{cluster_name, escape_name, owner_path};
use crate::http::sessions::run::ShownRun;
use maud::{Markup, html};
use ray_history_core::base::name::ClusterId;
use ray_history_session::catalog::Entry;

/// Returns the name with the link that opens the session, and below it its kind and its cluster.
pub(super) fn subject(entry: &Entry, run: &ShownRun, root: &str, link: &str) -> Markup {
    let cluster = &entry.key.cluster;
    let submission = submission(run).filter(|_| entry.owner.is_none());
    let name = match (&entry.owner, submission) {
        (Some(owner), _) => owner.name.as_str(),
        (None, Some(id)) => id,
        (None, None) => shown(cluster),
    };
    html! {
        a.open href=(link) { (name) }
        div.quiet {
            @if let Some(owner) = &entry.owner {
                a href={ (root) (owner_path(&cluster.namespace, owner)) } title={ "All sessions of this " (owner.kind.kind()) } {
                    (owner.kind.kind())
                }
                " on "
            } @else if submission.is_some() {
                "Submission on "
            }
            a href={ (root) "rayclusters/" (path(cluster)) } title="All sessions of this cluster" {
                @if name == shown(cluster) { "RayCluster" } @else { (shown(cluster)) }
            }
        }
    }
}

/// Returns the id of the submission, if there is one only.
fn submission(run: &ShownRun) -> Option<&str> {
    let facts = run.facts().filter(|facts| facts.counts.submissions() == 1)?;
    facts.jobs.iter().find_map(|job| job.submission_id.as_deref())
}

fn shown(cluster: &ClusterId) -> &str {
    if cluster.name.is_empty() { "(no name)" } else { &cluster.name }
}

fn path(cluster: &ClusterId) -> String {
    [&cluster.namespace, cluster_name(cluster)].map(escape_name).join("/")
}
