//! `/api/history/v1/sessions/…/logs/download`: the log files of a session as one ZIP archive, made while it is sent.

use super::{Broken, Held, Turn, Wanted, filter, respond};
use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, HeaderName};
use bytes::Bytes;
use futures_util::{Stream, stream};
use ray_history_core::base::name::SessionKey;
use ray_history_core::snapshot::Snapshot;
use ray_history_session::logs::blocks::{Block, LogBlocks, READING};
use ray_history_session::logs::select::{LogFile, LogFilter};
use ray_history_session::logs::zip::ZipWriter;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::sync::Arc;
use utoipa::ToSchema;

/// Bytes held besides those of the reader.
const PACKING: u64 = 2 << 20;
/// The entry that names the files that could not be read to their end.
const MISSING: &str = "MISSING.txt";
const FILES: HeaderName = HeaderName::from_static("x-ray-history-log-files");
const BYTES: HeaderName = HeaderName::from_static("x-ray-history-log-bytes");

/// The size of a download.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct DownloadSize {
    /// Number of files.
    files: usize,
    /// Bytes of all files together, before they are compressed.
    bytes: u64,
}

/// Sends the log files of a session as one ZIP archive, `{node}/{path}`: the node's address, or its id if the session has
/// several nodes of that address.
///
/// Nothing is lost silently: files that could not be read to their end are named in an entry `MISSING.txt`, the last one.
#[utoipa::path(
    get,
    path = "/api/history/v1/sessions/{namespace}/{cluster}/{session}/logs/download",
    operation_id = "downloadLogs",
    tag = "logs",
    params(
        ("namespace" = String, Path, description = "Namespace of the cluster"),
        ("cluster" = String, Path, description = "Name of the RayCluster; `_` for an empty one"),
        ("session" = String, Path, description = "Name of the session"),
        ("dry" = Option<bool>, Query, description = "Only the number of files and bytes, as JSON; `HEAD` has them as the headers `X-Ray-History-Log-Files` and `X-Ray-History-Log-Bytes`"),
        ("node" = Option<String>, Query, description = "First digits of the node's id"),
        ("worker" = Option<String>, Query, description = "First digits of the worker's id, as in file names"),
        ("job" = Option<String>, Query, description = "Id of a job, as in file names, or of a submission"),
        ("file" = Option<String>, Query, description = "Glob of the path; without a `/`, of the name in any folder"),
        ("kind" = Option<String>, Query, description = "worker, job, system, or groups of Ray's list of logs, such as worker_err; several with commas"),
    ),
    responses(
        (status = 200, description = "The archive; with `dry` its size", content((DownloadSize = "application/json"), (Vec<u8> = "application/zip"))),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Retention deletes the session, or has deleted it", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The session is still being loaded, or many long answers are being sent", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn download(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let (mut is_dry, mut wanted) = (false, LogFilter::default());
    for (name, value) in filter::parameters(call.request.query_string())? {
        match name.as_str() {
            "dry" => is_dry = filter::flag(&name, &value)?,
            _ => filter::add(&mut wanted, &name, &value)?,
        }
    }
    let held = Held { by_all: READING + PACKING, by_each: ZipWriter::ENTRY };
    let wanted = Wanted::select(call, wanted, (!is_dry).then_some(held)).await?;
    let size = DownloadSize { files: wanted.files.len(), bytes: wanted.bytes() };
    let mut response = HttpResponse::Ok();
    response.insert_header((FILES, size.files.to_string())).insert_header((BYTES, size.bytes.to_string()));
    if is_dry {
        return Ok(response.insert_header((CACHE_CONTROL, "no-store")).json(size));
    }
    let blocks = wanted.read(call);
    let Wanted { session, files, turn } = wanted;
    let names = node_names(&session.snapshot, &files);
    let work = Work { zip: ZipWriter::default(), files, names, entry: None, read: 0, missing: String::new() };
    let archive = Archive { blocks, work: Some(Box::new(work)), turn };
    let name = format!("attachment; filename=\"{}\"", file_name(&session.key));
    response.content_type("application/zip").insert_header((CONTENT_DISPOSITION, name));
    Ok(respond(&session, call, &mut response, || archive.stream()))
}

/// Returns a name of plain characters.
fn file_name(key: &SessionKey) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    format!("{}-{}-logs.zip", key.cluster.name, key.session.as_str()).chars().map(plain).collect()
}

