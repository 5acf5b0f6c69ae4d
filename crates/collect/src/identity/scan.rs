//! Finds the sessions' folders below `/tmp/ray`.

use super::node_ids::{Found, NodeIds};
use super::session_folder::{Raylet, SessionFolder};
use super::socket::Socket;
use ray_history_core::base::name::SessionName;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads the folders again and again, and remembers what they told.
#[derive(Debug)]
pub struct Scanner {
    root: PathBuf,
    known: BTreeMap<SessionName, Known>,
}

#[derive(Debug)]
struct Known {
    ids: NodeIds,
    socket: Socket,
    raylet: Raylet,
}

impl Scanner {
    /// Returns a scanner of a folder such as `/tmp/ray`, which need not be there yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), known: BTreeMap::new() }
    }

    /// Returns all folders, oldest first. Blocks on the disk.
    pub fn scan(&mut self) -> Vec<SessionFolder> {
        let latest = fs::canonicalize(self.root.join("session_latest")).ok();
        let latest = latest.as_deref().and_then(session_name);
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let names: Vec<SessionName> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| session_name(&entry.path()))
            .collect();
        self.known.retain(|name, _| names.contains(name));
        let mut folders: Vec<SessionFolder> = names
            .into_iter()
            .map(|name| {
                let path = self.root.join(name.as_str());
                let new = || Known { ids: NodeIds::default(), socket: Socket::default(), raylet: Raylet::Starting };
                let known = self.known.entry(name.clone()).or_insert_with(new);
                known.raylet = known.socket.raylet(&path, known.raylet);
                let Found { mut ids, metrics_port } = known.ids.read(&path);
                let node = ids.pop();
                let latest = latest.as_ref() == Some(&name);
                SessionFolder { name, path, node, former_nodes: ids, metrics_port, raylet: known.raylet, latest }
            })
            .collect();
        folders.sort_by(|a, b| (a.latest, &a.name).cmp(&(b.latest, &b.name)));
        folders
    }
}

fn session_name(path: &Path) -> Option<SessionName> {
    SessionName::parse(path.file_name()?.to_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, SystemTime};

    const OLD: &str = "session_2026-11-23_07-10-07_600839_1";
    const NEW: &str = "session_2026-11-24_07-10-07_600839_1";

    fn id(byte: &str) -> String {
        byte.repeat(28)
    }

    fn port(folder: &Path, id: &str, text: &str, age: u64) {
        let path = folder.join(format!("metrics_export_port_{id}"));
        fs::write(&path, text).unwrap();
        let time = SystemTime::now() - Duration::from_secs(age);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }

    #[test]
    fn folders_are_found_as_they_appear() {
        let root = tempfile::tempdir().unwrap();
        let mut scanner = Scanner::new(&root.path().join("ray"));
        assert_eq!(scanner.scan(), []);
        let root = root.path().join("ray");
        let old = root.join(OLD);
        fs::create_dir_all(old.join("sockets")).unwrap();
        fs::create_dir(root.join("session_latest_backup")).unwrap();
        fs::write(root.join(NEW), "no folder").unwrap();
        let found = scanner.scan();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].node.as_deref(), found[0].raylet, found[0].latest), (None, Raylet::Starting, false));

        symlink(&old, root.join("session_latest")).unwrap();
        let raylet = UnixListener::bind(old.join("sockets/raylet")).unwrap();
        port(&old, &id("ab"), "44331\n", 100);
        port(&old, "not-hex", "1", 0);
        let found = scanner.scan();
        assert_eq!((found[0].node.clone(), found[0].metrics_port), (Some(id("ab")), Some(44331)));
        assert_eq!((found[0].raylet, found[0].latest), (Raylet::Alive, true));

        // A container that restarts in its pod: a new folder beside the old one.
        drop(raylet);
        fs::remove_file(root.join(NEW)).unwrap();
        fs::create_dir(root.join(NEW)).unwrap();
        fs::remove_file(root.join("session_latest")).unwrap();
        symlink(NEW, root.join("session_latest")).unwrap();
        let found = scanner.scan();
        assert_eq!((found[0].name.as_str(), found[0].raylet, found[0].latest), (OLD, Raylet::Gone, false));
        assert_eq!((found[1].name.as_str(), found[1].node.as_deref(), found[1].latest), (NEW, None, true));
    }

    #[test]
    fn a_second_raylet_in_a_folder_has_a_new_id() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(OLD);
        fs::create_dir(&folder).unwrap();
        port(&folder, &id("ff"), "1000", 100);
        let mut scanner = Scanner::new(root.path());
        assert_eq!(scanner.scan()[0].node, Some(id("ff")));
        port(&folder, &id("aa"), "0", 0);
        for mut scanner in [scanner, Scanner::new(root.path())] {
            let found = scanner.scan();
            assert_eq!((found[0].node.clone(), found[0].metrics_port), (Some(id("aa")), None));
            assert_eq!(found[0].former_nodes, [id("ff")]);
        }
    }

    #[test]
    fn older_rays_say_their_id_in_a_log() {
        let root = tempfile::tempdir().unwrap();
        let logs = root.path().join(OLD).join("logs");
        fs::create_dir_all(&logs).unwrap();
        fs::write(logs.join("raylet.out"), format!("x\nRaylet of id, {} started. Raylet consists\n", id("0c")))
            .unwrap();
        assert_eq!(Scanner::new(root.path()).scan()[0].node, Some(id("0c")));
        let ports = r#"{"10.0.0.1:7": {"metrics_export_port": 1, "x": 2}, "10.0.0.1:9": {"metrics_export_port": 44217},
            "10.0.0.1:11": {"dashboard_agent_listen_port": 52365}}"#;
        for (text, port) in
            [(ports, Some(44217)), ("{}", None), ("[", None), (r#"{"a": {"metrics_export_port": 0}}"#, None)]
        {
            fs::write(root.path().join(OLD).join("ports_by_node.json"), text).unwrap();
            let found = Scanner::new(root.path()).scan();
            assert_eq!((found[0].node.clone(), found[0].metrics_port), (Some(id("0c")), port), "{text}");
        }
    }
}
