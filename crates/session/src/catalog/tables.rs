//! All sessions that were found, in two tables: what is hidden is known as well as what is listed, so that its late files
//! can be deleted, and so that it is back at once when nothing hides it any more.

use super::Filter;
use super::table::{Builder, Source, Table};
use std::sync::Arc;

/// All sessions: those that are listed, and those that retention hides.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) listed: Arc<Table>,
    pub(super) hidden: Arc<Table>,
}

impl Tables {
    /// Adds the sightings of one source.
    pub(super) fn copy_source(&self, source: Source, sessions: &mut Builder) {
        sessions.copy_source(&self.listed, source);
        sessions.copy_source(&self.hidden, source);
    }

    /// Returns all sessions.
    pub(super) fn all(&self) -> Builder {
        let mut sessions = Builder::default();
        self.copy_source(Source::Marker, &mut sessions);
        self.copy_source(Source::Data, &mut sessions);
        sessions
    }

    /// Returns the tables of these sessions that pass a filter; `None` if they are the same.
    pub(super) fn replaced(&self, mut sessions: Builder, filter: &Filter) -> Option<Self> {
        let mut hidden = Builder::default();
        filter.hidden.iter().for_each(|key| sessions.move_to(&mut hidden, key));
        let [listed, hidden] = [(sessions, &self.listed), (hidden, &self.hidden)].map(|(sessions, before)| {
            let table = sessions.finish(|namespace, known| filter.namespaces.allow(namespace, known));
            (!table.is_same_as(before)).then(|| Arc::new(table))
        });
        (listed.is_some() || hidden.is_some()).then(|| Self {
            listed: listed.unwrap_or_else(|| Arc::clone(&self.listed)),
            hidden: hidden.unwrap_or_else(|| Arc::clone(&self.hidden)),
        })
    }
}
