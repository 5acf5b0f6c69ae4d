//! The paths of objects in a folder, and the meaning of its errors, for a writer.

use super::super::{Error, ErrorKind};
use super::path::{check_root, invalid_reason};
use super::{Local, OpenError, PARTIAL, failure, meta};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder with the layout of a bucket.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Canonical.
    root: Arc<Path>,
}

impl Folder {
    /// Opens a folder; its own path may contain links.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { root: Local::open(path)?.root })
    }

    /// Fails if the folder itself is missing.
    pub fn check(&self, key: &str) -> Result<(), Error> {
        check_root(&self.root, key)
    }

    /// Returns the canonical path of the folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the path of an object, which need not be there.
    pub fn path(&self, key: &str) -> Result<PathBuf, Error> {
        if let Some(why) = invalid_reason(key) {
            return Err(Error::invalid_key(key, why));
        }
        if key.split('/').any(|name| name.starts_with(PARTIAL)) {
            return Err(Error::invalid_key(key, "a part of it is a name of unfinished files"));
        }
        Ok(self.root.join(key))
    }

    /// Returns the `ETag` of the object at a path; `None` if there is none.
    pub fn etag(&self, key: &str, path: &Path) -> Result<Option<String>, Error> {
        match fs::symlink_metadata(path) {
            Ok(file) if file.is_file() => Ok(meta(key.to_owned(), &file).etag),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failure(key, error)),
        }
    }

    /// Makes the folder of an object, whose path begins with the root. Fails if a link leads elsewhere.
    pub fn make_parent(&self, key: &str, path: &Path) -> Result<PathBuf, Error> {
        check_root(&self.root, key)?;
        let parent = path.parent().unwrap_or(&self.root);
        let missing: Vec<&Path> = parent.ancestors().take_while(|folder| !folder.is_dir()).collect();
        let existing = missing.last().and_then(|folder| folder.parent()).unwrap_or(parent);
        if existing.canonicalize().map_err(|error| self.failure(key, error))? != existing {
            return Err(Error::invalid_key(key, "a folder in its path is a link"));
        }
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(self.failure(key, error)),
                _ => {}
            }
        }
        Ok(parent.to_owned())
    }

    /// Returns the path of an unfinished file in a folder. `unique` distinguishes it from all others.
    pub fn partial(folder: &Path, unique: &str) -> PathBuf {
        folder.join(format!("{PARTIAL}{unique}"))
    }

    /// Returns `true` for the name of an unfinished file.
    pub fn is_partial(name: &OsStr) -> bool {
        name.as_encoded_bytes().starts_with(PARTIAL.as_bytes())
    }

    /// Converts an error of the operating system about an object that is written or deleted.
    pub fn failure(&self, key: &str, source: io::Error) -> Error {
        if let Err(gone) = check_root(&self.root, key) {
            return gone;
        }
        match source.kind() {
            io::ErrorKind::NotADirectory => Error::invalid_key(key, "a part of its path is an object"),
            io::ErrorKind::IsADirectory | io::ErrorKind::DirectoryNotEmpty => {
                Error::invalid_key(key, "there is a folder in its place")
            }
            io::ErrorKind::PermissionDenied => {
                let advice = "allow this process to write into the folder";
                Error::because(ErrorKind::PermissionDenied, key, format!("{advice}; {source}"))
            }
            // Somebody removed its folder meanwhile.
            io::ErrorKind::NotFound => Error::because(ErrorKind::Unavailable, key, source),
            _ => failure(key, source),
        }
    }
}
