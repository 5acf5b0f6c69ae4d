//! Connections for the crate of the writers: clients that sign requests, and the meaning of refusals.
//!
//! A connection has no operation of its own. The stores of this crate read through theirs, and hand none out: what reads
//! cannot write. Nothing else than `ray-history-storage-write` uses this module.

#[cfg(feature = "azure")]
pub use super::azure::AzureConnection;
#[cfg(feature = "gcs")]
pub use super::gcs::GcsConnection;
pub use super::local::connection::Folder;
#[cfg(feature = "oss")]
pub use super::oss::OssConnection;
#[cfg(any(feature = "oss", feature = "s3"))]
pub use super::refusal::refused_key;
#[cfg(feature = "oss")]
pub use super::rest::delete_xml::deletions;
#[cfg(any(feature = "azure", feature = "oss"))]
pub use super::rest::list_xml::text_of;
#[cfg(any(feature = "azure", feature = "oss"))]
pub use super::rest::path;
#[cfg(any(feature = "azure", feature = "oss", feature = "gcs"))]
pub use super::rest::{document_of, query};
#[cfg(feature = "s3")]
pub use super::s3::S3Connection;
