// The bar: the session and its report. It is at the bottom of the window, where Ray shows nothing, so that Ray's own
// bars keep their place.
const given = document.currentScript.dataset;
const resource = `${given.root}api/history/v1/sessions/${given.path}`;
const REPORT_EVERY = 60_000;
const REPORT_EVERY_LIVE = 10_000; // it may die, and then the page's clock must stop
const PROGRESS_EVERY = 500;

let report; // the last report on the session
let busy = false;
let timer;

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const list = (items) => make("ul", {}, ...items.map((item) => make("li", {}, ...[item].flat())));

const ui = {
  host: make("ray-history"),
  state: make("span", { className: "state", hidden: true }),
  who: make("span", { className: "who", title: `${given.namespace} / ${given.cluster} / ${given.session}` },
    make("strong", { textContent: given.cluster }), make("span", { textContent: ` in ${given.namespace}` }),
    make("span", { className: "session", textContent: ` · ${given.session}` })),
  why: make("a", { className: "why", href: `${given.root}sessions/${given.path}/why`, hidden: true }),
  ray: make("span", { className: "session quiet" }),
  asOf: make("span", { className: "asof quiet" }),
  progress: make("progress", { hidden: true, ariaLabel: "Loading the session" }),
  doing: make("span", { className: "quiet" }),
  cut: make("span", { className: "cut", hidden: true }),
  failure: make("span", { className: "bad" }),
  login: make("a", { textContent: "Log in", hidden: true }),
  retry: make("button", { type: "button", textContent: "Try again", hidden: true }),
  more: make("button", { type: "button", hidden: true, ariaExpanded: "false" }),
  details: make("div", { className: "details", id: "details", hidden: true }),
  others: make("a", { hidden: true }),
  home: make("a", { href: `${given.root}sessions/`, textContent: "All sessions" }),
  // Text for screen readers, without the numbers of a running load.
  spoken: make("span", { role: "status" }),
};

function build() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  const root = ui.host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet, hidingSheet()];
  ui.spoken.className = "spoken";
  ui.more.setAttribute("aria-controls", "details");
  ui.details.tabIndex = 0;
  const line = make("div", { className: "line" }, ui.state, ui.who, ui.why, ui.ray, ui.asOf, ui.progress, ui.doing, ui.failure, ui.login, ui.retry, ui.cut,
    make("span", { className: "grow" }), ui.more, ui.others, ui.home, ui.spoken);
  const section = make("section", { ariaLabel: "Ray history" }, line, ui.details);
  section.setAttribute("aria-label", "Ray history");
  root.append(section);
  ui.more.addEventListener("click", () => expand(ui.details.hidden));
  ui.retry.addEventListener("click", look);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !ui.details.hidden) {
      expand(false);
      ui.more.focus();
    }
  });
  document.body.append(ui.host);
  for (const event of ["resize", "scroll"]) window.visualViewport?.addEventListener(event, stay);
  // Lets the end of a page scroll above the bar.
  new ResizeObserver(() => (document.body.style.paddingBottom = `${line.offsetHeight}px`)).observe(line);
  setInterval(keepUp, 1000);
  keepUp();
}

function hidingSheet() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(".spoken { clip-path: inset(50%); height: 1px; overflow: hidden; position: absolute; width: 1px; }");
  return sheet;
}

// Follows changes that Ray's page makes without an event.
function keepUp() {
  theme();
  showCut();
  stay();
}

// On a phone the screen shows a part of the window: the bar is at the bottom of that part.
const moved = { x: 0, y: 0 };
function stay() {
  const screen = window.visualViewport;
  if (!screen) return;
  const box = ui.host.getBoundingClientRect();
  moved.x += screen.offsetLeft - box.left;
  moved.y += screen.offsetTop + screen.height - box.bottom;
  ui.host.style.width = `${screen.width}px`;
  ui.host.style.transform = `translate(${moved.x}px, ${moved.y}px)`;
}

// Colours with a meaning depend on the page being dark; all others are inherited.
function theme() {
  const [red = 255, green = 255, blue = 255] = (getComputedStyle(document.body).backgroundColor.match(/[\d.]+/g) ?? []).map(Number);
  const seen = getComputedStyle(document.body).backgroundColor;
  const dark = seen !== "rgba(0, 0, 0, 0)" && red * 0.3 + green * 0.6 + blue * 0.1 < 128;
  ui.host.toggleAttribute("data-dark", dark);
}

function expand(open) {
  ui.details.hidden = !open;
  ui.more.setAttribute("aria-expanded", String(open));
}

function say(text) {
  if (ui.spoken.textContent !== text) ui.spoken.textContent = text;
}

