//! The status of a `RayHistory`, and the comparison with the current one. Pure.
//!
//! Conditions have reasons for programs and messages for users: the problem, and how to fix it.

use super::follow::Trouble;
use super::limits::shortened;
use super::obituaries::State;
use super::persist::State as Persisted;
use super::retention::State as Retained;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;
use ray_history_access::observer::State as Reviews;
use ray_history_settings::crd::{CacheStatus, PersistedStatus, RayHistoryStatus, ReplicaStatus, SessionsStatus};

/// Granularity of reported bytes, so that small changes cause no write.
const BYTES_STEP: i64 = 16 << 20;

/// The facts that a replica reports.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The generation of the object when it was last seen.
    pub(super) generation: i64,
    /// The generation whose settings are in force; `None` before the first.
    pub(super) applied: Option<i64>,
    /// Reason why the settings of the object are not in force, if any.
    pub(super) rejected: Option<String>,
    /// URL of the store in force.
    pub(super) storage: Option<String>,
    /// Time of the last listing of the store, if any.
    pub(super) listed_at: Option<Timestamp>,
    /// Reason why the store could not be listed since, if any.
    pub(super) stale: Option<String>,
    /// `true` if the folder of the store is gone, so that this replica is not ready.
    pub(super) folder_is_gone: bool,
    pub(super) sessions: SessionsStatus,
    /// Troubles of watching clusters, by namespace.
    pub(super) troubles: Vec<(String, Trouble)>,
    /// Reason why the replicas cannot see each other, if any.
    pub(super) alone: Option<String>,
    /// State of reviews of the API server; `None` if whoever reaches the server sees everything.
    pub(super) access: Option<Reviews>,
    /// State of what is kept of why runs ended; `None` if nothing is.
    pub(super) obituaries: Option<State>,
    /// State of retention; `None` while everything is kept.
    pub(super) retention: Option<Retained>,
    /// State of persisting; `None` while nothing is persisted.
    pub(super) persist: Option<Persisted>,
    /// Memory use of this replica.
    pub(super) cache: CacheStatus,
}

impl Facts {
    fn ready(&self) -> bool {
        self.applied.is_some() && self.listed_at.is_some() && !self.folder_is_gone
    }

    /// Returns this replica's entry.
    pub(super) fn replica(&self, name: &str) -> ReplicaStatus {
        let cache = CacheStatus { bytes: self.cache.bytes / BYTES_STEP * BYTES_STEP, ..self.cache.clone() };
        ReplicaStatus {
            name: name.to_owned(),
            observed_generation: Some(self.generation),
            ready: self.ready(),
            cache: Some(cache),
            persisted: self.persist.as_ref().map(Persisted::status),
        }
    }

    /// Returns the shared fields, with transition times and sums from the current status.
    pub(super) fn shared(&self, current: &RayHistoryStatus, now: Timestamp) -> RayHistoryStatus {
        let caches = current.replicas.iter().filter_map(|replica| replica.cache.clone());
        let cache = caches.reduce(|sum, cache| CacheStatus {
            sessions: sum.sessions.saturating_add(cache.sessions),
            bytes: sum.bytes.saturating_add(cache.bytes),
            max_memory: sum.max_memory.max(cache.max_memory),
        });
        let persisted = current.replicas.iter().filter_map(|replica| replica.persisted.clone());
        let persisted = persisted.reduce(|sum, persisted| PersistedStatus {
            sessions: sum.sessions.max(persisted.sessions),
            bytes: sum.bytes.saturating_add(persisted.bytes),
            backlog: sum.backlog.saturating_add(persisted.backlog),
            last: sum.last.max(persisted.last),
        });
        let conditions = [self.is_ready(), self.settings(), self.storage(), self.watch(), self.access()];
        let optional = self.obituaries().into_iter().chain(self.retention()).chain(self.persist());
        let conditions = conditions.into_iter().chain(optional).map(|(type_, status, reason, message)| {
            let before = current.conditions.iter().find(|condition| condition.type_ == type_);
            let since =
                before.filter(|before| before.status == status).map(|before| before.last_transition_time.clone());
            Condition {
                type_: type_.to_owned(),
                status: status.to_owned(),
                reason: reason.to_owned(),
                message: shortened(message),
                observed_generation: Some(self.generation),
                last_transition_time: since.unwrap_or(Time(now)),
            }
        });
        RayHistoryStatus {
            observed_generation: Some(self.generation),
            conditions: conditions.collect(),
            storage: self.storage.clone(),
            sessions: Some(self.sessions),
            cache,
            retention: self.retention.as_ref().map(Retained::status),
            persisted: persisted.filter(|_| self.persist.is_some()),
            last_listing_time: self.listed_at.map(Time),
            replicas: Vec::new(),
        }
    }

