//! Event files that KubeRay's collector left on the shared volume, when this collector took its place in a pod.
//!
//! It keeps `{cluster}_{namespace}/{session}/{category}/{node}_{created ns}.jsonl` until that is stored, compressed or
//! not. What it left is stored at the keys that it would have had, and removed. It acknowledged these events and this
//! collector did not, so no manifest counts them. The folders in which it moves logs are left alone.

use crate::destinations::Destinations;
use crate::upload::Sink;
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::{ClusterId, SessionName};
use ray_history_core::base::time::Nanos;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// The time since its last change after which a file counts as left.
const QUIET: Duration = Duration::from_secs(60);
/// The pause between two looks, until nothing is left.
const PAUSE: Duration = Duration::from_secs(60);
/// Files of one look.
const MOST: usize = 1_000;

/// An event file that was left.
#[derive(Debug, PartialEq, Eq)]
struct Leftover {
    path: PathBuf,
    session: SessionName,
    /// The folder of its object below the node.
    folder: String,
    node: String,
    created: Nanos,
    is_gzip: bool,
}

/// Stores all that was left below `dir`. To be called when the port for events is taken, so that nobody else in the pod
/// writes there.
pub(crate) async fn store(dir: PathBuf, cluster: ClusterId, destinations: Destinations, sink: Sink) {
    let dir = dir.join(format!("{}_{}", cluster.name, cluster.namespace));
    while dir.is_dir() {
        sleep(PAUSE).await;
        let below = dir.clone();
        // It cannot panic; the next look sees what this one did not.
        for leftover in spawn_blocking(move || find(&below)).await.unwrap_or_default() {
            match put(&leftover, &destinations, &sink).await {
                Ok(()) => tracing::info!(path = %leftover.path.display(), "stored what KubeRay's collector left"),
                Err(why) => tracing::warn!(path = %leftover.path.display(), why, "a file cannot be stored, and stays"),
            }
        }
        remove_empty(&dir);
    }
}

async fn put(leftover: &Leftover, destinations: &Destinations, sink: &Sink) -> Result<(), String> {
    let Leftover { path, session, folder, node, created, is_gzip } = leftover;
    let Some(keys) = destinations.session_keys(session) else { return Ok(()) };
    let keys = keys.node(node);
    let key = if *is_gzip { keys.event_file(folder, *created) } else { keys.plain_event_file(folder, *created) };
    let file = File::open(path).map_err(|error| error.to_string())?;
    let len = file.metadata().map_err(|error| error.to_string())?.len();
    if len > 0 {
        sink.put_file(&key, &file, len).await.map_err(|error| chain(&error))?;
    }
    // One that was compressed and not removed.
    let plain = if *is_gzip { path.with_extension("") } else { path.clone() };
    for path in [path, &plain] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.to_string()),
            _ => {}
        }
    }
    Ok(())
}

/// Finds the files that were left below a cluster's folder. No link is followed.
fn find(dir: &Path) -> Vec<Leftover> {
    let mut found = Vec::new();
    for (name, path) in folders(dir) {
        let Some(session) = SessionName::parse(&name) else { continue };
        let jobs = folders(&path.join("job_events")).filter(|(job, _)| is_hex(job));
        let jobs = jobs.map(|(job, path)| (format!("job_events/{job}"), path));
        for (folder, path) in jobs.chain([("node_events".to_owned(), path.join("node_events"))]) {
            for (name, path) in files(&path) {
                let leftover = parse(&name).map(|(node, created, is_gzip)| {
                    let (session, folder) = (session.clone(), folder.clone());
                    Leftover { path: path.clone(), session, folder, node: node.to_owned(), created, is_gzip }
                });
                // Of one that has both forms, the compressed one is whole, because it is renamed when it is.
                let is_doubled = |leftover: &Leftover| !leftover.is_gzip && path.with_extension("jsonl.gz").is_file();
                found.extend(leftover.filter(|leftover| !is_doubled(leftover)));
            }
        }
    }
    found.sort_by_key(|leftover| leftover.created);
    found.truncate(MOST);
    found
}

/// Parses `{node}_{created ns}.jsonl[.gz]`.
fn parse(name: &str) -> Option<(&str, Nanos, bool)> {
    let plain = name.strip_suffix(".gz");
    let (node, created) = plain.unwrap_or(name).strip_suffix(".jsonl")?.rsplit_once('_')?;
    let is_number = !created.is_empty() && created.bytes().all(|digit| digit.is_ascii_digit());
    (is_hex(node) && is_number).then_some((node, created.parse().ok()?, plain.is_some()))
}

