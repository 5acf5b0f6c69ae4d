//! Wiring of `list`: reads the list of a server, or of a store as a server would.

use super::client::{self, Client, Refused, escaped};
use super::exit::{FAILED, NOTHING};
use super::print::{is_open_after, is_open_after_json, print_error};
use super::{listing, sources};
use crate::args::{List, ListFormat, Place, Places};
use crate::http::{self, State};
use crate::list::{Pages, may_grow, name, table};
use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::LocalBoxStream;
use ray_history_access::CurrentAccess;
use ray_history_health::Health;
use ray_history_metrics::Metrics;
use ray_history_portable::Choices;
use ray_history_settings::Settings;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Sessions of a page that is asked for: the most that a server gives.
const PAGE: usize = 1000;
/// Longest page that is read. One of a thousand sessions has about half a mebibyte.
const MAX_PAGE: usize = 32 << 20;
/// Most sessions that are listed. They are held until all are there.
const MAX_SESSIONS: usize = 1_000_000;
/// Longest wait for the files that tell states and outcomes, for all pages together.
const READS_WAIT: Duration = Duration::from_secs(10);
/// Pause after which a server that reads such files is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Prints the sessions, and returns the exit code.
pub(super) fn run(args: &List) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let pages = runtime.block_on(async { read(&Origin::of(&args.places).await?, args).await });
    runtime.shutdown_background();
    let pages = pages?;
    for note in pages.notes() {
        print_error(note);
    }
    match args.output {
        ListFormat::Json => is_open_after_json(&pages.json())?,
        ListFormat::Table | ListFormat::Wide => {
            is_open_after(&table(pages.sessions(), args.output == ListFormat::Wide))?
        }
        ListFormat::Name => {
            // `open` and `logs` accept sessions.
            let sessions = pages.sessions().filter(|item| item["session"].is_string());
            is_open_after(&sessions.map(|session| name(&session) + "\n").collect::<String>())?
        }
    };
    Ok(match pages.is_empty() {
        false => ExitCode::SUCCESS,
        true if pages.is_whole() => ExitCode::from(NOTHING),
        true => ExitCode::from(FAILED),
    })
}

/// Reads pages until there are enough sessions.
async fn read(origin: &Origin, args: &List) -> anyhow::Result<Pages> {
    let (query, mut pages, mut after) = (query(args), Pages::default(), String::new());
    let limit = if args.limit == 0 { MAX_SESSIONS } else { args.limit.min(MAX_SESSIONS) };
    let deadline = Instant::now() + READS_WAIT;
    loop {
        let wanted = (limit - pages.len()).min(PAGE);
        let next = pages.add(&origin.page(&format!("limit={wanted}{after}{query}"), wanted, deadline).await?)?;
        match next {
            Some(next) if pages.len() < limit => after = format!("&after={}", escaped(&next)),
            _ => return Ok(pages),
        }
    }
}

/// Returns the filters as parameters of the API, each after a `&`.
fn query(args: &List) -> String {
    let (kind, owner) = match args.owner.as_deref().map(|owner| owner.split_once('/').ok_or(owner)) {
        Some(Ok((kind, name))) => (Some(kind), Some(name)),
        Some(Err(name)) => (None, Some(name)),
        None => (None, None),
    };
    let text = args.text.join(" ");
    let parameters = [
        ("namespace", args.namespace.as_deref()),
        ("cluster", args.cluster.as_deref()),
        ("ownerKind", kind),
        ("owner", owner),
        ("state", args.state.as_deref()),
        ("outcome", args.outcome.as_deref()),
        ("cause", args.cause.as_deref()),
        ("startedAfter", args.since.as_deref()),
        ("startedBefore", args.until.as_deref()),
        ("q", Some(text.as_str())),
        // The order of a server that knows no other.
        ("sort", Some(args.sort.as_str()).filter(|sort| *sort != "started")),
    ];
    let given =
        parameters.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    given.flat_map(|(name, value)| ["&".to_owned(), name.to_owned(), "=".to_owned(), escaped(value)]).collect()
}

