"""Every command of the README runs in a test: the tour in demo_test.py, the rest here or where COVERED says.

    readme_test.py --bin build/release/bin
"""
import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/system/support"))
from mqtt_client import Client, MqttError  # noqa: E402
from stack import Stack  # noqa: E402

bin_directory = None
# Command (as in the README) to the file that runs it; the name of the test here where there is no other file.
COVERED = {
    "deploy/demo.sh": "tests/system/deploy/demo_test.py",
    "deploy/demo.sh --data /tmp/demo/": "tests/system/deploy/demo_test.py",
    "tests/run.sh": ".ci/run",
    "mqtt-messaging ctl --help": "tests/system/notification2/ctl.py",
    "MQTT_PLAIN=true MQTT_TLS=false docker-compose -f deploy/compose.yaml --profile demo up --build": "tests/system/compose.sh",
    "deploy/package.sh broker|messaging|mapper": "tests/system/deploy/manifest_test.py",
    "kill -9": "tests/system/kill_test.py",
    "build/release/bin/mqtt-broker --config FILE --check": "test_check_of_each_documented_configuration",
    "build/release/bin/mqtt-broker trust add TENANT CA.pem": "tests/system/tls_login.py",
    "build/release/bin/mqtt-broker password": "test_a_hash_made_by_password_admits_its_user",
    "cmake --preset release -B build/broker -DPROGRAMS=broker -DWITH_TESTS=OFF": "test_each_program_builds_alone",
    "ninja -C build/broker": "test_each_program_builds_alone",
}
EXECUTABLES = ("deploy/", "tests/", "build/", "cmake ", "ninja ", "docker", "mqtt-", "mosquitto_", "curl ", "kill ", "sudo ", "apt", "MQTT_")


def commands():
    """What the README tells to type outside the tour's blocks: indented lines and inline code that begin with a program."""
    text = re.sub(r"```sh\n.*?```", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    found = [line.split("  #")[0].strip() for line in text.splitlines() if line.startswith("    ")]
    found += [code for code in re.findall(r"`([^`\n]+)`", text) if re.search(r"\.sh\b| ", code) or code == "mqtt-broker password"]
    return [one for one in found if one.startswith(EXECUTABLES) and not re.fullmatch(r"\S+\.(yaml|md)", one)]


class Readme(unittest.TestCase):
    def test_no_command_without_a_test(self):
        found = commands()
        self.assertGreaterEqual(len(found), 8)
        for command in found:
            with self.subTest(command):
                self.assertIn(command, COVERED)
                where = COVERED[command]
                self.assertTrue(hasattr(self, where) or (ROOT / where).is_file(), where)
        for command in COVERED:
            self.assertIn(command, found, "not in the README any more")

    def test_check_of_each_documented_configuration(self):
        for program in ("broker", "messaging", "mapper"):
            with self.subTest(program):
                done = subprocess.run([str(bin_directory / f"mqtt-{program}"), "--config", str(ROOT / f"deploy/config/{program}.yaml"), "--check"],
                                      capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(":", done.stdout)

    def test_a_hash_made_by_password_admits_its_user(self):
        program = str(bin_directory / "mqtt-broker")
        made = subprocess.run([program, "password"], input="pass phrase, with spaces\n", capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertEqual(subprocess.run([program, "password"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False).returncode, 2)
        with Stack(str(bin_directory)) as stack:
            stack._write("tenants.yaml", f'tenants:\n  t0815:\n    users:\n      hashed: {{ password: "{made.stdout.strip()}" }}\n')
            stack.start()
            Client(stack.mqtt_port, "hashed", user="t0815/hashed", password="pass phrase, with spaces").disconnect()
            with self.assertRaises(MqttError):
                Client(stack.mqtt_port, "hashed", user="t0815/hashed", password="pass phrase")

    def test_each_program_builds_alone(self):
        """All three are configured and their lists of work read; the README's one is built as well."""
        line = next(one for one in COVERED if one.startswith("cmake "))
        environment = {name: value for name, value in os.environ.items() if name not in ("CXXFLAGS", "LDFLAGS")}
        for program in ("messaging", "mapper", "broker"):
            with self.subTest(program), tempfile.TemporaryDirectory(dir=ROOT / "build") as directory:
                command = line.replace("build/broker", directory).replace("PROGRAMS=broker", f"PROGRAMS={program}")
                done = subprocess.run(shlex.split(command), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                steps = subprocess.run(["ninja", "-C", directory, "-n", "-v"], capture_output=True, text=True, timeout=60, check=True).stdout
                for other in {"messaging", "mapper", "broker"} - {program}:
                    self.assertNotIn(f"{ROOT}/{other}/", steps)
                if program == "broker":
                    built = subprocess.run(["ninja", "-C", directory], capture_output=True, text=True, timeout=900, check=False)
                    self.assertEqual(built.returncode, 0, built.stdout[-3000:])
                    self.assertTrue((pathlib.Path(directory) / "bin/mqtt-broker").exists())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    known, left = parser.parse_known_args()
    bin_directory = pathlib.Path(known.bin).resolve()
    if not shutil.which("ninja"):
        raise SystemExit("ninja is not installed")
    unittest.main(argv=["readme_test.py", *left], verbosity=2)
