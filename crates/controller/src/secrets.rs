//! Follows the Secrets that settings name, all in the server's own namespace.

use super::follow::Trouble;
use super::follow_one::{News, follow_one};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::core::DeserializeGuard;
use kube::{Api, Client};
use ray_history_settings::{SecretData, Secrets};
use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The Secrets that the wanted settings name.
pub(super) struct FollowedSecrets {
    client: Client,
    /// The server's own namespace; Secrets of other namespaces are never read.
    namespace: String,
    followed: BTreeMap<String, Followed>,
}

/// One Secret.
struct Followed {
    news: mpsc::UnboundedReceiver<News<Secret>>,
    /// Its data, or the reason why it cannot be read; `Err(None)` while unknown.
    data: Result<SecretData, Option<String>>,
    _task: JoinSet<()>,
}

impl FollowedSecrets {
    /// Returns the Secrets of a namespace, none of which is followed yet.
    pub(super) fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace, followed: BTreeMap::new() }
    }

    /// Follows these Secrets, and no others.
    pub(super) fn select(&mut self, names: &BTreeSet<String>) {
        self.followed.retain(|name, _| names.contains(name));
        for name in names {
            if !self.followed.contains_key(name) {
                let api: Api<DeserializeGuard<Secret>> = Api::namespaced(self.client.clone(), &self.namespace);
                let mut task = JoinSet::new();
                let news = follow_one(api, name, &mut task);
                self.followed.insert(name.clone(), Followed { news, data: Err(None), _task: task });
            }
        }
    }

    /// Waits for a report about any of the Secrets; returns its name.
    pub(super) async fn next(&mut self) -> (String, News<Secret>) {
        std::future::poll_fn(|context| {
            for (name, followed) in &mut self.followed {
                if let Poll::Ready(Some(news)) = followed.news.poll_recv(context) {
                    return Poll::Ready((name.clone(), news));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Takes over a report. Returns `true` if it says something new.
    pub(super) fn take(&mut self, name: &str, news: News<Secret>) -> bool {
        let place = format!("{}/{name}", self.namespace);
        let Some(followed) = self.followed.get_mut(name) else { return false };
        let data = match news {
            News::Present(secret) => {
                let data = secret.data.unwrap_or_default().into_iter();
                Ok(data.map(|(key, ByteString(value))| (key, value)).collect())
            }
            News::Absent => Err(format!("Secret {place} does not exist: create it, or name another")),
            News::Malformed(why) => Err(format!("Secret {place} cannot be read: {why}")),
            // The last data that were read stay.
            News::Trouble(_) if followed.data.is_ok() => return false,
            News::Trouble(trouble) => {
                let why = match trouble {
                    Trouble::ListingOnly => return false,
                    Trouble::Forbidden(why) => {
                        format!("{why}; the server's Role must allow list and watch for it by name")
                    }
                    Trouble::NoSuchKind => "the API server does not know Secrets".to_owned(),
                    Trouble::Unreachable(why) => why,
                };
                Err(format!("Secret {place} cannot be read: {why}"))
            }
        };
        followed.data = data.map_err(Some);
        true
    }

    /// Returns the data of all Secrets, or the reason why one cannot be read; `Err(None)` while one is unknown.
    pub(super) fn data(&self) -> Result<Secrets, Option<String>> {
        let data = |(name, followed): (&String, &Followed)| followed.data.clone().map(|data| (name.clone(), data));
        self.followed.iter().map(data).collect()
    }
}
