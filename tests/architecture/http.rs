//! Imports within `src/http` point one way: from the table of routes to the families of handlers, from those to
//! helpers. Middleware knows no handler.

use super::assert_none;
use super::circles::{Module, module, resolve};
use super::source::sources;
use std::collections::BTreeSet;

/// Helpers that any handler may import.
const HELPERS: [&str; 6] = ["error", "html", "request", "sessions", "state", "validators"];

/// The families of handlers. None imports another: what two of them need is a helper.
const FAMILIES: [&str; 6] = ["access", "history", "kuberay", "pages", "probes", "ray"];

/// What each other module of `src/http` may import of its neighbours. The table alone knows handlers.
const MAY_IMPORT: [(&str, &[&str]); 13] = [
    ("error", &["html", "request_id"]),
    ("guard", &["error", "request_id", "state"]),
    ("heavy", &["error"]),
    ("html", &[]),
    ("middleware", &["request", "request_id"]),
    ("openapi", &["access", "error", "history", "kuberay"]),
    ("request", &["error", "guard", "state"]),
    ("request_id", &[]),
    (
        "routes",
        &[
            "access", "error", "guard", "history", "html", "kuberay", "openapi", "pages", "probes", "ray", "request",
            "sessions", "state",
        ],
    ),
    ("server", &["middleware", "routes", "state"]),
    ("sessions", &["error", "request", "state"]),
    ("state", &["heavy"]),
    ("validators", &["request", "sessions"]),
];

/// What single families may import beyond `HELPERS`: answers with Ray's tables and with logs are long, and only the login
/// reads credentials.
const MORE: [(&str, &str); 3] = [("access", "guard"), ("history", "heavy"), ("ray", "heavy")];

fn may_import(from: &str, to: &str) -> bool {
    if FAMILIES.contains(&from) {
        return HELPERS.contains(&to) || MORE.contains(&(from, to));
    }
    MAY_IMPORT.iter().any(|(module, allowed)| *module == from && allowed.contains(&to))
}

/// The imports of `src/http` across its folders: importing and imported module, with the place.
fn imports() -> Vec<(String, String, String)> {
    let sources = sources();
    let modules: BTreeSet<Module> = sources.iter().map(module).collect();
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.module == "http" && !source.is_test()) {
        let own = module(source);
        let Some(from) = own.get(2) else { continue };
        for (line, path) in source.paths().into_iter().filter(|(line, _)| *line <= source.production_lines()) {
            let imported = resolve(&path, &own, &modules);
            let to = imported.filter(|to| to.get(1) == own.get(1)).and_then(|to| to.get(2).cloned());
            if let Some(to) = to.filter(|to| to != from) {
                found.push((from.clone(), to, format!("{}:{line}", source.shown())));
            }
        }
    }
    found
}

#[test]
fn handlers_of_one_family_know_no_other() {
    let imports = imports();
    assert!(imports.len() > 50, "the imports were not found");
    let broken = imports.iter().filter(|(from, to, _)| !may_import(from, to));
    let broken: Vec<_> = broken.map(|(from, to, place)| format!("{place}: `{from}` may not import `{to}`")).collect();
    assert_none(
        &broken,
        "In src/http, routes -> families -> helpers, and server -> middleware; a new folder is listed in this file.",
    );
}

#[test]
fn permissions_within_http_are_used() {
    let used: BTreeSet<(String, String)> = imports().into_iter().map(|(from, to, _)| (from, to)).collect();
    let allowed = MAY_IMPORT.iter().flat_map(|(from, to)| to.iter().map(move |to| (*from, *to))).chain(MORE);
    let unused = allowed.filter(|(from, to)| !used.contains(&((*from).to_owned(), (*to).to_owned())));
    let unused: Vec<_> = unused.map(|(from, to)| format!("`{from}` does not import `{to}`")).collect();
    assert_none(&unused, "A permission that nothing uses is removed.");
}

/// Files of `src/http` that ask `Sessions` for something that is stored: those that get a permit, or are given what a
/// permit was asked for. No other handler finds a session.
const ASK_SESSIONS: [&str; 24] = [
    "http/guard.rs",
    "http/history/export.rs",
    "http/history/fleet.rs",
    "http/history/links.rs",
    "http/history/list.rs",
    "http/history/logs.rs",
    "http/history/report.rs",
    "http/history/retention.rs",
    "http/kuberay/enter.rs",
    "http/kuberay/select.rs",
    "http/pages/list.rs",
    "http/pages/why/known.rs",
    "http/probes.rs",
    "http/ray/document.rs",
    "http/ray/logs.rs",
    "http/ray/serve.rs",
    "http/sessions/causes.rs",
    "http/sessions/find.rs",
    "http/sessions/item.rs",
    "http/sessions/obituary.rs",
    "http/sessions/run.rs",
    "http/sessions/summary.rs",
    "http/sessions/table.rs",
    "http/validators.rs",
];

/// What opens or finds a session by name, which only `find` may ask: it looks at the permit.
const BY_NAME: [&str; 5] = [".open(", ".open_within(", "sessions.find(", ".page(", ".progress("];

#[test]
fn no_handler_finds_a_session_without_a_permit() {
    let (mut asking, mut by_name) = (BTreeSet::new(), Vec::new());
    for source in sources().iter().filter(|source| source.module == "http" && !source.is_test()) {
        let path = source.path.to_string_lossy().into_owned();
        for (line, code) in source.production().filter(|(_, code)| code.contains("sessions.")) {
            let is_use = code.trim_start().starts_with("use ");
            if is_use || !code.contains(".sessions.") {
                continue;
            }
            asking.insert(path.clone());
            if path != "http/sessions/find.rs" && BY_NAME.iter().any(|call| code.contains(call)) {
                by_name.push(format!("{}:{line}: {}", source.shown(), code.trim()));
            }
        }
    }
    assert_none(&by_name, "Sessions are found and opened by `http::sessions::find`, which looks at the permit.");
    let expected: BTreeSet<String> = ASK_SESSIONS.iter().map(|path| (*path).to_owned()).collect();
    assert_eq!(asking, expected, "a file that asks `Sessions` is listed here once it looks at the permit");
}
