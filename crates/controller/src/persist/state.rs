//! The state of persisting as the status shows it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use ray_history_settings::crd::PersistedStatus;

/// The part of persisting that the status shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Sessions that are persisted, as of the last listing and what this replica wrote since.
    pub(crate) sessions: u64,
    /// Bytes that this replica wrote since it started.
    pub(crate) bytes: u64,
    /// Dead sessions of this replica that wait.
    pub(crate) backlog: u64,
    /// Time at which this replica wrote last.
    pub(crate) last: Option<Timestamp>,
    /// The reason why nothing can be written, if any.
    pub(crate) trouble: Option<Trouble>,
    /// The reason why rollups cannot be written, if any.
    pub(super) fleet: Option<Trouble>,
    /// `true` once everything that is persisted was listed.
    pub(super) is_listed: bool,
    /// `true` if the store cannot replace an object on condition that nobody changed it.
    pub(super) lacks_conditions: bool,
}

/// The reason why nothing can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The store refuses it.
    Forbidden(String),
    /// The store fails.
    Fails(String),
}

impl State {
    pub(super) fn listed(&mut self, sessions: u64) {
        self.sessions = sessions;
        self.is_listed = true;
        self.trouble = None;
    }

    pub(super) fn written(&mut self, bytes: u64) {
        self.sessions += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.last = Some(Timestamp::now());
        self.trouble = None;
    }

    /// Returns the state with the reason why rollups cannot be written.
    pub(crate) fn with_fleet(&self, trouble: Option<&Trouble>) -> Self {
        Self { fleet: trouble.cloned(), ..self.clone() }
    }

    pub(super) fn forbidden(&mut self, why: String) {
        self.trouble = Some(Trouble::Forbidden(why));
    }

    pub(super) fn fails(&mut self, why: String) {
        self.trouble = Some(Trouble::Fails(why));
    }

    /// Returns the numbers for the status.
    pub(crate) fn status(&self) -> PersistedStatus {
        // Seconds, because more would only make the status longer.
        let last = self.last.and_then(|last| Timestamp::from_second(last.as_second()).ok());
        PersistedStatus {
            sessions: number(self.sessions),
            bytes: number(self.bytes),
            backlog: number(self.backlog),
            last: last.map(Time),
        }
    }

    /// Returns the status, the reason and the message of the condition `SessionsPersisted`.
    pub(crate) fn condition(&self) -> (&'static str, &'static str, String) {
        match (&self.trouble, &self.fleet) {
            (Some(Trouble::Forbidden(why)), _) => {
                let advice = "allow the server to put and delete objects below ray-history/v1/snapshots/ and \
                              ray-history/v1/tables/ of the first root (docs/tables.md has the rights of each store), or \
                              set spec.persist.mode to Off";
                return ("False", "Forbidden", format!("the store refuses to take dead sessions: {why}; {advice}"));
            }
            (Some(Trouble::Fails(why)), _) => {
                let message = format!("dead sessions cannot be written: {why}; the server tries again in five minutes");
                return ("False", "StoreFails", message);
            }
            (None, _) if !self.is_listed => {
                return ("Unknown", "Pending", "what is persisted is being listed".to_owned());
            }
            (None, Some(Trouble::Forbidden(why))) => {
                let advice = "allow the server to put and delete objects below ray-history/v1/fleet/ of the first root \
                              (docs/tables.md has the rights of each store), or set spec.persist.mode to Sessions";
                return ("False", "Forbidden", format!("the store refuses to take rollups: {why}; {advice}"));
            }
            (None, Some(Trouble::Fails(why))) => {
                let message = format!("rollups cannot be written: {why}; the server tries again in five minutes");
                return ("False", "StoreFails", message);
            }
            (None, None) => {}
        }
        let what = match self.backlog {
            0 => "every dead session that this replica has to persist is persisted, or not old enough".to_owned(),
            waiting => format!("{waiting} dead sessions of this replica wait, the newest first"),
        };
        if self.lacks_conditions {
            let message = format!(
                "{what}; this store replaces objects without a condition, so two writers are noticed by readers alone"
            );
            return ("True", "NoConditions", message);
        }
        ("True", if self.backlog == 0 { "Idle" } else { "Persisting" }, what)
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_told_first() {
        let listed = State { is_listed: true, ..State::default() };
        let forbidden = Some(Trouble::Forbidden("403".to_owned()));
        let fails = Some(Trouble::Fails("503".to_owned()));
        for (state, expected, part) in [
            (State::default(), ("Unknown", "Pending"), "listed"),
            (listed.clone(), ("True", "Idle"), "is persisted"),
            (State { backlog: 3, ..listed.clone() }, ("True", "Persisting"), "3 dead sessions"),
            (State { lacks_conditions: true, ..listed.clone() }, ("True", "NoConditions"), "without a condition"),
            (State { trouble: forbidden.clone(), backlog: 3, ..listed.clone() }, ("False", "Forbidden"), "403; allow"),
            (State { fleet: forbidden.clone(), ..listed.clone() }, ("False", "Forbidden"), "ray-history/v1/fleet/"),
            (State { trouble: forbidden, ..State::default() }, ("False", "Forbidden"), "ray-history/v1/snapshots/"),
            (State { fleet: fails.clone(), ..listed.clone() }, ("False", "StoreFails"), "rollups"),
            (State { trouble: fails, lacks_conditions: true, ..listed }, ("False", "StoreFails"), "503"),
        ] {
            let (status, reason, message) = state.condition();
            assert_eq!((status, reason), expected, "{message}");
            assert!(message.contains(part) && !message.contains("  "), "{message}");
        }
    }

    #[test]
    fn numbers_are_those_of_this_replica() {
        let mut state = State::default();
        state.fails("down".to_owned());
        state.listed(5);
        state.written(7);
        state.written(11);
        let PersistedStatus { sessions, bytes, backlog, last } = state.status();
        assert_eq!((sessions, bytes, backlog), (7, 18, 0));
        assert_eq!(last.map(|last| last.0.subsec_nanosecond()), Some(0));
        assert_eq!(state.condition().1, "Idle");
    }
}
