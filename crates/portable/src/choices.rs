//! The choices of whoever exports: log files, raw data, messages.

use ray_history_core::logs::{Wanted, wanted};
use ray_history_session::{StoredKind, StoredObject};

/// The log of the agent that creates environments: nearly every line holds values of variables.
const ENVIRONMENT_LOG: &str = "runtime_env_agent";

/// The contents of a portable file besides tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// The log files.
    pub logs: Logs,
    /// `true` for all raw data as it is stored, with every log file.
    pub raw: bool,
    /// `true` if tables have the messages of errors.
    pub messages: bool,
}

impl Default for Choices {
    fn default() -> Self {
        Self { logs: Logs::default(), raw: false, messages: true }
    }
}

/// The log files of a portable file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logs {
    /// None.
    None,
    /// Those from which facts are read: of submitted jobs, of the autoscaler, events. No output of workers, and no file
    /// that names environment variables.
    #[default]
    Facts,
    /// All but the logs of the agents that create environments.
    All,
}

impl Logs {
    /// The names, as in requests and on the command line.
    pub const NAMES: [&str; 3] = ["none", "facts", "all"];

    /// Returns the choice of a name.
    pub fn parse(name: &str) -> Option<Self> {
        let choices = [Self::None, Self::Facts, Self::All];
        Self::NAMES.iter().position(|known| *known == name).map(|at| choices[at])
    }

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Facts => "facts",
            Self::All => "all",
        }
    }
}

impl Choices {
    /// Returns `true` if a raw object is copied.
    pub(crate) fn wants(self, object: &StoredObject) -> bool {
        let logs = |path: &str| match self.logs {
            Logs::None => false,
            Logs::Facts => matches!(wanted(path), Some(Wanted::Whole | Wanted::Ends { .. })),
            Logs::All => true,
        };
        match &object.kind {
            _ if self.raw => true,
            StoredKind::Manifest => true,
            StoredKind::LogSegment => self.logs == Logs::All,
            StoredKind::Log(path) => logs(path) && !path.contains(ENVIRONMENT_LOG),
            StoredKind::Data => false,
        }
    }

    /// Returns `true` if a raw object is copied only if it names no environment variables.
    pub(crate) fn is_looked_into(self, object: &StoredObject) -> bool {
        !self.raw && self.logs == Logs::Facts && matches!(object.kind, StoredKind::Log(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_session::load::LogObject;

    #[test]
    fn what_is_copied_follows_from_its_kind() {
        let object = |kind| StoredObject { key: String::new(), kind, object: LogObject::new("", 1) };
        let log = |path: &str| object(StoredKind::Log(path.to_owned()));
        let [none, facts, all] = Logs::NAMES.map(|name| Logs::parse(name).unwrap());
        for (object, copied) in [
            (object(StoredKind::Manifest), [true, true, true, true]),
            (object(StoredKind::Data), [false, false, false, true]),
            (object(StoredKind::LogSegment), [false, false, true, true]),
            (log("monitor.log"), [false, true, true, true]),
            (log("worker-abc-01000000-17.out"), [false, false, true, true]),
            (log("runtime_env_agent.log"), [false, false, false, true]),
        ] {
            let choices = [(none, false), (facts, false), (all, false), (none, true)];
            let wants = choices.map(|(logs, raw)| Choices { logs, raw, messages: true }.wants(&object));
            assert_eq!(wants, copied, "{object:?}");
        }
        assert_eq!(Logs::parse("some"), None);
        assert!([none, facts, all].iter().all(|logs| Logs::parse(logs.as_str()) == Some(*logs)));
    }
}
