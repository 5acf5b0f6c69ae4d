// What the report on a session says, in words.
const STATES = {
  live: ["Live", "This cluster is running. Shown is what its collectors have uploaded so far."],
  dead: ["Dead", "This cluster is gone. Shown is what was stored of it; times that never ended stop at its last event."],
  unknown: ["State unknown", "Nobody watches this cluster, so it may be running or gone. Shown is what was stored of it."],
};
const PHASES = { queued: "waiting for its turn", listing: "listing its files", finishing: "putting it together" };

const count = (n, one, many = `${one}s`) => `${n.toLocaleString()} ${n === 1 ? one : many}`;
const spaced = (name) => name.replace(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

// What is missing: pairs of a sentence and its examples.
function gaps({ report = {}, unreadUpdates, damagedLogFiles = [] }) {
  const found = [];
  const say = (sentence, examples = []) => found.push([sentence, examples]);
  const known = {
    unreadUpdates: (n) => `${count(n, "file")} new or to be read again could not be read: shown is what was read before`,
    unreadableFiles: (n) => `${count(n, "file")} could not be read, or not to the end`,
    damagedRecords: (n) => `${count(n, "stored event")} damaged and left out`,
    unknownEventTypes: (types) =>
      `Events of types that this version does not know: ${Object.entries(types).map(([type, n]) => `${type} (${n})`).join(", ")}`,
    unknownStates: (n) => `${count(n, "change")} to states that this version does not know`,
    attemptsWithoutDefinition: (n) => `${count(n, "task attempt")} without a definition, which Ray does not show`,
    nodesWithoutLogs: (nodes) => `No log file was stored of ${count(nodes.length, "node")}`,
    markerMissing: () => "The session has no marker: its head was killed, or the marker was removed",
  };
  for (const [field, value] of Object.entries({ unreadUpdates, ...report })) {
    const problems = value?.examples ? value.count : value;
    const empty = !problems || (typeof problems === "object" && Object.keys(problems).length === 0);
    if (empty) continue;
    const examples = (value.examples ?? []).map(({ file, position, problem }) =>
      `${file}${position ? `, record ${position}` : ""}: ${problem}`);
    if (known[field]) say(known[field](problems), field === "nodesWithoutLogs" ? value : examples);
    else if (value.examples) say(`${spaced(field)}: ${problems}`, examples);
  }
  if (damagedLogFiles.length) {
    say(`${count(damagedLogFiles.length, "log file")} with damaged lines`, damagedLogFiles.map(({ path, lines }) => `${path}: ${count(lines, "line")}`));
  }
  return found;
}

// What is no gap, but good to know.
function notes({ report = {} }) {
  const found = [];
  if (report.unfinishedAttempts) found.push(`${count(report.unfinishedAttempts, "task attempt")} had no end at the last event`);
  if (report.unfinishedJobs) found.push(`${count(report.unfinishedJobs, "driver job")} had no end at the last event`);
  if (report.foreignEvents) found.push(`${count(report.foreignEvents, "event")} of another session left out`);
  if (report.overwrittenHours) found.push("An old collector wrote this session: hours may have holes that nothing shows");
  return found;
}

function progressWords({ state, phase, filesDone = 0, filesTotal = 0, bytesDone = 0, bytesTotal = 0 } = {}) {
  if (phase !== "reading" || !filesTotal) return PHASES[phase ?? state] ?? "starting";
  return `${filesDone.toLocaleString()} of ${count(filesTotal, "file")}, ${megabytes(bytesDone)} of ${megabytes(bytesTotal)} MB`;
}

const exact = (at) => new RealDate(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });

function ago(at) {
  const seconds = (RealDate.now() - RealDate.parse(at)) / 1000;
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60]].find(([, size]) => seconds >= size) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(-Math.round(seconds / size), unit);
}
