//! The sources of a setting, in the order of their precedence, and warnings about bad values.

#![expect(clippy::ref_option, reason = "flags are passed as they are in their struct")]

use super::{Environment, units};
use std::net::SocketAddr;
use std::time::Duration;

/// Settings of KubeRay's collector without a meaning here, and why.
const WITHOUT_EFFECT: [(&str, &str); 5] = [
    ("LOG_BATCHING", "logs are stored as they grow"),
    ("PUSH_INTERVAL", "logs are stored as they grow"),
    ("ENABLE_EVENT_COLLECTOR", "events are always received"),
    ("ENABLE_LOG_COLLECTOR", "logs are always stored"),
    ("RAY_COLLECTOR_ROTATED_LOG_SCAN_INTERVAL", "all logs are looked at every 5 s"),
];

/// The longest duration: beyond some length, a time could not be added to.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Reads settings, and collects warnings.
pub(super) struct Source<'a> {
    env: Environment<'a>,
    warnings: Vec<String>,
}

impl<'a> Source<'a> {
    pub(super) fn new(env: Environment<'a>) -> Self {
        Self { env, warnings: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<String> {
        self.warnings
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// Returns a variable, unless it is blank.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// Returns the value of a flag, unless it is blank.
    #[expect(clippy::unused_self, reason = "flags are read as variables are")]
    pub(super) fn flag(&self, flag: &Option<String>) -> Option<String> {
        flag.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Returns KubeRay's variable, else the flag; a flag that is not used is said.
    pub(super) fn text(&mut self, variable: &str, flag: &Option<String>, name: &str) -> Option<String> {
        let (variable_value, flag) = (self.variable(variable), self.flag(flag));
        if let (Some(value), Some(flag)) = (&variable_value, &flag)
            && value != flag
        {
            self.warn(format!("{name} is not used, because {variable} takes precedence"));
        }
        variable_value.or(flag)
    }

    /// Returns the first valid value of KubeRay's variable (`""` if it has none) and the flag, else the default.
    fn parsed<T>(
        &mut self,
        variable: &str,
        flag: &Option<String>,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let values = [(variable, self.variable(variable)), (name, self.flag(flag))];
        for (name, value) in values {
            let Some(value) = value.filter(|_| !name.is_empty()) else { continue };
            match parse(&value) {
                Some(value) => return Some(value),
                None => self.warn(format!("{name} must be {expected}, and is not used")),
            }
        }
        None
    }

    pub(super) fn duration(
        &mut self,
        variable: &str,
        flag: &Option<String>,
        name: &str,
        default: Duration,
    ) -> Duration {
        let parse = |text: &str| units::duration(text).filter(|duration| !duration.is_zero() && *duration <= LONGEST);
        self.parsed(variable, flag, name, "a duration such as 10s or 5m", parse).unwrap_or(default)
    }

    pub(super) fn size(&mut self, flag: &Option<String>, name: &str) -> Option<u64> {
        let parse = |text: &str| units::size(text).filter(|size| *size > 0);
        self.parsed("", flag, name, "a size such as 512Mi", parse)
    }

    pub(super) fn boolean(&mut self, variable: &str, flag: &Option<String>, name: &str, default: bool) -> bool {
        self.parsed(variable, flag, name, "true or false", units::boolean).unwrap_or(default)
    }

    pub(super) fn number(&mut self, variable: &str) -> Option<u64> {
        self.parsed(variable, &None, "", "a number", |text| text.parse().ok())
    }

    pub(super) fn address(&mut self, flag: &Option<String>, name: &str) -> Option<SocketAddr> {
        self.parsed("", flag, name, "an address such as 127.0.0.1:8084", |text| text.parse().ok())
    }

    /// Returns the number of the value, 0 for the default.
    pub(super) fn one_of(&mut self, flag: &Option<String>, name: &str, values: &[&str]) -> usize {
        let find = |text: &str| values.iter().position(|value| value.eq_ignore_ascii_case(text));
        self.parsed("", flag, name, &values.join(" or "), find).unwrap_or(0)
    }

    /// Warns about each setting of KubeRay's collector that is set and has no meaning here.
    pub(super) fn note_those_without_effect(&mut self) {
        for (name, why) in WITHOUT_EFFECT {
            let value = self.variable(name);
            let is_default = name.contains("ENABLE") && value.as_deref().and_then(units::boolean) == Some(true);
            if value.is_some() && !is_default {
                self.warn(format!("{name} has no effect: {why}"));
            }
        }
    }
}
