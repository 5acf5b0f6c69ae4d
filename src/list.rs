//! The output of `ray-history list`: the pages of our API as one document, as a table, or as names. Text only; no I/O,
//! no clock.
//!
//! The pages come from a server that may be older or newer, so nothing but `sessions` has to be there, and the JSON is
//! what the server sent.

mod table;

pub use table::table;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The pages of a list that were read so far.
#[derive(Debug, Default)]
pub struct Pages {
    sessions: Vec<Box<RawValue>>,
    /// The fields of the last page, except the sessions.
    fields: BTreeMap<String, Box<RawValue>>,
}

impl Pages {
    /// Adds a page, and returns the cursor of the next one.
    ///
    /// # Errors
    /// Returns an error if the text is not a page of a list, or if the cursor is that of the page before.
    pub fn add(&mut self, page: &str) -> anyhow::Result<Option<String>> {
        let wrong = || anyhow::anyhow!("the server answers with something else than a list of sessions");
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(page).map_err(|_| wrong())?;
        let sessions = fields.remove("sessions").ok_or_else(wrong)?;
        let sessions: Vec<Box<RawValue>> = serde_json::from_str(sessions.get()).map_err(|_| wrong())?;
        let last = std::mem::replace(&mut self.fields, fields);
        let next = self.text("next");
        if next.is_some() && (sessions.is_empty() || last.get("next").map(|next| next.get()) == self.raw("next")) {
            anyhow::bail!("the server's pages do not advance");
        }
        self.sessions.extend(sessions);
        Ok(next)
    }

    /// Returns the number of sessions.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Returns `true` if there are no sessions.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Returns the sessions, each a JSON object; anything else has no fields.
    pub fn sessions(&self) -> impl Iterator<Item = Value> {
        self.sessions.iter().map(|session| serde_json::from_str(session.get()).unwrap_or_default())
    }

    /// Returns the document: the fields of the last page, with the sessions of all.
    pub fn json(&self) -> String {
        let sessions: Vec<&str> = self.sessions.iter().map(|session| session.get()).collect();
        let rest = self.fields.iter().filter(|(name, _)| *name != "previous");
        let rest = rest.map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), value.get()));
        let fields: Vec<String> =
            std::iter::once(format!("\"sessions\":[{}]", sessions.join(","))).chain(rest).collect();
        format!("{{{}}}", fields.join(","))
    }

    /// Returns `true` if no session that matches is missing for another reason than the limit.
    pub fn is_whole(&self) -> bool {
        self.raw("stale") != Some("true") && self.number("unread").is_none_or(|unread| unread == 0)
    }

    /// Returns sentences about what the sessions do not show: the rest of the list, its age, why it is empty.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.raw("stale") == Some("true") {
            notes.push("the storage could not be listed the last time: this list may be out of date".to_owned());
        }
        notes.extend(self.text("missingCauses"));
        if let Some(unread) = self.number("unread").filter(|unread| *unread > 0) {
            notes.push(format!("{unread} more may match: their files are being read; list again in a moment"));
        }
        if self.fields.contains_key("next") {
            let of = self.number("total").map_or_else(String::new, |total| format!(" of {total}"));
            notes.push(format!("{}{of} sessions are listed; --limit lists more", self.len()));
        }
        if self.is_empty() {
            notes.push(self.text("why").unwrap_or_else(|| "no session is found".to_owned()));
        }
        notes
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|value| value.get())
    }

    fn number(&self, name: &str) -> Option<u64> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }
}

/// Returns `true` if a page has fewer than the `wanted` sessions, and may have more when further files are read.
pub fn may_grow(page: &str, wanted: usize) -> bool {
    #[derive(Deserialize)]
    struct Page {
        sessions: Vec<IgnoredAny>,
        unread: u64,
    }
    serde_json::from_str(page).is_ok_and(|page: Page| page.unread > 0 && page.sessions.len() < wanted)
}

/// Returns the name of a session, as commands accept it. An empty name of a cluster is `_`, as in URLs.
pub fn name(session: &Value) -> String {
    let part = |name: &str| session[name].as_str().filter(|part| !part.is_empty()).unwrap_or("_");
    format!("{}/{}/{}", part("namespace"), part("cluster"), part("session"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"{"sessions": [{"z":1e400,"namespace":"ml"}, {}], "total":3,"next":"a","stale":false}"#;
    const LAST: &str = r#"{"sessions":[{"later":["field"]}],"total":3,"previous":"b","stale":false,"new\"":{}}"#;

    #[test]
    fn pages_become_one_document_with_the_servers_own_json() {
        let mut pages = Pages::default();
        assert_eq!(pages.add(FIRST).unwrap().as_deref(), Some("a"));
        assert_eq!(pages.notes(), ["2 of 3 sessions are listed; --limit lists more"]);
        assert_eq!(pages.add(LAST).unwrap(), None);
        let document =
            r#"{"sessions":[{"z":1e400,"namespace":"ml"},{},{"later":["field"]}],"new\"":{},"stale":false,"total":3}"#;
        assert_eq!((pages.json().as_str(), pages.len()), (document, 3));
        assert!(pages.notes().is_empty());
    }

    #[test]
    fn other_answers_and_endless_pages_are_errors() {
        for wrong in ["", "<html>", "[]", "{}", r#"{"sessions":{}}"#, r#"{"sessions":[],"next":"a"}"#] {
            assert!(Pages::default().add(wrong).is_err(), "{wrong}");
        }
        let mut pages = Pages::default();
        pages.add(FIRST).unwrap();
        assert_eq!(pages.add(FIRST).unwrap_err().to_string(), "the server's pages do not advance");
    }

    #[test]
    fn notes_say_what_is_missing() {
        for (page, notes) in [
            (r#"{"sessions":[{}],"stale":true}"#, &["the storage could not be listed"][..]),
            (r#"{"sessions":[{}],"unread":7,"next":"x"}"#, &["7 more may match", "1 sessions are listed; --limit"]),
            (r#"{"sessions":[],"total":0}"#, &["no session is found"]),
            (r#"{"sessions":[],"why":"not for you"}"#, &["not for you"]),
        ] {
            let mut pages = Pages::default();
            pages.add(page).unwrap();
            let told = pages.notes();
            assert_eq!(told.len(), notes.len(), "{told:?}");
            assert!(told.iter().zip(notes).all(|(told, note)| told.starts_with(note)), "{told:?}");
        }
    }

    #[test]
    fn pages_may_grow_while_files_are_read() {
        for (page, wanted, expected) in [
            (r#"{"sessions":[{}],"unread":1}"#, 2, true),
            (r#"{"sessions":[{}],"unread":1}"#, 1, false),
            (r#"{"sessions":[],"unread":0}"#, 1, false),
            (FIRST, 100, false),
            ("<html>", 100, false),
        ] {
            assert_eq!(may_grow(page, wanted), expected, "{page}");
        }
        for (page, is_whole) in
            [(LAST, true), (r#"{"sessions":[],"unread":2}"#, false), (r#"{"sessions":[],"stale":true}"#, false)]
        {
            let mut pages = Pages::default();
            pages.add(page).unwrap();
            assert_eq!(pages.is_whole(), is_whole, "{page}");
        }
    }

    #[test]
    fn names_are_those_that_commands_accept() {
        let session = serde_json::json!({"namespace": "ml", "cluster": "", "session": "session_1"});
        assert_eq!(name(&session), "ml/_/session_1");
        assert_eq!(name(&Value::Null), "_/_/_");
    }
}
