#!/usr/bin/python3
"""Measures the broker by itself: idle memory, connects, a storm, bad neighbours, its ceiling. See README.md in this folder."""
import argparse
import glob
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import bench_broker
import bench_measure
import bench_scenarios
import bench_table
from bench_generator import Pins
from bench_targets import BenchError, Mosquitto, Service

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JEMALLOC = "/usr/lib/*/libjemalloc.so.2"
# One arena for one busy thread; what a burst left over goes back although nothing happens any more.
JEMALLOC_SETTINGS = "narenas:1,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=list(bench_broker.GROUPS), help="this group; may be repeated")
    parser.add_argument("--case", action="append", help="of the chosen groups this scenario; may be repeated")
    parser.add_argument("--runs", type=int, default=5, help="runs of each scenario, interleaved (default 5; idle: one)")
    parser.add_argument("--seconds", type=float, default=10, help="measured seconds of a run (default 10)")
    parser.add_argument("--warmup", type=float, default=2, help="seconds before it (default 2)")
    parser.add_argument("--connections", type=int, default=18_000, help="idle connections, and clients of the storm")
    parser.add_argument("--quick", action="store_true", help="one run of 2 s, 500 connections, a tenth of the connect rates")
    parser.add_argument("--jemalloc", action="store_true", help="the broker with Debian's libjemalloc2 (LD_PRELOAD)")
    parser.add_argument("--no-peer", action="store_true", help="ceiling without mosquitto beside it")
    parser.add_argument("--no-pin", action="store_true", help="do not give the broker a core of its own")
    parser.add_argument("--durability", choices=["fsync", "os"], default="os", help="default os: the disk is not measured")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"), help="where the programs are")
    parser.add_argument("--load", help="path of mqtt-load (default: beside the programs)")
    parser.add_argument("--json", help="result file (default: build/bench/broker.json)")
    parser.add_argument("--require-goals", action="store_true", help="exit code 1 when a goal is missed")
    given = parser.parse_args()
    given.scale = 1.0
    if given.quick:
        given.runs, given.seconds, given.warmup, given.scale = 1, 2.0, 0.5, 0.1
        given.connections = min(given.connections, 500)
    given.load = given.load or os.path.join(given.bin, "mqtt-load")
    return given


def say(text):
    print(text, file=sys.stderr, flush=True)


def allocator(given):
    if not given.jemalloc:
        return {}
    found = glob.glob(JEMALLOC)
    if not found:
        raise BenchError("libjemalloc.so.2 is not there: apt-get install libjemalloc2")
    return {"LD_PRELOAD": found[0], "MALLOC_CONF": os.environ.get("MALLOC_CONF", JEMALLOC_SETTINGS)}


