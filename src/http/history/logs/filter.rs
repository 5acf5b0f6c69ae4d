//! The parameters that select log files.

use crate::http::error::Error;
use ray_history_session::logs::select::{Kind, LogFilter, parse_glob};

/// Longest id in bytes.
const LONGEST_ID: usize = 200;

/// Returns the parameters of a query that have a value.
pub(in crate::http::history) fn parameters(query: &str) -> Result<Vec<(String, String)>, Error> {
    let parameters = actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?;
    Ok(parameters.into_inner().into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

/// Returns the error for a parameter.
pub(in crate::http::history) fn bad(name: &str, value: &str, wanted: impl std::fmt::Display) -> Error {
    Error::BadRequest(format!("{name}={value:?}: {wanted}"))
}

/// Reads a parameter that is true or false.
pub(in crate::http::history) fn flag(name: &str, value: &str) -> Result<bool, Error> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(bad(name, value, "true or false is wanted")),
    }
}

/// Adds a parameter to a filter. Other parameters are ignored.
pub(super) fn add(filter: &mut LogFilter, name: &str, value: &str) -> Result<(), Error> {
    match name {
        "node" => filter.node = Some(digits(name, value)?),
        "worker" => filter.worker = Some(digits(name, value)?),
        "job" if value.len() > LONGEST_ID => return Err(bad(name, value, "the id of a job or submission is wanted")),
        "job" => filter.job = Some(value.to_owned()),
        "file" => {
            let glob = parse_glob(value);
            filter.file = Some(glob.ok_or_else(|| bad(name, value, "a glob such as *.err or events/** is wanted"))?);
        }
        "kind" => {
            for kind in value.split(',') {
                let wanted = "worker, job, system, or a group of Ray's list of logs, such as worker_err, is wanted";
                filter.kinds.push(Kind::parse(kind).ok_or_else(|| bad(name, value, wanted))?);
            }
        }
        _ => {}
    }
    Ok(())
}

fn digits(name: &str, value: &str) -> Result<String, Error> {
    let is_id = value.len() <= LONGEST_ID && value.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_id { Ok(value.to_ascii_lowercase()) } else { Err(bad(name, value, "the first digits of an id are wanted")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<LogFilter, Error> {
        let mut filter = LogFilter::default();
        for (name, value) in parameters(query)? {
            add(&mut filter, &name, &value)?;
        }
        Ok(filter)
    }

    #[test]
    fn parses_every_parameter() {
        let filter =
            parse("node=AB01&worker=c5&job=raysubmit_1&file=*.err&kind=worker,raylet&kind=job&x=1&q=").unwrap();
        assert_eq!((filter.node.as_deref(), filter.worker.as_deref()), (Some("ab01"), Some("c5")));
        assert_eq!((filter.job.as_deref(), filter.kinds.len()), (Some("raysubmit_1"), 3));
        assert!(filter.file.unwrap().is_match("old/worker.err"));
    }

    #[test]
    fn errors_name_the_parameter() {
        for (query, name) in
            [("node=10.0.0.1", "node"), ("worker=x", "worker"), ("file=a[", "file"), ("kind=worker,all", "kind")]
        {
            let error = parse(query).unwrap_err().to_string();
            assert!(error.starts_with(name), "{query}: {error}");
        }
        assert!(flag("regex", "yes").is_err() && flag("regex", "1").unwrap());
    }
}
