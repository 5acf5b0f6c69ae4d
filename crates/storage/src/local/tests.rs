use super::*;
use futures_util::StreamExt;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use tempfile::TempDir;

fn folder(files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in files {
        let path = dir.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    dir
}

async fn keys(store: &Local, prefix: &str) -> Vec<String> {
    let all = store.list_all(prefix, Delimiter::None).await.unwrap();
    all.objects.into_iter().map(|object| object.key).collect()
}

#[test]
fn errors_of_opening_contain_advice() {
    let dir = folder(&["file"]);
    for (path, expected) in [("none", "there is no folder"), ("file", "is not a folder"), ("file/x", "not a folder")] {
        let error = Local::open(dir.path().join(path)).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(path) && error.contains("folder that holds"), "{error}");
    }
}

#[tokio::test]
async fn refuses_keys_that_leave_the_folder() {
    let outer = folder(&["secret", "root/x"]);
    let store = Local::open(outer.path().join("root")).unwrap();
    let absolute = outer.path().join("secret").display().to_string();
    for key in ["../secret", "a/../../secret", "..", ".", "./x", "x/", "a//b", "/x", "", "x\0", &absolute] {
        let error = store.read(key, ReadRange::Full).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{key:?}");
    }
    for prefix in ["../", "a/../../", "\0/"] {
        let error = store.list(prefix, Delimiter::None, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{prefix:?}");
    }
    for prefix in ["/", "/log/", "a//", "./", "x/", "x/y/"] {
        assert!(store.list(prefix, Delimiter::None, None).await.unwrap().is_empty(), "{prefix:?}");
    }
    assert_eq!(store.read_all("x", 99).await.unwrap(), "root/x");
}

#[tokio::test]
async fn follows_only_links_to_files_inside_the_folder() {
    let outer = folder(&["secret/key", "root/a/x", "root/b/y"]);
    let root = outer.path().join("root");
    symlink("../a/x", root.join("b/inside")).unwrap();
    symlink("../../secret/key", root.join("b/outside")).unwrap();
    symlink("../../secret", root.join("b/folder-outside")).unwrap();
    symlink("../a", root.join("b/folder-inside")).unwrap();
    symlink("nowhere", root.join("b/dangling")).unwrap();
    let store = Local::open(&root).unwrap();
    let page = store.list_all("", Delimiter::None).await.unwrap();
    let found: Vec<_> = page.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(found, ["a/x", "b/inside", "b/y"]);
    let skipped: Vec<_> = page.skipped.iter().map(Error::key).collect();
    assert_eq!(skipped, ["b/folder-inside", "b/folder-outside", "b/outside"]);
    assert_eq!(store.read_all("b/inside", 99).await.unwrap(), "root/a/x");
    for key in ["b/outside", "b/folder-outside", "b/folder-outside/key", "b/folder-inside", "b/folder-inside/x"] {
        let error = store.read(key, ReadRange::Full).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{key:?}");
    }
    assert_eq!(store.read("b/dangling", ReadRange::Full).await.unwrap_err().kind(), ErrorKind::NotFound);
    let error = store.list("b/folder-outside/", Delimiter::None, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidKey);
}

#[tokio::test]
async fn the_root_can_be_a_link() {
    let outer = folder(&["real/x"]);
    symlink("real", outer.path().join("link")).unwrap();
    let store = Local::open(outer.path().join("link")).unwrap();
    assert_eq!(keys(&store, "").await, ["x"]);
    assert_eq!(store.read_all("x", 99).await.unwrap(), "real/x");
}

#[tokio::test]
async fn folders_without_permission_are_reported_others_are_listed() {
    let dir = folder(&["a/x", "b/x", "c/x"]);
    let closed = dir.path().join("b");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    let may_enter_anyway = fs::read_dir(&closed).is_ok(); // root may
    let store = Local::open(dir.path()).unwrap();
    let page = store.list_all("", Delimiter::None).await.unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    let skipped: Vec<_> = page.skipped.iter().map(|error| (error.kind(), error.key())).collect();
    if may_enter_anyway {
        assert_eq!((page.len(), skipped.len()), (3, 0));
    } else {
        assert_eq!((page.len(), skipped), (2, vec![(ErrorKind::PermissionDenied, "b/")]));
    }
}

#[tokio::test]
async fn pages_of_any_size_list_every_key_once_in_order() {
    let files = ["a-b/1", "a.txt", "a/1", "a/2/3", "a/2/4", "a0", "b/1", "c", "d/e/f/g"];
    let dir = folder(&files);
    for size in 1..=files.len() + 1 {
        let store = Local::open(dir.path()).unwrap().with_page_size(size);
        assert_eq!(keys(&store, "").await, files, "pages of {size}");
        assert_eq!(keys(&store, "a/2").await, ["a/2/3", "a/2/4"], "pages of {size}");
        let top = store.list_all("", Delimiter::Slash).await.unwrap();
        assert_eq!(top.prefixes, ["a-b/", "a/", "b/", "d/"], "pages of {size}");
        assert_eq!(top.objects.len(), 3, "pages of {size}");
    }
}

#[tokio::test]
async fn a_missing_root_is_an_error_not_an_empty_folder() {
    let outer = folder(&["root/a/x"]);
    let (root, away) = (outer.path().join("root"), outer.path().join("away"));
    let store = Local::open(&root).unwrap();
    fs::rename(&root, &away).unwrap();
    for put_instead in [false, true] {
        if put_instead {
            fs::write(&root, "a file").unwrap();
        }
        for prefix in ["", "a/", "b", "//"] {
            let error = store.list(prefix, Delimiter::None, None).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NoBucket, "{prefix:?}");
            assert!(error.to_string().contains("put it back"), "{error}");
        }
        assert_eq!(store.read("a/x", ReadRange::Full).await.unwrap_err().kind(), ErrorKind::NoBucket);
    }
    fs::remove_file(&root).unwrap();
    fs::rename(&away, &root).unwrap();
    assert_eq!(keys(&store, "").await, ["a/x"]);
    assert_eq!(store.read("a/y", ReadRange::Full).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_file_that_shrinks_during_a_read_is_an_error() {
    let dir = folder(&[]);
    let path = dir.path().join("x");
    fs::write(&path, vec![7; 2_000_000]).unwrap();
    let store = Local::open(dir.path()).unwrap();
    let mut body = store.read("x", ReadRange::Full).await.unwrap();
    assert!(body.stream.next().await.unwrap().is_ok());
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(600_000).unwrap();
    let rest: Vec<_> = body.stream.collect().await;
    assert_eq!(rest.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Truncated);
}

#[tokio::test]
async fn a_file_that_is_overwritten_while_it_is_read_is_an_error() {
    let dir = folder(&[]);
    let path = dir.path().join("x");
    fs::write(&path, vec![7; 2_000_000]).unwrap();
    let store = Local::open(dir.path()).unwrap();
    let mut body = store.read("x", ReadRange::Full).await.unwrap();
    assert!(body.stream.next().await.unwrap().is_ok());
    let (file, other) = (fs::OpenOptions::new().write(true).open(&path).unwrap(), vec![8; 2_000_000]);
    std::os::unix::fs::FileExt::write_all_at(&file, &other, 0).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(1)).unwrap();
    let rest: Vec<_> = body.stream.collect().await;
    assert_eq!(rest.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::PreconditionFailed);
    assert_eq!(rest.len(), 1, "nothing of the other version");
}

#[tokio::test]
async fn a_file_that_grows_during_a_read_is_read_at_its_old_size() {
    let dir = folder(&["x"]);
    let store = Local::open(dir.path()).unwrap();
    let body = store.read("x", ReadRange::Full).await.unwrap();
    fs::write(dir.path().join("x"), "x and more").unwrap();
    assert_eq!(body.read_all(99).await.unwrap(), "x");
}
