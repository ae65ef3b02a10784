"""The scenarios: what mqtt-load is told, which figures are read, which floors they have to reach."""
import json
import os
import subprocess
import time

import bench_measure
from bench_generator import Crowd
from bench_targets import ADMIN, TENANT, BenchError

# (name, options of mqtt-load, figures as (label, path in its JSON, floor, "min" or "max"))
LOADS = {
    "pipelined": ("4 x 500 in flight, QoS 1",
                  "--publishers 4 --subscribers 4 --topics 4 --qos 1 --payload 200 --inflight 500 --window 2000",
                  [("delivered/s", "delivered_per_second", 150_000, "min"), ("delivery p50 ms", "delivery_ms.p50", None, None),
                   ("delivery p99 ms", "delivery_ms.p99", None, None)]),
    "waiting": ("100 clients, each waits for its PUBACK",
                "--publishers 100 --subscribers 4 --topics 4 --qos 1 --payload 200 --inflight 1",
                [("acked/s", "acked_per_second", 40_000, "min"), ("PUBACK p50 ms", "puback_ms.p50", None, None),
                 ("PUBACK p99 ms", "puback_ms.p99", None, None)]),
    "latency": ("5,000 msgs/s offered, QoS 1",
                "--publishers 4 --subscribers 4 --topics 4 --qos 1 --payload 200 --inflight 500 --rate 5000",
                [("delivery p50 ms", "delivery_ms.p50", 1.0, "max"), ("delivery p99 ms", "delivery_ms.p99", 5.0, "max"),
                 ("late send p99 ms", "send_lateness_ms.p99", None, None)]),
    "large": ("as pipelined, 4 KiB",
              "--publishers 4 --subscribers 4 --topics 4 --qos 1 --payload 4096 --inflight 500 --window 2000",
              [("delivered/s", "delivered_per_second", 37_000, "min"), ("delivery p99 ms", "delivery_ms.p99", None, None)]),
    "qos0": ("as pipelined, QoS 0",
             "--publishers 4 --subscribers 4 --topics 4 --qos 0 --payload 200 --window 2000",
             [("delivered/s", "delivered_per_second", 210_000, "min"), ("lost", "lost_qos0", None, None)]),
    "fanout": ("1 publisher, 100 subscribers, one topic, QoS 1",
               "--publishers 1 --subscribers 100 --fanout --qos 1 --payload 200 --inflight 500 --window 2000",
               [("delivered/s", "delivered_per_second", 500_000, "min"), ("delivery p99 ms", "delivery_ms.p99", None, None)]),
}
CPU_FIGURE = ("CPU s per million", "cpu_per_million", 10.0, "max")
MAPPER_FIGURES = [("measurements/s", "measurements_per_second", 25_000, "min")]
IDLE_FIGURES = {"idle": [("broker KiB per connection", "broker_kib", 6.0, "max")],
                "idle_tls": [("broker KiB per connection", "broker_kib", 20.0, "max")]}
NAMES = [*LOADS, "mapper", "idle", "idle_tls"]


def title(name):
    fixed = {"mapper": "MQTT -> mapper -> stand-in", "idle": "idle connections, one subscription each",
             "idle_tls": "idle TLS connections, one subscription each"}
    return fixed.get(name) or LOADS[name][0]


def figures(name):
    if name in LOADS:
        cpu = (CPU_FIGURE,) if name == "pipelined" else ((CPU_FIGURE[0], CPU_FIGURE[1], None, None),)
        return [*LOADS[name][2], *cpu]
    return MAPPER_FIGURES if name == "mapper" else IDLE_FIGURES[name]


def pick(result, path):
    """The value at a dotted path; None when it is not there."""
    for key in path.split("."):
        if not isinstance(result, dict) or result.get(key) is None:
            return None
        result = result[key]
    return result