    fn is_ready(&self) -> (&'static str, &'static str, &'static str, String) {
        let (status, reason, message) = match (self.applied, self.listed_at) {
            (None, _) => ("False", "NoSettings", "no settings are in force yet; see SettingsApplied".to_owned()),
            (Some(_), None) => {
                ("False", "NotListed", "the storage has not been listed yet; see StorageReachable".to_owned())
            }
            (Some(_), Some(_)) if self.folder_is_gone => {
                ("False", "FolderGone", "the folder of spec.storage.local is gone; see StorageReachable".to_owned())
            }
            (Some(generation), Some(_)) if self.rejected.is_some() => (
                "True",
                "ServingLastGood",
                format!("sessions are served with the settings of generation {generation}; see SettingsApplied"),
            ),
            (Some(_), Some(_)) => match &self.alone {
                None => ("True", "Serving", "sessions are served".to_owned()),
                Some(why) => (
                    "True",
                    "LeasesForbidden",
                    format!(
                        "sessions are served, but the replicas cannot see each other: {why}; allow list, watch, create, patch and delete on leases.coordination.k8s.io in this namespace"
                    ),
                ),
            },
        };
        ("Ready", status, reason, message)
    }

    fn settings(&self) -> (&'static str, &'static str, &'static str, String) {
        let (status, reason, message) = match (&self.rejected, self.applied) {
            (Some(why), Some(generation)) => {
                ("False", "Rejected", format!("{why}; the settings of generation {generation} stay in force"))
            }
            (Some(why), None) => ("False", "Rejected", why.clone()),
            (None, Some(generation)) if generation != self.generation => (
                "Unknown",
                "Pending",
                format!("the settings are being applied; until then those of generation {generation} are in force"),
            ),
            (None, Some(_)) => ("True", "Applied", "the settings are in force".to_owned()),
            (None, None) => ("Unknown", "Pending", "the settings are being applied".to_owned()),
        };
        ("SettingsApplied", status, reason, message)
    }

    fn storage(&self) -> (&'static str, &'static str, &'static str, String) {
        let (status, reason, message) = match (&self.stale, self.listed_at) {
            (Some(why), Some(_)) => (
                "False",
                "ListingFailed",
                format!("{why}; the last listing is still served, and the server keeps trying"),
            ),
            (None, Some(_)) => ("True", "Listed", "the storage can be listed".to_owned()),
            (Some(why), None) if self.applied.is_some() => {
                ("False", "NotListed", format!("{why}; check spec.storage, its credentials and the network"))
            }
            (_, None) => ("Unknown", "NotListed", "the storage has not been listed yet".to_owned()),
        };
        ("StorageReachable", status, reason, message)
    }

    fn watch(&self) -> (&'static str, &'static str, &'static str, String) {
        let place = |namespace: &str| match namespace {
            "" => "in all namespaces".to_owned(),
            namespace => format!("in namespace {namespace}"),
        };
        let Some((namespace, worst)) = self.troubles.iter().max_by_key(|(_, trouble)| severity(trouble)) else {
            return ("ClustersWatched", "True", "Watching", "RayClusters are watched".to_owned());
        };
        let place = place(namespace);
        let (status, reason, message) = match worst {
            Trouble::ListingOnly => (
                "True",
                "ListingOnly",
                format!("RayClusters {place} are listed every 30 s, because watching them is forbidden; allow `watch` on rayclusters.ray.io"),
            ),
            Trouble::NoSuchKind => (
                "False",
                "CrdMissing",
                "the API server does not know rayclusters.ray.io/v1: install KubeRay's CRDs; until then the state of sessions is unknown".to_owned(),
            ),
            Trouble::Forbidden(why) => (
                "False",
                "Forbidden",
                format!("listing RayClusters {place} is forbidden: {why}; allow list and watch on rayclusters.ray.io, or name the namespaces in spec.clusters.namespaces"),
            ),
            Trouble::Unreachable(why) => {
                ("False", "Unreachable", format!("RayClusters cannot be watched {place}: {why}; the server keeps trying"))
            }
        };
        ("ClustersWatched", status, reason, message)
    }

    fn obituaries(&self) -> Option<(&'static str, &'static str, &'static str, String)> {
        let (status, reason, message) = self.obituaries.as_ref()?.condition();
        Some(("ObituariesKept", status, reason, message))
    }

