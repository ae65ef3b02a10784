"""The scenarios of broker.py: what is driven against the broker, which figures are read, which goals they have."""
import bench_measure
from bench_generator import Crowd, Generator
from bench_scenarios import LOADS, connection_arguments, run_idle, run_load, run_message_load
from bench_targets import BenchError

OFFERED = 2_000  # msgs/s of the established clients, the "victims"
VICTIMS = f"--publishers 4 --subscribers 4 --topics 4 --qos 1 --payload 200 --inflight 500 --rate {OFFERED}"
# A rate is offered a little higher than its goal, so that the edges of the measured time cannot miss it.
HEADROOM = 1.02
CONNECT_RATES = {"connects": 10_000, "connects_tls": 1_500}
PIPELINED = LOADS["pipelined"][1]
FANOUT = "--publishers 1 --subscribers 100 --fanout --qos 0 --payload 200 --window 2000"
CEILINGS = {"ceiling_qos1": (PIPELINED, 250_000), "ceiling_fanout": (FANOUT, 800_000)}

# Each bad neighbour: how many of it, and how it behaves. `deaf` gets 8 MiB/s that it does not read.
NEIGHBOURS = {"deaf": "--neighbour deaf --neighbours 1 --qos 1 --payload 4096 --rate 2000",
              "flood": "--neighbour flood --neighbours 1 --payload 200",
              "drip_connect": "--neighbour drip-connect --neighbours 50",
              "drip_publish": "--neighbour drip-publish --neighbours 50 --payload 200"}
CASES = {"quiet": [], **{name: [name] for name in NEIGHBOURS}, "all": list(NEIGHBOURS)}

# Two tenants: one that floods, and the victims above; with a limit of the first one's rate, and without any. `share`: both
# as fast as they can, beside `alone`: one of them so.
OTHER_TENANT = {"tenants_limited": "    limits: { publish_rate: 10000 }\n", "tenants_unlimited": "", "tenants_share": ""}
TENANTS = ["tenants_quiet", "tenants_limited", "tenants_unlimited", "tenants_alone", "tenants_share"]

GROUPS = {"idle": ["idle", "idle_tls"], "connects": ["connects", "connects_tls"], "storm": ["storm"],
          "neighbours": ["neighbours_" + case for case in CASES], "ceiling": list(CEILINGS),
          "tenants": TENANTS}
ONCE = ("idle", "idle_tls")
WITH_TLS = ("idle_tls", "connects_tls")
WITH_PEER = tuple(CEILINGS)

ESTABLISHED = [("established PUBACK p99 ms", "victims.puback_ms.p99", 20.0, "max"),
               ("established delivery p99 ms", "victims.delivery_ms.p99", 20.0, "max"),
               ("established lost", "victims.connections_lost", 0, "max")]


def figures(name):
    """(label, path in the result, goal, direction)."""
    if name in ONCE:
        return [("broker KiB per connection", "broker_kib", 16.0 if name == "idle_tls" else 5.0, "max"),
                ("connect s", "connect_seconds", None, None)]
    if name in CONNECT_RATES:
        return [("connects/s", "connects.connects_per_second", CONNECT_RATES[name], "min"),
                ("failed", "connects.failed", 0, "max"), ("connect p99 ms", "connects.connect_ms.p99", None, None),
                *ESTABLISHED, ("broker core used", "broker_share", None, None)]
    if name == "storm":
        return [("all in after s", "seconds", None, None), ("clients in", "share_in", 1.0, "min"),
                ("lost once in", "lost", 0, "max"), ("failed attempts", "failed", None, None),
                ("established lost", "victims.connections_lost", 0, "max"),
                ("established PUBACK p99 ms", "victims.puback_ms.p99", None, None)]
    if name in CEILINGS:
        word = "msgs/s" if name == "ceiling_qos1" else "deliveries/s"
        return [(word, "delivered_per_second", CEILINGS[name][1], "min"), ("delivery p99 ms", "delivery_ms.p99", None, None),
                ("broker core used", "broker_share", None, None), ("generator core used", "generator_cpu_share", None, None)]
    if name in ("tenants_alone", "tenants_share"):
        return [("delivered/s", "delivered_per_second", None, None),
                ("part of the fair share", "fair_share", None if name == "tenants_alone" else 0.5, "min"),
                ("delivery p99 ms", "delivery_ms.p99", None, None)]
    quiet = name.endswith("_quiet")
    if name == "tenants_unlimited":
        return [("share of the quiet throughput", "share_of_quiet", None, "min"),
                ("delivery p50 ms", "delivery_ms.p50", None, None), ("delivery p99 ms", "delivery_ms.p99", None, None),
                ("p99 over the quiet p99", "p99_of_quiet", None, None)]
    return [("share of the quiet throughput", "share_of_quiet", None if quiet else 0.95, "min"),
            ("delivery p50 ms", "delivery_ms.p50", None, None), ("delivery p99 ms", "delivery_ms.p99", 5.0, "max"),
            ("p99 over the quiet p99", "p99_of_quiet", None if quiet else 3.0, "max"),
            ("PUBACK p99 ms", "puback_ms.p99", None, None), ("connections lost", "connections_lost", 0, "max")]


