//! What is stored of a session, at a glance: a few listings, no object is read.

use crate::session::{Error, Sessions, load};
use ray_history_core::base::name::SessionKey;

/// What is stored of a session, to be compared with an earlier look: equal when no file came, grew or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored(load::Digest);

impl Stored {
    /// Stands for a listing in tests.
    #[cfg(test)]
    pub(crate) fn of(what: u128) -> Self {
        Self(load::Digest { inputs: what, shown: 0 })
    }
}

impl Sessions {
    /// What is stored of a session now; none when nothing is. Loads nothing.
    pub async fn stored(&self, key: &SessionKey) -> Result<Option<Stored>, Error> {
        let source = self.source();
        let places = source.places(key).await?;
        let looked = load::look(&source.store, key, &places);
        let timeout = self.settings().loading.timeout;
        let late = |_| Error::TimedOut { key: key.clone(), after: timeout };
        let found = tokio::time::timeout(timeout, looked).await.map_err(late)??;
        Ok((found.digest != load::Digest::default()).then_some(Stored(found.digest)))
    }
}
