//! The text or regular expression that lines are searched for, matched in linear time and bounded memory.

use regex_automata::meta::{BuildError, Cache, Config, Regex};
use regex_automata::util::syntax;
use regex_automata::{Input, Span};

/// Longest text or expression in bytes.
pub const LONGEST_PATTERN: usize = 1_000;
/// Bytes of a compiled expression. One that needs more, such as `(\w{100}){100}`, is refused.
const COMPILED: usize = 512 << 10;
/// Bytes that a search may hold besides, for states that it meets.
const STATES: usize = 1 << 20;

/// A compiled pattern; cheap to clone.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// `true` if a match cannot contain a line end, so that whole blocks may be searched at once.
    is_literal: bool,
}

/// The reason why a pattern is refused.
#[derive(Debug, thiserror::Error)]
pub enum BadPattern {
    /// It is empty.
    #[error("a text is wanted")]
    Empty,
    /// It is too long.
    #[error("at most {LONGEST_PATTERN} bytes are wanted")]
    TooLong,
    /// A text has a line end.
    #[error("a text within one line is wanted: each line is searched alone")]
    SeveralLines,
    /// It is no regular expression, or its compiled form is too large.
    #[error("{0}")]
    Expression(String),
}

impl From<BuildError> for BadPattern {
    fn from(error: BuildError) -> Self {
        Self::Expression(match (error.size_limit(), error.syntax_error()) {
            (Some(_), _) => "this regular expression is too large when compiled".to_owned(),
            // The error points into the expression with lines of its own.
            (None, Some(error)) => format!("no regular expression: {}", last_line(&error.to_string())),
            (None, None) => format!("no regular expression that can be searched for: {error}"),
        })
    }
}

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default().trim_start_matches("error: ")
}

impl Pattern {
    /// Compiles a text, or a regular expression in the syntax of the `regex` crate.
    pub fn new(text: &str, is_regex: bool, ignores_case: bool) -> Result<Self, BadPattern> {
        match text.len() {
            0 => return Err(BadPattern::Empty),
            1..=LONGEST_PATTERN => {}
            _ => return Err(BadPattern::TooLong),
        }
        if !is_regex && text.contains('\n') {
            return Err(BadPattern::SeveralLines);
        }
        let escaped = if is_regex { text.to_owned() } else { regex_lite::escape(text) };
        // Logs are not always UTF-8.
        let syntax = syntax::Config::new().case_insensitive(ignores_case).utf8(false);
        let config = Config::new()
            .utf8_empty(false)
            .nfa_size_limit(Some(COMPILED))
            .onepass_size_limit(Some(COMPILED))
            .hybrid_cache_capacity(STATES);
        let regex = Regex::builder().configure(config).syntax(syntax).build(&escaped)?;
        Ok(Self { regex, is_literal: !is_regex })
    }

    /// Returns what a search needs besides.
    pub(super) fn cache(&self) -> Cache {
        self.regex.create_cache()
    }

    /// Returns the first match within `range`. What lies around it in `text` decides about anchors and word boundaries.
    pub(super) fn find(&self, cache: &mut Cache, text: &[u8], range: Span) -> Option<Span> {
        self.regex.search_with(cache, &Input::new(text).span(range)).map(|found| found.span())
    }

    /// Returns the bytes at the start of whole lines that no match is in: whole lines, too.
    pub(super) fn skip(&self, cache: &mut Cache, lines: &[u8]) -> usize {
        if !self.is_literal {
            return 0;
        }
        match self.find(cache, lines, Span { start: 0, end: lines.len() }) {
            Some(found) => memchr::memrchr(b'\n', &lines[..found.start]).map_or(0, |newline| newline + 1),
            None => lines.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, is_regex: bool, ignores_case: bool, text: &[u8]) -> bool {
        let pattern = Pattern::new(pattern, is_regex, ignores_case).unwrap();
        pattern.find(&mut pattern.cache(), text, Span { start: 0, end: text.len() }).is_some()
    }

    #[test]
    fn texts_and_expressions_match() {
        for (pattern, is_regex, ignores_case, text, expected) in [
            ("CUDA error", false, false, "RuntimeError: CUDA error: out of memory", true),
            ("cuda error", false, false, "RuntimeError: CUDA error", false),
            ("cuda error", false, true, "RuntimeError: CUDA error", true),
            ("fehler über", false, true, "FEHLER ÜBER alles", true),
            ("a.c", false, false, "abc", false),
            ("a.c", true, false, "abc", true),
            (r"^Error: \d+$", true, false, "Error: 17", true),
            (r"^Error: \d+$", true, false, "Error: 17.", false),
            (r"[(", false, false, "x[(y", true),
        ] {
            assert_eq!(matches(pattern, is_regex, ignores_case, text.as_bytes()), expected, "{pattern} in {text}");
        }
        assert!(matches("caf\u{e9}", false, false, b"\xff caf\xc3\xa9"), "a line that is no UTF-8");
    }

    #[test]
    fn bad_patterns_say_why() {
        let refused = |text: &str, is_regex| Pattern::new(text, is_regex, false).unwrap_err().to_string();
        assert_eq!(refused("", false), "a text is wanted");
        assert!(refused(&"x".repeat(1_001), false).contains("1000 bytes"));
        assert!(refused("a\nb", false).contains("within one line"));
        assert_eq!(refused("a(b", true), "no regular expression: unclosed group");
        assert!(refused(r"(\w{100}){100}", true).contains("too large"));
        assert!(refused(r"(a)\1", true).contains("backreferences are not supported"));
    }

    /// An expression that takes exponential time where matches are tried one after the other.
    #[test]
    fn expressions_take_linear_time() {
        let text = "a".repeat(20_000);
        assert!(!matches(r"^(a+)+$", true, false, format!("{text}!").as_bytes()));
    }
}
