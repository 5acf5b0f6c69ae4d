//! Errors as text: the whole chain of causes, in words.

use std::error::Error;

/// Returns what an error and each of its causes say, from the outside in. What is said already is not said again: many
/// errors quote their cause.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut at = Some(error);
    while let Some(cause) = at {
        at = cause.source();
        let said = cause.to_string();
        if text.is_empty() {
            text = said;
        } else if !said.is_empty() && !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn every_cause_is_said_once() {
        for (texts, expected) in [
            (&["cannot list"][..], "cannot list"),
            (&["cannot list", "client error (Connect)", "refused"], "cannot list: client error (Connect): refused"),
            (&["cannot list: refused", "refused", ""], "cannot list: refused"),
            (&["", "refused"], "refused"),
        ] {
            let layers = texts.iter().rev().fold(None, |source, text| Some(Box::new(Layer { text, source })));
            assert_eq!(chain(&*layers.unwrap()), expected);
        }
    }
}
