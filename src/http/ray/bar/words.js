// Texts for the report on a session.
const STATES = {
  live: ["Live", "This cluster is running. The page shows the data uploaded so far."],
  dead: ["Dead", "This cluster is gone. The page shows its stored data; times without an end stop at its last event."],
  unknown: ["State unknown", "This cluster is not watched, so it may be running or gone. The page shows its stored data."],
};
// Evidence that a session is dead, if its cluster is not watched.
const ENDED = {
  marker: "Its head wrote its end marker.",
  "head-log": "Its head's log says that it was told to stop.",
  "newer-session": "Its cluster has a newer session.",
};
// Sentences for a state that the manifest of the head tells, because nothing watches the cluster.
const BY_MANIFEST = {
  live: "The collector of its head wrote its manifest within three minutes. The page shows the data uploaded so far.",
  dead: "The collector of its head closed its manifest. The page shows its stored data; times without an end stop at its last event.",
};
const KINDS = { rayjob: "RayJob", rayservice: "RayService" };
const SILENT = 10 * 60_000; // collectors store events every few minutes

// Returns the state as a word and as a sentence.
function stateWords(state, { ended, stateFrom } = {}, asOf) {
  const [word, sentence] = STATES[state] ?? STATES.unknown;
  if (stateFrom === "manifest" && BY_MANIFEST[state]) return [word, BY_MANIFEST[state]];
  if (state !== "unknown") return [word, sentence];
  if (ENDED[ended]) return ["Ended", `${ENDED[ended]} The page shows its stored data; times without an end stop at its last event.`];
  const silent = RealDate.now() - RealDate.parse(asOf ?? "");
  return [silent > SILENT ? `No event for ${ago(asOf, "always").replace(/^\D*(\d+\s+\S+).*$/, "$1")}` : word, sentence];
}

const PHASES = { queued: "waiting for its turn", listing: "listing its files", finishing: "putting it together" };

const count = (n, one, many = `${one}s`) => `${n.toLocaleString()} ${n === 1 ? one : many}`;
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

// Short texts for the most severe gap. Other codes are shown by name.
const TITLES = {
  "no-events": "No task data",
  "empty-event-files": "Empty event files",
  "unreadable-files": "Unread files",
  "damaged-events": "Damaged events",
  "task-events": "No task data",
  "task-definition-events": "Tasks without names",
  "actor-task-definition-events": "Actor tasks without names",
  "task-lifecycle-events": "Tasks without states",
  "task-profile-events": "No timeline",
  "driver-job-events": "Jobs not exported",
  "node-events": "Nodes not exported",
  "actor-events": "Actors not exported",
  "worker-events": "Workers from logs",
  "placement-groups": "No placement groups",
  "end-not-recorded": "End not recorded",
  "head-restarted": "Head restarted",
  "no-marker": "No marker",
  "dropped-events": "Events dropped by Ray",
  "lost-events": "Lost events",
  "quarantined-events": "Events set aside",
  "lost-logs": "Lost logs",
  "nodes-without-collector": "Nodes without a collector",
};

// Returns the gaps, most severe first: sentences with advice, and examples.
function gaps({ gaps: found = [], report = {}, unreadUpdates, damagedLogFiles = [] }) {
  const examples = {
    "unread-updates": places(unreadUpdates),
    "unreadable-files": places(report.unreadableFiles),
    "damaged-events": places(report.damagedRecords),
    "nodes-without-logs": report.nodesWithoutLogs,
    "damaged-logs": damagedLogFiles.map(({ path, lines }) => `${path}: ${count(lines, "line")}`),
  };
  return found.map(({ code, message, advice }) => [message, [advice, ...(examples[code] ?? [])].filter(Boolean)]);
}

// Returns the examples, followed by the number of items without an example.
function places({ count: all = 0, examples = [] } = {}) {
  const shown = examples.map(({ file, position, problem }) => `${file}${position ? `, record ${position}` : ""}: ${problem}`);
  return all > shown.length ? [...shown, shown.length ? `and ${(all - shown.length).toLocaleString()} more` : count(all, "problem")] : shown;
}

// Returns the button's text: the most severe gap and the number of gaps.
function summary({ gaps: found = [], completeness, completeTo, session }) {
  if (completeness === "complete") return "Complete";
  if (completeness === "complete-to") return `Complete to ${inZone(completeTo, session?.zone)}`;
  if (!found.length) return "No known gaps";
  const title = TITLES[found[0].code] ?? found[0].code?.replaceAll("-", " ");
  return `${title} \u00b7 ${count(found.length, "known gap")}`;
}

const OUTSIDE =
  "Outside of this are events that a process had not handed to Ray's agent when it was killed (up to a second), and events that overflowed in a worker.";