    fn retention(&self) -> Option<(&'static str, &'static str, &'static str, String)> {
        let (status, reason, message) = self.retention.as_ref()?.condition();
        Some(("RetentionRuns", status, reason, message))
    }

    fn persist(&self) -> Option<(&'static str, &'static str, &'static str, String)> {
        let (status, reason, message) = self.persist.as_ref()?.condition();
        Some(("SessionsPersisted", status, reason, message))
    }

    fn access(&self) -> (&'static str, &'static str, &'static str, String) {
        let (status, reason, message) = match &self.access {
            None if self.applied.is_none() => {
                ("Unknown", "NoSettings", "no settings are in force yet; see SettingsApplied".to_owned())
            }
            None => (
                "True",
                "NotControlled",
                "whoever reaches the server sees every session; spec.access.mode Kubernetes lets people see what their roles allow".to_owned(),
            ),
            Some(Reviews::Unknown) => ("Unknown", "Pending", "the API server is being asked for the first time".to_owned()),
            Some(Reviews::Reviewing) => ("True", "Reviewing", "the API server says who may see what".to_owned()),
            Some(Reviews::Unreachable(why)) => (
                "False",
                "Unreachable",
                format!("the API server cannot be asked who may see what: {why}; what it allowed before is honoured for spec.access.cache.staleFor, and nothing new is let in"),
            ),
            Some(Reviews::Forbidden(why)) => (
                "False",
                "Forbidden",
                format!("the API server may not be asked who may see what: {why}; bind the ClusterRole system:auth-delegator to the server's ServiceAccount (config/access, or access.enabled in the chart; config/access-namespaced where it has rights in single namespaces only)"),
            ),
            Some(Reviews::ForbiddenIn { namespaces, why }) => {
                let (few, more) = (namespaces.iter().take(FEW).cloned().collect::<Vec<_>>().join(", "), namespaces.len().saturating_sub(FEW));
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                (
                    "False",
                    "Forbidden",
                    format!("nobody sees namespace {few}{more}, because the API server may not be asked about it: {why}; give the server's ServiceAccount there a Role with create on localsubjectaccessreviews.authorization.k8s.io (config/access-namespaced, or rbac.namespaces of the chart)"),
                )
            }
        };
        ("AccessReviewed", status, reason, message)
    }
}

/// Most namespaces that a message names.
const FEW: usize = 10;

fn severity(trouble: &Trouble) -> u8 {
    match trouble {
        Trouble::ListingOnly => 0,
        Trouble::Unreachable(_) => 1,
        Trouble::NoSuchKind => 2,
        Trouble::Forbidden(_) => 3,
    }
}

