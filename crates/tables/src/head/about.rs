//! `snapshot.json` of a head: the session, the build, and the files that belong to it.

use crate::error::Error;
use crate::file::{Expected, Stamp};
use crate::hash::sha256;
use ray_history_core::base::name::{Owner, OwnerKind, SessionKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the format.
const NAME: &str = "ray-history/snapshot";
/// The format that this version writes; it reads every one of the same major number.
const MAJOR: u64 = 1;
/// 1 added `functions.parquet` and `totals.json`.
const MINOR: u64 = 1;
/// The number of the fold: raised whenever the same events give other tables.
pub const FOLD: u32 = 1;

/// Facts of a build. Later versions of the format may add members.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    format: Format,
    /// The number of the fold that made the tables.
    pub fold: u32,
    /// The session.
    pub session: Session,
    /// The build: 32 hex digits, made of everything that decides about the bytes of the tables.
    pub build: String,
    /// The time of the writer's clock, RFC 3339; shown, never compared.
    pub written_at: String,
    /// The writer.
    pub writer: Writer,
    /// The time of the last event, in nanoseconds since 1970, as text because JSON's numbers are too short.
    pub as_of: String,
    /// The raw objects that it was built from.
    pub inputs: InputSums,
    /// Bytes of memory that the open session held.
    pub weight: u64,
    /// Attempts.
    pub attempts: u64,
    /// Profile events.
    pub profile_events: u64,
    /// The options that it was written with.
    pub options: Options,
    /// The large tables, in the order of their keys.
    pub tables: Vec<TableFile>,
    /// Promises of the small tables, by member.
    pub(crate) members: BTreeMap<String, Promise>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Format {
    name: String,
    major: u64,
    minor: u64,
}

/// The names of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The namespace, or the id that v1.6 wrote in its place.
    pub namespace: String,
    /// `false` if `namespace` is only such an id.
    pub namespace_known: bool,
    /// The cluster.
    pub cluster: String,
    /// The session.
    pub session: String,
    /// The owner of the cluster, if known.
    pub owner: Option<SessionOwner>,
}

/// An owner, as Kubernetes spells its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionOwner {
    kind: String,
    name: String,
}

/// The program that wrote a head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Its version.
    pub version: String,
    /// The replica.
    pub replica: String,
}

/// The raw objects of a session, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputSums {
    /// Sum of the hashes of all names, sizes and tags: 32 hex digits.
    pub digest: String,
    /// The same without tags, which a copied bucket has others of.
    pub shape: String,
    /// Objects.
    pub objects: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Records of event files.
    pub records: u64,
}

/// Options that change the bytes of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    /// `true` if the head holds the values of environment variables.
    pub clear_environments: bool,
    /// `true` if tables hold the messages of errors.
    pub messages: bool,
    /// `true` if profile events are kept.
    pub profile_events: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { clear_environments: false, messages: true, profile_events: true }
    }
}

/// One file of a large table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableFile {
    /// The table.
    pub name: String,
    /// The part, from zero.
    pub part: u32,
    /// Rows.
    pub rows: u64,
    /// Bytes before compression.
    pub uncompressed: u64,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the file, in hex: Parquet has no checksum.
    pub sha256: String,
}

/// The promise of a small table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Promise {
    rows: u64,
    uncompressed: u64,
}

impl From<&Expected> for Promise {
    fn from(expected: &Expected) -> Self {
        Self { rows: expected.rows, uncompressed: expected.uncompressed }
    }
}

impl Promise {
    pub(crate) fn rows(self) -> u64 {
        self.rows
    }

    pub(crate) fn expected(self) -> Expected {
        Expected { rows: self.rows, uncompressed: self.uncompressed }
    }
}

impl TableFile {
    /// Returns the facts that the file is checked against.
    pub fn expected(&self) -> Expected {
        Expected { rows: self.rows, uncompressed: self.uncompressed }
    }
}

impl Session {
    /// Returns the names of a session.
    pub fn new(key: &SessionKey, namespace_known: bool, owner: Option<&Owner>) -> Self {
        let owner = owner.map(|owner| SessionOwner { kind: owner.kind.kind().to_owned(), name: owner.name.clone() });
        Self {
            namespace: key.cluster.namespace.clone(),
            namespace_known,
            cluster: key.cluster.name.clone(),
            session: key.session.to_string(),
            owner,
        }
    }

    /// Returns the owner, if its kind is one that this version knows.
    pub fn owner(&self) -> Option<Owner> {
        let owner = self.owner.as_ref()?;
        let kind = OwnerKind::ALL.into_iter().find(|kind| kind.kind() == owner.kind)?;
        Some(Owner { kind, name: owner.name.clone() })
    }

    fn is_of(&self, key: &SessionKey) -> bool {
        self.namespace == key.cluster.namespace
            && self.cluster == key.cluster.name
            && self.session == key.session.as_str()
    }
}

/// Returns the name of a build: the first half of the SHA-256 of everything that decides about the bytes of its tables.
fn build(inputs: &InputSums, options: Options) -> String {
    let Options { clear_environments, messages, profile_events } = options;
    let digest = &inputs.digest;
    let text = format!("{digest}\n{FOLD}\n{MAJOR}.{MINOR}\n{clear_environments} {messages} {profile_events}\n");
    sha256(text).chars().take(32).collect()
}

impl About {
    /// Returns facts without those of files, which are added as they are written.
    pub(crate) fn new(
        session: Session,
        written_at: String,
        writer: Writer,
        as_of: i64,
        inputs: InputSums,
        weight: u64,
        options: Options,
    ) -> Self {
        let build = build(&inputs, options);
        Self {
            format: Format { name: NAME.to_owned(), major: MAJOR, minor: MINOR },
            fold: FOLD,
            session,
            build,
            written_at,
            writer,
            as_of: as_of.to_string(),
            inputs,
            weight,
            attempts: 0,
            profile_events: 0,
            options,
            tables: Vec::new(),
            members: BTreeMap::new(),
        }
    }

    /// Reads the facts of the build of a session.
    pub(super) fn read(bytes: &[u8], key: &SessionKey) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Known {
            format: Format,
        }
        let wrong = |error: &dyn std::fmt::Display| Error::malformed("snapshot.json", error);
        // A newer format may have other members.
        let known: Known = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
        if known.format.name != NAME {
            return Err(wrong(&"it is of another program"));
        }
        if known.format.major > MAJOR {
            return Err(Error::Newer(known.format.major));
        }
        let about: Self = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
        if !about.session.is_of(key) {
            return Err(wrong(&"it is about another session"));
        }
        if about.build.len() != 32 || !about.build.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong(&"the build is no name of a build"));
        }
        Ok(about)
    }

    /// Returns the stamp of the files that belong to it.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            build: self.build.clone(),
            namespace: if self.session.namespace_known { self.session.namespace.clone() } else { String::new() },
            cluster: self.session.cluster.clone(),
            session: self.session.session.clone(),
        }
    }
}