// Explains a session without gaps: what was proved, or why nothing can be.
function proofWords({ completeness, completeTo, session, proof }) {
  if (!proof) return ["Nothing is known to be missing. Collectors keep no list of the files they wrote, so completeness cannot be guaranteed.", []];
  const counted = `${count(proof.events, "event")} of ${count(proof.nodes, "node")}`;
  const to = completeTo && inZone(completeTo, session?.zone);
  if (completeness === "complete") {
    return [`All that Ray handed over is stored and was read: ${counted}. Ray's own counters, last read ${to}, and the manifests of its collectors agree. ${OUTSIDE}`, []];
  }
  if (completeness === "complete-to") {
    const limits = proof.limits.map(({ node, to, alive, seconds, logSeconds, systemLogSeconds }) => {
      const life = alive ? "is alive" : "did not end in order";
      const spans = [[seconds, "events"], [logSeconds, "users' logs"], [systemLogSeconds, "Ray's own logs"]]
        .filter(([span]) => span !== undefined).map(([span, of]) => `${count(span, "second")} of ${of}`);
      const most = seconds === undefined ? "Ray's counters were not read after that" : `up to ${spans.join(", ")} may be missing`;
      return `Node ${node} ${life}: stored to ${inZone(to, session?.zone)}; ${alive ? "more is stored soon" : most}`;
    });
    return [`All that Ray handed over until ${to} is stored. ${OUTSIDE}`, limits];
  }
  return ["Nothing is known to be missing, but completeness cannot be proved.", proof.doubts.map(({ node, message }) => `Node ${node}: ${message}`)];
}

// Returns notes that are not gaps.
function notes({ report = {}, gaps: found = [], state }) {
  const lines = [];
  const running = ran(report.runningAtEnd ?? {});
  // Without evidence of how it ended, the gap explains it.
  if (running && state !== "live" && !found.some(({ code }) => code === "end-not-recorded")) {
    const ended = state === "dead" || report.stopped;
    lines.push(ended ? `When its cluster ended, ${running} still running` : `At the last event, ${running} still running`);
  }
  const unknown = Object.keys(report.unknownFields ?? {});
  if (unknown.length) lines.push(`Fields of a later Ray that this version does not show: ${unknown.join(", ")}`);
  if (report.foreignEvents) lines.push(`${count(report.foreignEvents, "event")} of another session left out`);
  if (report.overwrittenHours) lines.push("An old collector wrote this session: hours may have gaps that cannot be detected");
  return lines;
}

// "1 job, 3 task attempts and 2 nodes were".
function ran({ submissions = 0, drivers = 0, attempts = 0, actors = 0, workers = 0, nodes = 0 }) {
  const counts = [[submissions + drivers, "job"], [attempts, "task attempt"], [actors, "actor"], [workers, "worker"], [nodes, "node"]];
  const words = counts.filter(([n]) => n).map(([n, one]) => count(n, one));
  if (!words.length) return "";
  const last = words.pop();
  const single = !words.length && last.startsWith("1 ");
  return `${words.length ? `${words.join(", ")} and ` : ""}${last} ${single ? "was" : "were"}`;
}

function progressWords({ state, phase, filesDone = 0, filesTotal = 0, bytesDone = 0, bytesTotal = 0 } = {}) {
  if (phase !== "reading" || !filesTotal) return PHASES[phase ?? state] ?? "starting";
  return `${filesDone.toLocaleString()} of ${count(filesTotal, "file")}, ${megabytes(bytesDone)} of ${megabytes(bytesTotal)} MB`;
}

const exact = (at) => new RealDate(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });

// Returns a time by the head's clock, and by the viewer's if that differs.
function inZone(at, zone) {
  const [, sign, hours, minutes] = zone?.match(/^([+-])(\d\d):(\d\d)$/) ?? [];
  if (!sign) return exact(at);
  const ahead = (sign === "-" ? -1 : 1) * (60 * hours + Number(minutes));
  const there = new RealDate(RealDate.parse(at) + ahead * 60_000);
  const words = `${there.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" })} UTC${zone}`;
  const here = new RealDate(at);
  return here.getTimezoneOffset() === -ahead ? words : `${words} \u00b7 ${here.toLocaleTimeString(undefined, { timeStyle: "long" })} here`;
}

function ago(at, numeric = "auto") {
  const seconds = (RealDate.now() - RealDate.parse(at)) / 1000;
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, size]) => seconds >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric }).format(-Math.round(seconds / size), unit);
}

// The persisted snapshot that the session was opened from, if any.
function snapshotWords(snapshot, zone) {
  if (!snapshot) return undefined;
  const late = snapshot.lateFiles === 1 ? "1 file came later and cannot be added" : `${snapshot.lateFiles} files came later and cannot be added`;
  const raw = { partly: "; a part of its raw data is not stored any more", gone: "; its raw data is not stored any more" }[snapshot.raw] ?? "";
  return `a snapshot of ${inZone(snapshot.writtenAt, zone)}${raw}${snapshot.lateFiles ? `: ${late}` : ""}`;
}
