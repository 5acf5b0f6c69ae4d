use super::*;
use crate::destinations::Destinations;
use crate::manifests::Facts;
use crate::parts::idle::Idle;
use crate::upload::Sink;
use async_trait::async_trait;
use parking_lot::Mutex;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::NodeKeys;
use ray_history_manifest::{Collector, Events, Identity};
use ray_history_storage_write::memory::MemoryWriter;
use std::path::PathBuf;

const OLD: &str = "session_2026-11-23_07-10-07_600839_1";
const NEW: &str = "session_2026-11-24_07-10-07_600839_1";

fn folder(name: &str, node: Option<&str>, raylet: Raylet, latest: bool) -> SessionFolder {
    SessionFolder {
        name: SessionName::parse(name).unwrap(),
        path: PathBuf::from("/tmp/ray").join(name),
        node: node.map(str::to_owned),
        former_nodes: Vec::new(),
        metrics_port: None,
        raylet,
        latest,
    }
}

/// Parts that note which node an event file is stored under when it is sealed.
struct Parts {
    destinations: Destinations,
    closed: Mutex<Vec<(String, String)>>,
    store_is_away: bool,
}

#[async_trait]
impl EventPart for Parts {
    async fn flush_now(&self) {}
    async fn close(&self, session: &SessionName) {
        if self.store_is_away {
            std::future::pending::<()>().await;
        }
        let node = self.destinations.node(session).unwrap_or_default();
        self.closed.lock().push((session.to_string(), node));
    }
    fn last_event_at(&self) -> Option<Instant> {
        None
    }
    fn flushed_to(&self) -> Nanos {
        0
    }
    fn manifest_part(&self, _: &SessionName, _: &NodeKeys) -> Events {
        Events::default()
    }
}

fn lives(spool: &Path, store_is_away: bool) -> (Lives, Arc<Parts>) {
    let (sender, folders) = watch::channel(Arc::from([]));
    let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
    let destinations = Destinations::new("", Some(cluster), None, folders);
    let parts = Arc::new(Parts { destinations: destinations.clone(), closed: Mutex::default(), store_is_away });
    let facts = Facts { spool: "s".into(), boot: 1, collector: Collector::default(), identity: Identity::default() };
    let sink = Sink::new(Arc::new(MemoryWriter::default()));
    let (events, logs) = (parts.clone(), Arc::new(Idle));
    let manifests = Manifests::new(facts, spool.join("control"), destinations, sink, events.clone(), logs.clone());
    let closing = BTreeSet::new();
    (Lives { folders: sender, manifests: Arc::new(manifests), events, logs, closing }, parts)
}

#[test]
fn a_session_is_over_when_another_has_replaced_it() {
    use Raylet::{Alive, Gone, Starting};
    let over = |folders: &[SessionFolder]| ended(folders).into_iter().map(|(_, node)| node).collect::<Vec<_>>();
    // Its raylet is gone, but no other session is there.
    assert_eq!(over(&[folder(OLD, Some("a"), Gone, true)]), [] as [&str; 0]);
    assert_eq!(over(&[folder(OLD, Some("a"), Gone, false)]), [] as [&str; 0]);
    assert_eq!(over(&[folder(OLD, Some("a"), Gone, false), folder(NEW, None, Starting, true)]), ["a"]);
    assert_eq!(over(&[folder(OLD, Some("a"), Alive, false), folder(NEW, Some("b"), Alive, true)]), [] as [&str; 0]);
    // The link still points to the old one while the new one starts.
    let starting = [folder(NEW, Some("b"), Starting, false), folder(OLD, Some("a"), Gone, true)];
    assert_eq!(over(&starting), [] as [&str; 0]);
    assert_eq!(current(&starting).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_an_ended_raylet_left_is_stored_under_its_own_id() {
    let spool = tempfile::tempdir().unwrap();
    let (mut lives, parts) = lives(spool.path(), false);
    lives.look(vec![folder(OLD, Some("a"), Raylet::Alive, true)]).await;
    let restarted = SessionFolder { former_nodes: vec!["a".into()], ..folder(OLD, Some("b"), Raylet::Alive, true) };
    lives.look(vec![restarted]).await;
    assert_eq!(*parts.closed.lock(), [(OLD.to_owned(), "a".to_owned())]);
    let name = SessionName::parse(OLD).unwrap();
    assert_eq!(lives.manifests.state(&(name.clone(), "a".into())), State::Closed);
    assert_eq!(parts.destinations.node(&name).as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn a_new_id_counts_although_the_store_is_away() {
    let spool = tempfile::tempdir().unwrap();
    let (mut lives, parts) = lives(spool.path(), true);
    lives.look(vec![folder(OLD, Some("a"), Raylet::Alive, true)]).await;
    lives.look(vec![folder(OLD, Some("b"), Raylet::Alive, true)]).await;
    assert_eq!(parts.destinations.node(&SessionName::parse(OLD).unwrap()).as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn an_old_session_is_closed_once_while_the_new_one_runs() {
    let spool = tempfile::tempdir().unwrap();
    let (mut first, parts) = lives(spool.path(), false);
    let folders = || vec![folder(OLD, Some("a"), Raylet::Gone, false), folder(NEW, Some("b"), Raylet::Alive, true)];
    for _ in 0..3 {
        first.look(folders()).await;
        tokio::time::sleep(LOOK).await;
    }
    assert_eq!(*parts.closed.lock(), [(OLD.to_owned(), "a".to_owned())]);
    // Not again by the next process on the same spool.
    let (mut second, parts) = lives(spool.path(), false);
    second.look(folders()).await;
    tokio::time::sleep(LOOK).await;
    assert_eq!(*parts.closed.lock(), []);
}
