//! A row of a rollup: a session, and a row of it.

use crate::error::Error;
use crate::row::{Columns, Record, Row};
use crate::values::Values;
use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};

/// The session of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The namespace, or the id that v1.6 wrote in its place.
    namespace: Box<str>,
    /// `false` if `namespace` is only such an id.
    pub(super) namespace_known: bool,
    cluster: Box<str>,
    session: Box<str>,
}

/// A row of a session.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Located<R> {
    pub(super) place: Place,
    pub(super) row: R,
}

impl Place {
    /// Returns the place of a session.
    pub(super) fn of(key: &SessionKey, namespace_known: bool) -> Self {
        let SessionKey { cluster: ClusterId { namespace, name }, session } = key;
        let (namespace, cluster, session) = (namespace.as_str(), name.as_str(), session.as_str());
        Self { namespace: namespace.into(), namespace_known, cluster: cluster.into(), session: session.into() }
    }

    /// Returns the session; `None` if it has a name that no session has.
    pub(super) fn key(&self) -> Option<SessionKey> {
        let cluster = ClusterId { namespace: self.namespace.to_string(), name: self.cluster.to_string() };
        Some(SessionKey { cluster, session: SessionName::parse(&self.session)? })
    }

    /// Returns the names of the session.
    pub(super) fn names(&self) -> [&str; 3] {
        [&self.namespace, &self.cluster, &self.session]
    }

    /// Returns the order of sessions in a rollup: by the columns that are shown, those without a namespace last.
    pub(super) fn order(&self) -> (bool, &str, [&str; 3]) {
        let shown = if self.namespace_known { &*self.namespace } else { "" };
        (!self.namespace_known, shown, [&self.cluster, &self.session, &self.namespace])
    }
}

impl<R: Record> Record for Located<R> {
    fn empty() -> Self {
        Self { place: Place::default(), row: R::empty() }
    }

    fn describe(&mut self, columns: &mut impl Columns) -> Result<(), Error> {
        let Place { namespace, namespace_known, cluster, session } = &mut self.place;
        let mut shown = Some(namespace.clone()).filter(|_| *namespace_known);
        let mut hidden = Some(namespace.clone()).filter(|_| !*namespace_known);
        columns.string("namespace", &mut shown)?;
        columns.string("cluster", cluster)?;
        columns.string("session", session)?;
        columns.string("_namespace", &mut hidden)?;
        *namespace_known = shown.is_some();
        *namespace = shown.or(hidden).ok_or_else(|| columns.malformed("a row has no namespace"))?;
        self.row.describe(columns)
    }
}

impl<R: Row> Row for Located<R> {
    const TABLE: &'static str = R::TABLE;

    fn is_before(&self, next: &Self, _values: &Values) -> bool {
        self.place.order() <= next.place.order()
    }
}
