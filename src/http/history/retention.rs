//! `/api/history/v1/retention`: the plan of retention: which sessions the rules reach, which are marked, and why others
//! stay.

use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::request::Call;
use crate::http::request::path::session_path;
use crate::http::validators;
use actix_web::HttpResponse;
use ray_history_core::base::time::Nanos;
use ray_history_retention::plan::explain;
use ray_history_retention::{Candidate, Decision, Kept, Mode, Proof, time};
use ray_history_session::Sessions;
use ray_history_session::retention::{Marks, Planned};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Sessions of an answer, unless fewer are asked for.
const MAX_LIMIT: usize = 1000;

/// The plan of retention.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct RetentionPlan {
    /// `Off`, `DryRun` or `Delete`.
    #[schema(example = "DryRun")]
    mode: &'static str,
    /// Time of the plan, RFC 3339; absent before the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    planned_at: Option<String>,
    /// Numbers of sessions by decision: `expire`, `marked`, and the reasons to keep others.
    sessions: BTreeMap<&'static str, u64>,
    /// Bytes of the sessions that are beyond a limit, as far as they were listed.
    expiring_bytes: u64,
    /// The sessions that were asked for: those beyond a limit, the oldest first, unless `decision` asks for others.
    plan: Vec<PlannedSession>,
    /// `true` if more sessions match than the answer has.
    is_cut: bool,
}

/// One session of the plan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct PlannedSession {
    /// Namespace of the cluster.
    namespace: String,
    /// Name of the `RayCluster`.
    cluster: String,
    /// Name of the session.
    session: String,
    /// `expire`, `survey` (its objects have to be listed first), `hidden` (it is being deleted), or a reason to keep it:
    /// `live`, `unknown`, `pinned`, `protected`, `namespaceUnknown`, `unwatched`, `unproven`, `partial`, `justListed`,
    /// `young`, `busy`, `noRule`, `withinLimits`.
    #[schema(example = "expire")]
    decision: &'static str,
    /// The decision in a sentence.
    why: String,
    /// Time before which it is not deleted, RFC 3339; only of a marked one.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    /// Time from which its age counts, RFC 3339; absent if its objects were not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    aged_from: Option<String>,
    /// Its objects; absent if they were not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<u64>,
    /// Their bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Proof that it is dead; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'static str>,
    /// Path of its dashboard.
    path: String,
}

/// The parameters.
#[derive(Debug, Default)]
struct Asked {
    namespace: Option<String>,
    cluster: Option<String>,
    decision: Option<String>,
    offset: usize,
    limit: usize,
}

/// Shows the plan of retention.
#[utoipa::path(
    get,
    path = "/api/history/v1/retention",
    operation_id = "getRetentionPlan",
    tag = "retention",
    params(
        ("namespace" = Option<String>, Query, description = "Namespace of the cluster"),
        ("cluster" = Option<String>, Query, description = "Name of the RayCluster"),
        ("decision" = Option<String>, Query, description = "expire (the default), all, or another decision, such as live or pinned"),
        ("offset" = Option<usize>, Query, description = "Sessions to leave out first: those of earlier pages of the plan with the same `plannedAt`"),
        ("limit" = Option<usize>, Query, description = "Most sessions: 1 to 1000, default 100"),
    ),
    responses(
        (status = 200, description = "The plan", body = RetentionPlan),
        (status = 304, description = "The client has this plan already (`If-None-Match`)"),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) fn plan(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let asked = parse(call.request.query_string())?;
    let sessions = &call.state.sessions;
    let mode = sessions.settings().retention.mode;
    let (planned, marks) = (sessions.planned(), sessions.marks());
    let shown =
        |session: &Candidate| call.permit.visible().shows(&session.key.cluster.namespace, session.namespace_known);
    let answer = answer(mode, planned.as_deref(), &marks, &asked, shown);
    Ok(validators::tagged_json(call.request, &answer))
}

/// Returns all sessions of a decision for a command that reads the store itself, and so may see all of it.
///
/// # Errors
/// Returns an error if the plan cannot be written as JSON.
pub fn of_store(sessions: &Sessions, decision: &str) -> anyhow::Result<Value> {
    let asked = Asked { decision: Some(decision.to_owned()), limit: usize::MAX, ..Asked::default() };
    let mode = sessions.settings().retention.mode;
    let plan = answer(mode, sessions.planned().as_deref(), &sessions.marks(), &asked, |_| true);
    Ok(serde_json::to_value(plan)?)
}

