#!/usr/bin/env python3
"""Rewrite a directory tree that holds a bucket in the KubeRay v1.7 layout into an older collector layout.

usage: relayout.py SRC_ROOT DST_ROOT --to v1.6|mid2026 [--gz] [--all-endpoints]

  SRC_ROOT  the storage root: the folder with cluster-metadata/ and cluster-history/ in it
  DST_ROOT  a new or empty folder (the old samples' root is the caller's: DST_ROOT=/tmp/bucket/log)
  --to v1.6     as the collector of tags v1.6.0-rc.0 .. v1.6.2 wrote
  --to mid2026  as master wrote from d79017873 (2026-05-29) to c4cb48469 (2026-06-18)
  --gz          with mid2026: as master wrote after that, from d916db072 (2026-06-18) until 2026-07-30
  --all-endpoints  keep every fetched endpoint, not only those that these releases' sample manifests stored
                v1.6                                    mid2026
  marker        metadir/{cluster}_{ns}/{session}        cluster-metadata/... as in v1.7
  node events   {cluster}_{ns}/{session}/node_events/{node}-{YYYY-MM-DD-HH}[.gz]           (both)
  job events    {cluster}_{ns}/{session}/job_events/{jobId, base64}/{node}-{hour}[.gz]     (both)
  logs          {cluster}_{ns}/{session}/logs/{node}/{relative path}                       (both)
  endpoints     {cluster}_{ns}/{session}/fetched_endpoints/{restful__...}                  (both)

As those collectors did it: one JSON array per file (sorted keys, no spaces, <>& escaped, whole numbers without
a fraction); the hour is the event's own timestamp (UTC), so one rotated v1.7 file can give two files; all
rotated files of one node, category and hour become one; the job directory is the payload's raw jobId put
through the old split at "-" and Go's path.Join (a job whose base64 starts with "/" loses that slash); an
owner's name is in no data key; a session without a marker stays without one.
Not done: directory-marker objects ("x/": no folder can hold them), the old collectors' loss of events (a later
flush replaced the file of the same hour), Go's spelling of floats below 1e-4.
Checked: event files are byte for byte what v1.6.2's own flush code makes of tests/fixtures/mixed.tar.gz.

Taken over as it is from the tools that recorded the bundled sessions; change it there.
"""
import argparse, collections, gzip, json, os, posixpath, re, shutil, sys

JOB_FIELDS = ("driverJobDefinitionEvent", "driverJobLifecycleEvent", "taskDefinitionEvent", "taskLifecycleEvent",
              "taskProfileEvents", "actorTaskDefinitionEvent", "actorDefinitionEvent")
NODE_TYPES = ("NODE_LIFECYCLE_EVENT", "NODE_DEFINITION_EVENT")
SAMPLE_ENDPOINTS = ("restful__timezone", "restful__api__v0__cluster_metadata",
                    "restful__api__v0__placement_groups?detail=1&limit=10000")
EVENT_FILE = re.compile(r"-\d{4}-\d{2}-\d{2}-\d{2}(?:-(\d+))?(?:\.jsonl)?(?:\.gz)?$")
COUNT = collections.Counter()


def warn(*words):
    COUNT["warnings"] += 1
    print("relayout:", *words, file=sys.stderr)


def number(text):
    value = float(text)                                            # as Go holds it and prints it again
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def go_json(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, "\\u%04x" % ord(char))
    return text.encode()


def read_events(path):
    data = open(path, "rb").read()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    if data.lstrip()[:1] == b"[":
        return json.loads(data, parse_float=number, parse_int=number)
    return [json.loads(line, parse_float=number, parse_int=number) for line in data.split(b"\n") if line.strip()]


