//! Why a Ray run ended, kept when its objects are gone.
//!
//! Pure: no I/O, no clock, no client of Kubernetes. Times are passed in, objects come as their JSON, documents and rows
//! of the ledger are values; whoever watches, writes and shows them owns all of that.
//!
//! ```text
//!  JSON of one version ──► object ──► facts::read ──► Facts ──join──► Records ──► Document ──► bucket
//!  of a RayCluster, RayJob,          (drafts)           ▲                │            │
//!  RayService, Pod, Job, Event,                         │             cause        ledger::Row
//!  Node, Workload                    Document of another writer
//! ```
//!
//! - [`object`] has the needed fields of objects. They are plain `Deserialize` types that a watch can read its events
//!   into: malformed fields read as nothing, texts and lists are bounded, and values of environment variables,
//!   arguments, annotations and runtime environments are skipped while they are read, so no secret of a pod gets
//!   further.
//! - [`facts`] are drafts that join: commutative, associative, idempotent. Order, repeats, splits and several writers
//!   give the same facts, up to the bound of [`facts::bounds::MAX_WEIGHT`] for each object.
//! - [`cause`] finds the first cause and the outcome of each run in facts alone. [`docs/causes.md`] lists the codes.
//! - [`document`] is the stored form of one object, with its key, and the ledger's rows.
//! - [`records`] are all objects that are watched: they take versions, deletions and what vanished between two
//!   listings, and tell of which objects there is news worth writing.
//!
//! A recorder feeds [`records::Records`], asks it what is [due](records::Records::due), reads the stored document and
//! [joins](records::Records::join_stored) it, writes [the new one](records::Records::document) on condition that the
//! stored one is unchanged, and [says so](records::Records::written). No state is owned by anything else.
//!
//! [`docs/causes.md`]: https://github.com/ray-history/ray-history/blob/main/docs/causes.md

pub mod cause;
pub mod document;
pub mod facts;
pub mod join;
pub mod ledger;
pub mod object;
pub mod records;
pub mod text;
pub mod time;
