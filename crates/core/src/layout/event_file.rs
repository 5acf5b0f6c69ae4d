//! Names of event files: one grammar covers all collectors.

/// A parsed name `{node}-{YYYY-MM-DD-HH}[-{nanoseconds}][.jsonl][.gz]`. Compression and format are detected by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFile<'a> {
    /// The collector's own node: hex, but unchecked. Wrong if an old collector split a job id at `-`.
    pub node: &'a str,
    /// `YYYY-MM-DD-HH`. The event's hour in UTC before v1.7, the file's in the collector's zone since, so events cannot
    /// be selected by it.
    pub hour: &'a str,
    /// The time when the file was created, in nanoseconds since 1970; `None` before v1.7.
    pub written: Option<i64>,
}

impl<'a> EventFile<'a> {
    /// Parses a file name; `None` for any other name.
    pub fn parse(name: &'a str) -> Option<Self> {
        let name = name.strip_suffix(".gz").unwrap_or(name);
        let name = name.strip_suffix(".jsonl").unwrap_or(name);
        Self::with_hour(name, None).or_else(|| {
            let (name, written) = name.rsplit_once('-')?;
            Self::with_hour(name, Some(written.parse().ok().filter(|_| !written.starts_with(['+', '-']))?))
        })
    }

    fn with_hour(name: &'a str, written: Option<i64>) -> Option<Self> {
        const SHAPE: &[u8] = b"-dddd-dd-dd-dd";
        let (node, hour) = name.split_at_checked(name.len().checked_sub(SHAPE.len())?)?;
        let fits =
            hour.bytes().zip(SHAPE).all(|(c, shape)| if *shape == b'd' { c.is_ascii_digit() } else { c == b'-' });
        (fits && !node.is_empty()).then(|| Self { node, hour: hour.get(1..).unwrap_or_default(), written })
    }

    /// Returns `true` if its collector replaced the file of an hour repeatedly, each time with only the last minutes.
    /// Such an hour may have holes at its source, so it cannot be reported as complete.
    pub fn may_have_holes(&self) -> bool {
        self.written.is_none()
    }
}
