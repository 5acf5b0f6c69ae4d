use super::*;
use crate::conformance::{self, Fill};
use bytes::Bytes;
use parking_lot::Mutex;
use proptest::prelude::*;
use std::io::Write;
use std::sync::Arc;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const BOTH: [CompressionMethod; 2] = [CompressionMethod::Stored, CompressionMethod::Deflated];

fn packed(objects: &BTreeMap<String, Bytes>, method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
    for (key, bytes) in objects {
        zip.start_file(key.as_str(), SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn file(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn one(key: &str, bytes: impl Into<Bytes>) -> BTreeMap<String, Bytes> {
    BTreeMap::from([(key.to_owned(), bytes.into())])
}

/// A store whose file is packed again after each change.
#[derive(Debug)]
struct Repacked {
    dir: TempDir,
    method: CompressionMethod,
    objects: Mutex<BTreeMap<String, Bytes>>,
    archive: Mutex<Option<Arc<Archive>>>,
}

impl Repacked {
    fn archive(&self) -> Arc<Archive> {
        let mut archive = self.archive.lock();
        let objects = self.objects.lock();
        let pack = || {
            // A file without objects is none.
            let mut objects = objects.clone();
            objects.insert("always/there".to_owned(), Bytes::new());
            let path = file(&self.dir, "x.rayhistory", &packed(&objects, self.method));
            Arc::new(Archive::open(&[path]).unwrap().with_page_size(100))
        };
        Arc::clone(archive.get_or_insert_with(pack))
    }
}

#[async_trait]
impl Storage for Repacked {
    async fn list(&self, prefix: &str, delimiter: Delimiter, page: Option<PageToken>) -> Result<ListPage, Error> {
        self.archive().list(prefix, delimiter, page).await
    }

    async fn read_matching(&self, key: &str, range: ReadRange, if_match: Option<&str>) -> Result<ObjectBody, Error> {
        self.archive().read_matching(key, range, if_match).await
    }
}

#[async_trait]
impl Fill for Repacked {
    async fn put(&self, key: &str, bytes: Bytes) -> anyhow::Result<()> {
        self.objects.lock().insert(key.to_owned(), bytes);
        // An open file must stay what it was.
        std::fs::remove_file(self.dir.path().join("x.rayhistory")).ok();
        *self.archive.lock() = None;
        Ok(())
    }
}

#[tokio::test]
async fn conforms() {
    for method in BOTH {
        let (dir, objects, archive) = (tempfile::tempdir().unwrap(), Mutex::default(), Mutex::default());
        let store = Repacked { dir, method, objects, archive };
        conformance::run(&store, &store, "suite/").await.unwrap();
    }
}

#[tokio::test]
async fn several_files_are_one_store_and_texts_for_people_are_no_keys() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = one("s/a", "first");
    first.insert("README.txt".to_owned(), Bytes::from_static(b"read me"));
    first.insert("both".to_owned() + "/x", Bytes::from_static(b"same"));
    let mut second = one("s/b", "second");
    second.insert("both/x".to_owned(), Bytes::from_static(b"same"));
    let [a, b] = [("a", &first), ("b", &second)]
        .map(|(name, objects)| file(&dir, name, &packed(objects, CompressionMethod::Deflated)));
    let store = Archive::open(&[&a, &b]).unwrap();
    let keys = store.list_all("", Delimiter::None).await.unwrap().objects.into_iter().map(|object| object.key);
    assert_eq!(keys.collect::<Vec<_>>(), ["both/x", "s/a", "s/b"]);
    assert_eq!(store.read_all("s/b", 99).await.unwrap(), "second");

    second.insert("both/x".to_owned(), Bytes::from_static(b"other"));
    let b = file(&dir, "c", &packed(&second, CompressionMethod::Stored));
    let error = Archive::open(&[&a, &b]).unwrap_err();
    assert!(matches!(&error, OpenError::Twice { key, .. } if key == "both/x"), "{error}");
}

#[tokio::test]
async fn what_is_no_portable_file_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let text = file(&dir, "text", b"no archive");
    let empty = file(&dir, "empty", &packed(&one("README.txt", "x"), CompressionMethod::Stored));
    for (path, expected) in [
        (dir.path().join("none"), "cannot be read"),
        (dir.path().to_owned(), "cannot be read"),
        (text, "is not a portable file"),
        (empty, "no objects of sessions"),
    ] {
        let error = Archive::open(&[&path]).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn a_member_that_promises_more_than_it_has_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let zeros = one("s/zeros", vec![0; 3 << 20]);
    let whole = packed(&zeros, CompressionMethod::Deflated);
    // The size in the directory, which ends the file: a gigabyte is promised.
    let directory = whole.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    for (size, expected) in [(1_u32 << 30, "shorter"), (1 << 20, "damaged")] {
        let mut bomb = whole.clone();
        bomb[directory + 24..directory + 28].copy_from_slice(&size.to_le_bytes());
        let store = Archive::open(&[file(&dir, "bomb", &bomb)]).unwrap();
        let error = store.read_all("s/zeros", u64::MAX).await.unwrap_err();
        assert!(format!("{error:?}").contains(expected), "{error:?}");
    }
}

/// Returns the objects of an archive that can be read.
fn readable(path: &Path) -> Vec<(String, Bytes)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let Ok(store) = Archive::open(&[path]) else { return Vec::new() };
        let mut objects = Vec::new();
        for object in store.list_all("", Delimiter::None).await.unwrap().objects {
            if let Ok(bytes) = store.read_all(&object.key, 1 << 20).await {
                objects.push((object.key, bytes));
            }
        }
        objects
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn damage_is_an_error_or_leaves_the_bytes_as_they_were(
        bits in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
        deflated in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let text = (0..2_000).map(|line| format!("line {line} of a log")).collect::<Vec<_>>().join("\n");
        let mut objects = one("s/logs/raylet.out", text);
        objects.insert("s/head".to_owned(), Bytes::from(vec![7; 300]));
        let mut bytes = packed(&objects, BOTH[usize::from(deflated)]);
        for (at, bit) in bits {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        let path = file(&dir, "x", &bytes);
        for (key, bytes) in readable(&path) {
            // A damaged directory may have other names.
            prop_assert!(objects.get(&key).is_none_or(|stored| *stored == bytes), "{key}");
        }
    }
}
