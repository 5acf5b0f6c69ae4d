//! Decodes Ray's own log files into facts that events lack or have only later.
//!
//! Decides which files are read and which facts are taken from them, but does no I/O: the loader lists a session's
//! files, asks `wanted` for each, and passes the bytes to `Facts::read`, in any order and from several threads
//! (`merge`). The order of files does not change the facts, and reading a file twice has no effect. Bytes may be
//! damaged or cut; lines that could not be parsed are counted in `Facts::damage`.
//!
//! Paths are relative to a node's `logs/` folder and use `/`. Nodes are hex ids, as in the bucket.
//!
//! | file | content that is read |
//! |---|---|
//! | `events/event_*.log` | the events page (`event_file`); `event_JOBS` also for the ends of submissions (`job_events`) |
//! | `monitor.log` | the autoscaler's last status (`monitor`) |
//! | `jobs/supervisor-*.log` | exit codes, exact ends, nodes, and the local time zone (`supervisor`, `zone`) |
//! | `job-driver-*.log` | the entrypoint, and the lines a failed job's message quotes (`job_driver`) |
//! | `dashboard_agent.log` | agent addresses, starts of submissions, two failures found in no other file (`agent`) |
//! | `runtime_env_agent.log` | the runtime environments in use at the end (`runtime_env_agent`) |
//! | `export_events/event_EXPORT_*.log` | submissions, datasets and train runs (`export`) |
//! | `train/ray-train-*.log` | Train runs that were not exported, and the local time zone (`train`, `zone`) |
//! | `gcs_server.out`, `raylet.out`, logs of workers and drivers | facts that events lack (`processes`); their names always |

pub mod agent;
pub mod attempt_bytes;
mod cpp;
pub mod damage;
pub mod event_file;
pub mod export;
pub mod group;
pub mod job_driver;
pub mod job_events;
mod line;
pub mod monitor;
pub mod processes;
pub mod runtime_env_agent;
pub mod supervisor;
pub mod train;
pub mod zone;

use agent::Agents;
use damage::Damage;
use event_file::EventFacts;
use export::Exports;
use job_driver::DriverLogs;
use job_events::JobEvents;
use monitor::MonitorFacts;
use processes::{LogName, ProcessLogs, Source};
use runtime_env_agent::RuntimeEnvAgents;
use supervisor::Supervisors;
use train::TrainLogs;
use zone::Zone;

/// The part of a file that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// All of a file of at most `head + tail` bytes; of a longer one its first `head` bytes followed by its last
    /// `tail` bytes, in one piece.
    Ends {
        /// Bytes from the start.
        head: u64,
        /// Bytes from the end.
        tail: u64,
    },
    /// Nothing: only the name is used (`Facts::read_name`).
    NameOnly,
}

/// The kind of a file, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind<'a> {
    EventFile { jobs: bool },
    Monitor,
    Supervisor { submission: &'a str },
    DriverLog { submission: &'a str },
    Agent,
    RuntimeEnvAgent,
    Export,
    Train { controller: bool },
    Worker,
}

impl<'a> Kind<'a> {
    /// Returns the kind of a current (not rotated) path.
    fn of(current: &'a str) -> Option<Self> {
        if crate::layout::rotated_from(current).is_some() {
            return None; // An older part of a submission's log must not count as another submission.
        }
        let within = |name: &'a str, prefix: &str| {
            name.strip_prefix(prefix)?.strip_suffix(".log").filter(|rest| !rest.is_empty() && !rest.contains('/'))
        };
        match current.split_once('/') {
            Some(("events", name)) => within(name, "event_").map(|source| Self::EventFile { jobs: source == "JOBS" }),
            Some(("jobs", name)) => within(name, "supervisor-").map(|submission| Self::Supervisor { submission }),
            Some(("export_events", name)) => export::is_wanted(name).then_some(Self::Export),
            Some(("train", name)) => train::is_controller(name).map(|controller| Self::Train { controller }),
            Some(_) => None,
            None => match current {
                "monitor.log" => Some(Self::Monitor),
                "dashboard_agent.log" => Some(Self::Agent),
                "runtime_env_agent.log" => Some(Self::RuntimeEnvAgent),
                name => within(name, "job-driver-")
                    .map(|submission| Self::DriverLog { submission })
                    .or_else(|| LogName::parse(name).map(|_| Self::Worker)),
            },
        }
    }

    fn wanted(self) -> Wanted {
        match self {
            Self::EventFile { .. }
            | Self::Monitor
            | Self::Supervisor { .. }
            | Self::Export
            | Self::Train { controller: true } => Wanted::Whole,
            Self::Train { controller: false } => Wanted::Ends { head: train::WORKER_HEAD, tail: train::WORKER_TAIL },
            Self::DriverLog { .. } => Wanted::Ends { head: job_driver::HEAD, tail: job_driver::TAIL },
            Self::Agent => Wanted::Ends { head: agent::HEAD, tail: agent::TAIL },
            Self::RuntimeEnvAgent => Wanted::Ends { head: runtime_env_agent::END, tail: runtime_env_agent::END },
            Self::Worker => Wanted::NameOnly,
        }
    }
}

/// Returns the part of the file at `path` that is wanted; `None` if nothing is taken from it. Rotated spellings
/// (`x.log.1`, `x.1.log`) are wanted like the current file.
pub fn wanted(path: &str) -> Option<Wanted> {
    Kind::of(&current_name(path).0).map(Kind::wanted)
}

