//! Query parameters of session lists, parsed into a query of the listing.

use crate::http::error::Error;
use ray_history_core::base::name::OwnerKind;
use ray_history_core::snapshot::run_facts::Outcome;
use ray_history_manifest::proof::Verdict;
use ray_history_obituary::cause::Code;
use ray_history_session::catalog::{NoCursor, Query, Sort};
use ray_history_session::liveness::State as Life;

/// Keys of metadata in one query; further ones are ignored.
const MAX_METADATA: usize = 8;

/// Parses a query string. Unknown parameters are ignored; an invalid value is an error that names its parameter.
pub(in crate::http) fn parse(query: &str, default_limit: usize, max_limit: usize) -> Result<Query, Error> {
    let parameters = actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?;
    let mut wanted = Query { limit: default_limit, ..Query::default() };
    for (name, value) in parameters.into_inner() {
        if value.is_empty() {
            continue;
        }
        let bad = |allowed: &str| Error::BadRequest(format!("{name}={value:?}: {allowed}"));
        match name.as_str() {
            "namespace" => wanted.namespace = Some(value),
            "cluster" => wanted.cluster = Some(value),
            "owner" | "ownerName" => wanted.owner = Some(value),
            "q" => wanted.text = Some(value),
            "ownerKind" => {
                let kind = OwnerKind::from_folder(&value.to_ascii_lowercase());
                wanted.owner_kind = Some(kind.ok_or_else(|| bad("rayjob or rayservice is wanted"))?);
            }
            "state" => {
                let states = [Life::Live, Life::Dead, Life::Unknown];
                let state = states.into_iter().find(|state| state.as_str() == value);
                wanted.state = Some(state.ok_or_else(|| bad("live, dead or unknown is wanted"))?);
            }
            "completeness" => {
                let verdict = Verdict::WORDS.into_iter().find(|word| *word == value);
                wanted.verdict =
                    Some(verdict.ok_or_else(|| bad("complete, complete-to, gaps or no-known-gaps is wanted"))?);
            }
            "outcome" => {
                let outcome = Outcome::parse(&value);
                wanted.outcome = Some(outcome.ok_or_else(|| bad("succeeded, failed, stopped or unknown is wanted"))?);
            }
            "cause" => {
                let code = Code::ALL.iter().find(|code| code.name().eq_ignore_ascii_case(&value));
                wanted.cause = Some(*code.ok_or_else(|| bad("a code of docs/causes.md is wanted, such as HeadOOM"))?);
            }
            "expiring" => {
                wanted.expiring = value.parse().map_err(|_| bad("true or false is wanted"))?;
            }
            "errorType" => wanted.error_type = Some(value),
            "sort" => {
                let sort = Sort::parse(&value);
                wanted.sort = sort.ok_or_else(|| {
                    bad("started, duration or outcome is wanted, with - before it for the other way round")
                })?;
            }
            "startedAfter" | "startedBefore" => {
                let at = parse_time(&value).ok_or_else(|| {
                    bad("a day, a time such as 2026-11-24T12:00:00Z, or a span up to now such as 24h or 7d is wanted")
                })?;
                let bound = if name == "startedAfter" { &mut wanted.from } else { &mut wanted.until };
                *bound = Some(at.as_microsecond());
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=max_limit).contains(limit));
                wanted.limit = limit.ok_or_else(|| bad(&format!("a number from 1 to {max_limit} is wanted")))?;
            }
            "after" | "before" => {
                let cursor = value.parse().map_err(|error: NoCursor| bad(&error.to_string()))?;
                *(if name == "after" { &mut wanted.after } else { &mut wanted.before }) = Some(cursor);
            }
            _ => {
                if let Some(key) = name.strip_prefix("metadata.")
                    && wanted.metadata.len() < MAX_METADATA
                {
                    wanted.metadata.push((key.to_owned(), value));
                }
            }
        }
    }
    Ok(wanted)
}

/// Parses a time, a day, or a span of hours or days up to now.
fn parse_time(value: &str) -> Option<jiff::Timestamp> {
    if let Some((number, unit)) = value.split_at_checked(value.len() - 1)
        && let Some(hours) =
            [("h", 1), ("d", 24)].into_iter().find_map(|(known, hours)| (known == unit).then_some(hours))
    {
        let hours = number.parse::<i32>().ok().filter(|number| *number > 0)?.checked_mul(hours)?;
        return jiff::Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(hours.into())).ok();
    }
    value.parse().ok().or_else(|| format!("{value}T00:00:00Z").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_session::catalog::Visible;

    #[test]
    fn parses_every_parameter() {
        let query = "namespace=a%2Fb&cluster=c&owner=o&ownerKind=RayJob&state=dead&completeness=complete-to&outcome=failed&q=x+y\
                     &cause=headoom&errorType=OUT_OF_MEMORY&metadata.user=ada&expiring=true&sort=-duration&limit=7&else=1&after=&startedAfter=2026-11-22T00:00:01Z&startedBefore=2026-11-22T00:00:02Z";
        let expected = Query {
            visible: Visible::All,
            namespace: Some("a/b".into()),
            cluster: Some("c".into()),
            owner: Some("o".into()),
            owner_kind: Some(OwnerKind::RayJob),
            state: Some(Life::Dead),
            verdict: Some("complete-to"),
            outcome: Some(Outcome::Failed),
            cause: Some(Code::HeadOOM),
            error_type: Some("OUT_OF_MEMORY".into()),
            metadata: vec![("user".into(), "ada".into())],
            sort: Sort::parse("-duration").unwrap(),
            runs: false,
            expiring: true,
            served: None,
            text: Some("x y".into()),
            from: Some(1_795_305_601_000_000),
            until: Some(1_795_305_602_000_000),
            limit: 7,
            after: None,
            before: None,
        };
        assert_eq!(parse(query, 100, 1000).unwrap(), expected);
        assert_eq!(parse("", 100, 1000).unwrap().limit, 100);
    }

    #[test]
    fn parses_days_times_and_spans() {
        let now = jiff::Timestamp::now();
        let ago = |value: &str| parse_time(value).map(|at| (now - at).total(jiff::Unit::Hour).unwrap().round() as i64);
        assert_eq!([ago("1h"), ago("24h"), ago("7d")], [Some(1), Some(24), Some(168)]);
        assert_eq!(parse_time("2026-11-22"), parse_time("2026-11-22T00:00:00Z"));
        for bad in ["h", "0h", "-1d", "99999999999d", "7w", "yesterday", "2026-13-01", "é", "7é"] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn errors_name_the_parameter() {
        for (query, name) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("state=gone", "state"),
            ("completeness=whole", "completeness"),
            ("outcome=good", "outcome"),
            ("cause=Rain", "cause"),
            ("sort=name", "sort"),
            ("expiring=soon", "expiring"),
            ("ownerKind=pod", "ownerKind"),
            ("startedAfter=yesterday", "startedAfter"),
            ("after=x", "after"),
            ("before=x", "before"),
            ("after=../../etc/passwd", "after"),
        ] {
            let error = parse(query, 100, 1000).unwrap_err().to_string();
            assert!(error.starts_with(name), "{query}: {error}");
        }
    }
}
