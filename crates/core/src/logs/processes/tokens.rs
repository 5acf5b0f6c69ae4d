//! The tokens that a worker prints to both of its outputs: `:task_name:NAME` and a line end before each task, and
//! `:actor_name:NAME` for its actor, first with the name of the class, then with the actor's `repr()` if the class has
//! one of its own (`_raylet.pyx`, `ray_logging/constants.py`).
//!
//! Ray takes the start of an attempt's output after the token, and its end when the attempt ends, before the next token.
//! A token need not begin a line: a task may end its output without one.

use memchr::memmem;
use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;
use std::ops::Range;

const TASK: &[u8] = b":task_name:";
const ACTOR: &[u8] = b":actor_name:";
/// The end of both.
const NAME: &[u8] = b"_name:";
/// The length up to which a name is looked at; a longer one is no token.
const MAX_NAME: usize = 16 << 10;
/// Most tokens of one output that are kept.
const MAX_TOKENS: usize = 100_000;

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    /// Its first byte.
    pub start: u64,
    /// The byte after its line end: the first byte of the attempt's output.
    pub end: u64,
    /// The hash of the task's name (`name_hash`).
    pub name: u64,
}

/// The tokens of one output.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tokens {
    /// Tokens in their order.
    pub all: Vec<Token>,
    /// The number of bytes in which they were searched; `None` if there are more bytes or tokens.
    pub size: Option<u64>,
    /// The `repr()` of the worker's actor, if its class has one of its own.
    pub actor_repr: Option<Box<str>>,
}

impl Tokens {
    /// Returns the bytes that a worker printed for tasks with these names (`name_hash`), which ran in this order: the
    /// start, and the end if the output is known up to there. A name without a token has no bytes.
    pub fn ranges(&self, names: &[u64]) -> Vec<Option<(u64, Option<u64>)>> {
        let mut next = 0;
        let of = |name: &u64| {
            let at = next + self.all.get(next..)?.iter().position(|token| token.name == *name)?;
            next = at + 1;
            let end = self.all.get(next).map(|token| token.start).or(self.size);
            Some((self.all.get(at)?.end, end))
        };
        names.iter().map(of).collect()
    }

    /// Returns the memory held in addition to the struct, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.all.capacity() * size_of::<Token>() + self.actor_repr.as_ref().map_or(0, |repr| repr.len())
    }
}

/// Returns the hash of a task's name by which tokens are compared.
pub fn name_hash(name: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(name);
    hasher.finish()
}

/// The search for tokens in an output that arrives in pieces.
#[derive(Debug, Default)]
pub(super) struct TokenScan {
    found: Vec<Token>,
    /// Tokens of an actor so far.
    actors: usize,
    actor_repr: Option<Box<str>>,
    /// Bytes of earlier pieces that may belong to a token.
    open: Vec<u8>,
    /// Position of the first of them.
    at: u64,
}

