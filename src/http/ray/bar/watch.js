// The bar's own requests to the server.
let lost = false; // no server answered when a report was requested, at least once since the document came

// Requests the report, which also opens the session, and polls the load meanwhile.
async function look() {
  if (busy) return;
  busy = true;
  clearTimeout(timer);
  const follow = report && !holding ? undefined : setInterval(followLoad, PROGRESS_EVERY);
  if (follow) showLoading();
  let wait = REPORT_EVERY;
  try {
    const answer = await fetch(resource, { headers: { Accept: "application/json" } });
    const body = await read(answer);
    if (answer.ok && body) {
      if (leaveFor(body.dashboardVersion) || startOver()) return;
      report = body;
      release();
      showReport();
      if (report.state === "live") wait = REPORT_EVERY_LIVE;
    } else if (answer.status === 503 && ["queued", "loading"].includes((body?.data ?? body)?.state)) {
      wait = 1000;
    } else {
      wait = failed(answer, body);
    }
  } catch {
    lost = true;
    showFailure("The history server cannot be reached.");
    wait = 5000;
  } finally {
    clearInterval(follow);
    busy = false;
  }
  // A hidden page requests the report when it is visible again.
  timer = setTimeout(() => !document.hidden && look(), wait);
}

// Loads the document again if another version of the dashboard shows this session: it was not known when the document
// was sent. Returns true if it does. Only the first report can, so that a page in use stays, and only once until the
// right document came, so that a server that changes its mind cannot keep a page loading.
function leaveFor(version) {
  const once = `ray-history ${given.path} ${version}`;
  try {
    if (version === given.dashboard) sessionStorage.removeItem(once);
    if (report || !version || version === given.dashboard || sessionStorage.getItem(once)) return false;
    sessionStorage.setItem(once, "loaded again");
  } catch {
    return false; // without a mark, which some browsers forbid, it could load for ever
  }
  location.reload();
  return true;
}

// Loads the document again if Ray's page is blank because it could not load something while the server was away: it does
// not try again by itself. Returns true if it does.
function startOver() {
  const blank = document.readyState === "complete" && document.getElementById("root")?.childElementCount === 0;
  if (!lost || !blank) return false;
  location.reload();
  return true;
}

async function read(answer) {
  try {
    return await answer.json();
  } catch {
    return undefined;
  }
}

// Returns the wait before the next try, in milliseconds.
function failed(answer, body) {
  // A response that is not about the load, such as a proxy's: Ray's pages may still work.
  if (answer.status < 500) release();
  else if (!body) lost = true; // a proxy's, whose server is away
  const texts = [body?.detail, body?.msg, body?.title];
  if (answer.status === 401) texts.reverse(); // the page of the login says the rest
  // Ray's own dialog is there, too, but behind Ray's proxy it cannot log in below a session's path.
  const login = `${given.root}login?next=${encodeURIComponent(`sessions/${given.path}/${location.hash}`)}`;
  const why = texts.find((text) => text !== undefined) ?? `the server answered ${answer.status}`;
  const request = body?.requestId ? ` (request ${body.requestId})` : "";
  showFailure(`This session cannot be shown: ${why}${request}`, answer.status === 401 && login);
  return 1000 * (Number(answer.headers.get("Retry-After")) || 30);
}

async function followLoad() {
  try {
    const answer = await fetch(`${resource}/load`);
    const progress = answer.ok && (await answer.json());
    if (progress && busy) showLoading(progress);
  } catch {
    // The request for the report shows the error.
  }
}

// Responses to Ray contain the state of the session; if it differs from the bar's, the report is requested again.
function sawHeaders(xhr) {
  const asOf = xhr.getResponseHeader("X-Ray-History-As-Of");
  if (!asOf || !report) return;
  const seen = [asOf, xhr.getResponseHeader("X-Ray-History-State"), xhr.getResponseHeader("X-Ray-History-Completeness")];
  if (seen.join() !== [report.asOf, report.state, report.completeness].join()) look();
}

// The server has closed the session meanwhile, and loads it again.
function sessionLeft() {
  if (!busy) look();
}

// The page could not load something: the report shows at once whether the server is away.
function missed() {
  if (!busy && report) look();
}

// Scripts that Ray's page loads when a part of it is first opened.
window.addEventListener("error", ({ target }) => target instanceof HTMLScriptElement && missed(), true);
document.addEventListener("visibilitychange", () => !document.hidden && report && look());
if (document.body) build();
else document.addEventListener("DOMContentLoaded", build);
look();