fn is_hex(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn folders(dir: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    entries(dir).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).filter_map(named)
}

/// Returns the files that nobody has changed for a while.
fn files(dir: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let is_quiet = |entry: &fs::DirEntry| {
        let modified = entry.metadata().and_then(|found| found.modified());
        modified.is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age >= QUIET))
    };
    let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    entries(dir).filter(move |entry| is_file(entry) && is_quiet(entry)).filter_map(named)
}

fn entries(dir: &Path) -> impl Iterator<Item = fs::DirEntry> + use<> {
    fs::read_dir(dir).into_iter().flatten().flatten()
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over entries")]
fn named(entry: fs::DirEntry) -> Option<(String, PathBuf)> {
    Some((entry.file_name().into_string().ok()?, entry.path()))
}

/// Removes folders that have nothing in them.
fn remove_empty(dir: &Path) {
    for (_, path) in folders(dir) {
        remove_empty(&path);
    }
    // Fails if something is left in it.
    let _ = fs::remove_dir(dir);
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_storage::memory::Memory;
    use ray_history_storage::{Delimiter, Storage};
    use ray_history_storage_write::memory::MemoryWriter;
    use std::os::unix::fs::symlink;
    use std::sync::Arc;
    use tokio::sync::watch;

    const SESSION: &str = "session_2026-11-23_07-10-07_600839_11972";

    fn leave(path: &Path, text: &str, age: u64) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        let at = SystemTime::now() - Duration::from_secs(age);
        File::options().append(true).open(path).unwrap().set_modified(at).unwrap();
    }

    async fn stored(memory: &Memory) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for object in memory.list_all("", Delimiter::None).await.unwrap().objects {
            let bytes = memory.read_all(&object.key, u64::MAX).await.unwrap();
            all.push((object.key, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn what_kuberays_collector_left_is_stored_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cluster = ClusterId { namespace: "ml".into(), name: "train".into() };
        let session = dir.path().join("train_ml").join(SESSION);
        let (plain, gzip) = ("ab_1795417200000000007.jsonl", "cd_1795417200000000008.jsonl.gz");
        leave(&session.join("node_events").join(plain), "{}\n", 90);
        leave(&session.join("job_events/01000000").join(gzip), "zip", 90);
        leave(&session.join("job_events/01000000/cd_1795417200000000008.jsonl"), "{\"cut", 90);
        leave(&session.join("node_events/ab_1795417200000000009.jsonl"), "", 90);
        let kept = ["node_events/ab_1.jsonl.gz.tmp", "node_events/../../x/ab_1.jsonl", "job_events/..x/ab_1.jsonl"];
        for path in kept {
            leave(&session.join(path), "?", 90);
        }
        let young = session.join("node_events/ab_1795417200000000010.jsonl");
        leave(&young, "young\n", 0);
        leave(&dir.path().join("other_ml").join(SESSION).join("node_events").join(plain), "not ours", 90);
        symlink(session.join("node_events/ab_1.jsonl.gz.tmp"), session.join("node_events/ab_7.jsonl")).unwrap();

        let (_folders, folders) = watch::channel(Arc::from([]));
        let writer = MemoryWriter::default();
        let destinations = Destinations::new("", Some(cluster.clone()), None, folders);
        let storing =
            tokio::spawn(store(dir.path().to_owned(), cluster, destinations, Sink::new(Arc::new(writer.clone()))));
        let below = format!("cluster-history/raycluster/ml/train/{SESSION}");
        let expected = [
            (format!("{below}/ab/node_events/ab-2026-11-23-07-1795417200000000007.jsonl"), "{}\n".to_owned()),
            (format!("{below}/cd/job_events/01000000/cd-2026-11-23-07-1795417200000000008.jsonl.gz"), "zip".to_owned()),
        ];
        tokio::time::sleep(Duration::from_secs(70)).await;
        assert_eq!(stored(&writer.0).await, expected);
        assert!(young.exists() && !session.join("node_events").join(plain).exists());
        assert!(!session.join("job_events/01000000").exists() && !storing.is_finished());

        leave(&young, "old now\n", 90);
        for path in kept {
            fs::remove_file(session.join(path)).unwrap();
        }
        fs::remove_file(session.join("node_events/ab_7.jsonl")).unwrap();
        tokio::time::sleep(Duration::from_secs(70)).await;
        assert_eq!(stored(&writer.0).await.len(), 3);
        assert!(storing.is_finished() && !dir.path().join("train_ml").exists());
        assert!(dir.path().join("other_ml").exists());
    }
}
