//! Sessions that somebody wants to keep, by a label or by an object in the bucket.

use crate::keys::{self, spellings};
use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
use ray_history_core::base::time::Nanos;
use ray_history_core::layout::Root;
use ray_history_storage::{Delimiter, Error, ErrorKind, ReadRange, Storage};
use std::collections::BTreeSet;

/// The pin that keeps a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// A label on an object of Kubernetes, until a time or for ever.
    Label {
        /// The time until which it holds.
        until: Option<Nanos>,
    },
    /// An object in the bucket.
    Object,
}

impl Pin {
    /// Returns `true` if it holds at a time.
    pub fn holds(&self, now: Nanos) -> bool {
        match self {
            Self::Label { until } => until.is_none_or(|until| now < until),
            Self::Object => true,
        }
    }
}

/// The pins in the bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    clusters: BTreeSet<ClusterId>,
    sessions: BTreeSet<SessionKey>,
}

impl Pins {
    /// Lists all pins below the roots. A pin whose key is none of a session keeps nothing.
    pub async fn list(store: &dyn Storage, roots: &[Root]) -> Result<Self, Error> {
        let mut pins = Self::default();
        for root in spellings(roots) {
            pins.read(store, &root, &keys::pins(&root)).await?;
        }
        Ok(pins)
    }

    /// Returns the pin of a session in the bucket now. Reads both objects that may pin it, as a listing may lose some.
    pub async fn look(store: &dyn Storage, roots: &[Root], key: &SessionKey) -> Result<Option<Pin>, Error> {
        for session in [None, Some(&key.session)] {
            if Self::look_for(store, roots, &key.cluster, session).await? {
                return Ok(Some(Pin::Object));
            }
        }
        Ok(None)
    }

    /// Returns `true` if the bucket has the pin of a session, or of a whole cluster, now.
    pub async fn look_for(
        store: &dyn Storage,
        roots: &[Root],
        cluster: &ClusterId,
        session: Option<&SessionName>,
    ) -> Result<bool, Error> {
        for root in spellings(roots) {
            match store.read(&keys::pin(&root, cluster, session), ReadRange::Full).await {
                Ok(_) => return Ok(true),
                Err(error) => match error.kind() {
                    ErrorKind::Archived => return Ok(true),
                    // No store has an invalid key, so nobody put it there.
                    ErrorKind::NotFound | ErrorKind::InvalidKey => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(false)
    }

    async fn read(&mut self, store: &dyn Storage, root: &str, prefix: &str) -> Result<(), Error> {
        let page = store.list_all(prefix, Delimiter::None).await?;
        if let Some(error) = page.skipped.into_iter().next() {
            return Err(error);
        }
        for object in page.objects {
            if let Some((cluster, session)) = keys::parse_pin(root, &object.key) {
                self.add(cluster, session);
            }
        }
        Ok(())
    }

    /// Adds the pin of a session, or of all sessions of a cluster.
    pub fn add(&mut self, cluster: ClusterId, session: Option<SessionName>) {
        match session {
            None => {
                self.clusters.insert(cluster);
            }
            Some(session) => {
                self.sessions.insert(SessionKey { cluster, session });
            }
        }
    }

    /// Returns the pin of a session.
    pub fn of(&self, key: &SessionKey) -> Option<Pin> {
        (self.clusters.contains(&key.cluster) || self.sessions.contains(key)).then_some(Pin::Object)
    }
}
