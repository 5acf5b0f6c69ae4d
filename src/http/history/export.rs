//! `/api/history/v1/sessions/…/export`: a session as one portable file, made while it is sent.

use super::logs::filter::{bad, flag, parameters};
use super::logs::{Broken, respond};
use crate::http::error::Error;
use crate::http::error::problem::Problem;
use crate::http::heavy::{LogRead, LongAnswer};
use crate::http::request::Call;
use crate::http::request::path::session_key;
use crate::http::sessions::compare::Named;
use crate::http::sessions::find;
use crate::http::state::State;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use actix_web::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use ray_history_core::base::chain::chain;
use ray_history_core::base::name::SessionKey;
use ray_history_portable::{Choices, Error as PackError, Logs, Packer};
use ray_history_session::logs::blocks::{LogBlocks, READING};
use ray_history_session::{OpenSession, Sessions};
use std::sync::Arc;

/// Bytes held besides the tables that are being made.
const PACKING: u64 = (16 << 20) + READING;
/// Most bytes that the tables hold which are being made, however large the session is: they are made in parts.
const TABLES: u64 = 192 << 20;

/// Sends a session as one portable file, which `ray-history serve FILE` opens. Values of environment variables are in none
/// of its tables.
#[utoipa::path(
    get,
    path = "/api/history/v1/sessions/{namespace}/{cluster}/{session}/export",
    operation_id = "exportSession",
    tag = "sessions",
    params(
        ("namespace" = String, Path, description = "Namespace of the cluster"),
        ("cluster" = String, Path, description = "Name of the RayCluster; `_` for an empty one"),
        ("session" = String, Path, description = "Name of the session"),
        ("logs" = Option<String>, Query, description = "`facts` (default): log files from which facts are read, but none that names environment variables; `none`; or `all`, which hold whatever the program printed"),
        ("messages" = Option<bool>, Query, description = "`false`: without messages of errors in tables"),
    ),
    responses(
        (status = 200, description = "The file, a ZIP whose members are named like the keys of the bucket (docs/portable.md)", body = Vec<u8>, content_type = "application/zip"),
        (status = 400, description = "A parameter cannot be understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such session", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Retention deletes the session, or has deleted it", body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The storage cannot be read", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The session is still being loaded, or many long answers are being sent", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn export(call: &Call<'_>) -> Result<HttpResponse, Error> {
    let mut choices = Choices::default();
    for (name, value) in parameters(call.request.query_string())? {
        match name.as_str() {
            "logs" => {
                let wanted = || format!("one of {} is wanted", Logs::NAMES.join(", "));
                choices.logs = Logs::parse(&value).ok_or_else(|| bad(&name, &value, wanted()))?;
            }
            "messages" => choices.messages = flag(&name, &value)?,
            _ => {}
        }
    }
    let key = session_key([call.names[0], call.names[1], call.names[2]])?;
    let session = find::open(call, &key).await?;
    let mut response = HttpResponse::Ok();
    let disposition = format!("attachment; filename=\"{}\"", file_name(&key));
    response.content_type("application/zip").insert_header((CONTENT_DISPOSITION, disposition));
    response.insert_header((CACHE_CONTROL, "no-store"));
    if *call.request.method() == Method::HEAD {
        return Ok(respond(&session, call, &mut response, stream::empty::<Result<Bytes, Broken>>));
    }
    let person = call.permit.granted_to().map(|granted| granted.person.identity.user());
    let file = File::begin(call.state, &session, choices, person).await?;
    Ok(respond(&session, call, &mut response, || file.stream()))
}

/// Returns the file for a command that reads the store with its own credentials, with its name; words if no such session is
/// stored.
///
/// # Errors
/// Returns an error if the name cannot be understood, or if the session cannot be read.
pub async fn of_store(
    state: &State,
    name: &str,
    choices: Choices,
) -> anyhow::Result<Result<(String, impl Stream<Item = anyhow::Result<Bytes>> + use<>), String>> {
    let told = |error: Error| anyhow::anyhow!("{error}");
    let name = Named::parse("SESSION", name).map_err(told)?;
    let begun = async {
        let session = name.open_of_store(state).await?;
        let key = session.key.clone();
        Ok::<_, Error>((key, File::begin(state, &session, choices, None).await?))
    };
    match begun.await {
        Ok((key, file)) => Ok(Ok((file_name(&key), file.stream().map(|piece| Ok(piece?))))),
        Err(error) if error.status() == StatusCode::NOT_FOUND => Ok(Err(error.to_string())),
        Err(error) => Err(told(error)),
    }
}

/// Returns a name of plain characters.
fn file_name(key: &SessionKey) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    format!("{}-{}.rayhistory", key.cluster.name, key.session.as_str()).chars().map(plain).collect()
}

