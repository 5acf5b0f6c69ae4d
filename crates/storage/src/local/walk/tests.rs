use super::*;
use rustix::io::Errno;

/// Returns the keys and the skipped entries of a walk in which `read_dir` fails for the folder `bad`.
fn walked(read_dir: fn(&Path) -> io::Result<ReadDir>) -> Result<(Vec<String>, Vec<String>), ErrorKind> {
    let root = tempfile::tempdir().unwrap();
    for name in ["a", "bad", "c"] {
        fs::create_dir(root.path().join(name)).unwrap();
        fs::write(root.path().join(name).join("x"), "x").unwrap();
    }
    let walk = Walk { read_dir, ..Walk::new(root.path(), "", Delimiter::None, "", 100) };
    let page = walk.run(root.path(), "").map_err(|error| error.kind())?;
    let skipped = page.skipped.iter().map(|error| error.key().to_owned()).collect();
    Ok((page.objects.into_iter().map(|object| object.key).collect(), skipped))
}

#[test]
fn skips_folders_only_for_permanent_errors() {
    fn bad(errno: Errno, folder: &Path) -> io::Result<ReadDir> {
        if folder.ends_with("bad") { Err(errno.into()) } else { fs::read_dir(folder) }
    }
    let rest = || vec!["a/x".to_owned(), "c/x".to_owned()];
    assert_eq!(walked(|folder| bad(Errno::ACCESS, folder)), Ok((rest(), vec!["bad/".to_owned()])));
    assert_eq!(walked(|folder| bad(Errno::NOENT, folder)), Ok((rest(), vec![])));
    let transient: [fn(&Path) -> io::Result<ReadDir>; 5] = [
        |folder| bad(Errno::STALE, folder),
        |folder| bad(Errno::MFILE, folder),
        |folder| bad(Errno::NFILE, folder),
        |folder| bad(Errno::IO, folder),
        |folder| bad(Errno::TIMEDOUT, folder),
    ];
    for read_dir in transient {
        assert_eq!(walked(read_dir), Err(ErrorKind::Unavailable));
    }
}

#[test]
fn skips_a_cycle_of_links_and_lists_the_rest() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("file"), "x").unwrap();
    std::os::unix::fs::symlink("circle", root.path().join("circle")).unwrap();
    let page = list(root.path(), "", Delimiter::None, None, 100).unwrap();
    assert_eq!((page.objects.len(), page.skipped.len()), (1, 1));
    assert_eq!(page.skipped[0].kind(), ErrorKind::InvalidKey);
}

#[test]
fn lists_a_large_folder_page_by_page_without_holding_all_of_it() {
    let root = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for number in 0..40 {
        fs::create_dir(root.path().join(format!("empty-{number:02}"))).unwrap();
        for name in [format!("file-{number:02}"), format!("file-{number:02}.1"), format!("folder-{number:02}/x")] {
            let path = root.path().join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
            files.push(name);
        }
    }
    files.sort();
    for limit in 1..8 {
        let (mut found, mut next) = (Vec::new(), None);
        loop {
            let page = list(root.path(), "", Delimiter::None, next, limit).unwrap();
            assert!(page.objects.len() <= limit);
            found.extend(page.objects.into_iter().map(|object| object.key));
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(found, files, "pages of {limit}");
    }
    let walk = Walk::new(root.path(), "", Delimiter::None, "", 3);
    let (held, more) = walk.entries(root.path(), "").unwrap();
    assert!(held.len() <= 8 && more);
}
