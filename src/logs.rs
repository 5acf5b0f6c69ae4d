//! Decodes the log files that Ray writes about itself into facts: what events do not say, or say later.
//!
//! Owns which files are wanted and what is taken from them. Must never do I/O: the loader lists a session's files,
//! asks `wanted` for each, and gives the bytes to `Facts::read`, in any order and from several threads (`merge`).
//! Facts are the same for every order, and reading a file twice changes nothing. Bytes may be damaged or cut.
//!
//! Paths are relative to a node's `logs/` folder and use `/`. Nodes are hex ids, as in the bucket.

pub mod damage;
pub mod event_file;
pub mod monitor;

use damage::Damage;
use event_file::EventFacts;
use monitor::MonitorFacts;

/// How much of a file is worth reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of it.
    Whole,
    /// Its last bytes.
    Tail(u64),
    /// Nothing: its name says it all (`Facts::seen`).
    NameOnly,
}

/// Which kind of file a path names; rotated spellings (`x.log.1`, `x.1.log`) are of the kind of the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    EventFile,
    Monitor,
}

impl Kind {
    fn of(path: &str) -> Option<Self> {
        let current = current_name(path);
        match current.split_once('/') {
            Some(("events", name)) if name.starts_with("event_") && name.ends_with(".log") => Some(Self::EventFile),
            None if current == "monitor.log" => Some(Self::Monitor),
            _ => None,
        }
    }

    fn wanted(self) -> Wanted {
        match self {
            Self::EventFile | Self::Monitor => Wanted::Whole,
        }
    }
}

/// How much of the file at `path` is wanted; none when nothing is taken from it.
pub fn wanted(path: &str) -> Option<Wanted> {
    Kind::of(path).map(Kind::wanted)
}

/// `x.log.1` and `x.1.log` become `x.log`.
fn current_name(path: &str) -> std::borrow::Cow<'_, str> {
    let is_number = |part: &str| !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    if let Some((stem, last)) = path.rsplit_once('.') {
        if is_number(last) && stem.ends_with(".log") {
            return stem.into();
        }
        if let Some((stem, number)) = stem.rsplit_once('.')
            && last == "log"
            && is_number(number)
        {
            return format!("{stem}.log").into();
        }
    }
    path.into()
}

/// What the log files of a session say, by kind of file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Rows of the events page.
    pub events: EventFacts,
    /// The autoscaler's last status.
    pub monitor: MonitorFacts,
    /// Lines that could not be parsed.
    pub damage: Damage,
}

impl Facts {
    /// Takes what `bytes`, the file at `path` of `node` (or its tail), says. Files that are not wanted say nothing.
    pub fn read(&mut self, node: &str, path: &str, bytes: &[u8]) {
        let damage = &mut self.damage;
        match Kind::of(path) {
            Some(Kind::EventFile) => self.events.read(node, path, bytes, damage),
            Some(Kind::Monitor) => self.monitor.read(node, path, bytes, damage),
            None => {}
        }
    }

    /// Takes what the name of a file says.
    pub fn seen(&mut self, _node: &str, _path: &str) {}

    /// Takes over what another reader found.
    pub fn merge(&mut self, other: Self) {
        self.events.merge(other.events);
        self.monitor.merge(other.monitor);
        self.damage.merge(other.damage);
    }

    /// Memory held, in bytes.
    pub fn weight(&self) -> usize {
        self.events.weight() + self.monitor.weight() + self.damage.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotated_files_are_wanted_like_the_current_one() {
        for path in
            ["monitor.log", "monitor.log.1", "monitor.1.log", "events/event_GCS.log", "events/event_RAYLET.2.log"]
        {
            assert_eq!(wanted(path), Some(Wanted::Whole), "{path}");
        }
        for path in ["monitor.out", "worker.log", "old/monitor.log", "events/other.log", "", ".", "/"] {
            assert_eq!(wanted(path), None, "{path}");
        }
    }
}
