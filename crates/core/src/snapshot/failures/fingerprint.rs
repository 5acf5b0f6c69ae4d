//! Fingerprints: what failures have in common that differ in ids, numbers and places alone.
//!
//! A fingerprint is made of the type of the error, the function, and a detail. The detail of an exception of the program
//! is the last line of its message without numbers, ids, addresses and folders. Ray's own messages hold ids, nodes and cut
//! stack traces, so of any other error the detail is only the type of exit that the message names. Changing a rule changes
//! what stored fingerprints are compared with.

use crate::base::id::{RayId, push_hex};
use crate::base::terminal::without_escapes;
use crate::snapshot::worker::exit_type_name;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Characters of a line that count.
const MAX_LINE: usize = 400;
/// Bytes of a message within which a type of exit is named.
const MAX_PREFIX: usize = 2 << 10;
/// The detail of an attempt that Ray ended because its job had ended.
const JOB_FINISHED: &str = "JOB_FINISHED";

/// The first eight bytes of the SHA-256 of error type, function and detail, each followed by a line feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Fingerprint(pub [u8; 8]);

impl Fingerprint {
    pub(super) fn of(error_type: &str, function: &str, detail: &str) -> Self {
        let mut hasher = Sha256::new();
        for part in [error_type, function, detail] {
            hasher.update(part.as_bytes());
            hasher.update(b"\n");
        }
        let hash = hasher.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Self(first)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = Vec::with_capacity(16);
        push_hex(&mut hex, &self.0);
        f.write_str(std::str::from_utf8(&hex).unwrap_or_default())
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        RayId::from_hex(&text).map(|RayId(bytes)| Self(bytes)).ok_or("a fingerprint has 16 hex digits")
    }
}

/// Returns the detail of an error of a task or an actor.
pub(super) fn detail(error_type: &str, message: &str) -> String {
    match error_type {
        "TASK_EXECUTION_EXCEPTION" | "ACTOR_CREATION_FAILED" => last_line(message),
        // The constructor's exception, as calls of an actor that never was show it.
        "ACTOR_DIED" if is_of_constructor(message) => last_line(message),
        _ => exit_type(message).to_owned(),
    }
}

fn is_of_constructor(message: &str) -> bool {
    exit_type(message).is_empty() && (message.starts_with("Traceback (") || message.contains("its creation task"))
}

/// Returns the type of exit that a message of Ray names; empty if it names none.
pub(super) fn exit_type(message: &str) -> &str {
    let start = &message[..message.floor_char_boundary(MAX_PREFIX)];
    if start.starts_with("Job finishes (") {
        return JOB_FINISHED;
    }
    let Some((_, after)) = start.split_once("exit type: ").or_else(|| start.split_once("exit_type: ")) else {
        return "";
    };
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    let word = &after[..end];
    if let Ok(number) = word.parse() { exit_type_name(number) } else { word }
}

/// Returns the last line that is not empty, as failures have it in common.
pub(super) fn last_line(message: &str) -> String {
    let lines = message.rsplit('\n').map(|line| {
        let shown: String = without_escapes(line).filter(|c| !c.is_control()).take(MAX_LINE).collect();
        shown
    });
    lines.into_iter().find(|line| !line.trim().is_empty()).map(|line| common(line.trim())).unwrap_or_default()
}

/// Returns a line with `#` for numbers, ids and addresses, and without folders.
fn common(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '~');
        if !is_word(first) {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        rest = &rest[word.len()..];
        // Of a path the name is kept; a `/` at the end belongs to a folder.
        let name = word.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        push_common(&mut out, name);
    }
    out
}

