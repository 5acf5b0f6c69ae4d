//! The condition `ObituariesKept`. Pure.

use super::super::follow::Trouble;
use super::shared::{Troubles, WriteTrouble};

/// The state of what is kept of why runs ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in super::super) struct State {
    /// `true` if nothing is written.
    pub(super) in_memory: bool,
    /// Reason why documents cannot be written, if any.
    pub(super) writing: Option<WriteTrouble>,
    /// The troubles of watches and requests.
    pub(super) troubles: Troubles,
    /// Objects that there was no memory for.
    pub(super) refused: usize,
}

/// The kinds without which nothing is known.
const NEEDED: [&str; 2] = ["rayclusters", "rayjobs"];

impl State {
    /// Returns the status, the reason and the message.
    pub(in super::super) fn condition(&self) -> (&'static str, &'static str, String) {
        let place = |namespace: &str| match namespace {
            "" => String::new(),
            namespace => format!(" in namespace {namespace}"),
        };
        let names: Vec<String> = self
            .troubles
            .iter()
            .map(|((kind, namespace), trouble)| format!("{kind}{}: {trouble}", place(namespace)))
            .collect();
        let names = names.join("; ");
        let grant = "docs/obituaries.md lists the permissions of each mode";
        let needed = || self.troubles.iter().filter(|((kind, _), _)| NEEDED.contains(kind)).map(|(_, trouble)| trouble);
        if needed().any(|trouble| matches!(trouble, Trouble::Forbidden(_))) {
            return ("False", "Forbidden", format!("why runs end cannot be seen: {names}; {grant}"));
        }
        if needed().any(|trouble| matches!(trouble, Trouble::Unreachable(_))) {
            return ("False", "Unreachable", format!("why runs end cannot be seen: {names}; the server keeps trying"));
        }
        match &self.writing {
            Some(WriteTrouble::Denied(why)) => {
                let advice = "allow the server to put objects below ray-history/ of the bucket, or set spec.obituaries.store to Memory";
                return ("False", "ReadOnly", format!("the store takes no documents: {why}; {advice}"));
            }
            Some(WriteTrouble::Failing(why)) => {
                return (
                    "False",
                    "StoreFails",
                    format!("documents cannot be written: {why}; they are kept in memory, and the server keeps trying"),
                );
            }
            None => {}
        }
        if self.refused > 0 {
            let message =
                format!("there was no memory for the facts of {} objects; raise spec.cache.maxMemory", self.refused);
            return ("True", "Partial", message);
        }
        if !names.is_empty() {
            return ("True", "Partial", format!("documents say what could not be seen: {names}; {grant}"));
        }
        if self.in_memory {
            return (
                "True",
                "InMemory",
                "why runs ended is kept in the memory of each replica, until it ends".to_owned(),
            );
        }
        ("True", "Recording", "why runs ended is kept in the bucket".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn troubles(all: &[(&'static str, &str, Trouble)]) -> Troubles {
        all.iter().map(|(kind, place, trouble)| ((*kind, (*place).to_owned()), trouble.clone())).collect()
    }

    #[test]
    fn the_worst_is_told_first() {
        let no = || Trouble::Forbidden("no".to_owned());
        let denied = || Some(WriteTrouble::Denied("403".to_owned()));
        for (state, expected, part) in [
            (State::default(), ("True", "Recording"), "in the bucket"),
            (State { in_memory: true, ..State::default() }, ("True", "InMemory"), "memory of each replica"),
            (
                State { troubles: troubles(&[("pods", "a", no())]), ..State::default() },
                ("True", "Partial"),
                "pods in namespace a: forbidden: no",
            ),
            (State { refused: 3, ..State::default() }, ("True", "Partial"), "3 objects"),
            (
                State { writing: denied(), refused: 3, ..State::default() },
                ("False", "ReadOnly"),
                "spec.obituaries.store to Memory",
            ),
            (
                State { writing: Some(WriteTrouble::Failing("503".to_owned())), ..State::default() },
                ("False", "StoreFails"),
                "503",
            ),
            (
                State { troubles: troubles(&[("rayjobs", "", no())]), writing: denied(), ..State::default() },
                ("False", "Forbidden"),
                "rayjobs: forbidden: no",
            ),
            (
                State {
                    troubles: troubles(&[("rayclusters", "", Trouble::Unreachable("down".to_owned()))]),
                    ..State::default()
                },
                ("False", "Unreachable"),
                "down",
            ),
            (
                State { troubles: troubles(&[("rayjobs", "", Trouble::NoSuchKind)]), ..State::default() },
                ("True", "Partial"),
                "rayjobs: the API server does not know",
            ),
        ] {
            let (status, reason, message) = state.condition();
            assert_eq!((status, reason), expected, "{message}");
            assert!(message.contains(part), "{message}");
        }
    }
}
