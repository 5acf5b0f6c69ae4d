//! Tests of a folder that is written to.

use super::super::conformance::{self, Subject};
use super::super::memory::MemoryWriter;
use super::*;
use ray_history_storage::local::Local;
use ray_history_storage::{Delimiter, Storage};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

fn folder() -> (TempDir, LocalWriter, Local) {
    let dir = tempfile::tempdir().unwrap();
    let (writer, reader) = (LocalWriter::open(dir.path()).unwrap(), Local::open(dir.path()).unwrap());
    (dir, writer, reader)
}

/// Returns `true` for a key that is a path.
fn holds_in_a_folder(key: &str) -> bool {
    !key.starts_with('/') && !key.ends_with('/') && !key.contains("//")
}

#[tokio::test]
async fn a_folder_conforms() -> anyhow::Result<()> {
    let (dir, writer, reader) = folder();
    let scratch = tempfile::tempdir()?;
    let (writer, reader): (&dyn StorageWrite, &dyn Storage) = (&writer, &reader);
    let holds = &holds_in_a_folder;
    let scratch = scratch.path();
    conformance::run(Subject {
        writer,
        reader,
        prefix: "some/where/",
        scratch,
        holds,
        creates_atomically: true,
        replaces_atomically: true,
    })
    .await?;
    let names = fs::read_dir(dir.path().join("some/where/many"))?.count();
    assert_eq!(names, 4, "unfinished files are removed");
    Ok(())
}

#[tokio::test]
async fn memory_conforms() -> anyhow::Result<()> {
    let (writer, scratch) = (MemoryWriter::default(), tempfile::tempdir()?);
    let (reader, holds, scratch): (&dyn Storage, _, _) = (&*writer.0, &|_: &str| true, scratch.path());
    let subject = Subject {
        writer: &writer,
        reader,
        prefix: "some/",
        scratch,
        holds,
        creates_atomically: true,
        replaces_atomically: true,
    };
    conformance::run(subject).await
}

