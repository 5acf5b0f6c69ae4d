// Ray's pages request at most 10,000 rows of a list and do not show that there are more: the bar does, with a link to
// all rows.
const MOST_ROWS = 10_000;
let cut; // the truncated list, and the page that shows it

function sawRows(xhr, { given: [, url], page }) {
  const asked = new URL(url, location.href);
  const [, list] = asked.pathname.match(/\/api\/v0\/(\w+)\/?$/) ?? [];
  if (!list || Number(asked.searchParams.get("limit")) < MOST_ROWS || xhr.status !== 200 || typeof xhr.response !== "string") return;
  const [, total] = xhr.response.slice(0, 500).match(/"num_filtered": ?(\d+)/) ?? [];
  asked.searchParams.delete("limit");
  asked.searchParams.set("all_rows", "1");
  cut = Number(total) > MOST_ROWS ? { list: list.replaceAll("_", " "), total: Number(total), page, all: asked.href } : undefined;
  showCut();
}

function showCut() {
  const shown = cut !== undefined && cut.page === location.hash;
  ui.cut.hidden = !shown;
  if (!shown || ui.cut.dataset.all === cut.all) return;
  ui.cut.dataset.all = cut.all;
  const words = `The table has ${MOST_ROWS.toLocaleString()} of ${cut.total.toLocaleString()} ${cut.list}`;
  const link = make("a", { href: cut.all, download: `${cut.list.replaceAll(" ", "-")}.json`, textContent: "Download all" });
  ui.cut.replaceChildren(words, " \u00b7 ", link);
  ui.cut.title = cut.list === "tasks" ? "Failed attempts are among them, and the latest of all others." : "";
}
