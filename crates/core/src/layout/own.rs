//! Objects of a node that only this project writes, below `ray-history/{spool}/`.

/// An object of a node that only this project writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnObject<'a> {
    /// The node id as spelled in the bucket: hex.
    pub node: &'a str,
    /// The id of the spool that the object comes from.
    pub spool: &'a str,
    /// Its kind.
    pub kind: OwnKind,
}

/// The kind of an object of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnKind {
    /// `manifest.json`: what a collector stored.
    Manifest,
    /// `logs-{number}.seg`: what was appended to many log files.
    Segment(u64),
    /// `quarantine-*`: records that belong to no event file.
    Quarantine,
}

impl<'a> OwnObject<'a> {
    /// Parses a path below `ray-history/` of a node; `None` for what this version does not know.
    pub(super) fn parse(node: &'a str, path: &'a str) -> Option<Self> {
        let (spool, name) = path.split_once('/').filter(|(spool, _)| !spool.is_empty())?;
        let kind = match name {
            "manifest.json" => OwnKind::Manifest,
            name if name.starts_with("quarantine-") && !name.contains('/') => OwnKind::Quarantine,
            name => {
                let number = name.strip_prefix("logs-")?.strip_suffix(".seg")?;
                let digits = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
                OwnKind::Segment(digits.then(|| number.parse().ok())??)
            }
        };
        Some(Self { node, spool, kind })
    }
}
