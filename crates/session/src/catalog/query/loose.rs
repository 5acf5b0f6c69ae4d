//! The conditions of a query for runs of which no session is listed.

use super::Query;
use crate::ledger_rows::Packed;
use ray_history_core::base::name::OwnerKind;
use ray_history_obituary::facts::Kind;

/// Maximum number of words, as of sessions.
const MAX_WORDS: usize = 16;

/// A query prepared for runs without a session.
pub(super) struct LooseRuns<'a> {
    query: &'a Query,
    words: Vec<String>,
}

impl<'a> LooseRuns<'a> {
    /// Returns the conditions, or `None` if no run without a session can match: it has no state, no data and no jobs.
    pub(super) fn new(query: &'a Query) -> Option<Self> {
        let of_sessions =
            query.expiring || query.state.is_some() || query.verdict.is_some() || query.error_type.is_some();
        let text = query.text.as_deref().unwrap_or_default().to_lowercase();
        let words = text.split_whitespace().take(MAX_WORDS).map(str::to_owned).collect();
        (query.runs && !of_sessions && query.metadata.is_empty()).then_some(Self { query, words })
    }

    pub(super) fn matches(&self, row: &Packed) -> bool {
        let query = self.query;
        let namespace = &**row.namespace();
        let is = |wanted: &Option<String>, name: &str| wanted.as_deref().is_none_or(|wanted| wanted == name);
        let owner = owner(row);
        let is_kind = |wanted: OwnerKind| owner.is_some_and(|(kind, _)| kind == wanted);
        let named = |wanted: &String| owner.is_some_and(|(_, name)| name == wanted);
        let start = row.from().unwrap_or(i64::MIN);
        query.visible.shows(namespace, true)
            && query.served.as_deref().is_none_or(|served| served.iter().any(|name| name == namespace))
            && is(&query.namespace, namespace)
            && is(&query.cluster, row.cluster())
            && query.owner_kind.is_none_or(is_kind)
            && query.owner.as_ref().is_none_or(named)
            && query.outcome.is_none_or(|wanted| row.known_outcome() == Some(wanted))
            && query.cause.is_none_or(|wanted| row.code == Some(wanted))
            && query.from.is_none_or(|from| start >= from)
            && query.until.is_none_or(|until| start < until)
            && self.has_words(row, owner)
    }

    fn has_words(&self, row: &Packed, owner: Option<(OwnerKind, &str)>) -> bool {
        let has = |word: &String| {
            let names = [&**row.namespace(), row.name(), row.cluster(), row.kind.folder()];
            let owner = owner.map(|(kind, name)| [kind.folder(), name]);
            names.into_iter().chain(owner.into_iter().flatten()).any(|name| name.to_lowercase().contains(word.as_str()))
        };
        self.words.iter().all(has)
    }
}

/// Returns what a list calls the owner of a run: the `RayJob` itself, else the owner of the cluster.
fn owner(row: &Packed) -> Option<(OwnerKind, &str)> {
    if row.kind == Kind::RayJob {
        return Some((OwnerKind::RayJob, row.name()));
    }
    let [kind, name, _] = row.owner();
    Some((OwnerKind::from_folder(&kind.to_ascii_lowercase())?, name))
}
