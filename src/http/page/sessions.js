// Filters the rows of the sessions page by what is typed: every word must occur.
const search = document.getElementById("search");
const rows = [...document.querySelectorAll("tbody tr")].map((row) => [row, row.textContent.toLowerCase()]);
const count = document.getElementById("count");

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [row, text] of rows) {
    row.hidden = !words.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  count.textContent = words.length ? `${shown} of ${rows.length}` : `${rows.length}`;
  history.replaceState(null, "", words.length ? `?q=${encodeURIComponent(search.value)}` : location.pathname);
}

search.value = new URLSearchParams(location.search).get("q") ?? "";
search.addEventListener("input", filter);
filter();
