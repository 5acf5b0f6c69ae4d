//! The rules that Cargo cannot guard: which module of a crate may import which, and how a file must look.
//!
//! A module is named by its first path segment: `crates/core/src/snapshot/task.rs` belongs to `snapshot`; crates other
//! than the server and its core are one module each. Imports are paths that begin with `crate` or a crate of ours, in
//! `use` items and in code, braces included.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test or benchmark that cannot go on must stop"
)]

mod circles;
mod environment;
mod http;
mod source;
mod words;

use source::{Source, sources};
use std::collections::HashSet;

/// Values that settings make and stores take; plain, though they lie in `storage`.
const STORES: &str = source::STORES;

/// Modules of ours that a module may import; one that is not listed here may be imported by nobody but `run` and `main`.
const MAY_IMPORT: [(&str, &[&str]); 34] = [
    ("access", &["metrics"]),
    ("args", &["portable", "settings"]),
    ("base", &[]),
    ("cgroup", &[]),
    ("check", &["escape", "event", "session", "settings", "snapshot"]),
    ("collect", &["base", "event", "layout", "logs", "manifest", "storage", STORES, "storage_write", "store_settings"]),
    (
        "controller",
        &[
            "access",
            "base",
            "health",
            "layout",
            "metrics",
            "obituary",
            "persist",
            "retention",
            "session",
            "settings",
            "storage",
            "storage_write",
            "tables",
        ],
    ),
    ("dashboards", &["snapshot"]),
    ("diff", &["snapshot"]),
    ("escape", &[]),
    ("event", &["base"]),
    ("health", &[]),
    (
        "http",
        &[
            "access",
            "base",
            "dashboards",
            "escape",
            "health",
            "logs",
            "manifest",
            "metrics",
            "obituary",
            "portable",
            "ray_api",
            "retention",
            "session",
            "settings",
            "snapshot",
        ],
    ),
    ("layout", &["base"]),
    ("list", &["escape"]),
    ("logs", &["base", "layout"]),
    ("manifest", &["base", "layout"]),
    ("metrics", &["storage"]),
    ("obituary", &["base", "snapshot"]),
    ("persist", &["base", "layout", "metrics", "session", "snapshot", "storage", "storage_write", "tables"]),
    ("persisted", &["tables"]),
    ("plan", &["escape", "retention"]),
    ("portable", &["base", "layout", "logs", "session", "tables"]),
    ("ray_api", &["base", "event", "logs", "snapshot"]),
    ("retention", &["base", "layout", "snapshot", "storage", "storage_write"]),
    (
        "session",
        &[
            "base",
            "event",
            "layout",
            "logs",
            "manifest",
            "metrics",
            "obituary",
            "retention",
            "settings",
            "snapshot",
            "storage",
            "tables",
        ],
    ),
    ("settings", &["access", "retention", "snapshot", STORES, "store_settings"]),
    ("snapshot", &["base", "event", "logs"]),
    ("storage", &["base"]),
    ("storage_write", &["storage", STORES]),
    ("store_settings", &[STORES]),
    ("tables", &["base", "event", "layout", "logs", "snapshot"]),
    ("telemetry", &["base", "escape", "settings"]),
    ("why", &[]),
];

/// Parts of a crate that know less than the crate may: of ours, nothing but this and themselves.
const INNER: [(&str, &str, &[&str]); 2] =
    [("ray_history_session", "liveness", &["base"]), ("ray_history_settings", "crd", &["store_settings"])];

/// Crates that do no I/O.
const PURE: [&str; 5] =
    ["ray_history_core", "ray_history_manifest", "ray_history_obituary", "ray_history_ray_api", "ray_history_tables"];

/// Parts of the standard library that the core must not use, and why; its manifest guards the rest.
const IMPURE: [(&str, &str); 6] = [
    ("std::env", "settings are passed in"),
    ("std::fs", "the core does no I/O"),
    ("std::net", "the core does no I/O"),
    ("std::sync::Mutex", "the core takes no locks"),
    ("std::sync::RwLock", "the core takes no locks"),
    ("std::thread", "callers decide on threads"),
];

/// Reading the clock: nothing about a dead session may tick.
const CLOCKS: [&str; 4] = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"];

