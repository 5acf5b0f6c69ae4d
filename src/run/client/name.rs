//! The names by which commands accept a session.

use anyhow::bail;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that are escaped in a URL, the same as in the server's own links.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A session, as a path on the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The path of a session below `sessions/`.
    Session(String),
    /// The path of a link to the newest session of something.
    Latest(String),
}

impl Name {
    /// Parses NAMESPACE/CLUSTER/SESSION, or rayjob/NAMESPACE/NAME and the like.
    pub(super) fn parse(name: &str) -> anyhow::Result<Self> {
        let parts: Vec<&str> = name.trim_matches('/').split('/').collect();
        let [first, second, third] = parts[..] else {
            bail!("{name:?} is neither NAMESPACE/CLUSTER/SESSION nor rayjob/NAMESPACE/NAME")
        };
        // Clients take these for steps up, escaped or not.
        if let Some(dots) = parts.iter().find(|part| [".", ".."].contains(part)) {
            bail!("{dots:?} in {name:?} is no name");
        }
        let below = |family: &str| format!("{family}/{}/{}", escaped(second), escaped(third));
        if third.starts_with("session_") {
            return Ok(Self::Session(format!("{}/{}/{}", escaped(first), escaped(second), escaped(third))));
        }
        Ok(Self::Latest(match first {
            "rayjob" | "rayservice" | "raycluster" | "submission" => below(&format!("{first}s")) + "/latest",
            _ if third == "latest" => format!("sessions/{}/{}/latest", escaped(first), escaped(second)),
            _ => bail!("{third:?} is not a session name (session_YYYY-MM-DD_HH-MM-SS_micros_pid)"),
        }))
    }
}

/// Escapes a name for a path, or a value for a query.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_links_have_paths() {
        let session = "session_2026-11-22_23-11-33_821800_1";
        for (given, expected) in [
            (format!("ml/train/{session}/"), format!("ml/train/{session}")),
            (format!("rayjob/train/{session}"), format!("rayjob/train/{session}")),
            (format!("a b/ü/{session}?x#y"), format!("a%20b/%C3%BC/{session}%3Fx%23y")),
        ] {
            assert_eq!(Name::parse(&given).unwrap(), Name::Session(expected));
        }
        for (given, expected) in [
            ("rayjob/ml/train", "rayjobs/ml/train/latest"),
            ("submission/ml/a b", "submissions/ml/a%20b/latest"),
            ("ml/train/latest", "sessions/ml/train/latest"),
        ] {
            assert_eq!(Name::parse(given).unwrap(), Name::Latest(expected.to_owned()));
        }
        for wrong in ["", "ml/train", "ml/train/x", "rayjob/../train", &format!("../train/{session}")] {
            assert!(Name::parse(wrong).is_err(), "{wrong}");
        }
    }
}
