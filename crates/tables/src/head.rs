//! The head of what is kept of a session: one object that names all others, and holds everything that is small.

mod about;
mod facts;
mod inputs;
mod members;
mod redact;
mod report;

pub use about::{About, FOLD, InputSums, Options, Session, TableFile, Writer};
pub use facts::FactFile;
pub use inputs::{Compared, Input, compare};
pub use members::MAX_HEAD;
