#!/usr/bin/python3
"""Measures messaging's store over the link and the original's text API, beside Redis, RabbitMQ and NATS. See README.md."""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import bench_measure
import bench_stores
from bench_table import show
from bench_targets import BenchError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = ("redis", "rabbitmq", "nats")
WINDOWS = (1, 100, 1000)
SIZES = (128, 1024)
# Against each peer: least ratio of our rate to its rate, by window.
GOALS = {"redis": {100: 1.5, 1000: 3}, "rabbitmq": {100: 5, 1000: 10}, "nats": {100: 2, 1000: 3}}


def say(text):
    print(text, file=sys.stderr, flush=True)


def cases(given):
    """(name, mode, target, arguments) of one round, peers beside ours."""
    found = []
    sizes = given.size or SIZES
    if "publish" in given.only:
        for size in sizes:
            for window in WINDOWS:
                for target in ("link", *given.peer):
                    found.append((f"publish {size} B, window {window}", "publish", target,
                                  ["--payload", size, "--window", window]))
    if "roundtrip" in given.only:
        for target in ("link", *given.peer):
            found.append(("roundtrip 128 B, window 100", "roundtrip", target, ["--payload", 128, "--window", 100]))
    if "text" in given.only:
        for mode in ("publish", "roundtrip"):
            found.append((f"text {mode} 128 B, window 100", mode, "text", ["--payload", 128, "--window", 100]))
    if "topics" in given.only:
        for topics in (1, 10_000):
            found.append((f"publish 128 B, window 1000, {topics} topics", "publish", "link",
                          ["--payload", 128, "--window", 1000, "--topics", topics]))
    if "backlog" in given.only:
        for topics in (1, 10_000):
            found.append((f"backlog 256 B, {topics} topics", "backlog", "link",
                          ["--payload", 256, "--topics", topics, "--messages", given.backlog]))
    if "growth" in given.only:
        for topics in (1, 100, 10_000, 100_000):
            for subscriptions in (1, 10, 1000):
                found.append((f"growth {topics} topics, {subscriptions} subscriptions", "roundtrip", "link",
                              ["--payload", 128, "--window", max(1, 1000 // subscriptions), "--topics", topics,
                               "--subscriptions", subscriptions]))
    return found


def run_once(given, directory, number, case):
    name, mode, target, arguments = case
    store = bench_stores.make(target, os.path.join(directory, f"{target}-{number}"), given.bin, given.durability)
    try:
        store.start()
        command = [os.path.join(given.bin, "store-load"), mode, *store.load_arguments(mode), "--seconds", str(given.seconds),
                   "--warmup", str(given.warmup), *(str(word) for word in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=given.seconds + 900, check=False)
        if done.returncode != 0:
            raise BenchError(f"{name}, {target}: {done.stderr.strip()}")
        result = json.loads(done.stdout.splitlines()[-1])
        result["rss_kib"] = bench_measure.rss_kib(store.pid())
        result["server_cpu_seconds"] = bench_measure.cpu_seconds(store.pid())
        return result
    finally:
        store.stop()
        shutil.rmtree(os.path.join(store.directory, "data"), ignore_errors=True)


def rate_of(mode, run):
    return run.get("read_per_second") or run["delivered_per_second" if mode == "roundtrip" else "published_per_second"]


def summarise(results):
    rows = []
    for (name, mode, target), runs in results.items():
        rates = [rate_of(mode, run) for run in runs]
        latency = "deliver_ms" if mode != "publish" else "acknowledge_ms"
        rows.append({"case": name, "target": target, "rate": statistics.median(rates), "least": min(rates), "most": max(rates),
                     "p50_ms": statistics.median(run[latency]["p50"] for run in runs),
                     "p99_ms": statistics.median(run[latency]["p99"] for run in runs),
                     "rss_mib": statistics.median((run["rss_kib"] or 0) / 1024 for run in runs)})
    ours = {row["case"]: row["rate"] for row in rows if row["target"] == "link"}
    for row in rows:
        if row["target"] in GOALS and row["case"] in ours:
            row["ratio"] = ours[row["case"]] / row["rate"]
            if row["case"].startswith("publish"):
                row["goal"] = GOALS[row["target"]].get(int(row["case"].rsplit(" ", 1)[1]))
    return rows


def print_rows(rows):
    heads = ["case", "target", "msgs/s", "(min - max)", "p50 ms", "p99 ms", "RSS MiB", "ours is", "goal", "met"]
    lines = [heads]
    for row in rows:
        goal = row.get("goal")
        lines.append([row["case"], row["target"], show(row["rate"]), f"{show(row['least'])} - {show(row['most'])}",
                      f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}", f"{row['rss_mib']:.0f}",
                      f"{row['ratio']:.2f} x" if "ratio" in row else "", f">= {goal} x" if goal else "",
                      ("yes" if row["ratio"] >= goal else "NO") if goal else ""])
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    for line in lines:
        print("  ".join(cell.ljust(width) if i < 2 else cell.rjust(width)
                        for i, (cell, width) in enumerate(zip(line, widths))).rstrip())


def parse_arguments():
    groups = ["publish", "roundtrip", "text", "topics", "backlog", "growth"]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=groups, help="may be repeated (default: all but growth)")
    parser.add_argument("--peer", action="append", choices=PEERS, help="may be repeated (default: all)")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--size", action="append", type=int, help="payload bytes of `publish` (default 128 and 1024)")
    parser.add_argument("--runs", type=int, default=3, help="interleaved runs (default 3)")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--warmup", type=float, default=1)
    parser.add_argument("--backlog", type=int, default=2_000_000, help="messages of `backlog`")
    parser.add_argument("--durability", choices=["fsync", "os"], default="fsync")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    parser.add_argument("--json", default=os.path.join(ROOT, "build/bench/store.json"))
    given = parser.parse_args()
    given.only = given.only or groups[:-1]
    given.peer = [] if given.no_peers else given.peer or list(PEERS)
    return given


def main():
    given = parse_arguments()
    os.makedirs(os.path.join(ROOT, "build/bench"), exist_ok=True)
    directory = tempfile.mkdtemp(prefix="store-", dir=os.path.join(ROOT, "build/bench"))
    before = bench_measure.fdatasync_probe(directory)
    results, failures = {}, []
    number = 0
    try:
        for turn in range(given.runs):
            for case in cases(given):
                number += 1
                say(f"run {turn + 1}/{given.runs}: {case[0]}, {case[2]}")
                try:
                    results.setdefault((case[0], case[1], case[2]), []).append(run_once(given, directory, number, case))
                except BenchError as problem:
                    failures.append(str(problem))
                    say(f"  failed: {problem}")
    except KeyboardInterrupt:
        say("interrupted, everything was stopped")
    after = bench_measure.fdatasync_probe(directory)
    rows = summarise({key: runs for key, runs in results.items() if runs})
    with open(given.json, "w", encoding="utf-8") as out:
        json.dump({"taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "fdatasync": before,
                   "fdatasync_after": after, "durability": given.durability, "rows": rows, "failures": failures}, out, indent=1)
    print(f"{os.cpu_count()} cores, fdatasync p50 {before['p50_ms']:.3f} ms before and {after['p50_ms']:.3f} ms after on "
          f"{before['file_system']}, durability {given.durability}; medians of {given.runs} run(s) of {given.seconds:g} s\n")
    print_rows(rows)
    for failure in failures:
        print("FAILED " + failure)
    if not failures:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if failures or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
