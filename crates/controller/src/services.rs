//! The watch of `RayServices`, for the active cluster of each: links lead to it and not to a pending one.
//!
//! If watching is forbidden, links lead to the newest cluster; this is logged once and does not affect readiness.

use super::follow::{LIST_PACE, Trouble, WatchEvent, follow};
use super::ray_service::RayService;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use ray_history_session::liveness::Watched;

/// Watches the services of a namespace, or of all, until dropped.
pub(super) async fn watch(client: Client, namespace: Option<String>, watched: Watched) {
    let api: Api<RayService> = match &namespace {
        None => Api::all(client),
        Some(namespace) => Api::namespaced(client, namespace),
    };
    let mut listed = Vec::new();
    let mut trouble = None;
    follow(api, watcher::Config::default(), LIST_PACE, |event| match event {
        WatchEvent::Trouble(found) => {
            let previous = trouble.replace(found.clone());
            if previous.as_ref() != Some(&found) && !matches!(found, Trouble::NoSuchKind) {
                let namespace = namespace.as_deref().unwrap_or("all");
                tracing::warn!(namespace, trouble = %found, "RayServices cannot be watched: their links lead to the newest cluster");
            }
        }
        WatchEvent::Healthy => trouble = None,
        WatchEvent::Event(Event::Init) => listed.clear(),
        WatchEvent::Event(Event::InitApply(service)) => listed.extend(service.active()),
        WatchEvent::Event(Event::InitDone) => {
            let found = std::mem::take(&mut listed);
            watched.update_services(|services| services.relisted(namespace.as_deref(), found));
        }
        WatchEvent::Event(Event::Apply(service)) => {
            let (namespace, name) = service.place();
            let active = service.active().map(|(_, _, active)| active);
            watched.update_services(|services| services.applied(namespace, name, active));
        }
        WatchEvent::Event(Event::Delete(service)) => {
            let (namespace, name) = service.place();
            watched.update_services(|services| services.deleted(namespace, name));
        }
    })
    .await;
}
