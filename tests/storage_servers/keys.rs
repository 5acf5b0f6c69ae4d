//! Keys that a bucket can hold and a folder cannot: markers of directories, doubled slashes, a key that is also the
//! beginning of others.

use super::{Cloud, bare};
use ray_history_storage::{Delimiter, ReadRange};

const KEYS: [&str; 5] = ["m/dir/", "m/dir/x", "m/a", "m/a/b", "m//c"];

pub(crate) async fn are_kept(cloud: &impl Cloud) {
    let mut kept: Vec<&str> = KEYS.into_iter().filter(|key| cloud.holds(key)).collect();
    kept.sort_unstable();
    for key in &kept {
        // A marker has no bytes.
        let bytes = if key.ends_with('/') { "" } else { key };
        cloud.put(key, bytes.into()).await.unwrap();
    }
    let store = bare(cloud).await;
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names
    };
    let flat = store.list_all("m/", Delimiter::None).await.unwrap();
    assert_eq!(sorted(flat.objects.into_iter().map(|object| object.key).collect()), kept);
    for key in &kept {
        let bytes = store.read_all(key, 100).await.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(bytes, if key.ends_with('/') { "" } else { *key });
    }
    assert!(store.read("m/dir/", ReadRange::Tail(10)).await.unwrap().is_empty());
    let rolled = store.list_all("m/", Delimiter::Slash).await.unwrap();
    let (objects, prefixes): (Vec<&str>, Vec<&str>) = kept.iter().partition(|key| !key["m/".len()..].contains('/'));
    let mut folders: Vec<String> =
        prefixes.iter().map(|key| format!("m/{}/", key["m/".len()..].split('/').next().unwrap())).collect();
    folders.dedup();
    assert_eq!(sorted(rolled.objects.into_iter().map(|object| object.key).collect()), objects);
    assert_eq!(sorted(rolled.prefixes), sorted(folders));
    // Below a marker it is an object like any other, and empty.
    let below = store.list_all("m/dir/", Delimiter::Slash).await.unwrap();
    let sizes: Vec<(String, u64)> = below.objects.into_iter().map(|object| (object.key, object.size)).collect();
    assert!(sizes.contains(&("m/dir/".to_owned(), 0)) && sizes.contains(&("m/dir/x".to_owned(), 7)), "{sizes:?}");
}
