//! Writes objects behind one trait, apart from the reading trait by type and crate: what the server reads with cannot
//! write.
//!
//! A call is one attempt, one upload in parts, or one attempt for each of many keys; callers decide how often to try again. Errors are those of
//! `ray_history_storage`. No writer creates a bucket, and none sets `Content-Encoding`, because Google would unpack such
//! objects on the way to readers.
//!
//! # A put that stands still
//!
//! A connection must be made within 5 s. A put whose bytes make no way for 30 s, or whose answer is not there a minute
//! after the last byte, fails as [`ErrorKind::Unavailable`](ray_history_storage::ErrorKind::Unavailable); its object is
//! then the old one or the new one, never a part.

#[cfg(feature = "azure")]
mod azure;
#[cfg(any(feature = "s3", feature = "azure", feature = "oss", feature = "gcs"))]
mod body;
pub mod conformance;
mod connect;
#[cfg(feature = "gcs")]
mod gcs;
mod local;
mod many;
pub mod memory;
#[cfg(feature = "oss")]
mod oss;
mod paced;
#[cfg(any(feature = "s3", feature = "azure", feature = "oss"))]
mod parts;
#[cfg(feature = "s3")]
mod s3;

pub use connect::connect;
pub use paced::{Paced, Rate};

use async_trait::async_trait;
use bytes::Bytes;
use ray_history_storage::Error;
use std::fmt::Debug;
use std::fs::File;

/// The condition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum If<'a> {
    /// Writes always.
    Any,
    /// Writes if there is no object with this key. A store that ignores conditions (garage) writes always, so nothing
    /// may depend on a refusal.
    Absent,
    /// Writes if the object is still the one with this `ETag`, as the reading side reported it; not if there is none.
    ///
    /// OSS has no such condition, and some servers with the protocol of S3 refuse it: they are asked for the object just
    /// before the write, so that of two writers at once both may succeed.
    Unchanged(&'a str),
}

/// The outcome of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The object is stored.
    Written,
    /// The condition does not hold, and nothing was changed.
    Refused,
}

/// A bucket, or its substitute, that can be written to.
///
/// Keys are UTF-8, separated by `/` and relative to the bucket. They are never normalised.
#[async_trait]
pub trait StorageWrite: Debug + Send + Sync + 'static {
    /// Writes an object, whole or not at all, if the condition holds.
    async fn put(&self, key: &str, bytes: Bytes, condition: If<'_>) -> Result<Put, Error>;

    /// Writes the first `len` bytes of a file as an object, whole or not at all, replacing one of the same key.
    ///
    /// The file may grow meanwhile; its position is neither used nor changed. Bytes that cannot be read are an
    /// `ErrorKind::Source`. Files of more than 64 MiB are uploaded in parts where the store has them; an upload that
    /// fails, or whose future is dropped, is aborted.
    async fn put_file(&self, key: &str, file: &File, len: u64) -> Result<(), Error>;

    /// Deletes an object. One that is not there counts as deleted. In a bucket with versions, older ones stay.
    async fn delete(&self, key: &str) -> Result<(), Error>;

    /// Deletes any number of objects, and returns a result for each key, at the same place. One that is not there counts
    /// as deleted. In a bucket with versions, older ones stay; no version is ever named.
    ///
    /// S3 and OSS take batches, of 1,000 keys at most; one that refuses them is asked for single objects from then on.
    /// Keys that a reader of XML might not understand are deleted singly, and so are those of which the store's answer
    /// says nothing. Google and Azure are asked for single objects, 16 at once. The order is not defined: what must go
    /// first is a call of its own.
    ///
    /// A folder removes the folders of the objects, too, if they are empty then, but never itself, nor a folder that lies
    /// directly in it. In it, a key that ends with `/` means a folder, which is removed with the empty folders in it, if
    /// it is empty then.
    ///
    /// After an error of the store rather than of a key (`Throttled`, `Unavailable`, `NoBucket`, any refusal of a whole
    /// batch), no further request is begun, and the keys that are left have that error, too. Such a key may have been
    /// deleted; deleting it again is no error. Nothing but the results grows with the number of keys.
    async fn delete_many(&self, keys: &[String]) -> Vec<Result<(), Error>> {
        many::singly(self, keys.iter().map(String::as_str).collect(), &many::Halt::default()).await
    }
}

/// Fails as `ErrorKind::Source` if a file cannot be read, or has fewer bytes than are to be stored.
fn open_source(key: &str, file: &File, len: u64) -> Result<File, Error> {
    use ray_history_storage::ErrorKind::Source;
    let size = file.metadata().map_err(|error| Error::because(Source, key, error))?.len();
    if size < len {
        return Err(Error::because(Source, key, format!("it has {size} of {len} bytes")));
    }
    file.try_clone().map_err(|error| Error::because(Source, key, error))
}