def complete(results):
    """What can be said only when all runs are there: each figure against the medians of the quiet runs."""
    middle = lambda values: sorted(values)[len(values) // 2]
    for group in ("neighbours_", "tenants_"):
        quiet = results.get(group + "quiet", {}).get("service")
        if not quiet:
            continue
        throughput = middle([run["delivered_per_second"] for run in quiet])
        p99 = middle([run["delivery_ms"]["p99"] for run in quiet])
        for name, by_kind in results.items():
            for run in by_kind["service"] if name.startswith(group) else []:
                run["share_of_quiet"] = run["delivered_per_second"] / throughput
                run["p99_of_quiet"] = run["delivery_ms"]["p99"] / p99
    alone = results.get("tenants_alone", {}).get("service")
    if alone:
        fair = middle([run["delivered_per_second"] for run in alone]) / 2
        for run in results.get("tenants_share", {}).get("service", []):
            run["fair_share"] = run["delivered_per_second"] / fair


def broker_cpu(target):
    return bench_measure.cpu_seconds(target.processes.pids()["mqtt-broker"]) or 0.0


def victims(load, target, pins, seconds, warmup):
    arguments = [*connection_arguments(target), *VICTIMS.split(), "--topic-prefix", "victims", "--client-prefix", "victim",
                 "--seconds", str(seconds), "--warmup", str(warmup)]
    return Generator(load, arguments, pins.generator())


def run_connects(load, target, pins, name, rate, seconds):
    """Connects at a rate beside established clients; both are measured in the same time."""
    tls = name == "connects_tls"
    arguments = [*connection_arguments(target, "tls" if tls else "mqtt"), *(["--tls"] if tls else []), "--connects",
                 str(rate * HEADROOM), "--client-prefix", "come", "--seconds", str(seconds)]
    before = None
    with victims(load, target, pins, seconds, 2.0) as established:
        # The more of them, the later they get the core: what is measured is the broker, not the generator's neighbour.
        with Generator(load, [*arguments, "--warmup", "2"], pins.generator(nice=5)) as crowd:
            before = broker_cpu(target)
            connects = crowd.finish(seconds + 60)
            used = broker_cpu(target) - before
        result = established.finish(60)
    target.processes.check()
    return {"ok": connects["ok"] and result["ok"], "connects": connects, "victims": result,
            "broker_share": used / (seconds + 2.0)}


def wait_for_clients(target, count):
    def there():
        _, body = bench_measure.http_get(target.url("broker_ops") + "/metrics")
        return sum(float(line.split()[1]) for line in body.splitlines() if line.startswith("mqtt_clients{")) >= count
    target.processes.wait_until(f"{count} connected clients", there)


def run_storm(load, target, pins, count):
    arguments = [*connection_arguments(target), "--qos", "1", "--seconds", "120", "--connect-timeout", "30",
                 "--source-addresses", "100"]  # with one, most of the generator's time is the search for a free port
    with victims(load, target, pins, 600, 0) as established:
        wait_for_clients(target, 8)
        with Crowd(load, arguments, "--storm", count, pins) as crowd:
            arrived = crowd.lines(180)
            ended = crowd.finish(60)
        established.stop()
        result = established.finish(60)
    target.processes.check()
    inside = sum(one["subscribed"] for one in arrived)
    total = lambda key: sum(one[key] for one in arrived)
    return {"ok": result["ok"] and all(one["ok"] for one in ended), "victims": result, "storm": arrived, "ended": ended,
            "seconds": max(one["seconds"] for one in arrived), "share_in": inside / count, "failed": total("failed"),
            "lost": sum(one["closed_by_peer"] for one in ended)}


def run_neighbours(load, target, pins, case, seconds):
    started = []
    try:
        for name in CASES[case]:
            arguments = [*connection_arguments(target), *NEIGHBOURS[name].split(), "--client-prefix", name, "--topic-prefix", name]
            started.append((name, Generator(load, arguments, pins.generator(nice=19))))
        for _, one in started:
            one.line(30)
        with victims(load, target, pins, seconds, 2.0) as offered:
            result = offered.finish(seconds + 60)
        behaved = {}
        for name, one in started:
            one.let_go()
            behaved[name] = one.finish(30)
    finally:
        for _, one in started:
            one.__exit__()
    target.processes.check()
    return result | {"neighbours": behaved}


def run_tenants(load, target, pins, name, seconds, warmup):
    """The other tenant is not nice here: it is a customer as good as the victim."""
    other = ["--port", str(target.port["mqtt"]), *target.other_credentials(), "--topic-prefix", "other", "--client-prefix", "other"]
    if name in ("tenants_alone", "tenants_share"):
        arguments = [*connection_arguments(target), *PIPELINED.split(), "--topic-prefix", "one", "--client-prefix", "one",
                     "--warmup", str(warmup)]
        busy = [] if name == "tenants_alone" else [*other, *PIPELINED.split(), "--seconds", "600", "--warmup", "0"]
    else:
        arguments = [*connection_arguments(target), *VICTIMS.split(), "--topic-prefix", "victims", "--client-prefix", "victim",
                     "--warmup", str(warmup)]
        busy = [] if name == "tenants_quiet" else [*other, *PIPELINED.split(), "--seconds", "600", "--warmup", "0"]
    with Generator(load, busy or ["--help"], pins.generator()) as beside:
        if busy:
            wait_for_clients(target, 8)
        with Generator(load, [*arguments, "--seconds", str(seconds)], pins.generator()) as measured:
            result = measured.finish(seconds + 60)
        if busy:
            beside.stop()
            result["other"] = beside.finish(60)
    target.processes.check()
    return result


def run_ceiling(load, target, pins, name, seconds, warmup):
    result = run_message_load(load, target, name, seconds, warmup, CEILINGS[name][0], pins.generator())
    process = "mosquitto" if target.name == "mosquitto" else "mqtt-broker"
    return result | {"broker_share": result["cpu_seconds"][process] / result["wall_seconds"]}


def run(load, target, pins, name, given):
    """One run of one scenario against a target that was just started."""
    if name in ONCE:
        return run_idle(load, target, given.connections, name in WITH_TLS, pins)
    if target.name == "service":
        # Credentials are verified once, before anything is measured.
        run_load(load, [*connection_arguments(target), *"--messages 1 --warmup 0".split()], 60, pins.generator())
    if name in CONNECT_RATES:
        return run_connects(load, target, pins, name, CONNECT_RATES[name] * given.scale, given.seconds)
    if name == "storm":
        return run_storm(load, target, pins, given.connections)
    if name in CEILINGS:
        return run_ceiling(load, target, pins, name, given.seconds, given.warmup)
    if name in TENANTS:
        return run_tenants(load, target, pins, name, given.seconds, given.warmup)
    if name.startswith("neighbours_"):
        return run_neighbours(load, target, pins, name.removeprefix("neighbours_"), given.seconds)
    raise BenchError(f"there is no scenario {name}")