/// Lines a file may have; tests of their own (`tests.rs`, `tests/`) may have more.
const LONGEST_FILE: usize = 400;

fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}\n  {}", broken.join("\n  "));
}

#[test]
fn imports_point_one_way() {
    let modules: Vec<&str> = MAY_IMPORT.iter().map(|(module, _)| *module).chain(["run"]).collect();
    let mut broken = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| *module == source.module) else {
            if !["lib", "main", "run"].contains(&source.module.as_str()) {
                broken.push(format!("{}: a new part; say in MAY_IMPORT what it may use", source.shown()));
            }
            continue;
        };
        for (line, name) in source.imports() {
            let ours = modules.contains(&name.as_str()) || name == STORES;
            // Tests of their own make the store that they read.
            if source.is_test() && ["layout", "storage"].contains(&name.as_str()) {
                continue;
            }
            if ours && name != source.module && !allowed.contains(&name.as_str()) {
                broken.push(format!("{}:{line}: `{}` may not import `{name}`", source.shown(), source.module));
            }
        }
    }
    assert_none(
        &broken,
        "Imports point one way: storage -> session -> http, and layout, event, logs -> snapshot -> ray_api.",
    );
}

#[test]
fn every_permission_is_used() {
    let sources = sources();
    let mut unused = Vec::new();
    for (module, allowed) in MAY_IMPORT {
        let files = sources.iter().filter(|source| source.module == module);
        let used: HashSet<String> = files.flat_map(Source::imports).map(|(_, name)| name).collect();
        unused.extend(allowed.iter().filter(|name| !used.contains(**name)).map(|name| format!("{module}: {name}")));
    }
    assert_none(&unused, "What no file imports needs no permission.");
}

#[test]
fn inner_parts_know_less_than_their_crates() {
    let sources = sources();
    let modules = sources.iter().map(circles::module).collect();
    let (mut broken, mut used) = (Vec::new(), HashSet::new());
    for (krate, part, allowed) in INNER {
        let own = |module: &circles::Module| module.get(1).is_some_and(|name| name == part);
        for source in sources.iter().filter(|source| source.krate == krate && own(&circles::module(source))) {
            for (line, path) in source.paths() {
                let Some(module) = circles::resolve(&path, &circles::module(source), &modules) else { continue };
                if module[0] == krate && !own(&module) {
                    broken.push(format!("{}:{line}: `{part}` may not import `{path}`", source.shown()));
                }
            }
            for (line, name) in source.imports().into_iter().filter(|(_, name)| *name != source.module) {
                if !allowed.contains(&name.as_str()) {
                    broken.push(format!("{}:{line}: `{part}` may not import `{name}`", source.shown()));
                }
                used.insert((part, name));
            }
        }
        let unused = allowed.iter().filter(|name| !used.contains(&(part, (**name).to_owned())));
        broken.extend(unused.map(|name| format!("{part}: `{name}` is not imported")));
    }
    assert_none(&broken, "States of clusters and the wire form of RayHistory are plain values.");
}

#[test]
fn the_core_is_pure() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| PURE.contains(&source.krate) && !source.is_test()) {
        for (line, code) in source.production() {
            for (name, why) in IMPURE {
                if uses(code, name) {
                    broken.push(format!("{}:{line}: `{name}` ({why})", source.shown()));
                }
            }
            for clock in CLOCKS.iter().filter(|clock| code.contains(**clock)) {
                broken.push(format!("{}:{line}: `{clock}` (the core has no clock)", source.shown()));
            }
        }
    }
    assert_none(&broken, "The core is pure.");
}

/// Returns `true` if a line names a crate or path, as a whole word.
fn uses(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + name.len()..].chars().next();
        let part_of_a_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let is_path =
            code[at + name.len()..].starts_with("::") || name.contains("::") || code.trim_start().starts_with("use ");
        !part_of_a_word(before) && before != Some(':') && !part_of_a_word(after) && is_path
    })
}

#[test]
fn every_store_is_opened_through_its_guards() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.module != "storage" && !source.is_test()) {
        for (line, code) in source.production() {
            for name in ["connect_unguarded", "Local::open"].into_iter().filter(|name| code.contains(name)) {
                broken.push(format!("{}:{line}: `{name}`", source.shown()));
            }
        }
    }
    assert_none(&broken, "`storage::connect` opens stores: nobody else bounds requests and tries again.");
}

