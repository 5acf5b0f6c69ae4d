//! Scenes: versions of objects in the order in which real clusters show them, and what each run must come to.
//!
//! The tests of this crate show them to the rules, one after the other; `tests/kubernetes/` writes them to a real API
//! server, and reads what the program keeps of them.

#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod no_cause;
pub(crate) mod objects;
pub(crate) mod recorded;
pub(crate) mod rules;

use objects::Scene;
use ray_history_obituary::cause::{Certainty, Code, Outcome};

/// A scene, and what it must come to.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The first cause; `None` for a run that has none.
    pub(crate) cause: Option<Code>,
    /// The certainty of the first cause; `None` for any.
    pub(crate) certainty: Option<Certainty>,
    pub(crate) outcome: Outcome,
    /// A part of the sentence.
    pub(crate) says: &'static str,
    pub(crate) scene: Scene,
    /// The uid of the object whose document tells it.
    pub(crate) uid: &'static str,
}