// Ray's pages show "No jobs yet" before they have a response, so they are dimmed until then.
function dim(waiting) {
  const root = document.getElementById("root");
  if (!root) return;
  root.style.opacity = waiting ? "0.35" : "";
  root.setAttribute("aria-busy", String(waiting));
}

function showReport() {
  const missing = gaps(report);
  const whole = report.completeness !== "gaps";
  const state = report.state ?? report.session?.state ?? "unknown";
  const [word, sentence] = stateWords(state, report.session, report.asOf);
  const dated = setClock(state, report.asOf);
  restAs({ ...report, state });
  dim(false);
  ui.state.hidden = false;
  ui.state.dataset.state = state;
  ui.state.textContent = word;
  const at = dated && inZone(report.asOf, report.session?.zone);
  const asOf = dated ? `${at}, ${ago(report.asOf)}` : "none is stored";
  ui.asOf.textContent = dated ? `as of ${at}` : "without any event";
  ui.asOf.title = asOf;
  ui.progress.hidden = ui.retry.hidden = ui.login.hidden = true;
  ui.doing.textContent = report.stale ? "The storage cannot be read at the moment" : "";
  ui.failure.textContent = "";
  ui.more.hidden = false;
  ui.more.className = whole ? "" : report.gaps?.[0]?.weight === "everything" ? "bad" : "warn";
  ui.more.textContent = summary(report);
  say(`${word}. ${ui.more.textContent}.`);

  const session = report.session ?? {};
  showWhy(session, state === "live");
  const owner = session.owner && `${KINDS[session.owner.kind] ?? session.owner.kind} ${session.owner.name}`;
  showOthers(report.others, owner);
  const recorded = report.rayVersion && `Ray ${report.rayVersion}`;
  const shown = given.dashboard && given.dashboard !== report.rayVersion && `dashboard of Ray ${given.dashboard}`;
  ui.ray.textContent = [recorded, shown].filter(Boolean).join(", ");
  const facts = { Session: given.session, Owner: owner, "Recorded by": recorded, "Shown by": shown, "Last event": asOf, "Opened from": snapshotWords(report.snapshot, report.session?.zone),
    "Last looked for new files": report.checkedAt && `${exact(report.checkedAt)}, ${ago(report.checkedAt)}` };
  const terms = Object.entries(facts).filter(([, fact]) => fact).flatMap(([name, fact]) => [make("dt", { textContent: name }), make("dd", { textContent: fact })]);
  const parts = [make("p", { textContent: sentence }), make("dl", {}, ...terms)];
  if (whole) {
    const [words, reasons] = proofWords(report);
    parts.push(make("p", { textContent: words }));
    if (reasons.length) parts.push(list(reasons));
  } else parts.push(make("p", {}, make("strong", { textContent: "Known to be missing" })), list(missing.map(([text, examples]) => (examples.length ? [text, list(examples)] : text))));
  const known = notes(report);
  if (known.length) parts.push(make("p", {}, make("strong", { textContent: "Good to know" })), list(known));
  parts.push(make("a", { href: resource, textContent: "The whole report (JSON)" }));
  ui.details.replaceChildren(...parts);
}

// A link by name may have led here, and the name may have other sessions, too.
function showOthers({ sessions = 0, path } = {}, owner) {
  ui.others.hidden = !path || sessions < 2;
  ui.others.href = `${given.root}${path?.slice(1)}`;
  ui.others.textContent = `One of ${sessions.toLocaleString()} sessions`;
  ui.others.title = `All sessions of ${owner || `the cluster ${given.cluster}`}`;
}

// The outcome and its sentence, with a link to the page that tells why. Nothing is said of a session that goes on.
function showWhy({ outcome, why } = {}, isLive) {
  ui.why.hidden = isLive && !outcome;
  ui.why.dataset.outcome = outcome ?? "";
  ui.why.textContent = ui.why.title = [outcome, why?.sentence].filter(Boolean).join(": ") || "Why it ended";
}

function showLoading(progress) {
  dim(holding);
  ui.progress.hidden = false;
  if (progress?.bytesTotal) {
    ui.progress.max = progress.bytesTotal;
    ui.progress.value = Math.min(progress.bytesDone, progress.bytesTotal);
  } else {
    ui.progress.removeAttribute("value");
  }
  ui.retry.hidden = ui.login.hidden = true;
  ui.failure.textContent = "";
  ui.doing.textContent = `Loading: ${progressWords(progress)}`;
  say("The session is being loaded. The page fills by itself.");
}

// Shows an error, with a link to the login if that would help.
function showFailure(message, login) {
  dim(holding);
  ui.login.hidden = !login;
  if (login) ui.login.href = login;
  ui.progress.hidden = true;
  ui.doing.textContent = "";
  ui.failure.textContent = ui.failure.title = message;
  ui.retry.hidden = false;
  say(message);
}
