//! Interned values of a builder: strings, ids, long texts, and canonical JSON maps.

use crate::base::id::RayId;
use crate::base::stored_json;
use crate::event::value::{canonical_numbers, canonical_strings};
use crate::snapshot::intern::{Id, Interned, Interner, Str};
use crate::snapshot::task::OWN_TASK_ID;
use crate::snapshot::text::{Text, TextReader, TextStore, Texts};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use serde_json::Value;
use std::cmp::Ordering;

/// Interned values while a builder collects them.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    strings: Interner,
    ids: Interner,
    texts: TextStore,
    numbers: CanonicalCache,
    labels: CanonicalCache,
    extras: CanonicalCache,
}

/// Temporary replacement of `OWN_TASK_ID` by a byte that JSON allows in its strings: DEL.
const PLACEHOLDER: u8 = 0x7f;

/// Maximum size of a cache, in bytes. Texts beyond it are made canonical each time.
const MAX_CACHED: usize = 4 << 20;
/// Overhead of a cached text, in bytes.
const ENTRY: usize = 64;

/// Cache of canonical forms by the text sent, because the same few texts are sent repeatedly.
#[derive(Debug, Default)]
struct CanonicalCache {
    known: HashMap<String, Str, RandomState>,
    bytes: usize,
}

impl CanonicalCache {
    fn get(&mut self, strings: &mut Interner, raw: &str, canonical: fn(&str) -> String) -> Str {
        if raw.is_empty() {
            return Str::default();
        }
        if let Some(&handle) = self.known.get(raw) {
            return handle;
        }
        let handle = strings.str(&canonical(raw));
        let bytes = self.bytes + raw.len() + ENTRY;
        if bytes <= MAX_CACHED {
            self.known.insert(raw.to_owned(), handle);
            self.bytes = bytes;
        }
        handle
    }
}

/// New handles of another catalogue's values, indexed by old handle.
#[derive(Debug)]
pub(super) struct Renamed {
    strings: Vec<Str>,
    ids: Vec<Id>,
    texts: Vec<Text>,
}

impl Renamed {
    pub(super) fn str(&self, old: Str) -> Str {
        self.strings.get(old.0 as usize).copied().unwrap_or_default()
    }

    pub(super) fn id(&self, old: Id) -> Id {
        self.ids.get(old.0 as usize).copied().unwrap_or_default()
    }

    pub(super) fn text(&self, old: Text) -> Text {
        self.texts.get(old.0 as usize).copied().unwrap_or_default()
    }
}

impl Catalogue {
    pub(super) fn str(&mut self, value: &str) -> Str {
        self.strings.str(value)
    }

    /// Interns an id; an absent or nil id becomes no id.
    pub(super) fn id<const N: usize>(&mut self, value: Option<RayId<N>>) -> Id {
        match value {
            Some(id) if !id.is_nil() => self.ids.id(&id.0),
            _ => Id::default(),
        }
    }

    /// Interns an id of any length.
    pub(super) fn raw_id(&mut self, value: &[u8]) -> Id {
        self.ids.id(value)
    }

    /// Returns `true` if anything refers to an id.
    pub(super) fn contains_id(&self, value: &[u8]) -> bool {
        self.ids.contains(value)
    }

    pub(super) fn text(&mut self, value: &str) -> Text {
        self.texts.intern(value)
    }

    /// Interns a `map<string, double>` in canonical form.
    pub(super) fn numbers(&mut self, raw: &str) -> Str {
        self.numbers.get(&mut self.strings, raw, canonical_numbers)
    }

    /// Interns a `map<string, string>` in canonical form.
    pub(super) fn labels(&mut self, raw: &str) -> Str {
        self.labels.get(&mut self.strings, raw, canonical_strings)
    }

    /// Interns extra data of a profile event as strict JSON, because answers contain it unchanged. `OWN_TASK_ID`
    /// replaces the id of its own task, so that nearly all extra data are the same few texts, each parsed once.
    pub(super) fn extra(&mut self, raw: &str, own_id: &str) -> Str {
        // Both bytes are used as marks, so a text that contains one is stored without marks.
        if memchr::memchr2(OWN_TASK_ID, PLACEHOLDER, raw.as_bytes()).is_some() {
            let extra = strict_extra(raw);
            return self.str(&extra);
        }
        let marked = raw.replace(own_id, std::str::from_utf8(&[OWN_TASK_ID]).unwrap_or_default());
        self.extras.get(&mut self.strings, &marked, |marked| {
            // JSON does not allow the mark, so the placeholder replaces it while the text is parsed.
            let (own, held) = (char::from(OWN_TASK_ID), char::from(PLACEHOLDER));
            strict_extra(&marked.replace(own, &held.to_string())).replace(held, &own.to_string())
        })
    }

    /// Interns a JSON value as strict JSON, because answers contain it unchanged. Invalid JSON becomes the empty
    /// string.
    pub(super) fn json(&mut self, raw: &str) -> Str {
        if raw.is_empty() { Str::default() } else { self.str(&stored_json::strict(raw.as_bytes()).unwrap_or_default()) }
    }

    pub(super) fn resolve(&self, handle: Str) -> &str {
        self.strings.values().str(handle)
    }

    pub(super) fn resolve_id(&self, handle: Id) -> &[u8] {
        self.ids.values().id(handle)
    }

    pub(super) fn resolve_text<'a>(&'a self, reader: &'a mut TextReader, handle: Text) -> &'a str {
        self.texts.get(reader, handle)
    }

    pub(super) fn compare_str(&self, a: Str, b: Str) -> Ordering {
        if a == b { Ordering::Equal } else { self.resolve(a).cmp(self.resolve(b)) }
    }

    pub(super) fn compare_id(&self, a: Id, b: Id) -> Ordering {
        if a == b { Ordering::Equal } else { self.resolve_id(a).cmp(self.resolve_id(b)) }
    }

    /// Compares two texts. Slow, because it decompresses; called only if two events of the same time disagree.
    pub(super) fn compare_text(&self, a: Text, b: Text) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let (mut left, mut right) = (TextReader::default(), TextReader::default());
        self.texts.get(&mut left, a).cmp(self.texts.get(&mut right, b))
    }

    pub(super) fn absorb(&mut self, other: Self) -> Renamed {
        let strings = other.strings.freeze();
        let ids = other.ids.freeze();
        Renamed {
            strings: (0..strings.len()).map(|at| Str(self.strings.intern(strings.get(at as u32)))).collect(),
            ids: (0..ids.len()).map(|at| Id(self.ids.intern(ids.get(at as u32)))).collect(),
            texts: self.texts.absorb(other.texts),
        }
    }

    pub(super) fn weight(&self) -> usize {
        let cached = self.numbers.bytes + self.labels.bytes + self.extras.bytes;
        self.strings.weight() + self.ids.weight() + self.texts.weight() + cached
    }

    pub(super) fn freeze(self) -> (Interned, Interned, Texts) {
        (self.strings.freeze(), self.ids.freeze(), self.texts.freeze())
    }
}

/// Returns extra data as strict JSON; empty for none. Invalid JSON, for which Ray answers nothing, becomes a JSON
/// string.
fn strict_extra(raw: &str) -> String {
    match stored_json::strict(raw.as_bytes()) {
        _ if raw.trim().is_empty() => String::new(),
        Some(strict) if strict.trim() == "{}" => String::new(),
        Some(strict) => strict.into_owned(),
        None => Value::from(raw).to_string(),
    }
}
