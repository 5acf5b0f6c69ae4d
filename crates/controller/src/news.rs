//! The news of the `RayHistory`: a version of it, its absence, or that it cannot be followed.

use crate::follow::Trouble;
use crate::follow_one::News;
use crate::replicas::Replicas;
use crate::{Controller, Options};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Resource;
use ray_history_health::Gate;
use ray_history_settings::crd::RayHistory;

impl Controller {
    /// Takes news of the object.
    pub(super) fn on_history_news(&mut self, news: News<RayHistory>) {
        match news {
            News::Present(history) => {
                let known = self.history.as_ref().is_some_and(|known| {
                    known.metadata.generation == history.metadata.generation && known.meta().uid == history.meta().uid
                });
                if self.history.as_ref().is_none_or(|known| known.meta().uid != history.meta().uid) {
                    self.join_replicas(&history);
                }
                self.history = Some(history);
                if let Some(history) = self.history.as_deref().filter(|_| !known) {
                    self.settings.set_spec(history);
                }
            }
            News::Malformed(why) => self.settings.reject(format!("the object cannot be read: {why}")),
            News::Absent => {
                // The last settings stay in force; there is no object to report to.
                if self.history.take().is_some() {
                    tracing::warn!("the RayHistory was deleted; its last settings stay in force");
                }
                self.replicas = None;
                if self.settings.in_force().is_none() {
                    let Options { namespace, name, .. } = &self.options;
                    self.health
                        .close(Gate::Settings, format!("there is no RayHistory {namespace}/{name} yet: apply one"));
                }
            }
            News::Trouble(trouble) if self.settings.in_force().is_none() => {
                let Options { namespace, name, .. } = &self.options;
                let what = match trouble {
                    Trouble::NoSuchKind => "the API server knows no RayHistory: apply crds/".to_owned(),
                    Trouble::Forbidden(why) => format!("it may not be read: {why}"),
                    Trouble::ListingOnly => return,
                    Trouble::Unreachable(why) => format!("the API server cannot be reached: {why}"),
                };
                self.health.close(Gate::Settings, format!("waiting for RayHistory {namespace}/{name}: {what}"));
            }
            News::Trouble(_) => {}
        }
    }

    fn join_replicas(&mut self, history: &RayHistory) {
        let Some(uid) = history.meta().uid.clone() else { return };
        let owner = OwnerReference {
            api_version: RayHistory::api_version(&()).into_owned(),
            kind: RayHistory::kind(&()).into_owned(),
            name: self.options.name.clone(),
            uid,
            ..OwnerReference::default()
        };
        let Options { namespace, replica, .. } = &self.options;
        self.replicas = Some(Replicas::join(self.client.clone(), &owner, namespace, replica));
    }
}