#[tokio::test]
async fn unfinished_files_are_no_objects() {
    let (dir, writer, reader) = folder();
    writer.put("a/x", "x".into(), If::Any).await.unwrap();
    let partial = Folder::partial(&dir.path().join("a"), "1-2");
    fs::write(&partial, "half").unwrap();
    for delimiter in [Delimiter::None, Delimiter::Slash] {
        let listed = reader.list_all("a/", delimiter).await.unwrap();
        assert_eq!(listed.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a/x"]);
        assert!(listed.skipped.is_empty());
    }
    let key = format!("a/{}", partial.file_name().unwrap().to_str().unwrap());
    assert_eq!(reader.read_all(&key, 9).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(writer.put(&key, "x".into(), If::Any).await.unwrap_err().kind(), ErrorKind::InvalidKey);
}

#[tokio::test]
async fn a_write_removes_unfinished_files_of_a_day_ago() {
    let (dir, _, _) = folder();
    let parent = dir.path().join("a");
    fs::create_dir(&parent).unwrap();
    let hours_old = |path: &Path, hours: u64| {
        let file = File::create(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    };
    let [old, young] = ["1-old", "1-young"].map(|unique| Folder::partial(&parent, unique));
    let kept = [young, parent.join("object"), dir.path().join("b"), Folder::partial(dir.path(), "1-elsewhere")];
    hours_old(&old, 25);
    hours_old(&kept[0], 23);
    for path in &kept[1..] {
        hours_old(path, 25);
    }
    let writer = LocalWriter::open(dir.path()).unwrap();
    assert!(old.exists(), "a folder is looked at when it is written to");
    writer.put("a/x", "x".into(), If::Any).await.unwrap();
    assert!(!old.exists());
    for path in &kept {
        assert!(path.exists(), "{path:?}");
    }
    hours_old(&old, 25);
    writer.put("a/y", "y".into(), If::Any).await.unwrap();
    assert!(old.exists(), "once a day");
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_written() {
    let (dir, writer, _) = folder();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path(), dir.path().join("link")).unwrap();
    for key in ["", "/x", "../x", "a//b", "a/./b", "a/../../x", "x/", "link/x", "link/deep/x", "nul\0"] {
        let error = writer.put(key, "x".into(), If::Any).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{key:?}: {error}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn folders_and_objects_do_not_replace_each_other() {
    let (_dir, writer, reader) = folder();
    writer.put("a/b", "old".into(), If::Any).await.unwrap();
    for (key, condition) in [("a", If::Any), ("a/b/c", If::Any), ("a/b/c", If::Absent), ("a/b/c/d", If::Any)] {
        let error = writer.put(key, "x".into(), condition).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidKey, "{key:?}: {error}");
    }
    writer.delete("a").await.unwrap();
    assert_eq!(reader.read_all("a/b", 9).await.unwrap(), "old");
}

#[tokio::test]
async fn says_what_is_wrong_with_the_folder() {
    let (dir, writer, _) = folder();
    fs::create_dir(dir.path().join("closed")).unwrap();
    fs::set_permissions(dir.path().join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(dir.path().join("closed/probe"), "").is_err() {
        let error = writer.put("closed/x", "x".into(), If::Any).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains("allow this process to write"), "{error}");
    }
    let path = dir.path().to_owned();
    drop(dir);
    let error = writer.put("a/x", "x".into(), If::Any).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoBucket, "{error}");
    assert_eq!(writer.delete("a/x").await.unwrap_err().kind(), ErrorKind::NoBucket);
    assert!(!path.exists(), "the folder itself is never made");
}

fn owned(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

#[tokio::test]
async fn deleting_many_removes_folders_that_are_empty() {
    let (dir, writer, _) = folder();
    let at = |path: &str| dir.path().join(path);
    for key in ["r/a/b/c/x", "r/a/b/c/y", "r/a/b/d/x", "r/a/z", "r/e/f/x", "r/e/g/x", "r/top"] {
        writer.put(key, "x".into(), If::Any).await.unwrap();
    }
    fs::create_dir_all(at("r/h/i/j")).unwrap();
    fs::create_dir_all(at("r/h/k")).unwrap();
    let keys = owned(&["r/a/b/c/x", "r/a/b/d/x", "r/e/g/x", "r/e/f/x", "r/h/i/j/", "r/h/no/", "r/a/"]);
    let results = writer.delete_many(&keys).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    for (path, expected) in [
        ("r/a/b/c/y", true),
        ("r/a/b/d", false),
        ("r/a/z", true),
        ("r/e", false),
        ("r/h/i", false),
        ("r/h/k", true),
        ("r/top", true),
    ] {
        assert_eq!(at(path).exists(), expected, "{path}");
    }
    let results = writer.delete_many(&owned(&["r/top", "r/a/b/c/y", "r/a/z", "r/h/k/x"])).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(fs::read_dir(at("r")).unwrap().count(), 0, "a folder in the root itself stays");
    assert!(writer.delete_many(&owned(&["r/"])).await[0].is_ok());
    assert!(at("r").exists());
    writer.put("a/b/x", "x".into(), If::Any).await.unwrap();
    writer.delete("a/b/x").await.unwrap();
    assert!(at("a/b").exists(), "one deletion leaves folders");
}

#[tokio::test]
async fn a_folder_goes_with_the_empty_folders_in_it() {
    let (dir, writer, _) = folder();
    let at = |path: &str| dir.path().join(path);
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("empty")).unwrap();
    for empty in ["r/s/1/a", "r/s/1/b/c", "r/s/10/a", "r/t/1/d/e", "r/t/1/f", "r/l/1/g"] {
        fs::create_dir_all(at(empty)).unwrap();
    }
    fs::write(at("r/t/1/f/x"), "x").unwrap();
    symlink(outside.path(), at("r/l/1/link")).unwrap();
    let results = writer.delete_many(&owned(&["r/s/1/", "r/t/1/", "r/l/1/", "r/no/1/"])).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    for (path, expected) in [
        ("r/s/1", false),
        ("r/s/10/a", true),
        ("r/t/1/d", false),
        ("r/t/1/f/x", true),
        ("r/l/1/g", false),
        ("r/l/1/link", true),
    ] {
        assert_eq!(at(path).exists(), expected, "{path}");
    }
    assert!(outside.path().join("empty").exists());
    for (levels, expected) in [(32, false), (33, true)] {
        fs::create_dir_all(at(&format!("r/deep{}", "/d".repeat(levels)))).unwrap();
        assert!(writer.delete_many(&owned(&["r/deep/"])).await[0].is_ok());
        assert_eq!(at("r/deep").exists(), expected, "{levels} levels");
    }
}

/// To delete, folders need not be readable.
#[tokio::test]
async fn folders_that_may_be_entered_and_written_are_enough() {
    let (dir, writer, _) = folder();
    let at = |path: &str| dir.path().join(path);
    for key in ["r/a/x", "r/a/y", "r/b/c/x"] {
        writer.put(key, "x".into(), If::Any).await.unwrap();
    }
    let folders = ["r/b/c", "r/b", "r/a", "r", ""];
    let set = |mode| {
        for path in folders.iter().filter(|path| at(path).exists()) {
            fs::set_permissions(at(path), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o311);
    let one = writer.delete("r/a/x").await;
    let many = writer.delete_many(&owned(&["r/b/c/x"])).await;
    set(0o755);
    assert!(one.is_ok() && many[0].is_ok(), "{one:?} {many:?}");
    assert_eq!(["r/a/x", "r/a/y", "r/b/c/x", "r/b"].map(|path| at(path).exists()), [false, true, false, false]);
}

#[tokio::test]
async fn unfinished_files_of_a_day_ago_keep_no_folder() {
    let (dir, writer, _) = folder();
    for (name, hours, stays) in [("r/old", 25, false), ("r/young", 23, true)] {
        let parent = dir.path().join(name);
        // The folder is looked at for such files, a moment before there is one.
        writer.put(&format!("{name}/x"), "x".into(), If::Any).await.unwrap();
        let unfinished = File::create(Folder::partial(&parent, "1")).unwrap();
        unfinished.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
        assert!(writer.delete_many(&owned(&[&format!("{name}/x")])).await[0].is_ok());
        assert_eq!(parent.exists(), stays, "{name}");
        let inner = dir.path().join("r/f").join(name);
        fs::create_dir_all(&inner).unwrap();
        let unfinished = File::create(Folder::partial(&inner, "1")).unwrap();
        unfinished.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
        assert!(writer.delete_many(&owned(&["r/f/"])).await[0].is_ok());
        assert_eq!(inner.exists(), stays, "{name}");
    }
}

#[tokio::test]
async fn nothing_outside_of_the_folder_is_deleted() {
    let (dir, writer, reader) = folder();
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("empty")).unwrap();
    fs::write(outside.path().join("x"), "outside").unwrap();
    fs::create_dir_all(dir.path().join("a/inside")).unwrap();
    fs::write(dir.path().join("a/inside/x"), "inside").unwrap();
    symlink(outside.path(), dir.path().join("link")).unwrap();
    symlink(dir.path().join("a/inside"), dir.path().join("a/link")).unwrap();
    symlink(outside.path().join("x"), dir.path().join("file")).unwrap();
    symlink(dir.path().join("a/inside/x"), dir.path().join("a/object")).unwrap();
    assert_eq!(reader.read_all("a/object", 9).await.unwrap(), "inside");
    let invalid = [
        "",
        "/x",
        "../x",
        "a//b",
        "a/./b",
        "a/../../x",
        "link/x",
        "link/empty/x",
        "a/link/x",
        "nul\0",
        "/",
        "../",
        "//",
    ];
    let results = writer.delete_many(&owned(&invalid)).await;
    for (key, result) in invalid.iter().zip(results) {
        let error = result.err().unwrap_or_else(|| panic!("{key:?} is deleted"));
        assert_eq!((error.kind(), error.key()), (ErrorKind::InvalidKey, *key), "{error}");
        if !key.ends_with('/') {
            assert_eq!(writer.delete(key).await.unwrap_err().kind(), ErrorKind::InvalidKey, "{key:?}");
        }
    }
    // Folders of links stay, and of a link to a file only the link goes.
    let results = writer.delete_many(&owned(&["link/", "link/empty/", "a/link/", "file", "a/object"])).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert!(outside.path().join("empty").exists());
    assert_eq!(fs::read(outside.path().join("x")).unwrap(), b"outside");
    assert_eq!(fs::read(dir.path().join("a/inside/x")).unwrap(), b"inside");
    let link = |path: &str| fs::symlink_metadata(dir.path().join(path)).is_ok();
    assert_eq!(["link", "a/link", "file", "a/object"].map(link), [true, true, false, false]);
    let path = dir.path().to_owned();
    drop(dir);
    let gone = writer.delete_many(&owned(&["a/x", "b/"])).await;
    assert!(gone.iter().all(|result| result.as_ref().is_err_and(|error| error.kind() == ErrorKind::NoBucket)));
    assert!(!path.exists(), "the folder itself is never made");
}
