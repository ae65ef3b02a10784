#!/usr/bin/python3
"""Measures the three programs end to end, and a mosquitto beside them, with mqtt-load. See README.md in this folder."""
import argparse
import json
import os
import resource
import shutil
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import bench_measure
import bench_scenarios
import bench_self
import bench_table
from bench_targets import BenchError, Mosquitto, Service

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=bench_scenarios.NAMES, help="run this scenario; may be repeated")
    parser.add_argument("--runs", type=int, default=3, help="runs of each scenario, interleaved (default 3)")
    parser.add_argument("--seconds", type=float, default=10, help="measured seconds of a run (default 10)")
    parser.add_argument("--warmup", type=float, default=2, help="seconds before it (default 2)")
    parser.add_argument("--quick", action="store_true", help="one run of 2 s after 0.5 s, 500 idle connections")
    parser.add_argument("--idle-connections", type=int, default=5000)
    parser.add_argument("--peer", choices=["mosquitto"], help="the same load against this broker too")
    parser.add_argument("--peer-only", action="store_true", help="with --peer: leave our programs out")
    parser.add_argument("--durability", choices=["fsync", "os"], default="fsync")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"), help="where the programs are")
    parser.add_argument("--load", help="path of mqtt-load (default: beside the programs)")
    parser.add_argument("--json", help="result file (default: build/bench/pipeline.json)")
    parser.add_argument("--require-floors", action="store_true", help="exit code 1 when a floor is missed")
    parser.add_argument("--calibrate", action="store_true", help="only measure the generator against its own sink")
    parser.add_argument("--self-check", action="store_true", help="only prove that loss, repeats and disorder are noticed")
    given = parser.parse_args()
    if given.peer_only and not given.peer:
        parser.error("--peer-only needs --peer")
    if given.quick:
        given.runs, given.seconds, given.warmup = 1, 2.0, 0.5
        given.idle_connections = min(given.idle_connections, 500)
    given.load = given.load or os.path.join(given.bin, "mqtt-load")
    return given


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, given, directory):
        self.given = given
        self.directory = directory
        self.results = {}
        self.failures = []
        self.started = 0

    def wanted(self):
        return [name for name in bench_scenarios.NAMES if not self.given.only or name in self.given.only]

    def make(self, kind, with_tls=False, with_mapper=False):
        self.started += 1
        directory = os.path.join(self.directory, f"{kind}-{self.started}")
        if kind == "mosquitto":
            return Mosquitto(directory)
        return Service(self.given.bin, directory, with_mapper=with_mapper, with_tls=with_tls,
                       durability=self.given.durability)

    def kinds(self, name):
        kinds = [] if self.given.peer_only else ["service"]
        if self.given.peer and name not in ("mapper", "idle_tls"):
            kinds.append(self.given.peer)
        return kinds

    def run_once(self, kind, name):
        """A fresh start for every run: no run inherits another's backlog, caches or memory."""
        target = self.make(kind, with_tls=name == "idle_tls", with_mapper=name == "mapper")
        load = self.given.load
        try:
            target.start()
            if name == "mapper":
                return bench_scenarios.run_mapper(load, target, self.given.seconds)
            if name.startswith("idle"):
                return bench_scenarios.run_idle(load, target, self.given.idle_connections, name == "idle_tls")
            return bench_scenarios.run_message_load(load, target, name, self.given.seconds, self.given.warmup)
        finally:
            target.stop()
            shutil.rmtree(os.path.join(target.directory, "data"), ignore_errors=True)

    def run_all(self):
        broken = set()
        for run in range(self.given.runs):
            for name in self.wanted():
                if run > 0 and name.startswith("idle"):
                    continue
                for kind in self.kinds(name):
                    if (kind, name) in broken:
                        continue
                    say(f"run {run + 1}/{self.given.runs}: {name}, {kind}")
                    try:
                        result = self.run_once(kind, name)
                    except BenchError as problem:
                        broken.add((kind, name))
                        self.failures.append(f"{name}, {kind}: {problem}")
                        say(f"  failed: {problem}")
                        continue
                    self.results.setdefault(name, {}).setdefault(kind, []).append(result)
                    if not result["ok"]:
                        self.failures.append(f"{name}, {kind}, run {run + 1}: {complaint(result)}")
                        say("  not right: " + complaint(result))


