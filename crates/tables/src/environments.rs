//! Runtime environments: tables show them without the values of their variables, and refer to the list that has these.

use ray_history_core::snapshot::redact;
use std::collections::HashMap;

/// The distinct runtime environments of a session in the order in which its tables name them, each with its values.
///
/// The list is stored in the head, and only where that is allowed. Tables have an index into it, and the text without
/// values.
#[derive(Clone, Debug, Default)]
pub struct Environments {
    list: Vec<Environment>,
    index: HashMap<String, i32>,
}

#[derive(Clone, Debug)]
struct Environment {
    text: String,
    shown: String,
}

impl Environments {
    /// Returns the index of an environment, which is added if it is new. Rows without one have no index, so callers
    /// leave out the empty text.
    pub fn intern(&mut self, environment: &str) -> i32 {
        if let Some(&known) = self.index.get(environment) {
            return known;
        }
        // Each has a row of its own in a table of fewer than 2^31 rows.
        let at = i32::try_from(self.list.len()).unwrap_or(i32::MAX);
        self.list.push(Environment { text: environment.to_owned(), shown: redact::serialized(environment) });
        self.index.insert(environment.to_owned(), at);
        at
    }

    /// Returns an environment with its values.
    pub fn get(&self, index: i32) -> Option<&str> {
        self.at(index).map(|environment| environment.text.as_str())
    }

    /// Returns an environment as tables show it: its values are replaced by `<redacted>`.
    pub fn shown(&self, index: i32) -> Option<&str> {
        self.at(index).map(|environment| environment.shown.as_str())
    }

    /// Returns all environments by index.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.list.iter().map(|environment| environment.text.as_str())
    }

    /// Returns the number of environments.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns `true` if there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn at(&self, index: i32) -> Option<&Environment> {
        self.list.get(usize::try_from(index).ok()?)
    }
}

/// Collects a list that was stored. Equal texts keep their places, so that every index stays what it was.
impl<'a> FromIterator<&'a str> for Environments {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let stored = |text: &str| Environment { text: text.to_owned(), shown: redact::serialized(text) };
        let list: Vec<Environment> = texts.into_iter().map(stored).collect();
        let mut index = HashMap::with_capacity(list.len());
        for (at, environment) in (0..).zip(&list) {
            index.entry(environment.text.clone()).or_insert(at);
        }
        Self { list, index }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_environment_has_one_index_and_a_text_without_values() {
        let mut environments = Environments::default();
        let [a, b] = ["a", "b"].map(|value| format!(r#"{{"env_vars": {{"K": "{value}"}}}}"#));
        assert_eq!([&a, &b, &a].map(|env| environments.intern(env)), [0, 1, 0]);
        assert_eq!(environments.get(1), Some(b.as_str()));
        assert_eq!(environments.shown(1), Some(r#"{"env_vars": {"K": "<redacted>"}}"#));
        assert_eq!((environments.get(2), environments.get(-1), environments.len()), (None, None, 2));
        let stored: Environments = environments.iter().collect();
        assert_eq!(stored.get(1), Some(b.as_str()));
    }
}