/// Returns `true` if the current status has the wanted content. The time of the last listing is ignored, because it
/// changes every minute.
pub(super) fn is_up_to_date(current: &RayHistoryStatus, wanted: &RayHistoryStatus) -> bool {
    current.observed_generation == wanted.observed_generation
        && current.storage == wanted.storage
        && current.sessions == wanted.sessions
        && current.cache == wanted.cache
        && current.retention == wanted.retention
        && current.persisted == wanted.persisted
        && current.conditions.len() == wanted.conditions.len()
        && wanted.conditions.iter().all(|condition| current.conditions.contains(condition))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serving() -> Facts {
        Facts {
            generation: 3,
            applied: Some(3),
            storage: Some("s3://ray".to_owned()),
            listed_at: Some(Timestamp::UNIX_EPOCH),
            ..Facts::default()
        }
    }

    fn condition<'s>(status: &'s RayHistoryStatus, type_: &str) -> (&'s str, &'s str) {
        let found = status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
        (&found.status, &found.reason)
    }

    #[test]
    fn a_new_listing_time_causes_no_write() {
        let first = serving().shared(&RayHistoryStatus::default(), Timestamp::UNIX_EPOCH);
        let later = Timestamp::from_second(60).unwrap();
        let again = Facts { listed_at: Some(later), ..serving() }.shared(&first, later);
        assert!(is_up_to_date(&first, &again));
        let more = Facts { sessions: SessionsStatus { total: 1, live: 0, dead: 1 }, ..serving() };
        assert!(!is_up_to_date(&first, &more.shared(&first, later)));
    }

    #[test]
    fn keeps_the_transition_time_until_the_status_flips() {
        let first = serving().shared(&RayHistoryStatus::default(), Timestamp::UNIX_EPOCH);
        let later = Timestamp::from_second(60).unwrap();
        let outage = Facts { stale: Some("refused".to_owned()), ..serving() }.shared(&first, later);
        for condition in &outage.conditions {
            let expected = if condition.type_ == "StorageReachable" { later } else { Timestamp::UNIX_EPOCH };
            assert_eq!(condition.last_transition_time.0, expected, "{}", condition.type_);
        }
    }

    #[test]
    fn a_replica_without_its_folder_is_not_ready() {
        let facts = Facts { folder_is_gone: true, stale: Some("no such folder".to_owned()), ..serving() };
        let status = facts.shared(&RayHistoryStatus::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(condition(&status, "Ready"), ("False", "FolderGone"));
        assert_eq!(condition(&status, "StorageReachable"), ("False", "ListingFailed"));
        assert!(serving().replica("a").ready && !facts.replica("a").ready);
    }

    #[test]
    fn rejected_settings_keep_the_server_ready() {
        let facts = Facts { generation: 4, rejected: Some("bad".to_owned()), ..serving() };
        let status = facts.shared(&RayHistoryStatus::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(condition(&status, "Ready"), ("True", "ServingLastGood"));
        assert_eq!(condition(&status, "SettingsApplied"), ("False", "Rejected"));
    }

    #[test]
    fn settings_are_pending_until_in_force() {
        let status = Facts { generation: 4, ..serving() }.shared(&RayHistoryStatus::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(condition(&status, "SettingsApplied"), ("Unknown", "Pending"));
        assert_eq!(condition(&status, "Ready"), ("True", "Serving"));
    }

    #[test]
    fn reports_the_state_of_reviews() {
        let namespaces = |count: u8| (b'a'..b'a' + count).map(|letter| char::from(letter).to_string()).collect();
        for (access, expected) in [
            (None, ("True", "NotControlled")),
            (Some(Reviews::Unknown), ("Unknown", "Pending")),
            (Some(Reviews::Reviewing), ("True", "Reviewing")),
            (Some(Reviews::Unreachable("down".to_owned())), ("False", "Unreachable")),
            (Some(Reviews::Forbidden("no".to_owned())), ("False", "Forbidden")),
            (Some(Reviews::ForbiddenIn { namespaces: namespaces(12), why: "no".to_owned() }), ("False", "Forbidden")),
        ] {
            let grant = match &access {
                Some(Reviews::Forbidden(_)) => "system:auth-delegator",
                Some(Reviews::ForbiddenIn { .. }) => "namespace a, b, c, d, e, f, g, h, i, j and 2 more, because",
                _ => "",
            };
            let status = Facts { access, ..serving() }.shared(&RayHistoryStatus::default(), Timestamp::UNIX_EPOCH);
            assert_eq!(condition(&status, "AccessReviewed"), expected);
            assert_eq!(condition(&status, "Ready"), ("True", "Serving"));
            assert!(status.conditions[4].message.contains(grant), "{:?}", status.conditions[4]);
        }
    }

    #[test]
    fn sums_what_replicas_persisted_while_sessions_are_persisted() {
        let facts = Facts { persist: Some(Persisted::default()), ..serving() };
        let replica = |name: &str, sessions, bytes, last| ReplicaStatus {
            persisted: Some(PersistedStatus { sessions, bytes, backlog: 2, last }),
            ..facts.replica(name)
        };
        let last = Some(Time(Timestamp::UNIX_EPOCH));
        let replicas = vec![replica("a", 7, 100, None), replica("b", 9, 10, last.clone()), serving().replica("c")];
        let current = RayHistoryStatus { replicas, ..RayHistoryStatus::default() };
        let status = facts.shared(&current, Timestamp::UNIX_EPOCH);
        assert_eq!(status.persisted, Some(PersistedStatus { sessions: 9, bytes: 110, backlog: 4, last }));
        assert_eq!(condition(&status, "SessionsPersisted"), ("Unknown", "Pending"));
        assert!(!is_up_to_date(&RayHistoryStatus { persisted: None, ..status.clone() }, &status));
        let off = serving().shared(&status, Timestamp::UNIX_EPOCH);
        assert!(off.persisted.is_none() && off.conditions.iter().all(|other| other.type_ != "SessionsPersisted"));
    }

    #[test]
    fn reports_the_worst_trouble() {
        let troubles = vec![
            ("a".to_owned(), Trouble::ListingOnly),
            ("b".to_owned(), Trouble::Forbidden("no".to_owned())),
            ("c".to_owned(), Trouble::Unreachable("down".to_owned())),
        ];
        let status = Facts { troubles, ..serving() }.shared(&RayHistoryStatus::default(), Timestamp::UNIX_EPOCH);
        assert_eq!(condition(&status, "ClustersWatched"), ("False", "Forbidden"));
    }
}
