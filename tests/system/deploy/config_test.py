"""deploy/config/*.yaml are the documentation of the defaults: with every line in force a program must say the same
settings as with an empty file, and every key must be there.

    config_test.py --bin build/release/bin
"""
import argparse
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
CONFIG = ROOT / "deploy/config"
bin_directory = None


def effective(program, file):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("C8Y_", "SERVER_PORT", "MQTT_"))}
    done = subprocess.run([str(bin_directory / program), "--config", str(file), "--check"], capture_output=True, text=True,
                          timeout=60, check=False, env=env)
    return done.returncode, done.stdout, done.stderr


def keys(tree, above=""):
    if not isinstance(tree, dict):
        return set()
    return {f"{above}{key}" for key, value in tree.items() if not isinstance(value, dict)}.union(
        *(keys(value, f"{above}{key}.") for key, value in tree.items()))


class Configuration(unittest.TestCase):
    # What a program cannot start without is in both files.
    NEEDED = {
        "messaging": "",
        "broker": "messaging: { secret_file: /var/lib/mqtt-service/link/secret }\n"
                  "listen: { tls: { certificate: /etc/mqtt-service/tls/server.pem, key: /etc/mqtt-service/tls/server.key } }\n",
        "mapper": "messaging: { secret_file: /var/lib/mqtt-service/link/secret }\n"
                  "platform: { tenants: [ { tenant: t0815, user: service_mqtt-mapper, password: secret } ] }\n",
    }
    # Paths of an installation instead of the working directory's.
    PLACES = re.compile(r"directory|file$|certificate$|\.key$|tenants")

    def program(self, name):
        with tempfile.TemporaryDirectory() as directory:
            least = pathlib.Path(directory) / "least.yaml"
            least.write_text(self.NEEDED[name] or "{}\n", encoding="utf-8")
            code, by_default, wrong = effective(f"mqtt-{name}", least)
            self.assertEqual(code, 0, wrong)
        code, documented, wrong = effective(f"mqtt-{name}", CONFIG / f"{name}.yaml")
        self.assertEqual(code, 0, wrong)
        by_default, documented = yaml.safe_load(by_default), yaml.safe_load(documented)
        written = keys(yaml.safe_load((CONFIG / f"{name}.yaml").read_text(encoding="utf-8")))
        for key in sorted(keys(by_default)):
            with self.subTest(key):
                self.assertIn(key, written, "not documented")
                if not self.PLACES.search(key):
                    self.assertEqual(at(documented, key), at(by_default, key), "the documented value is not the default")

    def test_messaging(self):
        self.program("messaging")

    def test_broker(self):
        self.program("broker")

    def test_the_plain_port_is_off_in_production(self):
        _, said, _ = effective("mqtt-broker", CONFIG / "broker.yaml")
        listen = yaml.safe_load(said)["listen"]
        self.assertFalse(listen["plain"]["enabled"])
        self.assertTrue(listen["tls"]["enabled"])

    def test_mapper(self):
        self.program("mapper")


def at(tree, path):
    for part in path.split("."):
        tree = tree[part]
    return tree


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True)
    known, left = parser.parse_known_args()
    bin_directory = pathlib.Path(known.bin).resolve()
    unittest.main(argv=["config_test.py", *left], verbosity=2)