/// Returns the plan as it is shown to somebody who may see these sessions.
fn answer(
    mode: Mode,
    planned: Option<&Planned>,
    marks: &Marks,
    asked: &Asked,
    shown: impl Fn(&Candidate) -> bool,
) -> RetentionPlan {
    let mode = mode.as_str();
    let Some(planned) = planned else { return RetentionPlan { mode, ..RetentionPlan::default() } };
    let mut answer = RetentionPlan { mode, planned_at: Some(time::text(planned.at)), ..RetentionPlan::default() };
    let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
    let mut found: Vec<(Nanos, usize)> = Vec::new();
    for (at, (session, decision)) in planned.sessions.iter().zip(&planned.plan.decisions).enumerate() {
        if !shown(session) {
            continue;
        }
        let word = word(*decision);
        *answer.sessions.entry(word).or_default() += 1;
        let is_marked = marks.is_marked(&session.key);
        if is_marked {
            *answer.sessions.entry(MARKED).or_default() += 1;
        }
        if matches!(decision, Decision::Expire { .. }) {
            answer.expiring_bytes += session.survey.map_or(0, |survey| survey.bytes);
        }
        let is_wanted = match asked.decision.as_deref() {
            None => word == EXPIRE,
            Some(ALL) => true,
            Some(MARKED) => is_marked,
            Some(wanted) => wanted == word,
        };
        let cluster = &session.key.cluster;
        if is_wanted && is(&asked.namespace, &cluster.namespace) && is(&asked.cluster, &cluster.name) {
            found.push((session.aged_from().unwrap_or(Nanos::MAX), at));
        }
    }
    found.sort_unstable();
    answer.is_cut = found.len().saturating_sub(asked.offset) > asked.limit;
    let shown = found.into_iter().skip(asked.offset).take(asked.limit);
    answer.plan = shown.filter_map(|(_, at)| planned_session(planned, marks, at)).collect();
    answer
}

fn planned_session(planned: &Planned, marks: &Marks, at: usize) -> Option<PlannedSession> {
    let (session, decision) = (planned.sessions.get(at)?, planned.plan.decisions.get(at)?);
    let key = &session.key;
    Some(PlannedSession {
        namespace: key.cluster.namespace.clone(),
        cluster: key.cluster.name.clone(),
        session: key.session.as_str().to_owned(),
        decision: word(*decision),
        why: explain(&planned.settings, session, *decision, planned.at),
        not_before: marks.expiry(key).map(|expiry| time::text(expiry.not_before)),
        aged_from: session.aged_from().map(time::text),
        objects: session.survey.map(|survey| survey.objects),
        bytes: session.survey.map(|survey| survey.bytes),
        proof: session.proof.map(Proof::sentence),
        path: format!("/sessions/{}", session_path(key)),
    })
}

/// The decision that a session is beyond a limit.
const EXPIRE: &str = "expire";
/// The decision that the objects of a session have to be listed first.
const SURVEY: &str = "survey";
/// The decision about a session that is being deleted.
const HIDDEN: &str = "hidden";
/// The word for sessions that are marked, whatever the decision is now.
const MARKED: &str = "marked";
/// The word for all sessions.
const ALL: &str = "all";

/// Returns the word of a decision.
fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Expire { .. } => EXPIRE,
        Decision::Survey => SURVEY,
        Decision::Hidden => HIDDEN,
        Decision::Keep(kept) => Kept::as_str(kept),
    }
}