impl TokenScan {
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.open.extend_from_slice(piece);
        let mut from = 0;
        while let Some(name) = memmem::find(&self.open[from..], NAME).map(|found| from + found + NAME.len()) {
            let Some(prefix) = [TASK, ACTOR].into_iter().find(|prefix| self.open[..name].ends_with(prefix)) else {
                from = name;
                continue;
            };
            let until = self.open.len().min(name + MAX_NAME + 1);
            match memchr::memchr(b'\n', &self.open[name..until]) {
                Some(length) => {
                    from = name + length + 1;
                    self.token(name - prefix.len(), name..name + length, prefix == ACTOR);
                }
                None if until < self.open.len() => from = name,
                None => return self.forget(name - prefix.len()),
            }
        }
        self.forget(from.max(self.open.len().saturating_sub(ACTOR.len() - 1)));
    }

    fn token(&mut self, start: usize, name: Range<usize>, of_actor: bool) {
        let end = self.at + name.end as u64 + 1;
        let name = &self.open[name];
        if of_actor {
            self.actors += 1;
            if self.actors == 2 {
                self.actor_repr = Some(String::from_utf8_lossy(name).into());
            }
        } else if self.found.len() <= MAX_TOKENS {
            self.found.push(Token { start: self.at + start as u64, end, name: name_hash(name) });
        }
    }

    /// Forgets bytes that belong to no further token.
    fn forget(&mut self, count: usize) {
        self.open.drain(..count);
        self.at += count as u64;
    }

    /// Returns the tokens; `whole` if the output was pushed to its end.
    pub(super) fn finish(mut self, whole: bool) -> Tokens {
        let size = self.at + self.open.len() as u64;
        let whole = whole && self.found.len() <= MAX_TOKENS;
        self.found.truncate(MAX_TOKENS);
        Tokens { all: self.found, size: whole.then_some(size), actor_repr: self.actor_repr }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(pieces: &[&[u8]]) -> Tokens {
        let mut scan = TokenScan::default();
        for piece in pieces {
            scan.push(piece);
        }
        scan.finish(true)
    }

    #[test]
    fn an_attempt_has_the_bytes_between_its_token_and_the_next() {
        let text = b":job_id:01000000\n:task_name:f\none\n:task_name:g\nno line end:task_name:f\n:task_name:h\nlast";
        let tokens = scan(&[text]);
        let bytes = |names: &[&str]| {
            let hashes: Vec<u64> = names.iter().map(|name| name_hash(name.as_bytes())).collect();
            let ranges = tokens.ranges(&hashes).into_iter();
            ranges
                .map(|range| range.map(|(a, b)| String::from_utf8_lossy(&text[a as usize..b.unwrap() as usize])))
                .collect::<Vec<_>>()
        };
        let some = |text: &'static str| Some(text.into());
        assert_eq!(bytes(&["f", "g", "f", "h"]), [some("one\n"), some("no line end"), some(""), some("last")]);
        assert_eq!(bytes(&["g", "x", "h"]), [some("no line end"), None, some("last")]);
        assert_eq!(bytes(&["h", "f"]), [some("last"), None], "tokens are used in their order");
    }

    #[test]
    fn the_end_of_the_last_attempt_is_unknown_in_a_part() {
        let mut part = TokenScan::default();
        part.push(b":task_name:f\nmore follows");
        assert_eq!(part.finish(false).ranges(&[name_hash(b"f")]), [Some((13, None))]);
        let long = format!(":task_name:{}\n:task_name:f\n", "x".repeat(MAX_NAME + 1));
        assert_eq!(scan(&[long.as_bytes()]).all.len(), 1, "a longer name is no token");
    }

    #[test]
    fn the_second_token_of_an_actor_is_its_repr() {
        for (text, repr) in [
            (":actor_name:Zähler\nx:actor_name:Zähler(★10)\n:actor_name:printed\n", Some("Zähler(★10)")),
            (":job_id:01000000\n:actor_name:Plain\nsaid file_name:x\n", None),
        ] {
            assert_eq!(scan(&[text.as_bytes()]).actor_repr.as_deref(), repr, "{text}");
        }
    }

    #[test]
    fn all_that_an_output_makes_us_hold_is_weighed() {
        let long = "x".repeat(10_000);
        let tokens = scan(&[format!(":actor_name:A\n:actor_name:{long}\n:task_name:f\n:task_name:g\n").as_bytes()]);
        assert!(tokens.weight() >= long.len() + 2 * size_of::<Token>(), "{}", tokens.weight());
    }

    proptest! {
        #[test]
        fn pieces_do_not_change_what_is_found(text in "(:(task|actor)_name:[fg]{0,3}\n|x{0,20}\n?|:task_|name:){0,12}", cut in 0usize..200, again in 0usize..200) {
            let text = text.as_bytes();
            let (cut, again) = (cut.min(text.len()), again.min(text.len()));
            let (first, second) = (cut.min(again), cut.max(again));
            prop_assert_eq!(scan(&[text]), scan(&[&text[..first], &text[first..second], &text[second..]]));
        }
    }
}
