//! Kubernetes Events for sessions and runs that have ended and for rejected settings.
//!
//! Published on the `RayHistory`, and on the `RayJob` or `RayService` that owned the cluster if it still exists, so
//! that `kubectl describe` shows a link to the dashboard. Events are best effort: failures are only logged.

use crate::api_error;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Client, Resource};
use ray_history_core::base::name::{Owner, SessionKey};
use ray_history_obituary::document::ObjectId;
use std::time::Duration;
use tokio::sync::mpsc;

/// Number of deaths above which the `RayHistory` gets one Event for all, to keep its list of Events readable.
const MAX_SINGLE_EVENTS: usize = 20;

/// Longest sentence of a note, in bytes; a link follows it.
const MAX_SENTENCE: usize = 500;

/// Pause between two Events, so that five hundred deletions do not burst on the API server.
const PAUSE: Duration = Duration::from_millis(100);

/// The `RayHistory` to publish on, and the dead sessions with the owners of their clusters and, where it is known, why in
/// a sentence.
pub(super) type Deaths = (ObjectReference, Vec<(SessionKey, Option<Owner>, Option<String>)>);

/// A run without a session that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndedRun {
    /// The object.
    pub(super) object: ObjectId,
    /// `true` if it failed.
    pub(super) has_failed: bool,
    /// Its outcome and why, in a sentence.
    pub(super) sentence: String,
}

/// Something that retention did, for an Event on the `RayHistory`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retained {
    /// The kind of the Event.
    pub(super) what: Told,
    /// The sentence.
    pub(super) note: String,
}

/// A kind of Event about retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Sessions were marked.
    SessionsMarked,
    /// Sessions were deleted.
    SessionsDeleted,
    /// Nothing is marked or deleted any more, and somebody has to act.
    RetentionHalted,
}

impl Told {
    /// Returns the type and the reason of the Event.
    fn event(self) -> (EventType, &'static str) {
        match self {
            Self::SessionsMarked => (EventType::Normal, "SessionsMarked"),
            Self::SessionsDeleted => (EventType::Normal, "SessionsDeleted"),
            Self::RetentionHalted => (EventType::Warning, "RetentionHalted"),
        }
    }
}

/// The `RayHistory` to publish on, and runs without a session that are over.
pub(super) type Runs = (ObjectReference, Vec<EndedRun>);

/// Publishes Events; cheap to clone.
#[derive(Clone)]
pub(super) struct Announcer {
    client: Client,
    recorder: Recorder,
    /// Base URL of links, without a final `/`.
    base: String,
}

impl Announcer {
    /// Returns a publisher for a replica. Links start with `base`.
    pub(super) fn new(client: Client, replica: &str, base: &str) -> Self {
        let reporter =
            Reporter { controller: "history.ray.io/ray-history".to_owned(), instance: Some(replica.to_owned()) };
        let recorder = Recorder::new(client.clone(), reporter);
        Self { client, recorder, base: base.trim_end_matches('/').to_owned() }
    }

    /// Publishes the deaths of all received sessions one after the other; deaths received meanwhile form one batch.
    pub(super) async fn announce(self, mut deaths: mpsc::UnboundedReceiver<Deaths>) {
        while let Some((mut history, mut died)) = deaths.recv().await {
            while let Ok((newer, more)) = deaths.try_recv() {
                history = newer;
                died.extend(more);
            }
            self.publish_deaths(&history, &died).await;
        }
    }

