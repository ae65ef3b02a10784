"""The generator against its own sink: how fast it is by itself, and whether it notices what it is there to notice."""
import bench_scenarios
from bench_generator import Crowd
from bench_targets import Processes, free_port, port_open

ONE = "--publishers 4 --subscribers 4 --topics 4 --payload 200 --inflight 500 --window 2000"


def with_sink(load, directory, sink_arguments, run):
    """What `run(port)` gives while a sink listens there."""
    port = free_port()
    processes = Processes(directory)
    try:
        processes.start("sink", [load, "--sink", "--port", str(port), *sink_arguments])
        processes.wait_until("the sink listening", lambda: port_open(port), 10)
        return run(port)
    finally:
        processes.stop()


def run_once(load, directory, sink_arguments, arguments):
    return with_sink(load, directory, sink_arguments,
                     lambda port: bench_scenarios.run_load(load, ["--port", str(port), *arguments], 60))


def run_storm(load, directory, sink_arguments, count):
    def run(port):
        with Crowd(load, ["--port", str(port), "--seconds", "30"], "--storm", count) as crowd:
            return crowd.lines(60)[0] | crowd.finish(10)[0]
    return with_sink(load, directory, sink_arguments, run)


def calibrate(load, directory):
    """Prints what generator, loopback and sink reach together: no broker's figure can be above it."""
    bench_scenarios.exists(load)
    cases = {"QoS 1, delivered": ONE + " --qos 1", "QoS 0, delivered": ONE + " --qos 0",
             "QoS 1, 4 KiB": ONE.replace("200", "4096", 1) + " --qos 1",
             "100 clients waiting": "--publishers 100 --subscribers 4 --topics 4 --payload 200 --inflight 1 --qos 1",
             "fan-out 1:100": "--publishers 1 --subscribers 100 --fanout --payload 200 --inflight 500 --window 2000 --qos 1"}
    for name, arguments in cases.items():
        result = run_once(load, directory, [], arguments.split() + ["--seconds", "3", "--warmup", "1"])
        print(f"{name:22} published {result['published_per_second']:>12,.0f}/s  delivered "
              f"{result['delivered_per_second']:>12,.0f}/s  generator {result['generator_cpu_share'] * 100:.0f} % of a core"
              f"  {'ok' if result['ok'] else 'NOT OK'}")
    result = run_once(load, directory, [], "--connects max --source-addresses 100 --seconds 3 --warmup 1".split())
    print(f"{'connects, 64 at a time':22} {result['connects_per_second']:>22,.0f}/s  generator "
          f"{result['generator_cpu_share'] * 100:.0f} % of a core  {'ok' if result['ok'] else 'NOT OK'}")
    return 0


def self_check(load, directory):
    """The sink loses, repeats or swaps one message in a thousand; each must be counted, and exactly so."""
    bench_scenarios.exists(load)
    base = "--publishers 2 --subscribers 2 --topics 2 --messages 10000 --warmup 0 --drain 1".split()
    expected = {"none": {"lost_qos1": 0, "repeated": 0, "out_of_order": 0, "ok": True},
                "drop": {"lost_qos1": 10, "repeated": 0, "out_of_order": 0, "ok": False},
                "repeat": {"lost_qos1": 0, "repeated": 10, "out_of_order": 0, "ok": False},
                "swap": {"lost_qos1": 0, "repeated": 0, "out_of_order": 10, "ok": False},
                "foreign": {"lost_qos1": 10, "unexpected": 10, "ok": False}}
    failed = 0
    for fault, counts in expected.items():
        failed += not judge(fault, run_once(load, directory, ["--sink-fault", fault], base), counts)
    connects = "--connects 500 --seconds 1 --warmup 0".split()
    failed += not judge("deny", run_once(load, directory, ["--sink-fault", "deny"], connects),
                        {"attempted": 500, "connected": 450, "failed": 50, "ok": False})
    # Of 100 clients ten are refused, of their second attempts one, and its third is let in.
    failed += not judge("deny", run_storm(load, directory, ["--sink-fault", "deny"], 100),
                        {"subscribed": 100, "attempts": 111, "failed": 11, "lost": 0, "ok": True})
    nobody = bench_scenarios.run_load(load, ["--port", str(free_port()), *connects], 60)
    failed += not judge("absent", nobody, {"connected": 0, "failed": 500, "ok": False})
    return 1 if failed else 0


def judge(fault, result, counts):
    wrong = {key: result[key] for key, value in counts.items() if result[key] != value}
    print(f"sink fault {fault:8} {'noticed as it should be' if not wrong else f'WRONG: {wrong}, expected {counts}'}")
    return not wrong
