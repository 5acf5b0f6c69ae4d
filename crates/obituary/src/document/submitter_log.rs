//! The end of the log of a submitter that failed. It is no fact: no cause is found in it, and the bounds of facts do not
//! count it.

use crate::time::Time;
use ray_history_core::base::terminal::without_escapes;
use serde::{Deserialize, Serialize};

/// The bytes of a log that are kept, the last ones.
const KEPT: usize = 64 << 10;

/// The end of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SubmitterLog {
    /// The end of the container.
    pub at: Time,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// `true` if lines before these are left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
    /// The last lines, without escape sequences of terminals and control characters.
    pub text: String,
}

impl SubmitterLog {
    /// Returns the end of a log; `is_cut` if there was more before these bytes.
    pub fn new(pod: &str, container: &str, at: Time, bytes: &[u8], is_cut: bool) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text: String = without_escapes(&text).filter(|c| matches!(c, '\n' | '\t') || !c.is_control()).collect();
        let mut log = Self { at, pod: pod.to_owned(), container: container.to_owned(), is_cut, text };
        log.limit();
        log
    }

    /// Keeps the last lines, and at least the end of the last one.
    pub(super) fn limit(&mut self) {
        if self.text.len() <= KEPT {
            return;
        }
        let at = self.text.ceil_char_boundary(self.text.len() - KEPT);
        let line = self.text[at..].find('\n').map(|line| at + line + 1).filter(|line| *line < self.text.len());
        self.text.drain(..line.unwrap_or(at));
        self.is_cut = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_without_escapes() {
        let log = SubmitterLog::new("p", "c", Time(1), b"\x1b[31mred\x1b[0m\r\n\xffodd\n", false);
        assert_eq!((log.text.as_str(), log.is_cut), ("red\n\u{fffd}odd\n", false));
        let lines = (0..10_000).map(|n| format!("line é {n}")).collect::<Vec<_>>().join("\n") + "\n";
        let log = SubmitterLog::new("p", "c", Time(1), lines.as_bytes(), false);
        assert!(log.is_cut && log.text.len() <= KEPT && log.text.len() > KEPT - 20, "{}", log.text.len());
        assert!(log.text.starts_with("line é ") && log.text.ends_with("line é 9999\n"));
        let one = SubmitterLog::new("p", "c", Time(1), "é".repeat(KEPT).as_bytes(), false);
        assert!(one.is_cut && one.text.len() == KEPT);
    }
}
