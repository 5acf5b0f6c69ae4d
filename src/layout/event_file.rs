//! Names of event files: one grammar covers all collectors.

/// What `{node}-{YYYY-MM-DD-HH}[-{nanoseconds}][.jsonl][.gz]` says. Compression and format are told by the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFile<'a> {
    /// The collector's own node: hex, but nothing has checked it. Wrong where an old collector split a job id at `-`.
    pub node: &'a str,
    /// `YYYY-MM-DD-HH`. The event's hour in UTC before v1.7, the file's in the collector's zone since: of no use for
    /// choosing events by time.
    pub hour: &'a str,
    /// When the file was created, in nanoseconds since 1970; none before v1.7.
    pub written: Option<i64>,
}

impl<'a> EventFile<'a> {
    /// Reads a file name; none for anything else.
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

    /// Whether its collector wrote the file of an hour again and again, each time with the last minutes only: such an
    /// hour may have holes at its source, so nobody can promise that it is complete.
    pub fn may_have_holes(&self) -> bool {
        self.written.is_none()
    }
}
