//! Secrets that are never printed, and values that change while the program runs.

use parking_lot::RwLock;
use std::fmt;
use std::sync::Arc;

/// A text that `Debug` and `Display` never show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Hides a text. Trims white space, because the last line end of a file is never part of a key.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(text.as_ref().trim().into())
    }

    /// Returns the text, for signing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A value that its owner may replace and its users read each time; clones share it.
#[derive(Clone, Debug)]
pub struct Rotating<T>(Arc<RwLock<Arc<T>>>);

impl<T> Rotating<T> {
    /// Returns a cell with its first value.
    pub fn new(value: T) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(value))))
    }

    /// Returns the current value.
    pub fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read())
    }

    /// Replaces the value in all clones; the next request is signed with it.
    pub fn set(&self, value: T) {
        *self.0.write() = Arc::new(value);
    }
}

impl<T: PartialEq> PartialEq for Rotating<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2\n");
        assert_eq!(secret.expose(), "hunter2");
        let shown = format!("{secret} {secret:?} {:?}", Rotating::new(secret.clone()));
        assert!(!shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn clones_share_the_value() {
        let first = Rotating::new(1);
        let second = first.clone();
        first.set(2);
        assert_eq!(*second.get(), 2);
        assert_eq!(first, Rotating::new(2));
    }
}