/// A list that can be asked for pages.
pub(super) enum Origin {
    Server(Client),
    /// A store whose sessions are listed here, as a server would.
    Store(Box<State>),
}

impl Origin {
    /// Returns the list of a place.
    pub(super) async fn of(places: &Places) -> anyhow::Result<Self> {
        let settings = match places.place(&|name| std::env::var(name).ok()) {
            Some(Place::Server(server)) => return Ok(Self::Server(Client::new(&server)?)),
            Some(Place::Folder(folder)) => sources::folder(folder, places.root_dir.clone()),
            Some(Place::Files(files)) => sources::portable(files),
            Some(Place::Document(file)) => sources::document(&file)?,
            Some(Place::KubeRay) => {
                let (settings, notes) = sources::kuberay(&places.kuberay)?;
                for note in notes {
                    print_error(note);
                }
                settings
            }
            None => bail!(
                "nothing to list: --server names a running server, --local-dir a folder, --file a portable file, --config a \
                 RayHistory document, --storage-backend a store as KubeRay's history server has it"
            ),
        };
        Self::of_store(settings).await
    }

    /// Lists a store, as far as it can be listed within some seconds.
    async fn of_store(settings: Settings) -> anyhow::Result<Self> {
        let metrics = Metrics::default();
        let sessions = Arc::new(sources::sessions(&settings, &metrics).await?);
        let is_whole = sessions.list_once().await.with_context(|| format!("cannot list {}", settings.storage.url()))?;
        let listing = sessions.listing();
        listing::check_folder(&listing, &settings.storage)?;
        for skipped in &listing.skipped.examples {
            print_error(format_args!("not listed, so its sessions are missing: {skipped}"));
        }
        let more = listing.skipped.count.saturating_sub(listing.skipped.examples.len() as u64);
        if more > 0 {
            print_error(format_args!("not listed, so their sessions are missing: {more} more"));
        }
        if !is_whole {
            print_error("not all folders were listed, there are too many: sessions without a marker may be missing");
        }
        let (access, heavy) = (Arc::new(CurrentAccess::open()), http::Heavy::new(1, metrics.clone()));
        let (audit, health) = (Arc::default(), Health::default());
        Ok(Self::Store(Box::new(State { access, audit, sessions, dashboards: None, health, metrics, heavy })))
    }

    /// Returns a page of the list as JSON. Until the deadline, waits for files that may make it fuller.
    async fn page(&self, query: &str, wanted: usize, deadline: Instant) -> anyhow::Result<String> {
        let mut page = self.ask(query).await?;
        if let Self::Store(state) = self {
            // The first look has the files read on which the states and outcomes of this page depend.
            let is_in_time = Instant::now() < deadline;
            if tokio::time::timeout_at(deadline, state.sessions.idle()).await.is_err() && is_in_time {
                print_error(
                    "not all files were read in time, so some states and outcomes are unknown that could be known",
                );
            }
            page = self.ask(query).await?;
        }
        while may_grow(&page, wanted) && Instant::now() < deadline {
            match self {
                Self::Server(_) => tokio::time::sleep(PAUSE).await,
                Self::Store(state) => drop(tokio::time::timeout_at(deadline, state.sessions.idle()).await),
            }
            page = self.ask(query).await?;
        }
        Ok(page)
    }

    /// Returns a page of the list, after files that may be read for it were.
    pub(super) async fn settled(&self, query: &str) -> anyhow::Result<String> {
        self.page(query, 0, Instant::now() + READS_WAIT).await
    }

    /// Returns a page of the runs that obituaries tell of.
    pub(super) async fn runs(&self, query: &str) -> anyhow::Result<String> {
        match self {
            Self::Server(client) => {
                client::text(client.get(&format!("api/history/v1/obituaries?{query}")).await?, MAX_PAGE).await
            }
            Self::Store(state) => http::obituaries_of_store(state, query),
        }
    }

