// Updates the sessions page without reloading: fetches the page for the form's values, and replaces the results.
const form = document.getElementById("filter");
const search = document.getElementById("search");
let asked;
let waiting;

function address() {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value)).toString();
  return query ? `?${query}` : "./";
}

async function show() {
  asked?.abort();
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
    if (!fresh) throw new Error(page.body.textContent.trim() || `the server answered ${answer.status}`);
    results.replaceWith(fresh);
    form.querySelector(".spans").replaceWith(page.querySelector(".spans"));
    history.replaceState(null, "", to);
    times();
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
  waiting = setTimeout(show, 150);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(waiting);
  show();
});
document.addEventListener("keydown", keys);
times();
