//! One row of the ledger in a compact form, some three hundred bytes: there may be a hundred thousand of them.
//!
//! Rows come from a bucket, so names are checked before they are kept: a row with a name that no object has is refused.

use ray_history_core::base::name::SessionName;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_obituary::cause::{Certainty, Code};
use ray_history_obituary::document::ObjectId;
use ray_history_obituary::facts::{Kind, OwnerRef};
use ray_history_obituary::ledger::Row;
use ray_history_obituary::text::{cut, is_name};
use ray_history_obituary::time::Time;
use std::sync::Arc;

/// Sessions that are kept of a row.
const SESSIONS: usize = 16;
/// Values that are kept of a row.
const VALUES: usize = 16;
/// Longest value that is kept, in bytes.
const VALUE: usize = 256;
/// Separates the texts of a row; no name and no value has it.
const END: char = '\0';
/// Texts before the sessions: name, uid, run, cluster, three of the owner, the Kubernetes, and the labels that keep it.
const NAMES: usize = 9;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    namespace: Arc<str>,
    texts: Box<str>,
    from: Option<Time>,
    to: Option<Time>,
    pub(crate) revision: u64,
    bytes: u64,
    sessions: u8,
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    pub(crate) code: Option<Code>,
    certainty: Option<Certainty>,
    /// `true` if the document is final.
    pub(crate) is_final: bool,
    /// `true` if a recorder of this process told it, so that it does not depend on a bucket.
    pub(crate) is_told: bool,
}

impl Packed {
    /// Packs a row; `None` for one with names that no object has.
    pub(crate) fn of(row: &Row, namespace: Arc<str>, is_told: bool) -> Option<Self> {
        let Row { object, owner, .. } = row;
        let named = [&object.namespace, &object.name, &object.uid].into_iter().all(|name| is_name(name));
        let or_empty = [&row.run, &row.cluster].into_iter().all(|name| name.is_empty() || is_name(name));
        if !named || !or_empty {
            return None;
        }
        let owner = owner.clone().unwrap_or_default();
        let owner = [owner.kind, owner.name, owner.uid].map(|name| Some(name).filter(|name| is_name(name)));
        let mut texts: Vec<String> = [&object.name, &object.uid, &row.run, &row.cluster].map(Clone::clone).into();
        texts.extend(owner.map(Option::unwrap_or_default));
        texts.extend(
            [&row.kubernetes, &row.keep]
                .map(|name| Some(name.clone()).filter(|name| is_name(name)).unwrap_or_default()),
        );
        let bare = |name: &String| {
            let session = name.strip_prefix(&row.cluster).and_then(|name| name.strip_prefix('/')).unwrap_or(name);
            SessionName::parse(session).map(|session| session.as_str().to_owned())
        };
        let sessions: Vec<String> = row.sessions.iter().filter_map(bare).take(SESSIONS).collect();
        let count = sessions.len();
        texts.extend(sessions);
        for (name, value) in row.values.iter().take(VALUES).filter(|(name, _)| is_name(name)) {
            texts.extend([name.clone(), cut(value, VALUE)]);
        }
        Some(Self {
            namespace,
            texts: texts.join(&END.to_string()).into(),
            from: row.from,
            to: row.to,
            revision: row.revision,
            bytes: row.bytes,
            sessions: count as u8,
            kind: object.kind,
            outcome: row.outcome,
            code: row.code,
            certainty: row.certainty,
            is_final: row.is_final,
            is_told,
        })
    }

    /// Returns the row.
    pub(crate) fn row(&self) -> Row {
        let mut texts = self.texts.split(END).map(str::to_owned);
        let [name, uid, run, cluster, owner_kind, owner_name, owner_uid, kubernetes, keep] =
            [(); NAMES].map(|()| texts.next().unwrap_or_default());
        let owner = OwnerRef { kind: owner_kind, name: owner_name, uid: owner_uid };
        let sessions = texts.by_ref().take(self.sessions.into()).collect();
        let mut values = std::collections::BTreeMap::new();
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            values.insert(name, value);
        }
        Row {
            object: ObjectId { kind: self.kind, namespace: self.namespace.to_string(), name, uid },
            run,
            cluster,
            owner: Some(owner).filter(|owner| !owner.name.is_empty()),
            sessions,
            from: self.from,
            to: self.to,
            outcome: self.outcome,
            code: self.code,
            certainty: self.certainty,
            values,
            is_final: self.is_final,
            kubernetes,
            keep,
            revision: self.revision,
            bytes: self.bytes,
        }
    }

    /// Returns the object.
    pub(crate) fn object(&self) -> ObjectId {
        let [name, uid] = [self.name(), self.uid()].map(str::to_owned);
        ObjectId { kind: self.kind, namespace: self.namespace.to_string(), name, uid }
    }

    /// Returns the place in the order of rows: by namespace, cluster, object and run.
    pub(crate) fn place(&self) -> [&str; 4] {
        [&self.namespace, self.cluster(), self.uid(), self.run()]
    }

    /// Returns the namespace and the cluster.
    pub(crate) fn cluster_place(&self) -> [&str; 2] {
        [&self.namespace, self.cluster()]
    }

    pub(crate) fn namespace(&self) -> &Arc<str> {
        &self.namespace
    }

    pub(crate) fn name(&self) -> &str {
        self.text(0)
    }

    pub(crate) fn uid(&self) -> &str {
        self.text(1)
    }

    pub(crate) fn run(&self) -> &str {
        self.text(2)
    }

    pub(crate) fn cluster(&self) -> &str {
        self.text(3)
    }

    /// Returns the kind, name and uid of the owner, each empty if it is not known.
    pub(crate) fn owner(&self) -> [&str; 3] {
        [4, 5, 6].map(|at| self.text(at))
    }

    /// Returns `true` if the row names sessions.
    pub(crate) fn names_sessions(&self) -> bool {
        self.sessions > 0
    }

    /// Returns the names of its sessions.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &str> {
        self.texts.split(END).skip(NAMES).take(self.sessions.into())
    }

    /// Returns the start in Unix microseconds.
    pub(crate) fn from(&self) -> Option<i64> {
        self.from.map(|Time(nanos)| nanos / 1_000)
    }

    /// Returns the end in Unix microseconds; `None` for a run that goes on.
    pub(crate) fn to(&self) -> Option<i64> {
        self.to.map(|Time(nanos)| nanos / 1_000)
    }

    /// Returns the outcome; `None` while the run goes on, for one may still come.
    pub(crate) fn known_outcome(&self) -> Option<Outcome> {
        Some(self.outcome).filter(|outcome| self.to.is_some() || *outcome != Outcome::Unknown)
    }

    /// Returns the time by which rows are dropped, oldest first: the end, else the start.
    pub(crate) fn last(&self) -> i64 {
        self.to().max(self.from()).unwrap_or(i64::MIN)
    }

    /// Returns the memory held, in bytes; the text of the namespace is shared.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.texts.len() + 16
    }

    /// Returns `true` if this row counts and not another of the same run: the greater revision, then that of a final
    /// document, then the greater text.
    pub(crate) fn beats(&self, other: &Self) -> bool {
        let text = |packed: &Self| serde_json::to_string(&packed.row()).unwrap_or_default();
        let rank = |packed: &Self| (packed.revision, packed.is_final);
        rank(self) > rank(other) || (rank(self) == rank(other) && text(self) > text(other))
    }

    fn text(&self, at: usize) -> &str {
        self.texts.split(END).nth(at).unwrap_or_default()
    }
}
