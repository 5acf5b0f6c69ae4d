//! Sentences with values: `{value}`, and parts in brackets that are left out where a value is missing.

use super::SENTENCE;
use crate::text::{cut, one_line};
use std::collections::BTreeMap;

/// The length of a value within a sentence.
pub(super) const VALUE: usize = 400;

/// Returns the sentence with its values. In `[part|otherwise]` the part is taken if all of its values are known.
pub(super) fn fill(template: &str, values: &BTreeMap<String, String>) -> String {
    let mut sentence = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('[') {
        sentence += &part(&rest[..open], values).unwrap_or_default();
        let close = rest[open..].find(']').map_or(rest.len(), |at| open + at);
        let (inner, otherwise) = rest[open + 1..close].split_once('|').unwrap_or((&rest[open + 1..close], ""));
        sentence += &part(inner, values).unwrap_or_else(|| otherwise.to_owned());
        rest = rest.get(close + 1..).unwrap_or_default();
    }
    sentence += &part(rest, values).unwrap_or_default();
    cut(&sentence, SENTENCE)
}

/// Returns a part with its values; `None` if one is missing.
fn part(text: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled += before;
        filled += &one_line(values.get(name)?, VALUE);
        rest = after;
    }
    Some(filled + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Code;

    fn filled(template: &str, values: &[(&str, &str)]) -> String {
        fill(template, &values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn parts_without_values_are_left_out_or_replaced() {
        let template = "[{n} of {m}|A pod] never got a node[: {message}].";
        assert_eq!(filled(template, &[]), "A pod never got a node.");
        assert_eq!(filled(template, &[("n", "1"), ("message", "0/1 nodes.\n")]), "A pod never got a node: 0/1 nodes.");
        assert_eq!(filled(template, &[("n", "1"), ("m", "2")]), "1 of 2 never got a node.");
    }

    /// Values come from objects: braces and brackets in them are no template.
    #[test]
    fn values_are_no_templates() {
        assert_eq!(filled("a [{x}]", &[("x", "{y} [z]")]), "a {y} [z]");
    }

    #[test]
    fn every_sentence_stands_without_values_and_with_long_ones() {
        for code in Code::ALL {
            let bare = fill(code.sentence(), &BTreeMap::new());
            let first = bare.chars().next().unwrap();
            assert!(first.is_uppercase() && bare.ends_with('.') && !bare.contains(['{', '[', '|']), "{code}: {bare}");
            let names = code.sentence().split('{').skip(1).map(|rest| rest.split('}').next().unwrap());
            let long = names.map(|name| (name.to_owned(), "x ".repeat(5_000))).collect();
            let sentence = fill(code.sentence(), &long);
            assert!(sentence.len() <= SENTENCE, "{code}: {}", sentence.len());
        }
    }
}
