// Ray's pages poll whole lists every few seconds. The lists of a session that is over do not change, so an answered list is
// requested again only when the session changes; Ray sees a slow request and keeps its data.
const WHOLE_LIST = /\bapi\/v0\/\w+\?(?=.*\blimit=10000\b)/;
const answeredLists = new Set();
const resting = [];
let restsAt; // the version of a session that is over

function rests({ given: [method, url] }) {
  return restsAt !== undefined && method.toUpperCase() === "GET" && answeredLists.has(String(url));
}

function sawList(xhr, { given: [, url] }) {
  if (xhr.status === 200 && WHOLE_LIST.test(url)) answeredLists.add(String(url));
}

// Updates the version from the session's report.
function restAs({ state, session, version }) {
  const over = state === "dead" || Boolean(session?.ended);
  const at = over ? version : undefined;
  if (at === restsAt) return;
  restsAt = at;
  answeredLists.clear();
  sendAll(resting.splice(0));
}
