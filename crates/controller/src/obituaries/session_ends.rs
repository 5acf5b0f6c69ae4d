//! Sessions of clusters that are gone, and how their jobs ended: what is known of them joins the documents.
//!
//! No session is opened. What is asked is the list of sessions and the index of their jobs, which reads a few small files of
//! a session once, whoever asks first (`session::run_facts`). A cluster is looked at a few times after its end, because its
//! collector may still be uploading; what comes later than half an hour joins no document.

use super::shared::Shared;
use ray_history_core::base::name::{ClusterId, SessionKey};
use ray_history_obituary::facts::SessionEnd;
use ray_history_obituary::records::EndedCluster;
use ray_history_obituary::time::Time;
use ray_history_session::Sessions;
use ray_history_session::catalog::Listing;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Interval at which clusters are searched for.
const SEARCH: Duration = Duration::from_secs(5);
/// Pauses after each look at a cluster; after the last one it is not looked at again.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(8),
    Duration::from_mins(10),
];
/// Clusters of one search: to find the sessions of each passes over the list once.
const AT_ONCE: usize = 20;
/// Newest sessions of a cluster that are looked at.
const SESSIONS: usize = 32;

/// Tells the records until dropped.
pub(super) async fn tell(sessions: Arc<Sessions>, shared: Arc<Shared>) {
    let mut looks = Looks::default();
    loop {
        tokio::time::sleep(SEARCH).await;
        // Clusters of other Kubernetes may have the same names.
        if shared.keeps_documents() && !shared.shares_storage() {
            look(&sessions, &shared, &mut looks).await;
        }
    }
}

/// Looks at the clusters that are due.
async fn look(sessions: &Arc<Sessions>, shared: &Shared, looks: &mut Looks) {
    let ended = shared.records.lock().ended_clusters();
    let due = looks.due(ended);
    if due.is_empty() {
        return;
    }
    let listing = sessions.listing();
    let of_clusters = tokio::task::spawn_blocking(move || {
        let of = |cluster: EndedCluster| (sessions_of(&listing, &cluster), cluster);
        due.into_iter().map(of).collect::<Vec<_>>()
    });
    for (keys, cluster) in of_clusters.await.unwrap_or_default() {
        for key in keys {
            let run = sessions.run(&key);
            let Some(facts) = run.facts else { continue };
            let Some(started) = facts.started.map(Time).filter(|started| cluster.had(*started)) else { continue };
            let end = SessionEnd::of(&key.cluster.name, key.session.as_str(), &facts);
            shared.records.lock().session(&cluster.object.uid, key.session.as_str(), started, end);
        }
    }
}

/// Returns the newest sessions of a cluster's name.
fn sessions_of(listing: &Listing, cluster: &EndedCluster) -> Vec<SessionKey> {
    let id = ClusterId { namespace: cluster.object.namespace.clone(), name: cluster.object.name.clone() };
    let entries = listing.of_cluster(&id).into_iter().filter(|entry| entry.namespace_known);
    let mut keys: Vec<SessionKey> = entries.map(|entry| entry.key).collect();
    keys.sort_by_key(|key| std::cmp::Reverse(key.session.local_micros()));
    keys.truncate(SESSIONS);
    keys
}

/// The looks at each cluster, with the time of the next one, by uid.
#[derive(Debug, Default)]
struct Looks(HashMap<String, (usize, Instant)>);

