//! Names and files as user code may make them.

use super::*;
use crate::tail::tests::rights::unprivileged;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

fn files_of(root: &Path) -> (Vec<String>, Walked) {
    let mut files = Vec::new();
    let walked = walk(root, &mut |found| files.push(found.path.to_string_lossy().into_owned()));
    files.sort();
    (files, walked)
}

/// A link out of the folder, a pipe that nobody writes to and a socket are neither opened nor followed.
#[test]
fn nothing_but_regular_files_below_the_root_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("logs");
    fs::create_dir_all(root.join("serve")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    fs::write(folder.path().join("secret"), "s").unwrap();
    for name in ["a.log", "serve/b.log", "...", "with\nnewline"] {
        fs::write(root.join(name), name).unwrap();
    }
    fs::write(root.join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    symlink(folder.path().join("secret"), root.join("link.log")).unwrap();
    symlink(folder.path(), root.join("outside")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();

    let (files, walked) = files_of(&root);
    assert_eq!(files, ["...", "a.log", "serve/b.log", "with\nnewline", "\u{fffd}"]);
    assert_eq!(walked.folders, ["empty/", "serve/"]);
    assert!(walked.is_complete);
    let mut special: Vec<_> = walked.special.iter().map(|(path, why)| (path.to_str().unwrap(), *why)).collect();
    special.sort_unstable();
    let expected =
        [("link.log", "a link"), ("outside", "a link"), ("pipe", "no regular file"), ("socket", "no regular file")];
    assert_eq!(special, expected);
}

/// Between `stat` and `open` a file may become a link or a pipe.
#[test]
fn a_file_that_was_exchanged_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("sub/a"), "first").unwrap();
    let mut seen = None;
    walk(root, &mut |found| {
        seen = Some(found.status);
        fs::rename(root.join("sub/a"), root.join("sub/b")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, root.join("sub/a"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(found.open().is_err());
        fs::remove_file(root.join("sub/a")).unwrap();
        symlink("b", root.join("sub/a")).unwrap();
        assert!(found.open().is_err());
    });
    let status = seen.unwrap();
    assert!(open_below(root, OsStr::new("sub/b"), status).is_ok());
    assert!(open_below(root, OsStr::new("sub/a"), status).is_err());
    symlink("sub", root.join("way")).unwrap();
    for path in ["way/b", "sub/../sub/b", "../x", "/etc/passwd", ""] {
        assert!(open_below(root, OsStr::new(path), status).is_err(), "{path}");
    }
}

#[test]
fn a_root_that_is_a_link_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    fs::write(folder.path().join("real/a"), "x").unwrap();
    symlink("real", folder.path().join("logs")).unwrap();
    let (files, walked) = files_of(&folder.path().join("logs"));
    assert!(files.is_empty() && !walked.is_complete);
    let (files, walked) = files_of(&folder.path().join("missing"));
    assert!(files.is_empty() && walked.is_complete);
}

#[test]
fn folders_too_deep_or_closed_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let deep = (0..40).fold(folder.path().to_owned(), |path, _| path.join("d"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("x"), "x").unwrap();
    let (files, walked) = files_of(folder.path());
    assert!(files.is_empty() && !walked.is_complete);
    assert_eq!(walked.closed[0].1, "too deep");

    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let (_, walked) = unprivileged(|| files_of(folder.path()));
    assert!(walked.closed.iter().any(|(path, why)| path == "closed" && *why == "no permission"));
}
