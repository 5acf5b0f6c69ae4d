//! The installed files of Ray's dashboard: of one version, or of several in a folder for each.
//!
//! A session is shown by the dashboard of the Ray that recorded it where that is installed, because pages and answers
//! change together between versions of Ray.

use ray_history_core::snapshot::version::RayVersion;
use std::iter;
use std::path::{Path, PathBuf};

/// The installed dashboards: at least one.
#[derive(Clone, Debug)]
pub struct Dashboards {
    newest: Dashboard,
    /// The others, the newest of them first.
    older: Vec<Dashboard>,
}

/// The files of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// Version of Ray, such as `2.60.0`: the name of the folder. `None` for a folder that has no versions.
    pub version: Option<String>,
    /// The folder with `index.html`.
    pub folder: PathBuf,
}

/// The folder has no dashboard.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} has no index.html, and no folder of a Ray version that has one: `make dashboard` fetches the Ray dashboard's \
     files", .0.display()
)]
pub struct NoDashboard(PathBuf);

impl Dashboards {
    /// Returns the dashboards in a folder: its own `index.html`, else those of its folders `2.60.0`, `2.59.0`, …
    ///
    /// Other folders, versions without an `index.html`, and earlier patches of a minor version are passed over.
    pub fn find(dir: &Path) -> Result<Self, NoDashboard> {
        if dir.join("index.html").is_file() {
            let newest = Dashboard { version: None, folder: dir.to_owned() };
            return Ok(Self { newest, older: Vec::new() });
        }
        let entries = dir.read_dir().into_iter().flatten().flatten();
        let mut found: Vec<(RayVersion, Dashboard)> = entries
            .filter_map(|entry| {
                let (version, folder) = (entry.file_name().into_string().ok()?, entry.path());
                let is_release = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                (is_release && folder.join("index.html").is_file()).then_some(())?;
                Some((RayVersion::parse(&version)?, Dashboard { version: Some(version), folder }))
            })
            .collect();
        found.sort_by(|(left, a), (right, b)| (right, &b.version).cmp(&(left, &a.version)));
        // One patch of a minor version is enough.
        found.dedup_by_key(|(version, _)| *version);
        let mut found = found.into_iter().map(|(_, dashboard)| dashboard);
        let newest = found.next().ok_or_else(|| NoDashboard(dir.to_owned()))?;
        Ok(Self { newest, older: found.collect() })
    }

    /// Returns the dashboard for a session that a Ray version recorded: that version's, else the nearest newer, else the
    /// newest. Patch numbers do not count.
    pub fn of(&self, recorded: Option<RayVersion>) -> &Dashboard {
        let version = |dashboard: &Dashboard| dashboard.version.as_deref().and_then(RayVersion::parse);
        let not_older = |dashboard: &&Dashboard| version(dashboard) >= recorded;
        recorded.and_then(|_| self.older.iter().rev().find(not_older)).unwrap_or(&self.newest)
    }

    /// Returns `true` if there is a choice.
    pub fn are_several(&self) -> bool {
        !self.older.is_empty()
    }

    /// Returns the dashboards, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Dashboard> {
        iter::once(&self.newest).chain(&self.older)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(names: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
            std::fs::write(dir.path().join(name).join("index.html"), name).unwrap();
        }
        dir
    }

    #[test]
    fn chooses_the_recorded_version_or_the_nearest_newer() {
        let dir = installed(&["2.55.1", "2.57.0", "2.57.1", "2.9.0", "2.60.0", "notes", "2.60.0.part"]);
        std::fs::create_dir(dir.path().join("2.61.0")).unwrap(); // without a page
        let dashboards = Dashboards::find(dir.path()).unwrap();
        let names: Vec<_> = dashboards.iter().map(|each| each.version.as_deref().unwrap()).collect();
        assert_eq!(names, ["2.60.0", "2.57.1", "2.55.1", "2.9.0"]);
        for (recorded, shown) in [
            (None, "2.60.0"),
            (Some("2.57.0"), "2.57.1"),
            (Some("2.57.9"), "2.57.1"),
            (Some("2.56.1"), "2.57.1"),
            (Some("2.52.1"), "2.55.1"),
            (Some("2.1"), "2.9.0"),
            (Some("2.60.0"), "2.60.0"),
            (Some("3.0.0.dev0"), "2.60.0"),
        ] {
            let recorded = recorded.and_then(RayVersion::parse);
            assert_eq!(dashboards.of(recorded).version.as_deref(), Some(shown), "{recorded:?}");
        }
    }

    #[test]
    fn a_folder_with_a_page_is_the_only_dashboard() {
        let dir = installed(&["", "2.60.0"]);
        let dashboards = Dashboards::find(dir.path()).unwrap();
        let of = dashboards.of(RayVersion::parse("2.55.0"));
        assert_eq!((of.version.as_deref(), of.folder.as_path()), (None, dir.path()));
        assert!(!dashboards.are_several());
    }

    #[test]
    fn a_folder_without_a_page_is_an_error_that_names_it() {
        for dir in [installed(&[]), installed(&["build"])] {
            let error = Dashboards::find(dir.path()).unwrap_err().to_string();
            assert!(error.starts_with(&dir.path().display().to_string()), "{error}");
        }
        assert!(Dashboards::find(Path::new("/nowhere")).is_err());
    }
}
