//! A digest of the stored objects of a session, from a few listings. No object is read.

use crate::session::{Error, Sessions, load};
use ray_history_core::base::name::SessionKey;

/// A digest of a session's stored objects. Equal to an earlier one if no file was added, changed or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored(load::Digest);

impl Stored {
    /// Creates a digest for tests.
    #[cfg(test)]
    pub(crate) fn of(what: u128) -> Self {
        Self(load::Digest { inputs: what, shown: 0 })
    }
}

impl Sessions {
    /// Returns the digest of a session's stored objects, or `None` if there are none. Loads nothing.
    pub async fn stored(&self, key: &SessionKey) -> Result<Option<Stored>, Error> {
        let source = self.source();
        let places = source.places(key).await?;
        let relisted = load::relist(&source.store, key, &places);
        let timeout = self.settings().loading.timeout;
        let timed_out = |_| Error::TimedOut { key: key.clone(), after: timeout };
        let found = tokio::time::timeout(timeout, relisted).await.map_err(timed_out)??;
        Ok((found.digest != load::Digest::default()).then_some(Stored(found.digest)))
    }
}
