//! Ranges of log files that are stored nowhere.

use ray_history_manifest::LogRange;
use std::ops::Range;

/// Ranges that are named; of more, the bytes are summed.
const MOST_NAMED: usize = 1_000;

/// Ranges that are lost for ever.
#[derive(Clone, Debug, Default)]
pub(super) struct Losses {
    named: Vec<LogRange>,
}

impl Losses {
    /// Returns losses that were noted before.
    pub(super) fn from_named(named: Vec<LogRange>) -> Self {
        Self { named }
    }

    /// Notes a lost range of the file that is stored as `path`. An empty one is none.
    pub(super) fn add(&mut self, path: &str, range: Range<u64>, why: &str) {
        if range.is_empty() {
            return;
        }
        let Range { start: from, end: to } = range;
        let named = self.named.len();
        match self.named.get_mut(MOST_NAMED) {
            Some(rest) => rest.to = rest.to.saturating_add(to - from),
            None if named == MOST_NAMED => self.named.push(LogRange {
                path: String::new(),
                from: 0,
                to: to - from,
                why: "bytes of further files".into(),
            }),
            None => self.named.push(LogRange { path: path.to_owned(), from, to, why: why.to_owned() }),
        }
    }

    /// Returns the ranges.
    pub(super) fn named(&self) -> &[LogRange] {
        &self.named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_losses_are_summed() {
        let mut losses = Losses::default();
        losses.add("a", 5..5, "nothing");
        for _ in 0..MOST_NAMED + 3 {
            losses.add("a", 5..7, "removed");
        }
        assert_eq!(losses.named().len(), MOST_NAMED + 1);
        let last = losses.named().last().unwrap();
        assert_eq!((last.path.as_str(), last.from, last.to), ("", 0, 6));
    }
}
