// Holds Ray's requests while the session is being loaded.
//
// Several of Ray's pages do not recover from an error: some request only once, the list of log nodes crashes. Waiting
// requests would also fill the six connections of a browser. So a request is sent when the session is ready, and sent
// again if the server responds that the session is being loaded after all. Ray sees one slow request and no error.
const held = [];
const details = new WeakMap();
const plain = { open: XMLHttpRequest.prototype.open, send: XMLHttpRequest.prototype.send };
plain.header = XMLHttpRequest.prototype.setRequestHeader;
let holding = true;

XMLHttpRequest.prototype.open = function (...given) {
  if (!details.has(this)) {
    // Registered before Ray's listeners, so that a response can be withheld from them.
    for (const event of ["readystatechange", "load", "loadend"]) this.addEventListener(event, answered);
    this.addEventListener("error", missed);
  }
  details.set(this, { given, headers: [], page: location.hash });
  return plain.open.apply(this, given);
};

XMLHttpRequest.prototype.setRequestHeader = function (...header) {
  details.get(this)?.headers.push(header);
  return plain.header.apply(this, header);
};

XMLHttpRequest.prototype.send = function (body) {
  const request = details.get(this);
  if (!request) return plain.send.call(this, body);
  request.body = body;
  if (holding) held.push([this, request]);
  else if (rests(request)) resting.push([this, request]);
  else plain.send.call(this, body);
};

function answered(event) {
  if (this.readyState !== 4) return;
  const request = details.get(this);
  const loading = this.status === 503 && this.getResponseHeader("Retry-After") !== null && request.given[2] !== false;
  if (loading) {
    event.stopImmediatePropagation();
    if (event.type === "loadend") sendAgain(this, request);
  } else if (event.type === "loadend") {
    if ([502, 503, 504].includes(this.status)) missed(); // a proxy's, whose server is away
    sawHeaders(this);
    sawList(this, request);
    sawRows(this, request);
  }
}

function sendAgain(xhr, { given, headers, body }) {
  xhr.open(...given);
  for (const header of headers) xhr.setRequestHeader(...header);
  holding = true;
  xhr.send(body);
  sessionLeft();
}

function release() {
  holding = false;
  sendAll(held.splice(0));
}

function sendAll(requests) {
  for (const [xhr, request] of requests) {
    // Skips requests that were aborted or reused meanwhile.
    if (details.get(xhr) === request && xhr.readyState === 1) plain.send.call(xhr, request.body);
  }
}
