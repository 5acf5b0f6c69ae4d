//! Everything that is wrong with settings, at once.

use super::{LONGEST_GRACE, MAX_PATTERNS, MAX_RULES, Match, Mode, Pattern, Rule, SHORTEST, Settings};
use std::fmt;

/// A value that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, below the section of retention: `rules[0].maxAge`.
    pub field: String,
    /// The reason.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.why)
    }
}

pub(super) fn of(settings: &Settings, keeps_obituaries: bool) -> Vec<Problem> {
    let mut found = Found { problems: Vec::new(), keeps_obituaries };
    let Settings { mode, rules, protect, grace, max_share, objects_per_second } = settings;
    if *mode != Mode::Off && rules.is_empty() {
        found.add("rules", "retention is on, and no rule says what it deletes");
    }
    for (name, count) in [("rules", rules.len()), ("protect", protect.len())] {
        if count > MAX_RULES {
            found.add(name, format!("{count} are more than {MAX_RULES}"));
        }
    }
    for (at, rule) in rules.iter().enumerate().take(MAX_RULES) {
        found.rule(&format!("rules[{at}]"), rule);
    }
    for (at, protects) in protect.iter().enumerate().take(MAX_RULES) {
        let field = format!("protect[{at}]");
        if *protects == Match::default() {
            found.add(&field, "it has no condition, so it would protect every session: set mode to Off instead");
        }
        found.matches(&field, protects);
    }
    if !(SHORTEST..=LONGEST_GRACE).contains(grace) {
        found.add("grace", "it must be between 24h and 8760h");
    }
    if !(1..=100).contains(max_share) {
        found.add("maxShare", "it must be between 1 and 100 percent");
    }
    if !(1..=10_000).contains(objects_per_second) {
        found.add("rate.objectsPerSecond", "it must be between 1 and 10000");
    }
    found.problems
}

struct Found {
    problems: Vec<Problem>,
    keeps_obituaries: bool,
}

impl Found {
    fn add(&mut self, field: &str, why: impl Into<String>) {
        self.problems.push(Problem { field: field.to_owned(), why: why.into() });
    }

    fn rule(&mut self, field: &str, rule: &Rule) {
        let Rule { matches, max_age, max_sessions, max_bytes } = rule;
        if max_age.is_none() && max_sessions.is_none() && max_bytes.is_none() {
            self.add(field, "it has no limit: set maxAge, maxSessions or maxBytes");
        }
        if max_age.is_some_and(|age| age < SHORTEST) {
            self.add(&format!("{field}.maxAge"), "it must be 24h at least");
        }
        for (name, limit) in [("maxSessions", max_sessions), ("maxBytes", max_bytes)] {
            if *limit == Some(0) {
                self.add(&format!("{field}.{name}"), "it must be 1 at least");
            }
        }
        self.matches(&format!("{field}.match"), matches);
    }

    fn matches(&mut self, field: &str, matches: &Match) {
        let Match { namespaces, owner_kinds: _, owners, outcomes } = matches;
        for (name, patterns) in [("namespaces", namespaces), ("owners", owners)] {
            if patterns.len() > MAX_PATTERNS {
                self.add(&format!("{field}.{name}"), format!("{} are more than {MAX_PATTERNS}", patterns.len()));
            }
            let odd = |pattern: &&Pattern| pattern.as_str().is_empty() || pattern.as_str().len() > Pattern::LONGEST;
            if patterns.iter().any(|pattern| odd(&pattern)) {
                let longest = Pattern::LONGEST;
                self.add(&format!("{field}.{name}"), format!("a name is empty or longer than {longest} bytes"));
            }
        }
        if !outcomes.is_empty() && !self.keeps_obituaries {
            self.add(&format!("{field}.outcomes"), "outcomes come from obituaries, which are off");
        }
    }
}
