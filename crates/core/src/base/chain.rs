//! Formats an error with its whole chain of causes.

use std::error::Error;

/// Returns the messages of an error and of its causes, outermost first, joined by `: `. A message that the text already
/// contains is left out, because many errors quote their cause.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut at = Some(error);
    while let Some(cause) = at {
        at = cause.source();
        let message = cause.to_string();
        if text.is_empty() {
            text = message;
        } else if !message.is_empty() && !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
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
    fn every_cause_appears_once() {
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