/// Places that may write to a store: the collector, the writers, retention, and the recorder of why runs ended. What the rest of the
/// server reads with cannot write, by type.
const MAY_WRITE: [&str; 7] = [
    "crates/collect/",
    "crates/persist/",
    "crates/retention/",
    "crates/storage-write/",
    "crates/controller/src/obituaries",
    "src/run/persist.rs",
    "src/run/retention.rs",
];

#[test]
fn the_rest_of_the_server_writes_to_no_store() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !MAY_WRITE.iter().any(|place| source.shown().contains(place))) {
        for (line, code) in source.code().filter(|(_, code)| code.contains("ray_history_storage_write")) {
            broken.push(format!("{}:{line}: {}", source.shown(), code.trim()));
        }
    }
    assert_none(&broken, "The server only reads: a writer is for those that MAY_WRITE.");
}

#[test]
fn only_writers_take_connections() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !["storage", "storage_write"].contains(&source.module.as_str())) {
        for (line, path) in source.paths().into_iter().filter(|(_, path)| path.contains("storage::connection")) {
            broken.push(format!("{}:{line}: {path}", source.shown()));
        }
    }
    assert_none(&broken, "`storage::connection` is for `storage-write` only.");
}

#[test]
fn an_error_is_logged_with_its_causes() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (line, code) in source.production() {
            if ["%error", "?error"].iter().any(|alone| uses_alone(code, alone)) {
                broken.push(format!("{}:{line}: {}", source.shown(), code.trim()));
            }
        }
    }
    assert_none(&broken, "`error = %chain(&error)` says why; the error alone leaves its causes out.");
}

/// Returns `true` if a line of the log is given a field as it is: `%error`, `error = %error`.
fn uses_alone(code: &str, field: &str) -> bool {
    code.match_indices(field).any(|(at, _)| {
        let after = code[at + field.len()..].chars().next();
        matches!(after, None | Some(',' | ')' | ' '))
    })
}

#[test]
fn every_file_says_what_it_owns() {
    let broken: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//!") && !source.is_test())
        .map(Source::shown)
        .collect();
    assert_none(&broken, "Every file opens with `//!`: what it owns, and what it must never do.");
}

#[test]
fn files_stay_small() {
    let sources = sources();
    let broken: Vec<String> = sources
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(source, lines)| *lines > LONGEST_FILE && !source.is_test())
        .map(|(source, lines)| format!("{}: {lines} lines", source.shown()))
        .collect();
    assert_none(&broken, "No file is longer than 400 lines: split it by noun.");
    let mut lengths: Vec<usize> = sources.iter().map(|source| source.text.lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= 150, "half of the files have more than {median} lines; 150 is the aim");
}

#[test]
fn modules_stand_beside_their_folders() {
    let broken: Vec<String> =
        sources().iter().filter(|source| source.path.ends_with("mod.rs")).map(Source::shown).collect();
    assert_none(&broken, "`foo.rs` stands beside `foo/`; there is no mod.rs.");
}

#[test]
fn imports_are_read_with_braces_and_lines() {
    let text = "use ray_history_core::{\n    layout::{Root, Key},\n    snapshot,\n};\n\
                use ray_history_storage::config::{Store, S3};\nuse ray_history_storage::configs; // crate::http\n\
                fn f() { ray_history_session::x() }\n";
    let (krate, path, module) = ("ray_history", "http/x.rs".into(), "http".into());
    let source = Source { krate, path, module, text: text.into() };
    let mut found = source.imports();
    found.sort();
    let expected =
        [(1, "layout"), (1, "layout"), (1, "snapshot"), (5, STORES), (5, STORES), (6, "storage"), (7, "session")];
    assert_eq!(found, expected.map(|(line, name)| (line, name.to_owned())));
}

#[test]
fn a_word_within_another_is_no_import() {
    assert!(uses("use tokio::fs;", "tokio"));
    assert!(uses("    tokio::spawn(x)", "tokio"));
    assert!(!uses("use tokio_util::x;", "tokio"));
    assert!(!uses("let tokio = 1;", "tokio"));
    assert!(!uses("use crate::tracing::x;", "tracing"));
}