/// A file that is sent.
struct File {
    /// Absent after the end, and while a thread has it.
    packer: Option<Box<Packer>>,
    /// The raw objects, once all that is made was made.
    blocks: Option<LogBlocks>,
    sessions: Arc<Sessions>,
    long_answer: LongAnswer,
    _log_read: LogRead,
}

impl File {
    /// Waits for a turn at reading, and for memory.
    async fn begin(
        state: &State,
        session: &Arc<OpenSession>,
        choices: Choices,
        person: Option<&str>,
    ) -> Result<Self, Error> {
        let log_read = state.heavy.log_read(person).await?;
        let what = state.sessions.to_export(session).await?;
        let bytes = PACKING + session.bytes().min(TABLES);
        let written_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let begin = move || Packer::new(what, choices, env!("CARGO_PKG_VERSION"), written_at);
        let (packer, long_answer) = state.heavy.begin(&state.sessions, bytes, begin).await?;
        let sessions = Arc::clone(&state.sessions);
        Ok(Self { packer: Some(Box::new(packer)), blocks: None, sessions, long_answer, _log_read: log_read })
    }

    fn stream(self) -> impl Stream<Item = Result<Bytes, Broken>> + 'static {
        stream::unfold(self, |mut file| async move { Some((file.next().await?, file)) })
    }

    /// Returns the next piece; `None` after the end.
    async fn next(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            let mut packer = self.packer.take()?;
            let made = match &mut self.blocks {
                None => self.long_answer.make(move || (packer.make().map(Step::Made), Some(packer))).await,
                Some(blocks) => match blocks.next().await {
                    Some(block) => {
                        let copy = move || (packer.copy(block).map(Step::Copied), Some(packer));
                        self.long_answer.make(copy).await
                    }
                    None => self.long_answer.make(move || (packer.finish().map(Step::Finished), None)).await,
                },
            };
            let (step, packer) = match made {
                Ok((Ok(step), packer)) => (step, packer),
                Ok((Err(error), _)) => return Some(Err(broken(&error))),
                Err(_) => return Some(Err(Broken)),
            };
            self.packer = packer;
            match step {
                Step::Made(None) => {
                    let files = self.packer.as_ref()?.files();
                    self.blocks = Some(self.sessions.read_logs(files));
                }
                Step::Made(Some(piece)) | Step::Copied(piece) if piece.is_empty() => {}
                Step::Made(Some(piece)) | Step::Copied(piece) | Step::Finished(piece) => return Some(Ok(piece)),
            }
        }
    }
}

/// A step of the work.
enum Step {
    /// Of what is not copied; `None` if that is all.
    Made(Option<Bytes>),
    Copied(Bytes),
    Finished(Bytes),
}

/// Tells of an error that ends the connection in the middle of the body.
fn broken(error: &PackError) -> Broken {
    tracing::error!(error = %chain(error), "a session could not be exported");
    Broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use ray_history_core::base::name::{ClusterId, SessionName};

    #[test]
    fn files_have_plain_names() {
        let cluster = ClusterId { namespace: "ml".to_owned(), name: "../tr\"ain".to_owned() };
        let session = SessionName::parse("session_2026-11-22_23-11-33_821800_1").unwrap();
        let name = file_name(&SessionKey { cluster, session });
        assert_eq!(name, ".._tr_ain-session_2026-11-22_23-11-33_821800_1.rayhistory");
    }
}
