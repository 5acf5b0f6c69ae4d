// Updates the sessions page without reloading: fetches the page for the form's values, and replaces the results.
const form = document.getElementById("filter");
const search = document.getElementById("search");
let asked;
let waiting;
// Seconds after which a page that is being read is asked for again: the first time soon, then ever later.
let pause = 1;
let timer;

function address() {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();
  return query ? `?${query}` : "./";
}

async function show() {
  asked?.abort();
  clearTimeout(timer);
  asked = new AbortController();
  const to = address();
  const results = document.getElementById("results");
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(to, { signal: asked.signal, headers: { Accept: "text/html" } }).catch((error) => {
      // Each browser has its own words for this.
      throw error.name === "AbortError" ? error : new Error("the history server cannot be reached.");
    });
    if (answer.status === 401) {
      location.replace(to); // the page of that address leads to the login, and back
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("results");
    if (!fresh) throw new Error(reason(page) || `the server answered ${answer.status}`);
    results.replaceWith(fresh);
    form.querySelector(".spans").replaceWith(page.querySelector(".spans"));
    history.replaceState(null, "", to);
    times();
    askAgain();
  } catch (error) {
    if (error.name === "AbortError") return;
    results.removeAttribute("aria-busy");
    const note = document.createElement("p");
    note.className = "note";
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", show);
    note.append(`This could not be looked up: ${error.message} `, again);
    results.replaceChildren(note);
  }
}

// Returns the text of a page that is an error: the server's own reason and id, or all that a proxy says.
function reason(page) {
  const parts = page.querySelectorAll("h1 + p, p.quiet");
  return [...(parts.length ? parts : [page.body])].map((part) => part.textContent.trim()).join(" ");
}

// Asks for the page again while the server reads how jobs ended: the first time soon, then ever later.
function askAgain() {
  if (pause > 60 || !("reading" in document.getElementById("results").dataset)) return;
  timer = setTimeout(refresh, pause * 1000);
  pause *= 2;
}

// Shows what is new. Where the rows are the same, only cells with other words are replaced: nobody loses the focus.
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
  const page = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  const [fresh, results] = [page?.getElementById("results"), document.getElementById("results")];
  if (fresh && !results.hasAttribute("aria-busy")) {
    const sessions = (within) => [...within.querySelectorAll("a.open")].map((a) => a.getAttribute("href")).join();
    if (sessions(fresh) === sessions(results)) {
      const of = (within) => [...within.querySelectorAll("tbody td")];
      const cells = of(results);
      of(fresh).forEach((cell, at) => words(cell) === words(cells[at]) || cells[at].replaceWith(cell));
      document.getElementById("count").replaceWith(fresh.querySelector("#count"));
      results.toggleAttribute("data-reading", fresh.hasAttribute("data-reading"));
    } else if (!results.contains(document.activeElement)) {
      results.replaceWith(fresh);
    }
    times();
  }
  askAgain();
}

// Returns the words of a cell without the ages that were added.
function words(cell) {
  const own = cell.cloneNode(true);
  own.querySelectorAll(".ago").forEach((ago) => ago.remove());
  return own.textContent;
}

// Adds the age of each time, as precisely as an unknown time zone allows; with a known zone, also the viewer's time.
function times() {
  const here = { dateStyle: "medium", timeStyle: "long" };
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  for (const time of document.querySelectorAll("time:not(:has(+ .ago))")) {
    const zoned = time.dateTime.endsWith("Z");
    const at = Date.parse(zoned ? time.dateTime : `${time.dateTime}Z`);
    const hours = (Date.now() - at) / 3_600_000;
    const ago = document.createElement("span");
    ago.className = "ago";
    ago.textContent = hours < 36 ? words.format(-Math.round(Math.max(hours, 0)), "hour") : words.format(-Math.round(hours / 24), "day");
    if (zoned) time.title = `${new Date(at).toLocaleString(undefined, here)}, ${time.title}`;
    if (zoned && new Date(at).getTimezoneOffset()) ago.textContent += ` \u00b7 ${new Date(at).toLocaleString(undefined, here)}`;
    time.after(ago);
  }
}

// The arrow keys move between the sessions; / focuses the search.
function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input, select");
  if (event.key === "/" && !field) {
    search.focus();
    search.select();
  } else if (["ArrowDown", "ArrowUp"].includes(event.key) && (!field || field === search)) {
    const links = [...document.querySelectorAll("a.open")];
    const at = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    if (at < 0) search.focus();
    else links[at]?.focus();
  } else {
    return;
  }
  event.preventDefault();
}

form.addEventListener("input", () => {
  clearTimeout(waiting);
  pause = 1;
  waiting = setTimeout(show, 150);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  show();
});
document.addEventListener("keydown", keys);
times();
askAgain();
