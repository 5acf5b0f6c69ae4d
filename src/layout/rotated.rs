//! Log files that a collector kept when Ray rotated them (v1.7.1): `{stem}.rotated.{identity}{ext}`.

/// The path that a rotated log file had before (`worker-a.rotated.12-7.out` was `worker-a.out`); none for others.
///
/// The identity is numbers joined by `-`. A rotated file is never "the" log of a worker or a process.
pub fn rotated_from(path: &str) -> Option<String> {
    const MARK: &str = ".rotated.";
    let (stem, rest) = path.rsplit_once(MARK)?;
    let (identity, extension) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let numbers = identity.split('-').all(|number| !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit()));
    let named = !stem.is_empty() && !stem.ends_with('/') && !extension.contains('/');
    (numbers && named).then(|| format!("{stem}{extension}"))
}

#[cfg(test)]
mod tests {
    use super::rotated_from;

    #[test]
    fn a_rotated_log_is_told_from_the_current_one() {
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
