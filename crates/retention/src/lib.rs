//! Retention: old sessions go by rule, after a mark that everybody can see, and only if they are proven dead.
//!
//! | module | contents |
//! |---|---|
//! | `settings` | rules, limits and brakes, validated |
//! | `candidate` | one stored session, as the caller knows it |
//! | `never` | the sessions that are never deleted, line by line |
//! | `plan` | rules, sessions, marks and a clock give marks, unmarks and deletions; pure |
//! | `keys` | the keys of marks and pins |
//! | `tombstone`, `tombstones` | one mark in the bucket, and all of them |
//! | `pins` | the sessions that somebody wants to keep |
//! | `places` | everything in the bucket that belongs to one session |
//! | `brakes` | the record of runs in the bucket, and the halt where the list shrinks |
//! | `executor` | the steps from a mark to a deletion, each of which may be the last before a crash |
//!
//! Clocks are passed in, and times are nanoseconds since 1970.

pub mod brakes;
pub mod candidate;
pub mod executor;
pub mod keys;
pub mod never;
pub mod pins;
pub mod places;
pub mod plan;
pub mod settings;
pub mod time;
pub mod tombstone;
pub mod tombstones;

pub use candidate::{Candidate, Digest, Proof, State, Survey};
pub use executor::{Act, Clock, Executor, Known, PAUSE, Run, RunOutcome};
pub use never::Kept;
pub use pins::{Pin, Pins};
pub use plan::{Decision, Plan, plan};
pub use settings::{Creator, Match, Mode, Pattern, Problem, Rule, Settings};
pub use tombstone::{Phase, Tombstone};
pub use tombstones::Tombstones;