    /// Returns the obituary of an object by its namespace, kind, name and uid.
    pub(super) async fn document(&self, names: [&str; 4]) -> anyhow::Result<Option<String>> {
        match self {
            Self::Server(client) => {
                let path = names.map(escaped).join("/");
                let document = client.get(&format!("api/history/v1/obituaries/{path}")).await?;
                Ok(Some(client::text(document, MAX_PAGE).await?))
            }
            Self::Store(state) => http::obituary_of_store(state, names).await,
        }
    }

    /// Returns what changed from one session to another, as JSON; words if no such session is stored.
    pub(super) async fn diff(&self, a: &str, b: &str) -> anyhow::Result<Result<String, String>> {
        match self {
            Self::Server(client) => {
                let path = format!("api/history/v1/diff?a={}&b={}", escaped(a), escaped(b));
                match client.get(&path).await {
                    Ok(answer) => Ok(Ok(client::text(answer, MAX_PAGE).await?)),
                    Err(error) if Refused::is_unknown(&error) => Ok(Err(error.to_string())),
                    Err(error) => Err(error),
                }
            }
            Self::Store(state) => http::diff_of_store(state, a, b).await,
        }
    }

    /// Returns a portable file of a session with its name; words if no such session is stored.
    pub(super) async fn export(&self, session: &str, choices: Choices) -> anyhow::Result<Result<Exported, String>> {
        match self {
            Self::Server(client) => match export_of(client, session, choices).await {
                Ok(file) => Ok(Ok(file)),
                Err(error) if Refused::is_unknown(&error) => Ok(Err(error.to_string())),
                Err(error) => Err(error),
            },
            Self::Store(state) => {
                let file = http::export_of_store(state, session, choices).await?;
                Ok(file.map(|(name, pieces)| Exported { name, pieces: pieces.boxed_local() }))
            }
        }
    }

    async fn ask(&self, query: &str) -> anyhow::Result<String> {
        match self {
            Self::Server(client) => {
                client::text(client.get(&format!("api/history/v1/sessions?{query}")).await?, MAX_PAGE).await
            }
            Self::Store(state) => http::list_of_store(state, query),
        }
    }
}

/// A portable file that is being made.
pub(super) struct Exported {
    /// A plain name for it.
    pub(super) name: String,
    /// Its bytes.
    pub(super) pieces: LocalBoxStream<'static, anyhow::Result<Bytes>>,
}

async fn export_of(client: &Client, session: &str, choices: Choices) -> anyhow::Result<Exported> {
    let path = client.session(session).await?;
    let (logs, messages) = (choices.logs.as_str(), choices.messages);
    let url = format!("api/history/v1/sessions/{path}/export?logs={logs}&messages={messages}");
    let response = client.get(&url).await?;
    let name = client::file_name(&response).unwrap_or_else(|| "session.rayhistory".to_owned());
    let pieces = response.bytes_stream().map(|piece| piece.map_err(|error| anyhow!("it was cut off: {error}")));
    Ok(Exported { name, pieces: pieces.boxed_local() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Args, Command};
    use clap::Parser;

    fn parsed(flags: &[&str]) -> List {
        let all = ["ray-history", "list"].iter().chain(flags);
        match Args::try_parse_from(all).unwrap().command {
            Command::List(list) => *list,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn filters_are_parameters_of_the_api() {
        for (flags, expected) in [
            (&[][..], ""),
            (&["-n", "a b", "--cluster", "c&d", "--state", "dead"], "&namespace=a%20b&cluster=c%26d&state=dead"),
            (&["--outcome", "failed", "--cause", "HeadOOM"], "&outcome=failed&cause=HeadOOM"),
            (&["--owner", "train"], "&owner=train"),
            (&["--owner", "rayjob/train"], "&ownerKind=rayjob&owner=train"),
            (&["--owner", "rayjob/"], "&ownerKind=rayjob"),
            (&["--since", "24h", "--until", "2026-11-24"], "&startedAfter=24h&startedBefore=2026-11-24"),
            (&["nightly", "ü"], "&q=nightly%20%C3%BC"),
            (&["--sort", "-duration", "x"], "&q=x&sort=-duration"),
            (&["--sort=started"], ""),
        ] {
            assert_eq!(query(&parsed(flags)), expected, "{flags:?}");
        }
    }
}
