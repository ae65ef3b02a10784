#!/usr/bin/python3
"""Half an hour of steady load on messaging while topics, subscriptions and consumers come and go: is memory, the number of
files and the latency flat? A table, a plot (gnuplot) and JSON. See README.md."""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import bench_measure
import bench_stores
from bench_targets import TENANT, BenchError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIGURES = [("rss_mib", "RSS, MiB"), ("files", "files in the data directory"), ("p50_ms", "delivery p50, ms"),
           ("p99_ms", "delivery p99, ms"), ("rate", "deliveries/s")]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=50_000, help="messages per second (default 50,000)")
    parser.add_argument("--report", type=float, default=5, help="seconds between two samples")
    parser.add_argument("--churn", type=float, default=5, help="changes per second of a consumer or subscription and of a topic")
    parser.add_argument("--topics", type=int, default=200, help="topics in use at a time")
    parser.add_argument("--durability", choices=["fsync", "os"], default="fsync")
    parser.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
    parser.add_argument("--output", default=os.path.join(ROOT, "build/bench"), help="folder of soak.json and soak.png")
    return parser.parse_args()


def sample(line, before, store):
    seconds = line["seconds"] - (before["seconds"] if before else 0)
    delivered = line["delivered"] - (before["delivered"] if before else 0)
    return {"minute": line["seconds"] / 60, "rate": delivered / seconds if seconds > 0 else 0,
            "p50_ms": line["deliver_ms"]["p50"], "p99_ms": line["deliver_ms"]["p99"], "max_ms": line["deliver_ms"]["max"],
            "rss_mib": bench_measure.rss_kib(store.pid()) / 1024, "files": len(os.listdir(f"{store.directory}/data")),
            "behind": line["published"] - line["delivered"]}


def run(given, store):
    command = [os.path.join(given.bin, "store-soak"), "--port", str(store.port), "--secret-file",
               f"{store.directory}/link.secret", "--tenant", TENANT, "--rate", str(given.rate), "--seconds",
               str(given.minutes * 60), "--report", str(given.report), "--churn", str(given.churn), "--topics", str(given.topics)]
    samples, lines = [], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as load:
        try:
            for text in load.stdout:
                line = json.loads(text)
                if not line["last"]:
                    samples.append(sample(line, lines[-1] if lines else None, store))
                    if len(samples) % 12 == 0:
                        print(f"{samples[-1]['minute']:5.1f} min  {samples[-1]['rate']:,.0f}/s  p99 {samples[-1]['p99_ms']:.2f} ms  "
                              f"RSS {samples[-1]['rss_mib']:.0f} MiB  {samples[-1]['files']} files", file=sys.stderr, flush=True)
                lines.append(line)
            code = load.wait()
            if code != 0:
                raise BenchError(f"store-soak ended with code {code}: {load.stderr.read().strip()}")
        finally:
            if load.poll() is None:
                load.kill()
    store.processes.check()
    return samples, lines[-1]


def trend(samples, key):
    """Middle third against last third: (median, median, change in per cent)."""
    third = len(samples) // 3
    middle = statistics.median(one[key] for one in samples[third:2 * third])
    last = statistics.median(one[key] for one in samples[2 * third:])
    return middle, last, (last / middle - 1) * 100 if middle else 0.0


def plot(samples, given):
    data = os.path.join(given.output, "soak.dat")
    with open(data, "w", encoding="utf-8") as out:
        for one in samples:
            out.write(" ".join(str(one[key]) for key in ("minute", *(key for key, _ in FIGURES))) + "\n")
    picture = os.path.join(given.output, "soak.png")
    plots = "\n".join(f'set ylabel "{label}"\nset yrange [0:*]\nplot "{data}" using 1:{number} with lines notitle'
                      for number, (_, label) in enumerate(FIGURES, 2))
    script = (f'set terminal png size 1000,1400\nset output "{picture}"\nset multiplot layout {len(FIGURES)},1 '
              f'title "{given.rate:,} messages/s, {given.churn:g} changes/s, {given.durability}"\nset xlabel "minutes"\n{plots}\n')
    if shutil.which("gnuplot") is None:
        raise BenchError("gnuplot is not installed: apt-get install gnuplot-nox")
    subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return picture


def main():
    given = parse_arguments()
    os.makedirs(given.output, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    directory = tempfile.mkdtemp(prefix="soak-", dir=given.output)
    store = bench_stores.make("link", directory, given.bin, given.durability)
    try:
        before = bench_measure.fdatasync_probe(directory)
        store.start()
        samples, end = run(given, store)
        picture = plot(samples, given)
    except BenchError as problem:
        print(f"soak: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        store.stop()
        shutil.rmtree(directory, ignore_errors=True)
    rows = {key: trend(samples, key) for key, _ in FIGURES}
    with open(os.path.join(given.output, "soak.json"), "w", encoding="utf-8") as out:
        json.dump({"taken_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "fdatasync": before, "samples": samples,
                   "end": end, "thirds": rows}, out, indent=1)
    print(f"{given.minutes:g} min at {given.rate:,} msgs/s, {end['changes']:,} changes, durability {given.durability}, fdatasync p50 "
          f"{before['p50_ms']:.3f} ms; published {end['published']:,}, delivered {end['delivered']:,}, out of order or missing "
          f"{end['wrong']}; to others {end['churned_deliveries']:,}\n")
    for key, label in FIGURES:
        middle, last, change = rows[key]
        print(f"{label:<32} middle third {middle:12,.2f}   last third {last:12,.2f}   {change:+6.1f} %")
    print(f"\n{picture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
