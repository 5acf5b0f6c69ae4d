//! The interned values of a builder: strings, ids, long texts, and the canonical form of JSON maps.

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

/// Values by handle, while they are still being collected.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    strings: Interner,
    ids: Interner,
    texts: TextStore,
    numbers: Remembered,
    labels: Remembered,
    extras: Remembered,
}

/// A byte that JSON allows in its strings: DEL.
const KEPT: u8 = 0x7f;

/// Bytes of texts remembered; what comes beyond it is made canonical each time.
const MAX_REMEMBERED: usize = 4 << 20;
/// Bytes of a remembered text besides its own.
const ENTRY: usize = 64;

/// Canonical forms of texts as they were sent: the same few are sent again and again.
#[derive(Debug, Default)]
struct Remembered {
    known: HashMap<String, Str, RandomState>,
    bytes: usize,
}

impl Remembered {
    fn get(&mut self, strings: &mut Interner, raw: &str, canonical: fn(&str) -> String) -> Str {
        if raw.is_empty() {
            return Str::default();
        }
        if let Some(&handle) = self.known.get(raw) {
            return handle;
        }
        let handle = strings.str(&canonical(raw));
        let bytes = self.bytes + raw.len() + ENTRY;
        if bytes <= MAX_REMEMBERED {
            self.known.insert(raw.to_owned(), handle);
            self.bytes = bytes;
        }
        handle
    }
}

/// New handles of another catalogue's values, by old handle.
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

    /// An id that may be missing; nil ids are no ids.
    pub(super) fn id<const N: usize>(&mut self, value: Option<RayId<N>>) -> Id {
        match value {
            Some(id) if !id.is_nil() => self.ids.id(&id.0),
            _ => Id::default(),
        }
    }

    /// An id of unknown length, as bytes.
    pub(super) fn raw_id(&mut self, value: &[u8]) -> Id {
        self.ids.id(value)
    }

    /// Returns `true` if anything refers to an id.
    pub(super) fn knows_id(&self, value: &[u8]) -> bool {
        self.ids.knows(value)
    }

    pub(super) fn text(&mut self, value: &str) -> Text {
        self.texts.intern(value)
    }

    /// A `map<string, double>` as sent, in canonical form.
    pub(super) fn numbers(&mut self, raw: &str) -> Str {
        self.numbers.get(&mut self.strings, raw, canonical_numbers)
    }

    /// A `map<string, string>` as sent, in canonical form.
    pub(super) fn labels(&mut self, raw: &str) -> Str {
        self.labels.get(&mut self.strings, raw, canonical_strings)
    }

    /// Extra data of a profile event as sent, made strict, because answers give it as it is; `OWN_TASK_ID` stands where
    /// the id of its own task stood, so that nearly all are the same few texts, each looked at once.
    pub(super) fn extra(&mut self, raw: &str, own_id: &str) -> Str {
        // Both bytes are used as marks here: what has them itself is kept without.
        if memchr::memchr2(OWN_TASK_ID, KEPT, raw.as_bytes()).is_some() {
            let extra = strict_extra(raw);
            return self.str(&extra);
        }
        let marked = raw.replace(own_id, std::str::from_utf8(&[OWN_TASK_ID]).unwrap_or_default());
        self.extras.get(&mut self.strings, &marked, |marked| {
            // The mark is no character of JSON; another one, which is, takes its place meanwhile.
            let (own, kept) = (char::from(OWN_TASK_ID), char::from(KEPT));
            strict_extra(&marked.replace(own, &kept.to_string())).replace(kept, &own.to_string())
        })
    }

    /// A JSON value as sent, made strict, because answers give it as it is; what is no JSON is nothing.
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

    /// Slow: decompresses. Only asked where two events of one time disagree.
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
        let remembered = self.numbers.bytes + self.labels.bytes + self.extras.bytes;
        self.strings.weight() + self.ids.weight() + self.texts.weight() + remembered
    }

    pub(super) fn freeze(self) -> (Interned, Interned, Texts) {
        (self.strings.freeze(), self.ids.freeze(), self.texts.freeze())
    }
}

/// Extra data as strict JSON; empty for none. What is no JSON (nor a dictionary for Ray, which answers nothing then) is
/// a text.
fn strict_extra(raw: &str) -> String {
    match stored_json::strict(raw.as_bytes()) {
        _ if raw.trim().is_empty() => String::new(),
        Some(strict) if strict.trim() == "{}" => String::new(),
        Some(strict) => strict.into_owned(),
        None => Value::from(raw).to_string(),
    }
}