class Bench:
    def __init__(self, given, directory):
        self.given = given
        self.directory = directory
        self.pins = Pins(not given.no_pin)
        self.environment = allocator(given)
        self.results = {}
        self.failures = []
        self.started = 0

    def wanted(self):
        names = [name for group in self.given.only or bench_broker.GROUPS for name in bench_broker.GROUPS[group]]
        unknown = set(self.given.case or []) - set(names)
        if unknown:
            raise BenchError(f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
        return [name for name in names if not self.given.case or name in self.given.case]

    def make(self, kind, name):
        self.started += 1
        directory = os.path.join(self.directory, f"{kind}-{self.started}")
        if kind == "mosquitto":
            return Mosquitto(directory, self.pins)
        # Room for the established clients beside the crowd; every other limit is the default.
        limits = f"limits: {{ connections: {self.given.connections + 500} }}\n"
        return Service(self.given.bin, directory, with_tls=name in bench_broker.WITH_TLS, durability=self.given.durability,
                       pins=self.pins, broker_environment=self.environment, broker_limits=limits,
                       other_tenant=bench_broker.OTHER_TENANT.get(name))

    def run_once(self, kind, name):
        target = self.make(kind, name)
        try:
            target.start()
            return bench_broker.run(self.given.load, target, self.pins, name, self.given)
        finally:
            target.stop()
            shutil.rmtree(os.path.join(target.directory, "data"), ignore_errors=True)

    def run_all(self):
        broken = set()
        for number in range(self.given.runs):
            for name in self.wanted():
                if number > 0 and name in bench_broker.ONCE:
                    continue
                peer = name in bench_broker.WITH_PEER and not self.given.no_peer
                for kind in ["service"] + (["mosquitto"] if peer else []):
                    if (kind, name) not in broken and not self.keep(number, kind, name):
                        broken.add((kind, name))

    def keep(self, number, kind, name):
        """One run into the results; False when there is no sense in another."""
        say(f"run {number + 1}/{self.given.runs}: {name}, {kind}")
        try:
            result = self.run_once(kind, name)
        except BenchError as problem:
            self.failures.append(f"{name}, {kind}: {problem}")
            say(f"  failed: {problem}")
            return False
        self.results.setdefault(name, {}).setdefault(kind, []).append(result)
        if not result["ok"]:
            self.failures.append(f"{name}, {kind}, run {number + 1}: {complaint(result)}")
            say("  not right: " + complaint(result))
        return True


def complaint(result):
    """What should be zero and is not, in the result and its parts."""
    bad = ("unacked", "lost_qos1", "repeated", "out_of_order", "unexpected", "connections_lost", "failed", "closed_by_peer")
    found = [f"{key} {result[key]}" for key in bad if result.get(key)]
    for part in ("connects", "victims"):
        found += [f"{part}: {key} {result[part][key]}" for key in bad if result.get(part, {}).get(key)]
    problems = [result.get("connects", {})] + result.get("storm", [])
    found += [f"{count} x {text}" for each in problems for text, count in each.get("problems", {}).items()]
    return ", ".join(found) or "the generator says so: see the details"


def measure(given, directory):
    bench_scenarios.exists(given.load)
    probe = bench_measure.fdatasync_probe(directory)
    say(f"fdatasync of 4 KiB: p50 {probe['p50_ms']:.3f} ms, p99 {probe['p99_ms']:.3f} ms on {probe['file_system']}")
    bench = Bench(given, directory)
    busy, begin = bench_measure.machine_busy_seconds(), time.monotonic()
    bench.run_all()
    busy = (bench_measure.machine_busy_seconds() - busy) / (time.monotonic() - begin)
    probe["p50_ms_after"] = bench_measure.fdatasync_probe(directory)["p50_ms"]
    bench_broker.complete(bench.results)
    rows = bench_table.summarise(bench.results, bench_broker.figures)
    path = given.json or os.path.join(ROOT, "build/bench/broker.json")
    report = {"taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "cores": os.cpu_count(),
              "pins": bench.pins.text(), "durability": given.durability, "jemalloc": given.jemalloc, "quick": given.quick,
              "seconds": given.seconds, "runs": given.runs, "connections": given.connections, "fdatasync": probe,
              "cores_busy": busy, "figures": [row | {"met": bench_table.met(row)} for row in rows],
              "results": bench.results, "failures": bench.failures}
    with open(path, "w", encoding="utf-8") as out:
        json.dump(report, out, indent=1)
    print(f"{os.cpu_count()} cores, {bench.pins.text()}; fdatasync p50 {probe['p50_ms']:.3f} ms before and "
          f"{probe['p50_ms_after']:.3f} ms after on {probe['file_system']}, durability {given.durability}, "
          f"{'jemalloc' if given.jemalloc else 'malloc of the C library'}; medians of {given.runs} run(s) of "
          f"{given.seconds:g} s, {given.connections:,} connections{', QUICK: goals are not for it' if given.quick else ''}\n")
    peer = "mosquitto" if any("mosquitto" in by_kind for by_kind in bench.results.values()) else None
    bench_table.print_table(rows, peer, "goal")
    for failure in bench.failures:
        print("FAILED " + failure)
    print(f"\ndetails: {path}")
    missed = given.require_goals and any(bench_table.met(row) is False for row in rows)
    return 1 if bench.failures or missed or not bench.results else 0


def main():
    given = parse_arguments()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # A terminated bench unwinds like an interrupted one, so that everything it started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    os.makedirs(os.path.join(ROOT, "build/bench"), exist_ok=True)
    directory = tempfile.mkdtemp(prefix="broker-", dir=os.path.join(ROOT, "build/bench"))
    code = 1
    try:
        code = measure(given, directory)
    except BenchError as problem:
        say(f"broker: {problem}")
        code = 2
    except KeyboardInterrupt:
        say("broker: interrupted, everything was stopped")
        code = 130
    finally:
        if code == 0:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            say(f"logs and configurations are kept in {directory}")
    return code


if __name__ == "__main__":
    sys.exit(main())