fn parse(query: &str) -> Result<Asked, Error> {
    let parameters = actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| Error::BadRequest("The query cannot be decoded.".to_owned()))?;
    let mut asked = Asked { limit: 100, ..Asked::default() };
    for (name, value) in parameters.into_inner() {
        match name.as_str() {
            _ if value.is_empty() => {}
            "namespace" => asked.namespace = Some(value),
            "cluster" => asked.cluster = Some(value),
            "decision" => {
                let mut words = [EXPIRE, SURVEY, HIDDEN, MARKED, ALL].into_iter().chain(Kept::ALL.map(Kept::as_str));
                if !words.any(|word| word == value) {
                    return Err(Error::BadRequest(format!(
                        "decision={value:?}: it is all, {EXPIRE}, or another of the words in `sessions`"
                    )));
                }
                asked.decision = Some(value);
            }
            "offset" => {
                let bad = |_| Error::BadRequest(format!("offset={value:?}: a number is wanted"));
                asked.offset = value.parse().map_err(bad)?;
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                let bad = || Error::BadRequest(format!("limit={value:?}: a number from 1 to {MAX_LIMIT} is wanted"));
                asked.limit = limit.ok_or_else(bad)?;
            }
            _ => {}
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionKey, SessionName};
    use ray_history_retention::{Plan, Settings, Survey};

    /// Returns a plan of five sessions, the oldest first: two expire, and every other one is pinned or has to be listed.
    fn planned() -> Planned {
        let decisions = [
            Decision::Keep(Kept::Pinned),
            Decision::Expire { rule: 0, limit: ray_history_retention::plan::Limit::Age },
            Decision::Survey,
            Decision::Expire { rule: 0, limit: ray_history_retention::plan::Limit::Age },
            Decision::Keep(Kept::Pinned),
        ];
        let session = |number: i64| {
            let cluster = ClusterId { namespace: format!("team-{}", number % 2), name: format!("c{number}") };
            let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
            let survey = Survey { newest: Some(number + 1), objects: 1, bytes: 10, ..Survey::default() };
            Candidate { survey: Some(survey), ..Candidate::new(SessionKey { cluster, session }) }
        };
        let plan = Plan { decisions: decisions.into(), ..Plan::default() };
        Planned { at: 0, settings: Settings::default(), sessions: (0..5).map(session).collect(), plan }
    }

    fn clusters(query: &str, shown: impl Fn(&Candidate) -> bool) -> (Vec<String>, bool) {
        let (planned, asked) = (planned(), parse(query).unwrap());
        let answer = answer(Mode::DryRun, Some(&planned), &Marks::default(), &asked, shown);
        (answer.plan.into_iter().map(|session| session.cluster).collect(), answer.is_cut)
    }

    #[test]
    fn pages_follow_each_other_without_a_gap() {
        let all = |query: &str| clusters(query, |_| true);
        assert_eq!(all(""), (vec!["c1".into(), "c3".into()], false));
        assert_eq!(all("decision=pinned&limit=1"), (vec!["c0".into()], true));
        assert_eq!(all("decision=pinned&limit=1&offset=1"), (vec!["c4".into()], false));
        let pages = [0, 2, 4].map(|offset| all(&format!("decision=all&limit=2&offset={offset}")));
        assert_eq!(pages.each_ref().map(|(_, is_cut)| *is_cut), [true, true, false]);
        assert_eq!(pages.map(|(page, _)| page).concat(), ["c0", "c1", "c2", "c3", "c4"]);
        for offset in [5, usize::MAX] {
            assert_eq!(all(&format!("decision=all&offset={offset}")), (vec![], false));
        }
        assert_eq!(all("decision=all&namespace=team-1"), (vec!["c1".into(), "c3".into()], false));
    }

    #[test]
    fn sessions_that_may_not_be_seen_are_in_no_number() {
        let (planned, asked) = (planned(), parse("decision=all").unwrap());
        let shown = |session: &Candidate| session.key.cluster.namespace == "team-1";
        let answer = answer(Mode::DryRun, Some(&planned), &Marks::default(), &asked, shown);
        assert_eq!((answer.plan.len(), answer.sessions.into_iter().collect::<Vec<_>>()), (2, vec![(EXPIRE, 2)]));
        assert_eq!(answer.expiring_bytes, 20);
    }

    #[test]
    fn a_parameter_that_is_not_understood_is_named() {
        for word in ["all", "expire", "survey", "hidden", "marked", "live", "notUnderstood"] {
            parse(&format!("decision={word}")).unwrap();
        }
        for bad in ["decision=old", "offset=-1", "offset=x", "limit=0", "limit=1001"] {
            let told = parse(bad).unwrap_err().to_string();
            assert!(told.contains(bad.split('=').next().unwrap()), "{bad}: {told}");
        }
    }
}
