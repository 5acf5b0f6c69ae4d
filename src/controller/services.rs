//! The watch of `RayServices`: which cluster each answers from, so that its link leads there and not to a pending one.
//!
//! Owns feeding that into the judge of liveness. Where they may not be watched, links lead to the newest cluster; that is
//! logged once and is no reason to be less ready.

use super::follow::{Heard, MANY, Trouble, follow};
use super::ray_service::RayService;
use crate::liveness::Watched;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};

/// Watches the services of a namespace, or all, until dropped.
pub(super) async fn watch(client: Client, namespace: Option<String>, watched: Watched) {
    let api: Api<RayService> = match &namespace {
        None => Api::all(client),
        Some(namespace) => Api::namespaced(client, namespace),
    };
    let mut listed = Vec::new();
    let mut trouble = None;
    follow(api, watcher::Config::default(), MANY, |heard| match heard {
        Heard::Trouble(found) => {
            let told = trouble.replace(found.clone());
            if told.as_ref() != Some(&found) && !matches!(found, Trouble::NoSuchKind) {
                let namespace = namespace.as_deref().unwrap_or("all");
                tracing::warn!(namespace, trouble = %found, "RayServices cannot be watched: their links lead to the newest cluster");
            }
        }
        Heard::Well => trouble = None,
        Heard::Event(Event::Init) => listed.clear(),
        Heard::Event(Event::InitApply(service)) => listed.extend(service.active()),
        Heard::Event(Event::InitDone) => {
            let found = std::mem::take(&mut listed);
            watched.services(|services| services.relisted(namespace.as_deref(), found));
        }
        Heard::Event(Event::Apply(service)) => {
            let (namespace, name) = service.place();
            let active = service.active().map(|(_, _, active)| active);
            watched.services(|services| services.applied(namespace, name, active));
        }
        Heard::Event(Event::Delete(service)) => {
            let (namespace, name) = service.place();
            watched.services(|services| services.deleted(namespace, name));
        }
    })
    .await;
}
