//! Rules, limits and brakes. Nothing is implied: what is absent keeps sessions for ever.

mod matching;
mod pattern;
mod problems;
#[cfg(test)]
mod tests;

pub use matching::{Creator, Match};
pub use pattern::Pattern;
pub use problems::Problem;

use crate::candidate::Digest;
use serde::Serialize;
use std::time::Duration;

/// The shortest age and grace.
pub const SHORTEST: Duration = Duration::from_secs(24 * 3_600);
/// The longest grace.
pub const LONGEST_GRACE: Duration = Duration::from_secs(8_760 * 3_600);
/// The most rules, and the most matches that protect; the schema of a RayHistory has the same.
pub const MAX_RULES: usize = 32;
/// The most patterns of one list; the schema of a RayHistory has the same.
pub const MAX_PATTERNS: usize = 64;

/// The consequences of the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// None.
    #[default]
    Off,
    /// The plan is shown, and nothing is written.
    DryRun,
    /// Sessions are marked, and deleted after the grace.
    Delete,
}

impl Mode {
    /// Returns the word in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::DryRun => "DryRun",
            Self::Delete => "Delete",
        }
    }
}

/// A rule: sessions that match, and the limits beyond which they go. Each limit that is there counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The sessions that this rule decides about, unless one before does.
    pub matches: Match,
    /// The age since its end from which a session goes.
    pub max_age: Option<Duration>,
    /// The sessions that stay of each namespace, the newest.
    pub max_sessions: Option<u64>,
    /// The bytes that stay of each namespace, of the newest sessions.
    pub max_bytes: Option<u64>,
}

/// Validated settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Off, a dry run, or deletion.
    pub mode: Mode,
    /// The rules: the first that matches decides, and a session that none matches stays for ever.
    pub rules: Vec<Rule>,
    /// The sessions that stay whatever the rules say.
    pub protect: Vec<Match>,
    /// The time between mark and deletion.
    pub grace: Duration,
    /// The share of all sessions that may be marked in a day, in percent; one session at least.
    pub max_share: u8,
    /// The objects that may be deleted in a second.
    pub objects_per_second: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Off,
            rules: Vec::new(),
            protect: Vec::new(),
            grace: Duration::from_secs(168 * 3_600),
            max_share: 10,
            objects_per_second: 50,
        }
    }
}

impl Settings {
    /// Returns everything that keeps these settings from being followed. Outcomes come from obituaries, so rules may only
    /// use them while these are kept.
    pub fn problems(&self, keeps_obituaries: bool) -> Vec<Problem> {
        problems::of(self, keeps_obituaries)
    }

    /// Returns the digest of all that decides which sessions match. Marks carry it, so that other rules begin with new
    /// marks.
    pub fn digest(&self) -> String {
        // Plain values always have a JSON form.
        Digest::of(&serde_json::to_vec(&(&self.rules, &self.protect)).unwrap_or_default()).to_string()
    }

    /// Returns the digest of the whole section. It is the generation of a run: a halt ends when it changes.
    pub fn revision(&self) -> String {
        let Self { mode, rules, protect, grace, max_share, objects_per_second } = self;
        let section = (mode.as_str(), rules, protect, grace, max_share, objects_per_second);
        Digest::of(&serde_json::to_vec(&section).unwrap_or_default()).to_string()
    }
}
