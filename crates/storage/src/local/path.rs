//! Converts keys to paths, and checks that a path stays inside the root.

use super::super::{Error, ErrorKind};
use super::{PARTIAL, failure};
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// Returns the reason why a key is invalid in a folder; the key may also be the folder part of a prefix.
pub(super) fn invalid_reason(key: &str) -> Option<&'static str> {
    if key.contains('\0') {
        return Some("it contains NUL");
    }
    if key.starts_with('/') {
        return Some("it is absolute");
    }
    // `a//b` and `a/./b` would be a second name of `a/b`.
    key.split('/').find_map(|name| match name {
        "" => Some("it has an empty name between slashes"),
        "." | ".." => Some("a part of it is `.` or `..`"),
        _ => None,
    })
}

/// Fails if the root folder is missing, because a missing key or prefix then does not mean a missing object.
pub(super) fn check_root(root: &Path, key: &str) -> Result<(), Error> {
    let gone = || {
        let why = format!("the folder {} is not there: mount its volume again, or put it back", root.display());
        Error::because(ErrorKind::NoBucket, key, why)
    };
    match fs::metadata(root) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(gone()),
        Err(e) => match failure(key, e) {
            missing if missing.kind() == ErrorKind::NotFound => Err(gone()),
            error => Err(error),
        },
    }
}

/// Returns the canonical path of the file of a key.
pub(super) fn resolve(root: &Path, key: &str) -> Result<PathBuf, Error> {
    if let Some(why) = invalid_reason(key) {
        return Err(Error::invalid_key(key, why));
    }
    if key.split('/').any(|name| name.starts_with(PARTIAL)) {
        return Err(Error::new(ErrorKind::NotFound, key));
    }
    let path = root.join(key);
    let real = path.canonicalize().map_err(|e| failure(key, e))?;
    if real == path {
        let metadata = fs::symlink_metadata(&real).map_err(|e| failure(key, e))?;
        // A folder, a socket or a pipe is not an object: opening a pipe would block for ever.
        return if metadata.is_file() { Ok(real) } else { Err(Error::new(ErrorKind::NotFound, key)) };
    }
    let folder = path.parent().unwrap_or(root);
    if folder.canonicalize().map_err(|e| failure(key, e))? != folder {
        return Err(Error::invalid_key(key, "a folder in its path is a link"));
    }
    linked_file(root, &path, key).map(|(real, _)| real)
}

/// Returns the target of a link and its metadata. Refuses targets other than files inside the root.
pub(super) fn linked_file(root: &Path, link: &Path, key: &str) -> Result<(PathBuf, Metadata), Error> {
    let real = link.canonicalize().map_err(|e| failure(key, e))?;
    if !real.starts_with(root) {
        return Err(Error::invalid_key(key, "it is a link that leaves the folder"));
    }
    let metadata = fs::symlink_metadata(&real).map_err(|e| failure(key, e))?;
    if !metadata.is_file() {
        return Err(Error::invalid_key(key, "it is a link, but not to a file"));
    }
    Ok((real, metadata))
}

/// Returns the folder of a prefix such as `a/b/`; `None` if it does not exist. The empty prefix is the root.
pub(super) fn folder(root: &Path, prefix: &str) -> Result<Option<PathBuf>, Error> {
    let Some(key) = prefix.strip_suffix('/') else { return Ok(prefix.is_empty().then(|| root.to_owned())) };
    if prefix.contains('\0') || prefix.split('/').any(|name| name == "..") {
        return Err(Error::invalid_key(prefix, "it contains NUL or `..`"));
    }
    if invalid_reason(key).is_some() {
        return Ok(None); // `/log/`, `a//`: valid in a bucket, but no file can have this path.
    }
    let path = root.join(key);
    match path.canonicalize() {
        Ok(real) if real == path && real.is_dir() => Ok(Some(path)),
        Ok(real) if real == path => Ok(None),
        Ok(_) => Err(Error::invalid_key(prefix, "a folder in its path is a link")),
        Err(e) => match failure(prefix, e) {
            missing if matches!(missing.kind(), ErrorKind::NotFound | ErrorKind::InvalidKey) => Ok(None),
            error => Err(error),
        },
    }
}