def old_key(event):                                                # (directory, hour) it was filed under
    hour = "%s-%s" % (event["timestamp"][:10], event["timestamp"][11:13])
    if event.get("eventType") not in NODE_TYPES:
        for field in JOB_FIELDS:
            job = (event.get(field) or {}).get("jobId")
            if job:
                parts = ("%s-%s" % (job, hour)).split("-", 3)      # a "-" in the id would cut it, as it did then
                return "job_events/" + parts[0], "-".join(parts[1:])
    return "node_events", hour


def put(root, key, data=b"", source=None):
    target = os.path.join(root, posixpath.normpath(key))
    if os.path.exists(target):
        warn("overwrites", key)                                    # two owners, one cluster_ns: the last one wins
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if source:
        shutil.copyfile(source, target)
    else:
        open(target, "wb").write(data)


def walk(top):                                                     # (path, its parts below top) of every file
    for folder, subfolders, names in os.walk(top):
        subfolders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            yield path, os.path.relpath(path, top).split(os.sep)


def convert(src, dst, to, suffix, all_endpoints):
    for path, (kind, names, session) in walk(os.path.join(src, "cluster-metadata")):
        owner = names.split("_")                                   # ns, [owner,] cluster
        v16 = "metadir/%s_%s/%s" % (owner[-1], owner[0], session)
        put(dst, v16 if to == "v1.6" else "cluster-metadata/%s/%s/%s" % (kind, names, session))
        COUNT["markers"] += 1
    event_files = collections.defaultdict(list)                    # (flat session dir, node) -> paths
    for path, parts in walk(os.path.join(src, "cluster-history")):
        depth = 3 if parts[0] == "raycluster" else 4               # kind, ns, [owner,] cluster
        rest = parts[depth + 1:]
        base = "%s_%s/%s" % (parts[depth - 1], parts[1], parts[depth])
        if rest[0] == "fetched_endpoints" and (all_endpoints or rest[1] in SAMPLE_ENDPOINTS):
            put(dst, base + "/" + "/".join(rest), source=path)
            COUNT["endpoints"] += 1
        elif rest[0] == "fetched_endpoints":
            COUNT["endpoints left out"] += 1
        elif rest[1] == "logs":
            put(dst, "/".join([base, "logs", rest[0]] + rest[2:]), source=path)
            COUNT["logs"] += 1
        elif rest[1] in ("node_events", "job_events") and EVENT_FILE.search(rest[-1]):
            event_files[base, rest[0]].append(path)
        else:
            warn("no place for", path)
    for (base, node), paths in sorted(event_files.items()):
        groups = collections.defaultdict(list)
        for path in sorted(paths, key=lambda p: (int(EVENT_FILE.search(p).group(1) or 0), p)):
            for event in read_events(path):
                if isinstance(event.get("timestamp"), str) and isinstance(event.get("sessionName"), str):
                    groups[old_key(event)].append(event)
                else:
                    warn("an event that the old collector would have refused, in", path)
        for (folder, hour), events in sorted(groups.items()):
            data = b"[" + b",".join(map(go_json, events)) + b"]"
            put(dst, "%s/%s/%s-%s%s" % (base, folder, node, hour, suffix),
                gzip.compress(data, mtime=0) if suffix else data)
            COUNT["event files"] += 1
            COUNT["events"] += len(events)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("src"), p.add_argument("dst")
    p.add_argument("--to", choices=("v1.6", "mid2026"), required=True)
    p.add_argument("--gz", action="store_true"), p.add_argument("--all-endpoints", action="store_true")
    a = p.parse_args()
    if a.gz and a.to != "mid2026":
        p.error("--gz goes with --to mid2026 only: v1.6 never compressed")
    if not os.path.isdir(os.path.join(a.src, "cluster-history")):
        p.error("no cluster-history/ in " + a.src)
    if os.path.isdir(a.dst) and os.listdir(a.dst):
        p.error(a.dst + " is not empty")
    convert(a.src, a.dst, a.to, ".gz" if a.gz else "", a.all_endpoints)
    print(", ".join("%d %s" % (n, what) for what, n in sorted(COUNT.items())))


main()