/// Returns `true` if a file's content may be read, and not only its name. A session is then rebuilt when the file
/// changes.
pub fn is_input(path: &str) -> bool {
    matches!(wanted(path), Some(Wanted::Whole | Wanted::Ends { .. })) || Source::of(path).is_some()
}

/// Returns the current name of a rotated file, and the age of its rotation: `x.log`, 1 for `x.log.1` and `x.1.log`.
///
/// `x.rotated.7-9.log`, as collectors since v1.7.1 keep it, is `x.log` too; its numbers do not show its age. A
/// submission may be named `a.1`, so the logs of submissions, which are never rotated, keep their names.
fn current_name(path: &str) -> (std::borrow::Cow<'_, str>, u32) {
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| part.len() <= 3 && !part.starts_with('+'));
    if path.starts_with("job-driver-") || path.starts_with("jobs/") {
        return (path.into(), 0);
    }
    if let Some(current) = crate::layout::rotated_from(path) {
        return (current.into(), 1);
    }
    let Some((stem, last)) = path.rsplit_once('.') else { return (path.into(), 0) };
    if let Some(rotation) = number(last)
        && stem.as_bytes().ends_with(b".log")
    {
        return (stem.into(), rotation);
    }
    match stem.rsplit_once('.') {
        Some((stem, middle)) if last == "log" => match number(middle) {
            Some(rotation) => (format!("{stem}.log").into(), rotation),
            None => (path.into(), 0),
        },
        _ => (path.into(), 0),
    }
}

/// The facts in the log files of a session, by kind of file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Rows of the events page.
    pub events: EventFacts,
    /// The autoscaler's last status.
    pub monitor: MonitorFacts,
    /// Starts and ends of submissions, from the job manager.
    pub job_events: JobEvents,
    /// Exit codes and nodes of submissions, from their supervisors.
    pub supervisors: Supervisors,
    /// Entrypoints and last lines of submissions.
    pub driver_logs: DriverLogs,
    /// Addresses of agents, and the actions of their job managers.
    pub agents: Agents,
    /// Actions of the runtime environment agents.
    pub runtime_envs: RuntimeEnvAgents,
    /// Submissions, datasets and train runs.
    pub exports: Exports,
    /// Messages of the controllers, and identities of the workers, of Train runs.
    pub train: TrainLogs,
    /// Logs of Ray's C++ processes, for facts that events lack; empty once a snapshot is built.
    pub processes: ProcessLogs,
    /// The local time zone.
    pub zone: Zone,
    /// Lines that could not be parsed.
    pub damage: Damage,
}

impl Facts {
    /// Reads `bytes`, the part that `wanted` selects of the file at `path` of `node`, and its name. Unwanted files are
    /// ignored.
    pub fn read(&mut self, node: &str, path: &str, bytes: &[u8]) {
        let (current, rotation) = current_name(path);
        let damage = &mut self.damage;
        match Kind::of(&current) {
            Some(Kind::EventFile { jobs }) => {
                self.events.read(node, path, bytes, damage);
                if jobs {
                    self.job_events.read(node, path, bytes, damage);
                }
            }
            Some(Kind::Monitor) => self.monitor.read(node, path, bytes, damage),
            Some(Kind::Supervisor { submission }) => self.supervisors.read(submission, bytes, &mut self.zone),
            Some(Kind::DriverLog { submission }) => self.driver_logs.read(submission, node, bytes),
            Some(Kind::Agent) => self.agents.read(node, bytes),
            Some(Kind::RuntimeEnvAgent) => self.runtime_envs.read(node, rotation, bytes),
            Some(Kind::Export) => self.exports.read(node, path, rotation, bytes, damage),
            Some(Kind::Train { .. }) => self.train.read(node, path, bytes, &mut self.zone, damage),
            Some(Kind::Worker) => self.read_name(node, path),
            None => {}
        }
    }

    /// Reads the name of the file at `path`.
    pub fn read_name(&mut self, node: &str, path: &str) {
        let (current, _) = current_name(path);
        if Kind::of(&current) == Some(Kind::Worker) {
            self.processes.read_name(node, &current);
        }
    }

    /// Merges the facts of another reader.
    pub fn merge(&mut self, other: Self) {
        self.events.merge(other.events);
        self.monitor.merge(other.monitor);
        self.job_events.merge(other.job_events);
        self.supervisors.merge(other.supervisors);
        self.driver_logs.merge(other.driver_logs);
        self.agents.merge(other.agents);
        self.runtime_envs.merge(other.runtime_envs);
        self.exports.merge(other.exports);
        self.train.merge(other.train);
        self.processes.merge(other.processes);
        self.zone.merge(other.zone);
        self.damage.merge(other.damage);
    }

    /// Returns the memory held by facts of submissions, in bytes.
    pub fn weight_of_submissions(&self) -> usize {
        self.job_events.weight()
            + self.supervisors.weight()
            + self.driver_logs.weight()
            + self.agents.weight()
            + self.exports.weight()
    }

    /// Returns the memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.events.weight()
            + self.monitor.weight()
            + self.weight_of_submissions()
            + self.runtime_envs.weight()
            + self.train.weight()
            + self.processes.weight()
            + self.zone.weight()
            + self.damage.weight()
    }
}

#[cfg(test)]
mod tests;
