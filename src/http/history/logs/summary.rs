//! The summary of a search: what was read, and what was not.

use ray_history_session::logs::select::LogFile;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Bounds of one search, besides that of its hits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Most bytes that are read.
    pub(super) bytes: u64,
    /// Longest time of reading and searching. Proxies end an answer that is silent for a minute.
    pub(super) time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 8 << 30, time: Duration::from_secs(50) }
    }
}

/// Number of unreadable files that are named.
const NAMED: usize = 100;

/// The last line of a search. An answer without it was cut off.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct SummaryLine<'a> {
    /// The summary.
    pub(super) summary: &'a Summary,
}

/// The summary of a search.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Summary {
    /// Number of selected files.
    pub(super) files: usize,
    /// Number of files that were searched to their end.
    pub(super) files_read: usize,
    /// Bytes that were searched.
    pub(super) bytes: u64,
    /// Bytes of all selected files.
    pub(super) bytes_of_files: u64,
    /// Number of hits.
    pub(super) hits: usize,
    /// `true` if the search ended before all selected files were searched.
    pub(super) truncated: bool,
    /// The bound at which it ended: `limit`, `bytes` or `time`; absent if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "limit")]
    pub(super) ended_by: Option<&'static str>,
    /// Advice on how to see the rest; absent if nothing is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
    /// Number of files that could not be read to their end.
    pub(super) unreadable_files: usize,
    /// The first hundred of them.
    pub(super) unreadable: Vec<UnreadableLog>,
}

/// A log file that could not be read to its end.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct UnreadableLog {
    /// Id of the node.
    node: String,
    /// Path of the file on the node.
    file: String,
    /// The reason.
    why: &'static str,
}

/// A bound at which a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Limit,
    Bytes,
    Time,
}

impl Summary {
    pub(super) fn of(files: &[LogFile]) -> Self {
        let bytes_of_files = files.iter().map(|file| file.object.size).sum();
        Self { files: files.len(), bytes_of_files, ..Self::default() }
    }

    /// Counts the end of a file.
    pub(super) fn end_file(&mut self, file: &LogFile, unread: Option<&'static str>) {
        let Some(why) = unread else {
            self.files_read += 1;
            return;
        };
        self.unreadable_files += 1;
        if self.unreadable.len() < NAMED {
            self.unreadable.push(UnreadableLog { node: file.node.to_string(), file: file.path.clone(), why });
        }
    }

    /// Notes the bound at which the search ended.
    pub(super) fn end_at(&mut self, bound: Bound, bounds: Bounds) {
        let narrow = "narrow it by node, worker, job, kind or file";
        let (name, advice) = match bound {
            Bound::Limit => ("limit", format!("as many lines as asked for were found: raise limit, or {narrow}")),
            Bound::Bytes => ("bytes", format!("one search reads at most {} GiB: {narrow}", bounds.bytes >> 30)),
            Bound::Time => ("time", format!("one search takes at most {} s: {narrow}", bounds.time.as_secs())),
        };
        (self.truncated, self.ended_by, self.advice) = (true, Some(name), Some(advice));
    }

    /// Returns the summary in words.
    pub(super) fn sentences(&self) -> Vec<String> {
        let Self { files, files_read, bytes, hits, .. } = self;
        let hits = if *hits == 1 { "1 hit".to_owned() } else { format!("{hits} hits") };
        let mut sentences = vec![format!("{hits}; {files_read} of {files} files searched, {bytes} bytes")];
        sentences.extend(self.advice.iter().map(|advice| format!("not all was searched: {advice}")));
        sentences.extend(self.unreadable.iter().map(|log| format!("not read: {}/{}: {}", log.node, log.file, log.why)));
        let unnamed = self.unreadable_files - self.unreadable.len();
        sentences.extend((unnamed > 0).then(|| format!("not read: {unnamed} more files")));
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_session::load::LogObject;

    #[test]
    fn what_was_not_searched_is_said() {
        let files: Vec<LogFile> = (0..150)
            .map(|at| LogFile { node: "ab".into(), path: format!("{at}.log"), object: LogObject::new("key", 10) })
            .collect();
        let mut summary = Summary::of(&files);
        summary.end_file(&files[0], None);
        for file in &files[1..] {
            summary.end_file(file, Some("it is no longer stored"));
        }
        summary.end_at(Bound::Time, Bounds::default());
        assert_eq!((summary.files_read, summary.unreadable_files, summary.unreadable.len()), (1, 149, 100));
        let sentences = summary.sentences();
        assert_eq!(sentences[0], "0 hits; 1 of 150 files searched, 0 bytes");
        assert!(sentences[1].contains("at most 50 s: narrow it by node"), "{}", sentences[1]);
        assert_eq!(sentences[2], "not read: ab/1.log: it is no longer stored");
        assert_eq!(sentences[102], "not read: 49 more files");
    }
}