/// Returns the folders of nodes by their ids.
fn node_names(snapshot: &Snapshot, files: &[LogFile]) -> HashMap<Arc<str>, String> {
    let (mut addresses, mut nodes_at) = (HashMap::new(), HashMap::<&str, usize>::new());
    for node in &snapshot.nodes {
        let address = snapshot.str(node.ip);
        *nodes_at.entry(address).or_default() += 1;
        addresses.insert(node.id.hex(), address);
    }
    let name = |node: &str| {
        let address = addresses.get(node).copied().filter(|address| !address.is_empty());
        address.filter(|address| nodes_at.get(address) == Some(&1)).unwrap_or(node).to_owned()
    };
    files.iter().map(|file| (Arc::clone(&file.node), name(&file.node))).collect()
}

/// Returns a path that leads into the folder in which an archive is unpacked.
fn safe(path: &str) -> String {
    let part = |part: &str| match part {
        "" | "." | ".." => "_".to_owned(),
        part => part.chars().map(|c| if c.is_control() || matches!(c, '\\' | ':') { '_' } else { c }).collect(),
    };
    path.split('/').map(part).collect::<Vec<String>>().join("/")
}

/// An archive that is sent.
struct Archive {
    blocks: LogBlocks,
    /// Absent after the end, and while a thread has it.
    work: Option<Box<Work>>,
    turn: Turn,
}

impl Archive {
    fn stream(self) -> impl Stream<Item = Result<Bytes, Broken>> + 'static {
        stream::unfold(self, |mut archive| async move { Some((archive.next().await?, archive)) })
    }

    /// Returns the next piece; `None` after the end.
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            let mut work = self.work.take()?;
            let block = self.blocks.next().await;
            let is_end = block.is_none();
            let made = self.turn.long_answer.make(move || (work.pack(block), work)).await;
            let Ok((Ok(piece), work)) = made else { return Some(Err(Broken)) };
            if is_end {
                return Some(Ok(piece));
            }
            self.work = Some(work);
            if !piece.is_empty() {
                return Some(Ok(piece));
            }
        }
    }
}

/// The part of a download that runs on its own thread.
struct Work {
    zip: ZipWriter,
    files: Arc<[LogFile]>,
    /// Folders of nodes by their ids.
    names: HashMap<Arc<str>, String>,
    /// Name of the file's entry, once it has one.
    entry: Option<Box<str>>,
    /// Bytes of the file that were read.
    read: u64,
    /// The text of the entry that names what is missing.
    missing: String,
}

impl Work {
    /// Packs the next block, or the end of the archive, and returns what was made.
    fn pack(&mut self, block: Option<Block>) -> io::Result<Bytes> {
        let Some(Block { file, bytes, is_last, unread }) = block else { return self.end() };
        let files = Arc::clone(&self.files);
        let Some(file) = files.get(file) else { return Ok(Bytes::new()) };
        let size = file.object.size;
        let folder = self.names.get(&file.node).map_or(&*file.node, String::as_str);
        let name = safe(&format!("{folder}/{}", file.path));
        if self.entry.is_none() && (unread.is_none() || !bytes.is_empty()) {
            self.entry = Some(self.zip.begin(&name, size, file.object.modified())?);
        }
        if self.entry.is_some() {
            self.zip.write(&bytes)?;
        }
        self.read += bytes.len() as u64;
        if let Some(why) = unread {
            // Writing to a text cannot fail.
            let name = self.entry.as_deref().unwrap_or(&name);
            let _ = writeln!(self.missing, "{name}: {} of {size} bytes: {why}", self.read);
        }
        if is_last {
            (self.entry, self.read) = (None, 0);
        }
        Ok(self.zip.take())
    }

    fn end(&mut self) -> io::Result<Bytes> {
        if !self.missing.is_empty() {
            self.zip.begin(MISSING, self.missing.len() as u64, None)?;
            self.zip.write(self.missing.as_bytes())?;
        }
        std::mem::take(&mut self.zip).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_within_the_archive() {
        for (path, expected) in [
            ("ab01/old/worker.err", "ab01/old/worker.err"),
            ("../../etc/passwd", "_/_/etc/passwd"),
            ("/a//b\u{1b}\\c:d", "_/a/_/b__c_d"),
        ] {
            assert_eq!(safe(path), expected);
        }
    }
}