impl Looks {
    /// Returns clusters that are to be looked at now, and forgets those that are no longer among them.
    fn due(&mut self, ended: Vec<EndedCluster>) -> Vec<EndedCluster> {
        let now = Instant::now();
        let known: HashSet<&str> = ended.iter().map(|cluster| cluster.object.uid.as_str()).collect();
        self.0.retain(|uid, _| known.contains(uid.as_str()));
        let mut due = Vec::new();
        for cluster in ended {
            let (looks, next) = self.0.entry(cluster.object.uid.clone()).or_insert((0, now));
            if due.len() == AT_ONCE {
                break;
            }
            if *looks < PAUSES.len() && now >= *next {
                (*looks, *next) = (*looks + 1, now + PAUSES[*looks]);
                due.push(cluster);
            }
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::layout::Root;
    use ray_history_obituary::cause::{Code, Outcome};
    use ray_history_obituary::document::{Document, Kubernetes};
    use ray_history_obituary::records::Object;
    use ray_history_storage::Storage;
    use ray_history_storage::memory::Memory;
    use serde_json::json;

    const SESSION: &str = "session_2024-01-02_03-04-05_000001_1";

    /// Stores a session of the cluster `c` whose job ended with a status.
    fn put(memory: &Memory, session: &str, status: &str) {
        memory.put(format!("cluster-metadata/raycluster/team_c/{session}"), "");
        let folder = format!("cluster-history/raycluster/team/c/{session}");
        let events = format!(
            r#"{{"message": "Started a ray job a.", "timestamp": "1704164650", "custom_fields": {{"submission_id": "a"}}}}
{{"message": "Completed a ray job a with a status {status}.", "timestamp": "1704164660", "custom_fields": {{"submission_id": "a"}}}}
"#
        );
        memory.put(format!("{folder}/aa11/logs/events/event_JOBS.log"), events);
        let zone = r#"{"offset": "+00:00", "value": "x"}"#;
        memory.put(format!("{folder}/fetched_endpoints/restful__timezone"), zone);
    }

    /// Returns records of a cluster that lived in these seconds around the session's start, and was deleted then.
    fn lived(from: &str, to: &str) -> Shared {
        let shared = Shared::default();
        let object = json!({"kind": "RayCluster", "metadata": {"name": "c", "namespace": "team", "uid": "c-uid",
            "creationTimestamp": from, "deletionTimestamp": to}, "status": {"state": "ready"}});
        let object = Object::read(object.to_string().as_bytes()).unwrap();
        shared.records.lock().delete(&object, Time::parse(to).unwrap());
        shared
    }

    async fn told(memory: Arc<Memory>, shared: &Shared) -> Document {
        let sessions = Arc::new(Sessions::new(memory as Arc<dyn Storage>, vec![Root::default()]));
        sessions.refresh().await.unwrap();
        let mut looks = Looks::default();
        look(&sessions, shared, &mut looks).await;
        sessions.idle().await;
        tokio::time::advance(PAUSES[0]).await;
        look(&sessions, shared, &mut looks).await;
        let now = Time::parse("2024-01-02T05:00:00Z").unwrap();
        shared.records.lock().document("c-uid", now, "w", &Kubernetes::default(), None).unwrap()
    }

    /// Kubernetes knows only that somebody deleted the cluster.
    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_session_joins_the_document_of_its_cluster() {
        for (status, outcome, code) in [
            ("SUCCEEDED", Outcome::Succeeded, None),
            ("FAILED", Outcome::Failed, Some(Code::AppFailed)),
            ("STOPPED", Outcome::Stopped, Some(Code::Stopped)),
        ] {
            let memory = Arc::<Memory>::default();
            put(&memory, SESSION, status);
            let shared = lived("2024-01-02T03:04:00Z", "2024-01-02T04:00:00Z");
            let alone = told(Arc::default(), &shared).await;
            assert_eq!(alone.first_cause().map(|cause| cause.code), Some(Code::Deleted));
            let document = told(memory, &shared).await;
            assert_eq!((document.outcome, document.first_cause().map(|cause| cause.code)), (outcome, code));
            assert_eq!(document.runs[0].sessions, [SESSION]);
            let stored = Document::read(&document.to_bytes().unwrap()).unwrap();
            assert_eq!(stored, document);
        }
    }

    /// A cluster of the same name had the session.
    #[tokio::test(start_paused = true)]
    async fn sessions_of_another_life_are_left_alone() {
        for (from, to) in
            [("2024-01-02T03:10:00Z", "2024-01-02T04:00:00Z"), ("2024-01-02T02:00:00Z", "2024-01-02T03:00:00Z")]
        {
            let memory = Arc::<Memory>::default();
            put(&memory, SESSION, "SUCCEEDED");
            let document = told(memory, &lived(from, to)).await;
            assert!(document.runs[0].sessions.is_empty() && document.outcome != Outcome::Succeeded, "{from}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_is_looked_at_some_times() {
        let (mut looks, mut made) = (Looks::default(), 0);
        let shared = lived("2024-01-02T03:04:00Z", "2024-01-02T04:00:00Z");
        for _ in 0..1_000 {
            made += looks.due(shared.records.lock().ended_clusters()).len();
            tokio::time::advance(SEARCH).await;
        }
        assert_eq!(made, PAUSES.len());
        assert!(looks.due(Vec::new()).is_empty() && looks.0.is_empty());
    }
}
