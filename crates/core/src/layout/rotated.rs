//! Names of rotated log files: `{name}.{n}` and `{stem}.{n}{ext}` by Ray itself, 1 the newest;
//! `{stem}.rotated.{identity}{ext}` for a file that a collector kept before Ray dropped it (v1.7.1).

/// Returns the path of a log file before a collector kept it (`worker-a.out` for `worker-a.rotated.12-7.out`); `None`
/// for other paths.
///
/// The identity is numbers joined by `-`. A rotated file is never the current log of a worker or a process.
pub fn rotated_from(path: &str) -> Option<String> {
    const MARKER: &str = ".rotated.";
    let (stem, rest) = path.rsplit_once(MARKER)?;
    let (identity, extension) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let numbers = identity.split('-').all(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()));
    let named = !stem.is_empty() && !stem.ends_with('/') && !extension.contains('/');
    (numbers && named).then(|| format!("{stem}{extension}"))
}

/// The age of a stored file relative to the current file of its name, from the newest to the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Generation {
    /// The current file.
    Current,
    /// The file that Ray rotated `n` times.
    Numbered(u32),
    /// A file that a collector kept; only its modification time shows its age.
    KeptByCollector,
}

/// Returns the generation of the file at `path` relative to `current`; `None` for another log.
pub fn generation(path: &str, current: &str) -> Option<Generation> {
    if path == current {
        return Some(Generation::Current);
    }
    let number = |text: &str| text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok())?;
    if let Some(behind) = path.strip_prefix(current) {
        return number(behind.strip_prefix('.')?).map(Generation::Numbered);
    }
    let dot = current.rfind('.').filter(|dot| current.rfind('/').is_none_or(|slash| slash < *dot))?;
    let (stem, extension) = current.split_at(dot);
    let middle = path.strip_prefix(stem)?.strip_prefix('.')?.strip_suffix(extension)?;
    if let Some(number) = number(middle) {
        return Some(Generation::Numbered(number));
    }
    (rotated_from(path).as_deref() == Some(current)).then_some(Generation::KeptByCollector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_generations_of_one_log_only() {
        use Generation::{Current, KeptByCollector, Numbered};
        for (path, expected) in [
            ("worker-a.out", Some(Current)),
            ("worker-a.out.1", Some(Numbered(1))),
            ("worker-a.12.out", Some(Numbered(12))),
            ("worker-a.rotated.7-12.out", Some(KeptByCollector)),
            ("worker-a.out.x", None),
            ("worker-a.out.", None),
            ("worker-ab.out", None),
            ("worker-a.err.1", None),
            ("worker-a.rotated.x.out", None),
            ("old/worker-a.out", None),
        ] {
            assert_eq!(generation(path, "worker-a.out"), expected, "{path}");
        }
        assert_eq!(generation("a.b/noext.1", "a.b/noext"), Some(Numbered(1)));
    }

    #[test]
    fn recognizes_rotated_logs() {
        for (path, original) in [
            ("worker-a-01000000-7.rotated.12-7.out", Some("worker-a-01000000-7.out")),
            ("events/event_JOBS.rotated.3.log", Some("events/event_JOBS.log")),
            ("noext.rotated.1-2-3", Some("noext")),
            ("raylet.out", None),
            ("raylet.out.1", None),
            ("x.rotated.log", None),
            ("x.rotated.1-.log", None),
            ("x.rotated.a1.log", None),
            ("dir/.rotated.1.log", None),
        ] {
            assert_eq!(rotated_from(path).as_deref(), original, "{path}");
        }
    }
}