def complaint(result):
    """The counts that should be zero and are not."""
    bad = ("unacked", "lost_qos1", "repeated", "out_of_order", "unexpected", "connections_lost")
    found = [f"{key} {result[key]}" for key in bad if result.get(key)]
    if "expected" in result and result["measurements"] != result["expected"]:
        found.append(f"{result['measurements']} of {result['expected']} measurements arrived")
    return ", ".join(found) or "connections were closed by the peer or the publishing side failed"


def print_programs(results):
    """What each program cost, from the last run of each scenario."""
    print("\nprogram, last run of each scenario: CPU seconds per million deliveries, RSS, syncs/s")
    for name, by_kind in results.items():
        for kind, runs in by_kind.items():
            last = runs[-1]
            cpu = last.get("cpu_per_million_by_program", {})
            parts = [f"{program} {bench_table.show(cpu.get(program))} s, {rss / 1024:.0f} MiB"
                     for program, rss in last.get("rss_kib", {}).items() if rss]
            syncs = f"; {bench_table.show(last['syncs']['per_second'])} syncs/s" if "syncs" in last else ""
            print(f"  {name:10} {kind:10} {'; '.join(parts)}{syncs}")
    shares = [run["cores_used_by_others"] for by_kind in results.values() for runs in by_kind.values() for run in runs
              if "cores_used_by_others" in run]
    if shares and max(shares) > 0.1:
        print(f"\nthe machine was not quiet: other processes used up to {max(shares):.2f} cores during a run "
              f"(median {statistics.median(shares):.2f}); latencies and floors need a quiet machine")


def measure(given, directory):
    bench_scenarios.exists(given.load)
    probe = bench_measure.fdatasync_probe(directory)
    say(f"fdatasync of 4 KiB: p50 {probe['p50_ms']:.3f} ms, p99 {probe['p99_ms']:.3f} ms on {probe['file_system']}")
    bench = Bench(given, directory)
    bench.run_all()
    probe["p50_ms_after"] = bench_measure.fdatasync_probe(directory)["p50_ms"]
    rows = bench_table.summarise(bench.results, bench_scenarios.figures)
    report = {"taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(),
              "durability": given.durability, "seconds": given.seconds, "runs": given.runs, "fdatasync": probe,
              "figures": rows, "results": bench.results, "failures": bench.failures}
    path = given.json or os.path.join(ROOT, "build/bench/pipeline.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(report, out, indent=1)
    print(f"{os.cpu_count()} cores, fdatasync p50 {probe['p50_ms']:.3f} ms before and "
          f"{probe['p50_ms_after']:.3f} ms after on {probe['file_system']}, durability "
          f"{given.durability}; medians of {given.runs} run(s) of {given.seconds:g} s\n")
    bench_table.print_table(rows, given.peer)
    print_programs(bench.results)
    for failure in bench.failures:
        print("FAILED " + failure)
    print(f"\ndetails: {path}")
    missed = given.require_floors and any(bench_table.met(row) is False for row in rows)
    return 1 if bench.failures or missed or not bench.results else 0


def main():
    given = parse_arguments()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # A terminated bench unwinds like an interrupted one, so that everything it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    os.makedirs(os.path.join(ROOT, "build/bench"), exist_ok=True)
    directory = tempfile.mkdtemp(prefix="run-", dir=os.path.join(ROOT, "build/bench"))
    code = 1
    try:
        if given.calibrate:
            code = bench_self.calibrate(given.load, directory)
        elif given.self_check:
            code = bench_self.self_check(given.load, directory)
        else:
            code = measure(given, directory)
    except BenchError as problem:
        say(f"pipeline: {problem}")
        code = 2
    except KeyboardInterrupt:
        say("pipeline: interrupted, everything was stopped")
        code = 130
    finally:
        if code == 0:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            say(f"logs and configurations are kept in {directory}")
    return code


if __name__ == "__main__":
    sys.exit(main())
