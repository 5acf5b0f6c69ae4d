//! The sockets of raylets: a raylet lives as long as its socket accepts connections, and a connection as long as it.
//!
//! One connection is held, on which nothing is said: the raylet writes a line into its log for each one that ends.

use super::session_folder::Raylet;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The connection to the raylet of a session's folder.
#[derive(Debug, Default)]
pub(super) struct Socket {
    held: Option<UnixStream>,
}

impl Socket {
    /// Returns the life of the raylet. One that starts in a folder where another one was takes another name
    /// (`raylet.1`), because the file of the old socket is still there.
    pub(super) fn raylet(&mut self, folder: &Path, before: Raylet) -> Raylet {
        if self.is_connected() {
            return Raylet::Alive;
        }
        let mut was_there = before != Raylet::Starting;
        for entry in fs::read_dir(folder.join("sockets")).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_raylet = name.to_str().and_then(|name| name.strip_prefix("raylet"));
            if is_raylet.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
                match UnixStream::connect(entry.path()) {
                    Ok(stream) => {
                        self.held = Some(stream);
                        return Raylet::Alive;
                    }
                    Err(error) if !shows_an_end(error.kind()) => return Raylet::Alive,
                    Err(_) => was_there = true,
                }
            }
        }
        if was_there { Raylet::Gone } else { Raylet::Starting }
    }

    /// Returns `true` while the other side holds the connection, too.
    fn is_connected(&mut self) -> bool {
        let Some(stream) = &mut self.held else { return false };
        let is_open = stream.set_nonblocking(true).is_ok()
            && match stream.read(&mut [0; 64]) {
                Ok(read) => read > 0,
                Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            };
        if !is_open {
            self.held = None;
        }
        is_open
    }
}

/// Returns `true` if an error shows that nobody listens. A raylet of another user refuses us while it lives, and a
/// session that is closed too late costs less than one that is closed too early.
fn shows_an_end(error: ErrorKind) -> bool {
    !matches!(error, ErrorKind::PermissionDenied | ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_socket_that_refuses_is_a_raylet_that_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let sockets = folder.path().join("sockets");
        let mut socket = Socket::default();
        assert_eq!(socket.raylet(folder.path(), Raylet::Starting), Raylet::Starting);
        fs::create_dir(&sockets).unwrap();
        fs::write(sockets.join("plasma_store"), "").unwrap();
        assert_eq!(socket.raylet(folder.path(), Raylet::Starting), Raylet::Starting);
        let listener = UnixListener::bind(sockets.join("raylet")).unwrap();
        assert_eq!(socket.raylet(folder.path(), Raylet::Starting), Raylet::Alive);
        let (connection, _) = listener.accept().unwrap();
        listener.set_nonblocking(true).unwrap();
        for _ in 0..3 {
            assert_eq!(socket.raylet(folder.path(), Raylet::Alive), Raylet::Alive);
        }
        assert!(listener.accept().is_err(), "one connection is enough");
        drop((listener, connection));
        assert_eq!(socket.raylet(folder.path(), Raylet::Alive), Raylet::Gone);
        assert_eq!(Socket::default().raylet(folder.path(), Raylet::Starting), Raylet::Gone);
        let _second = UnixListener::bind(sockets.join("raylet.1")).unwrap();
        assert_eq!(socket.raylet(folder.path(), Raylet::Gone), Raylet::Alive);
    }

    #[test]
    fn a_connection_that_is_closed_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sockets")).unwrap();
        let listener = UnixListener::bind(folder.path().join("sockets/raylet")).unwrap();
        let mut socket = Socket::default();
        assert_eq!(socket.raylet(folder.path(), Raylet::Starting), Raylet::Alive);
        drop(listener.accept().unwrap());
        assert_eq!(socket.raylet(folder.path(), Raylet::Alive), Raylet::Alive);
        assert!(listener.accept().is_ok());
    }

    #[test]
    fn a_refusal_of_rights_is_no_end() {
        for (error, is_end) in [
            (ErrorKind::ConnectionRefused, true),
            (ErrorKind::NotFound, true),
            (ErrorKind::PermissionDenied, false),
            (ErrorKind::WouldBlock, false),
        ] {
            assert_eq!(shows_an_end(error), is_end, "{error}");
        }
    }

    #[test]
    fn a_folder_that_vanishes_takes_its_raylet_along() {
        assert_eq!(Socket::default().raylet(Path::new("/nonexistent/session"), Raylet::Alive), Raylet::Gone);
    }
}