    /// Publishes the ends of all received runs one after the other; those received meanwhile form one batch.
    pub(super) async fn announce_runs(self, mut ended: mpsc::UnboundedReceiver<Runs>) {
        while let Some((mut history, mut runs)) = ended.recv().await {
            while let Ok((newer, more)) = ended.try_recv() {
                history = newer;
                runs.extend(more);
            }
            if runs.len() > MAX_SINGLE_EVENTS {
                let note =
                    format!("{} runs without a session have ended; {}/sessions/ lists them", runs.len(), self.base);
                self.publish(EventType::Normal, "RunsEnded", note, &history, None).await;
                continue;
            }
            for EndedRun { object: ObjectId { kind, namespace, name, uid }, has_failed, sentence } in runs {
                let type_ = if has_failed { EventType::Warning } else { EventType::Normal };
                let end = sentence.floor_char_boundary(MAX_SENTENCE);
                let note = format!(
                    "{kind} {namespace}/{name} has ended without a session: {} {}/why/{namespace}/{}/{name}/{uid}",
                    &sentence[..end],
                    self.base,
                    kind.folder()
                );
                let about = ObjectReference {
                    api_version: Some("ray.io/v1".to_owned()),
                    kind: Some(kind.name().to_owned()),
                    namespace: Some(namespace),
                    name: Some(name),
                    uid: Some(uid),
                    ..ObjectReference::default()
                };
                self.publish(type_, "RunEnded", note, &history, Some(about)).await;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Publishes the Events of dead sessions.
    async fn publish_deaths(&self, history: &ObjectReference, died: &[(SessionKey, Option<Owner>, Option<String>)]) {
        if died.len() > MAX_SINGLE_EVENTS {
            let note = format!("{} sessions have ended; {}/sessions/ lists them", died.len(), self.base);
            self.publish(EventType::Normal, "SessionsEnded", note, history, None).await;
        }
        for (key, owner, why) in died {
            let cluster = ObjectReference {
                api_version: Some("ray.io/v1".to_owned()),
                kind: Some("RayCluster".to_owned()),
                namespace: Some(key.cluster.namespace.clone()),
                name: Some(key.cluster.name.clone()),
                ..ObjectReference::default()
            };
            let note = format!(
                "session {} of RayCluster {}/{} has ended; its dashboard: {}/sessions/{key}/{}",
                key.session,
                key.cluster.namespace,
                key.cluster.name,
                self.base,
                // After the link, which no sentence may cut off.
                why.as_ref().map(|why| format!(" Why: {why}")).unwrap_or_default()
            );
            if died.len() <= MAX_SINGLE_EVENTS {
                self.publish(EventType::Normal, "SessionEnded", note.clone(), history, Some(cluster.clone())).await;
            }
            if let Some(owner) = owner
                && let Some(reference) = self.owner(&key.cluster.namespace, owner).await
            {
                self.publish(EventType::Normal, "SessionEnded", note, &reference, Some(cluster)).await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Publishes the reason why settings are not in force.
    pub(super) async fn publish_rejection(&self, history: &ObjectReference, why: &str) {
        let note = format!("{why}; the last good settings stay in force");
        self.publish(EventType::Warning, "SettingsRejected", note, history, None).await;
    }

    /// Publishes something that retention did.
    pub(super) async fn publish_retained(&self, history: &ObjectReference, told: Retained) {
        let (type_, reason) = told.what.event();
        let note = format!("{}; {}/sessions/?expiring=true lists what is marked", told.note, self.base);
        self.publish(type_, reason, note, history, None).await;
    }

    /// Returns a reference to a cluster's owner, if it still exists and may be read.
    async fn owner(&self, namespace: &str, owner: &Owner) -> Option<ObjectReference> {
        let kind = owner.kind.kind();
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("ray.io", "v1", kind));
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), namespace, &resource);
        let found = api.get_metadata_opt(&owner.name).await.ok()??;
        Some(ObjectReference {
            api_version: Some("ray.io/v1".to_owned()),
            kind: Some(kind.to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(owner.name.clone()),
            uid: found.meta().uid.clone(),
            ..ObjectReference::default()
        })
    }

    async fn publish(
        &self,
        type_: EventType,
        reason: &str,
        mut note: String,
        about: &ObjectReference,
        related: Option<ObjectReference>,
    ) {
        // The API server accepts notes of at most 1 kB.
        let end = (0..=1_000.min(note.len())).rev().find(|at| note.is_char_boundary(*at)).unwrap_or(0);
        note.truncate(end);
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note),
            action: "Watch".to_owned(),
            secondary: related,
        };
        if let Err(error) = self.recorder.publish(&event, about).await {
            tracing::debug!(reason, error = %api_error::text(&error), "an Event could not be published");
        }
    }
}

impl std::fmt::Debug for Announcer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announcer").field("base", &self.base).finish_non_exhaustive()
    }
}
