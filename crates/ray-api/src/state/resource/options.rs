//! The parameters of every list of the state API, and one extension: `all_rows` lifts Ray's limit.

use super::Counts;
use crate::{Query, RayError};

/// Maximum number of rows in an answer (Ray's `RAY_MAX_LIMIT_FROM_API_SERVER`).
pub const MAX_LIMIT: usize = 10_000;

/// The parsed parameters; `timeout` is validated and otherwise ignored, because no call here waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Maximum number of rows, at most `MAX_LIMIT` unless `all_rows` is set.
    pub limit: usize,
    /// `true` if `MAX_LIMIT` does not apply.
    pub all_rows: bool,
    /// `true` if detail columns are shown.
    pub detail: bool,
    /// `true` if driver tasks are left out.
    pub exclude_driver: bool,
}

impl Options {
    /// Parses the parameters; error texts are Ray's, word for word.
    pub fn parse(query: &Query) -> Result<Self, RayError> {
        let all_rows = flag(query, "all_rows", false)?;
        let limit = match query.get("limit") {
            Some(limit) => python_int(limit)?,
            None if all_rows => i64::MAX,
            None => 100,
        };
        if !all_rows && usize::try_from(limit).is_ok_and(|limit| limit > MAX_LIMIT) {
            return Err(RayError::BadQuery(format!(
                "Given limit {limit} exceeds the supported limit {MAX_LIMIT}. Use a lower limit, or set the \
                 `RAY_MAX_LIMIT_FROM_API_SERVER` environment variable to a larger value."
            )));
        }
        if let Some(timeout) = query.get("timeout") {
            python_int(timeout)?;
        }
        Ok(Self {
            all_rows,
            limit: usize::try_from(limit).map_err(|_| {
                RayError::BadQuery(
                    "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.".into(),
                )
            })?,
            detail: flag(query, "detail", false)?,
            exclude_driver: flag(query, "exclude_driver", true)?,
        })
    }
}

impl Options {
    /// Returns the counts of a list; with `all_rows` they report that no row was cut off.
    pub fn counts(&self, counts: Counts) -> Counts {
        let rows = if self.all_rows { counts.total } else { counts.num_after_truncation };
        Counts { num_after_truncation: rows, ..counts }
    }
}

fn python_int(text: &str) -> Result<i64, RayError> {
    text.trim().parse().map_err(|_| RayError::BadQuery(format!("invalid literal for int() with base 10: '{text}'")))
}

fn flag(query: &Query, key: &str, default: bool) -> Result<bool, RayError> {
    match query.get(key) {
        None => Ok(default),
        Some("1" | "true" | "True") => Ok(true),
        Some("0" | "false" | "False") => Ok(false),
        Some(other) => Err(RayError::BadQuery(format!(
            "Failed to convert a value {other} of type <class 'str'> to <class 'bool'>"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &[(&str, &str)]) -> Result<Options, RayError> {
        Options::parse(&Query::of(query))
    }

    #[test]
    fn has_rays_defaults_bounds_and_texts() {
        let plain = Options { limit: 100, all_rows: false, detail: false, exclude_driver: true };
        assert_eq!(parse(&[]), Ok(plain));
        assert_eq!(parse(&[("limit", "0"), ("detail", "true")]), Ok(Options { limit: 0, detail: true, ..plain }));
        assert_eq!(
            parse(&[("exclude_driver", "0"), ("timeout", "30")]),
            Ok(Options { exclude_driver: false, ..plain })
        );
        let all = Options { limit: usize::try_from(i64::MAX).unwrap(), all_rows: true, ..plain };
        assert_eq!(parse(&[("all_rows", "1")]), Ok(all));
        assert_eq!(parse(&[("all_rows", "1"), ("limit", "20000")]), Ok(Options { limit: 20_000, ..all }));
        for (query, words) in [
            (("limit", "abc"), "invalid literal for int() with base 10: 'abc'"),
            (("limit", "10001"), "Given limit 10001 exceeds the supported limit 10000."),
            (("limit", "-1"), "islice"),
            (("detail", "maybe"), "Failed to convert a value maybe"),
            (("timeout", "soon"), "invalid literal"),
        ] {
            let Err(RayError::BadQuery(message)) = parse(&[query]) else { panic!("{query:?} was accepted") };
            assert!(message.contains(words), "{message}");
        }
    }
}
