"""deploy/demo.sh as a user meets it: the check passes, it fails with a clear message when any program is not there, it
keeps running and brings a killed program back, Ctrl-C ends it, and the commands of the README do what they say.

    demo_test.py --bin build/release/bin
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = ("platform-sim", "mqtt-messaging", "mqtt-broker", "mqtt-mapper")
PORTS = {"MQTT_PORT": 2883, "MQTTS_PORT": 9883, "OPS_PORT": 8081, "MESSAGING_PORT": 8082, "MAPPER_PORT": 8083, "PLATFORM_PORT": 8111}
bin_directory = None


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def environment(patience_s=60):
    chosen = dict(zip(PORTS, free_ports(len(PORTS))))
    return {**os.environ, **{name: str(port) for name, port in chosen.items()}, "DEMO_PATIENCE_S": str(patience_s)}


def demo(*arguments, env, **options):
    return subprocess.Popen([str(ROOT / "deploy/demo.sh"), *arguments], env=env, stdin=subprocess.DEVNULL, text=True, **options)


def check(binaries, env=None):
    running = demo("--check", "--bin", str(binaries), env=env or environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = running.communicate(timeout=240)
    return running.returncode, said


class RunningDemo:
    """A demo that keeps running, its output in a file."""

    def __init__(self, directory):
        self.env = environment()
        self.data = pathlib.Path(directory) / "data"
        self.output = pathlib.Path(directory) / "output"
        with open(self.output, "w", encoding="utf-8") as out:
            self.process = demo("--bin", str(bin_directory), "--data", str(self.data), env=self.env, stdout=out, stderr=subprocess.STDOUT)

    def text(self):
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, what, condition, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"the demo ended with {self.process.returncode}:\n{self.text()}")
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not happen within {seconds} s:\n{self.text()}")
            time.sleep(0.02)

    def pid(self, program):
        try:
            return int((self.data / "run" / f"{program}.pid").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def stop(self, with_signal):
        self.process.send_signal(with_signal)
        began = time.monotonic()
        self.process.wait(timeout=15)
        return time.monotonic() - began

    def __enter__(self):
        self.wait_for("the last line", lambda: self.text().endswith("running; Ctrl-C stops\n"), 240)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def readme_commands():
    """The tour's commands: lines of the README's `sh` blocks below the heading of the tour."""
    tour = (ROOT / "README.md").read_text(encoding="utf-8").split("## Five minutes", 1)[1].split("\n## ", 1)[0]
    return [block.strip() for block in re.findall(r"```sh\n(.*?)```", tour, re.DOTALL)]


class Demo(unittest.TestCase):
    def test_1_check_sees_every_step_and_leaves_nothing_behind(self):
        env = environment()
        code, said = check(bin_directory, env)
        self.assertEqual(code, 0, said)
        for seen in ("measurement 20.5 C", "alarm       MAJOR battery_low", "event       c8y_LocationUpdate", "SUCCESSFUL", "all steps were seen"):
            self.assertIn(seen, said)
        for name in PORTS:
            with socket.socket() as probe:
                self.assertNotEqual(probe.connect_ex(("127.0.0.1", int(env[name]))), 0, f"{name} still answers")

    def test_2_check_fails_when_a_program_is_missing_or_does_not_run(self):
        for program in PROGRAMS:
            with self.subTest(program), tempfile.TemporaryDirectory() as directory:
                for other in PROGRAMS:
                    if other != program:
                        os.symlink(pathlib.Path(bin_directory) / other, pathlib.Path(directory) / other)
                code, said = check(directory)
                self.assertNotEqual(code, 0)
                self.assertIn(f"{program} is not there", said)
                broken = pathlib.Path(directory) / program
                broken.write_text("#!/bin/sh\necho broken on purpose\nexit 3\n", encoding="utf-8")
                broken.chmod(0o755)
                code, said = check(directory)
                self.assertNotEqual(code, 0)
                self.assertIn(f"{program} ended with code 3", said)
                self.assertIn("broken on purpose", said)

    def test_3_check_fails_when_a_program_hangs(self):
        for program in PROGRAMS:
            with self.subTest(program), tempfile.TemporaryDirectory() as directory:
                for other in PROGRAMS:
                    if other != program:
                        os.symlink(pathlib.Path(bin_directory) / other, pathlib.Path(directory) / other)
                broken = pathlib.Path(directory) / program
                broken.write_text("#!/bin/sh\nexec tail -f /dev/null\n", encoding="utf-8")
                broken.chmod(0o755)
                # Those before it need their time; it is given less.
                code, said = check(directory, environment(patience_s=12))
                self.assertNotEqual(code, 0)
                self.assertIn("FAILED", said)
                self.assertIn("was not ready", said)

    def test_4_a_port_in_use_is_named(self):
        env = environment()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", int(env["OPS_PORT"])))
            taken.listen()
            code, said = check(bin_directory, env)
        self.assertNotEqual(code, 0)
        self.assertIn(f"port {env['OPS_PORT']} is in use", said)
        self.assertIn("OPS_PORT", said)

    def test_5_keeps_running_restarts_and_stops(self):
        with tempfile.TemporaryDirectory() as directory, RunningDemo(directory) as running:
            for program in PROGRAMS:
                before = running.pid(program)
                os.kill(before, signal.SIGKILL)
                running.wait_for(f"{program} starting again", lambda: running.pid(program) not in (None, before), 1)
            pids = [running.pid(program) for program in PROGRAMS]
            self.assertLess(running.stop(signal.SIGINT), 10)
            self.assertEqual(running.process.returncode, 0)
            for pid in pids:
                self.assertFalse(is_alive(pid))
            self.assertTrue((running.data / "store").is_dir())

    def test_6_the_tour_of_the_readme(self):
        blocks = readme_commands()
        self.assertGreaterEqual(len(blocks), 4)
        with tempfile.TemporaryDirectory() as directory, RunningDemo(directory) as running:
            for block in blocks:
                for name, port in PORTS.items():
                    block = re.sub(rf"\b{port}\b", running.env[name], block)
                block = block.replace("/tmp/demo/", f"{running.data}/").replace("build/release/bin", str(bin_directory))
                with self.subTest(block):
                    done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, capture_output=True, text=True,
                                          timeout=60, check=False, stdin=subprocess.DEVNULL)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertLess(running.stop(signal.SIGTERM), 10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    known, left = parser.parse_known_args()
    bin_directory = pathlib.Path(known.bin).resolve()
    if not shutil.which("mosquitto_pub"):
        raise SystemExit("mosquitto-clients is not installed")
    unittest.main(argv=["demo_test.py", *left], verbosity=2)
