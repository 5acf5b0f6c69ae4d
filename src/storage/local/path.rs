//! Keys to paths, and the proof that a path stays inside the root.

use super::super::{Error, ErrorKind};
use super::failure;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

/// Why no object of a folder can have this key; the key may also be the folder part of a prefix.
pub(super) fn refusal(key: &str) -> Option<&'static str> {
    if key.contains('\0') {
        return Some("it contains NUL");
    }
    if key.starts_with('/') {
        return Some("it is absolute");
    }
    // `a//b` and `a/./b` would be a second name of `a/b`.
    key.split('/').find_map(|name| match name {
        "" => Some("it has an empty name between slashes"),
        "." | ".." => Some("it walks through the folder with `.` or `..`"),
        _ => None,
    })
}

/// Fails when the folder itself is not there: then a missing key or prefix tells nothing.
pub(super) fn root_is_there(root: &Path, key: &str) -> Result<(), Error> {
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

/// The real path of the file that a key names.
pub(super) fn resolve(root: &Path, key: &str) -> Result<PathBuf, Error> {
    if let Some(why) = refusal(key) {
        return Err(Error::invalid_key(key, why));
    }
    let path = root.join(key);
    let real = path.canonicalize().map_err(|e| failure(key, e))?;
    if real == path {
        let metadata = fs::symlink_metadata(&real).map_err(|e| failure(key, e))?;
        // A folder, a socket or a pipe is no object: opening a pipe would wait for ever.
        return if metadata.is_file() { Ok(real) } else { Err(Error::new(ErrorKind::NotFound, key)) };
    }
    let folder = path.parent().unwrap_or(root);
    if folder.canonicalize().map_err(|e| failure(key, e))? != folder {
        return Err(Error::invalid_key(key, "a folder on the way is a link"));
    }
    linked_file(root, &path, key).map(|(real, _)| real)
}

/// Where a link leads, if that is a file inside the root; anything else is refused.
pub(super) fn linked_file(root: &Path, link: &Path, key: &str) -> Result<(PathBuf, Metadata), Error> {
    let real = link.canonicalize().map_err(|e| failure(key, e))?;
    if !real.starts_with(root) {
        return Err(Error::invalid_key(key, "it is a link that leaves the folder"));
    }
    let metadata = fs::symlink_metadata(&real).map_err(|e| failure(key, e))?;
    if !metadata.is_file() {
        return Err(Error::invalid_key(key, "it is a link to something else than a file"));
    }
    Ok((real, metadata))
}

/// The folder of a prefix such as `a/b/`, or `None` when there is none; the empty prefix is the root.
pub(super) fn folder(root: &Path, prefix: &str) -> Result<Option<PathBuf>, Error> {
    let Some(key) = prefix.strip_suffix('/') else { return Ok(prefix.is_empty().then(|| root.to_owned())) };
    if prefix.contains('\0') || prefix.split('/').any(|name| name == "..") {
        return Err(Error::invalid_key(prefix, "no key here can begin so"));
    }
    if refusal(key).is_some() {
        return Ok(None); // `/log/`, `a//`: fine in a bucket, and nothing here is called so.
    }
    let path = root.join(key);
    match path.canonicalize() {
        Ok(real) if real == path && real.is_dir() => Ok(Some(path)),
        Ok(real) if real == path => Ok(None),
        Ok(_) => Err(Error::invalid_key(prefix, "a folder on the way is a link")),
        Err(e) => match failure(prefix, e) {
            missing if matches!(missing.kind(), ErrorKind::NotFound | ErrorKind::InvalidKey) => Ok(None),
            error => Err(error),
        },
    }
}