/// Appends a word without numbers, ids and addresses.
fn push_common(out: &mut String, word: &str) {
    let hash = |out: &mut String| {
        if !out.ends_with('#') {
            out.push('#');
        }
    };
    let mut rest = word;
    while !rest.is_empty() {
        // A run of hexadecimal digits, with the dashes of a UUID.
        let end = rest.find(|c: char| !c.is_ascii_hexdigit() && c != '-').unwrap_or(rest.len());
        let run = rest[..end].trim_end_matches('-');
        let digits = run.bytes().filter(u8::is_ascii_hexdigit).count();
        let is_whole = !run.starts_with('-')
            && !rest[run.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
            && !out.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if digits >= 8 && is_whole && run.bytes().any(|byte| byte.is_ascii_digit()) {
            hash(out);
            rest = &rest[run.len()..];
            continue;
        }
        if let Some(number) = rest.strip_prefix("0x") {
            let end = number.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(number.len());
            hash(out);
            rest = &number[end..];
            continue;
        }
        let Some(c) = rest.chars().next() else { return };
        if c.is_numeric() {
            hash(out);
        } else {
            out.push(c);
        }
        rest = &rest[c.len_utf8()..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_lose_numbers_ids_addresses_and_folders() {
        for (line, expected) in [
            ("", ""),
            ("ValueError: 3 ist ungerade", "ValueError: # ist ungerade"),
            ("part 12 of 3: 99.5%", "part # of #: #.#%"),
            ("No such file: '/nowhere/at/all.zip'", "No such file: 'all.zip'"),
            ("cannot read s3://bucket/day=2026-11-29/part-0007.parquet", "cannot read day=part-#.parquet"),
            ("<A object at 0x7f193f2d0fd0>", "<A object at #>"),
            ("node 775fef0aac8bbb99826de6b4 is gone", "node # is gone"),
            ("run 550e8400-e29b-41d4-a716-446655440000 lost", "run # lost"),
            ("10.0.0.7:6379 refused", "#.#.#.#:# refused"),
            ("deadbeef is a word, deadbee1 is none", "deadbeef is a word, # is none"),
            ("façade: größe 7", "façade: größe #"),
            ("a/b/ and /", "b and "),
            ("CUDA_VISIBLE_DEVICES=0,1", "CUDA_VISIBLE_DEVICES=#,#"),
        ] {
            assert_eq!(last_line(&format!("x\n{line}\n \n")), if line.is_empty() { "x" } else { expected }, "{line}");
        }
        assert_eq!(last_line("a\u{1b}[31m b 1\u{1b}[0m\n\u{1b}[0m\n"), "a b #");
        assert_eq!(last_line(""), "");
    }

    #[test]
    fn details_are_the_programs_line_or_the_type_of_exit() {
        for (error_type, message, expected) in [
            ("TASK_EXECUTION_EXCEPTION", "User exception:\nKeyError: 'x'", "KeyError: 'x'"),
            ("WORKER_DIED", "RpcError: RPC error: Socket closed rpc_code: 14", ""),
            (
                "WORKER_DIED",
                "Worker running the task (02) died with exit_type: 4 with error_message: x",
                "NODE_OUT_OF_MEMORY",
            ),
            ("WORKER_DIED", "Worker running the task (02) died with exit_type: 99 with error_message: x", ""),
            ("WORKER_DIED", "Job finishes (03000000) as driver exits. Marking all", "JOB_FINISHED"),
            (
                "ACTOR_DIED",
                "The actor is dead … Worker exit type: SYSTEM_ERROR Worker exit detail: x 7",
                "SYSTEM_ERROR",
            ),
            ("ACTOR_DIED", "Traceback (most recent call last):\nValueError: never 7", "ValueError: never #"),
            ("ACTOR_DIED", "The actor is dead because it was killed by `ray.kill`.", ""),
            ("TASK_CANCELLED", "", ""),
        ] {
            assert_eq!(detail(error_type, message), expected, "{message}");
        }
    }

    /// Stored fingerprints are compared with new ones, so they never change by accident.
    #[test]
    fn fingerprints_are_what_was_stored() {
        let fingerprint =
            |error: &str, function: &str, detail: &str| Fingerprint::of(error, function, detail).to_string();
        assert_eq!(fingerprint("TASK_EXECUTION_EXCEPTION", "f", "KeyError: 'x'"), "a09f1c3e01af0093");
        assert_eq!(fingerprint("", "", ""), "6a3cf5192354f716");
        assert_ne!(fingerprint("a", "bc", ""), fingerprint("ab", "c", ""));
    }

    proptest! {
        #[test]
        fn ids_numbers_and_folders_make_no_difference(
            pid in 0u32..99_999, id in "[0-9][0-9a-f]{30}", folder in "(/[a-z0-9_]{1,8}){0,4}", at in any::<u64>()
        ) {
            let message = format!("ray::f() (pid={pid})\nE: task {id} of <C at {at:#x}> at {folder}/x.py:{pid} \u{1b}[31m!\u{1b}[0m\n");
            prop_assert_eq!(last_line(&message), "E: task # of <C at #> at x.py:# !");
        }

        #[test]
        fn any_text_has_a_bounded_line(text in any::<String>()) {
            let line = last_line(&text);
            let is_plain = !line.chars().any(char::is_control);
            prop_assert!(line.chars().count() <= MAX_LINE && is_plain);
            let _ = (exit_type(&text), detail("ACTOR_DIED", &text));
        }
    }
}
