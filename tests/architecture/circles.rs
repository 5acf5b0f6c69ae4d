//! Modules of one folder form no circle: whoever reads one of them must not have to read all.
//!
//! What lies below a module counts as the module: `load/parse.rs` stands for `load`. A module may use what its own
//! parent re-exports; that is no import of a sibling.

use super::assert_none;
use super::source::{Source, expand, sources};
use std::collections::{BTreeMap, BTreeSet};

/// The segments of a module's path.
pub(crate) type Module = Vec<String>;

/// Who imports whom among the modules of one folder, with an example.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

#[test]
fn modules_of_one_folder_form_no_circle() {
    let sources = sources();
    let modules: BTreeSet<Module> = sources.iter().map(module).collect();
    let mut folders: BTreeMap<Module, Imports> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let own = module(source);
        let production = source.paths().into_iter().filter(|(line, _)| *line <= source.production_lines());
        for imported in production.filter_map(|(_, path)| resolve(&path, &own, &modules)) {
            let shared = own.iter().zip(&imported).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (own.get(shared), imported.get(shared)) {
                let example = format!("{} uses {}", source.shown(), imported.join("::"));
                let folder = folders.entry(own[..shared].to_vec()).or_default();
                folder.entry(from.clone()).or_default().entry(to.clone()).or_insert(example);
            }
        }
    }
    let circles = folders.values().filter_map(circle).map(|examples| examples.join("\n    "));
    assert_none(&circles.collect::<Vec<_>>(), "Imports within a folder point one way, too; these form a circle.");
}

pub(crate) fn module(source: &Source) -> Module {
    let path = source.path.with_extension("");
    let below = path.iter().map(|segment| segment.to_string_lossy().into_owned());
    std::iter::once(source.krate.to_owned()).chain(below).collect()
}

/// The module that a path names something of.
pub(crate) fn resolve(path: &str, own: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    let mut segments = path.split("::").map(str::trim).peekable();
    let mut at = match segments.next()? {
        "crate" => own[..1].to_vec(),
        krate if krate.starts_with("ray_history") => vec![krate.to_owned()],
        _ => own[..own.len().checked_sub(1)?].to_vec(),
    };
    while segments.next_if_eq(&"super").is_some() {
        at.pop()?;
    }
    for segment in segments {
        at.push(segment.to_owned());
        if !modules.contains(&at) {
            at.pop();
            break;
        }
    }
    (!at.is_empty() && at != own).then_some(at)
}

/// A circle, as the imports that make it.
fn circle(imports: &Imports) -> Option<Vec<String>> {
    imports.keys().find_map(|from| {
        let (mut way, mut seen) = (Vec::new(), BTreeSet::new());
        leads_back(from, from, imports, &mut way, &mut seen).then_some(way)
    })
}

fn leads_back<'a>(
    at: &'a str,
    home: &str,
    imports: &'a Imports,
    way: &mut Vec<String>,
    seen: &mut BTreeSet<&'a str>,
) -> bool {
    for (to, example) in imports.get(at).into_iter().flatten() {
        way.push(example.clone());
        if to == home || (seen.insert(to) && leads_back(to, home, imports, way, seen)) {
            return true;
        }
        way.pop();
    }
    false
}

#[test]
fn paths_are_read_with_their_braces() {
    assert_eq!(expand("super::{a::{B, c::D}, e}"), ["super::a::B", "super::a::c::D", "super::e"]);
    let modules = [vec!["x", "a"], vec!["x", "a", "b"], vec!["x", "a", "c"], vec!["x", "d"]];
    let modules = modules.map(|path| path.into_iter().map(str::to_owned).collect()).into();
    let own = ["x".to_owned(), "a".to_owned(), "b".to_owned()];
    let resolved = |path: &str| resolve(path, &own, &modules).map(|module| module.join("::"));
    for (path, module) in [
        ("super::c::Thing", Some("x::a::c")),
        ("super::Thing", Some("x::a")),
        ("super::super::d::Thing", Some("x::d")),
        ("crate::a::b::Thing", None),
        ("crate::Thing", Some("x")),
    ] {
        assert_eq!(resolved(path).as_deref(), module, "{path}");
    }
}

#[test]
fn a_circle_is_found_and_a_line_is_none() {
    let imports = |pairs: &[(&str, &str)]| {
        let mut imports = Imports::new();
        for (from, to) in pairs {
            imports.entry((*from).to_owned()).or_default().insert((*to).to_owned(), format!("{from} uses {to}"));
        }
        imports
    };
    assert_eq!(circle(&imports(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&imports(&[("x", "a"), ("a", "b"), ("b", "c"), ("c", "a")])).unwrap();
    assert_eq!(found, ["a uses b", "b uses c", "c uses a"]);
}
