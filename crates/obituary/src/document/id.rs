//! The names of an object, and the key of its document.

use crate::facts::Kind;
use crate::text::is_name;
use serde::{Deserialize, Serialize};

/// The folder of obituaries, below a root.
const FOLDER: &str = "ray-history/v1/obituaries/";

/// An object: its kind, namespace, name and uid.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectId {
    /// The kind.
    pub kind: Kind,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The uid.
    pub uid: String,
}

impl ObjectId {
    /// Returns the key of its document below a root, which is empty or ends in `/`; `None` if the object has none, or a
    /// name that no object has.
    pub fn key(&self, root: &str) -> Option<String> {
        let names = [&self.namespace, &self.name, &self.uid];
        let known = self.kind != Kind::RayService && names.into_iter().all(|name| is_name(name));
        let Self { kind, namespace, name, uid } = self;
        known.then(|| format!("{}{}/{name}/{uid}.json", Self::prefix(root, namespace), kind.folder()))
    }

    /// Returns the prefix of the documents of a namespace.
    pub fn prefix(root: &str, namespace: &str) -> String {
        format!("{root}{FOLDER}{namespace}/")
    }

    /// Returns the prefix of all documents.
    pub fn prefix_of_all(root: &str) -> String {
        format!("{root}{FOLDER}")
    }

    /// Parses a key.
    pub fn from_key(root: &str, key: &str) -> Option<Self> {
        let path = key.strip_prefix(root)?.strip_prefix(FOLDER)?.strip_suffix(".json")?;
        let mut parts = path.split('/');
        let [namespace, folder, name, uid] = [(); 4].map(|()| parts.next());
        let kind = [Kind::RayCluster, Kind::RayJob].into_iter().find(|kind| Some(kind.folder()) == folder)?;
        let id = Self { kind, namespace: namespace?.to_owned(), name: name?.to_owned(), uid: uid?.to_owned() };
        (parts.next().is_none() && id.key(root).as_deref() == Some(key)).then_some(id)
    }
}
