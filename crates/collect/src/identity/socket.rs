//! The sockets of raylets: a raylet lives as long as its socket accepts connections.

use super::session_folder::Raylet;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Returns the life of the raylet of a session's folder. One that starts in a folder where another one was takes
/// another name (`raylet.1`), because the file of the old socket is still there.
pub(super) fn raylet(folder: &Path, before: Raylet) -> Raylet {
    let mut was_there = before != Raylet::Starting;
    for entry in fs::read_dir(folder.join("sockets")).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_raylet = name.to_str().and_then(|name| name.strip_prefix("raylet"));
        if is_raylet.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
            if UnixStream::connect(entry.path()).is_ok() {
                return Raylet::Alive;
            }
            was_there = true;
        }
    }
    if was_there { Raylet::Gone } else { Raylet::Starting }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_that_refuses_is_a_raylet_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let sockets = folder.path().join("sockets");
        assert_eq!(raylet(folder.path(), Raylet::Starting), Raylet::Starting);
        fs::create_dir(&sockets).unwrap();
        fs::write(sockets.join("plasma_store"), "").unwrap();
        assert_eq!(raylet(folder.path(), Raylet::Starting), Raylet::Starting);
        let listener = UnixListener::bind(sockets.join("raylet")).unwrap();
        assert_eq!(raylet(folder.path(), Raylet::Starting), Raylet::Alive);
        drop(listener);
        assert_eq!(raylet(folder.path(), Raylet::Starting), Raylet::Gone);
        let _second = UnixListener::bind(sockets.join("raylet.1")).unwrap();
        assert_eq!(raylet(folder.path(), Raylet::Gone), Raylet::Alive);
    }

    #[test]
    fn a_folder_that_vanishes_takes_its_raylet_along() {
        assert_eq!(raylet(Path::new("/nonexistent/session"), Raylet::Alive), Raylet::Gone);
    }
}
