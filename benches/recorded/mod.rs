//! The recorded session of about 100,000 tasks that `RAY_HISTORY_SCALE` names.

use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// Unpacks it, and returns the folder and the bucket in it; without the variable, prints why and returns `None`.
pub(crate) fn unpacked() -> Option<(TempDir, PathBuf)> {
    let Some(tar) = std::env::var_os("RAY_HISTORY_SCALE") else {
        println!(
            "Nothing is measured: set RAY_HISTORY_SCALE to a tar with the storage/ of a session of 100,000 tasks."
        );
        return None;
    };
    let work = tempfile::tempdir().unwrap();
    let into = work.path().join("recorded");
    std::fs::create_dir(&into).unwrap();
    assert!(Command::new("tar").arg("xf").arg(&tar).arg("-C").arg(&into).status().unwrap().success());
    Some((work, into.join("storage")))
}