def run_load(load, arguments, timeout, prefix=()):
    """One run of mqtt-load as its JSON, plus exit_code. Raises when it could not even start."""
    try:
        done = subprocess.run([*prefix, load, *arguments], capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise BenchError(f"mqtt-load was not done after {timeout:.0f} s: {' '.join(arguments)}") from None
    if done.returncode not in (0, 1) or not done.stdout.strip():
        raise BenchError(f"mqtt-load ended with code {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout) | {"exit_code": done.returncode}


class Usage:
    """CPU, syncs and memory of a target's processes around a run."""

    def __init__(self, target):
        self.target = target
        self.cpu = {name: bench_measure.cpu_seconds(pid) or 0.0 for name, pid in target.processes.pids().items()}
        self.syncs = target.syncs()
        self.busy = bench_measure.machine_busy_seconds()
        self.start = time.monotonic()

    def finish(self, generator_cpu):
        busy = bench_measure.machine_busy_seconds() - self.busy
        pids = self.target.processes.pids()
        seconds = time.monotonic() - self.start
        cpu = {name: (bench_measure.cpu_seconds(pid) or 0.0) - self.cpu[name] for name, pid in pids.items()}
        out = {"cpu_seconds": cpu, "rss_kib": {name: bench_measure.rss_kib(pid) for name, pid in pids.items()},
               "wall_seconds": seconds}
        # What neither target nor generator used: with more than a tenth of a core the figures are not the machine's best.
        out["cores_used_by_others"] = max(0.0, busy - sum(cpu.values()) - generator_cpu) / seconds
        after = self.target.syncs()
        if self.syncs and after and after[0] == self.syncs[0]:
            out["syncs"] = {"metric": after[0], "per_second": (after[1] - self.syncs[1]) / seconds}
        return out


def connection_arguments(target, port="mqtt"):
    return ["--port", str(target.port[port]), *target.credentials]


def run_message_load(load, target, name, seconds, warmup, options=None, prefix=()):
    arguments = connection_arguments(target) + (options or LOADS[name][1]).split()
    arguments += ["--seconds", str(seconds), "--warmup", str(warmup), "--topic-prefix", f"bench/{name}"]
    usage = Usage(target)
    result = run_load(load, arguments, seconds + warmup + 60, prefix)
    result |= usage.finish(result["generator_cpu_seconds"])
    target.processes.check()
    if result["delivered"]:
        per_million = 1e6 / result["delivered"]
        result["cpu_per_million_by_program"] = {key: value * per_million for key, value in result["cpu_seconds"].items()}
        result["cpu_per_million"] = sum(result["cpu_per_million_by_program"].values())
    return result


def wait_for_measurements(platform, wanted, seconds):
    """Polls the platform until it holds `wanted` measurements; [(time, count)] as seen."""
    seen = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        total = bench_measure.measurement_total(platform, f"{TENANT}/{ADMIN[0]}", ADMIN[1])
        if total is None:
            raise BenchError("the platform does not tell how many measurements it was given (/sim/stats)")
        seen.append((time.monotonic(), total))
        if total >= wanted:
            return seen
        time.sleep(0.1)
    return seen


def run_mapper(load, target, seconds):
    """A counted load; the rate is what the stand-in gained between the first and the last change of its total."""
    platform = target.url("platform")
    common = connection_arguments(target) + ("--publishers 8 --topics 8 --subscribers 0 --qos 1 --payload 200 --json "
                                             "--inflight 200 --warmup 0 --topic-prefix mapperbench").split()
    before = wait_for_measurements(platform, 0, 10)[-1][1]
    # First the devices are created; that is not what is measured.
    run_load(load, [*common, "--messages", "80"], 60)
    before += 80
    if wait_for_measurements(platform, before, 30)[-1][1] < before:
        raise BenchError("the first 80 measurements did not reach the platform within 30 s:\n"
                         + target.processes.log_tail("mqtt-mapper"))
    count = max(8_000, int(30_000 * min(seconds, 10)))
    usage = Usage(target)
    start = time.monotonic()
    with subprocess.Popen([load, *common, "--messages", str(count), "--drain", "60"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as generator:
        try:
            seen = [(start, before), *wait_for_measurements(platform, before + count, 60 + count / 5_000)]
            published, errors = generator.communicate(timeout=90)
        except BaseException:
            generator.kill()
            raise
    if generator.returncode not in (0, 1) or not published.strip():
        raise BenchError(f"mqtt-load ended with code {generator.returncode}: {errors.strip()}")
    arrived = seen[-1][1] - before
    out = {"ok": arrived == count and generator.returncode == 0, "measurements": arrived, "expected": count,
           "measurements_per_second": arrived / max(seen[-1][0] - start, 1e-9), "publish": json.loads(published)}
    return out | usage.finish(out["publish"]["generator_cpu_seconds"])


def settled(sample, seconds=30):
    """What `sample` gives when its sum has not moved by a hundredth for three seconds: allocators give back late."""
    seen = [sample()]
    while len(seen) < seconds:
        time.sleep(1.0)
        seen.append(sample())
        last = [sum(one.values()) for one in seen[-4:]]
        if len(last) == 4 and max(last) - min(last) <= 0.01 * max(last):
            break
    return seen[-1]


def run_idle(load, target, count, tls, pins=None):
    """Memory that `count` connections add to each program; the target must be freshly started."""
    main_process = "mosquitto" if target.name == "mosquitto" else "mqtt-broker"
    arguments = [*connection_arguments(target, "tls" if tls else "mqtt"), "--qos", "1"] + (["--tls"] if tls else [])
    rss = lambda: {name: bench_measure.rss_kib(pid) or 0 for name, pid in target.processes.pids().items()}
    # Ten first, so that what exists once per process is not counted per connection.
    before = {}
    for connections in (10, count):
        if connections == count:
            before = settled(rss)
        with Crowd(load, arguments, "--idle", connections, pins) as crowd:
            ready = crowd.lines(300)
            after = settled(rss)
            ended = crowd.finish(60)
    target.processes.check()
    added = {name: (after[name] - before[name]) / count for name in after}
    return {"ok": all(one["ok"] for one in ended), "connections": sum(one["subscribed"] for one in ready),
            "connect_seconds": max(one["seconds"] for one in ready), "kib_per_connection": added,
            "broker_kib": added[main_process], "rss_kib": after}


def exists(load):
    if not os.access(load, os.X_OK):
        raise BenchError(f"{load} does not exist: build it with\n  cmake --preset release && ninja -C build/release mqtt-load")
