"""Each rule for cumulocity.json has a case that breaks it, and what deploy/package.sh makes passes them all."""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "deploy"))
import check_manifest  # noqa: E402

GOOD = {
    "apiVersion": "v2", "name": "mqtt-mapper", "contextPath": "mqtt-mapper_1.0~", "version": "0.1.0-SNAPSHOT",
    "provider": {"name": "Somebody", "domain": "https://example.com", "support": "support@example.com"},
    "isolation": "MULTI_TENANT", "billingMode": "SUBSCRIPTION", "scale": "AUTO", "replicas": 2,
    "resources": {"cpu": "0.5", "memory": "512M"}, "requestedResources": {"cpu": "100m", "memory": "128Mi"},
    "requiredRoles": ["ROLE_INVENTORY_READ"], "roles": ["ROLE_X_ADMIN"],
    "livenessProbe": {"httpGet": {"path": "/health"}, "initialDelaySeconds": 60, "periodSeconds": 10},
    "readinessProbe": {"tcpSocket": {"port": 80}},
    "settingsCategory": "mqttmapper", "settings": [{"key": "a", "defaultValue": "b", "editable": True}],
    "extensions": [{"type": "x"}], "buildSpec": {"targetBuildArchitectures": ["linux/amd64"]},
}
GONE = object()
# (field path, bad value, words of the complaint)
BAD = [
    ("apiVersion", GONE, "required"), ("apiVersion", "vv2", "positive integer"), ("apiVersion", 2, "text"), ("apiVersion", "0", "positive"),
    ("name", "a" * 24, "1 to 23"), ("name", "Mapper", "a-z"), ("name", "", "1 to 23"), ("name", "mqtt_mapper", "a-z"),
    ("contextPath", "a/b", "made of"), ("contextPath", "", "made of"),
    ("version", GONE, "required"), ("version", "1.0", "semantic"), ("version", "1.0.0+build", "without +"), ("version", "01.0.0", "semantic"),
    ("provider", GONE, "required"), ("provider", {}, "required"), ("provider", " ", "somebody"), ("provider.name", 7, "required"),
    ("provider.phone", "1", "not known"), ("provider.domain", 1, "text"),
    ("isolation", "SHARED", "one of"), ("billingMode", "FREE", "one of"), ("scale", "MANUAL", "one of"),
    ("replicas", 0, "1 to 5"), ("replicas", 6, "1 to 5"), ("replicas", "2", "whole number"), ("replicas", True, "whole number"),
    ("resources.cpu", "0.05", "minimum"), ("resources.cpu", "50m", "minimum"), ("resources.memory", "9M", "minimum"),
    ("resources.memory", "512MB", "quantity"), ("resources.memory", "100m", "quantity"), ("resources.disk", "1G", "not known"),
    ("requestedResources.cpu", "2", "more than the limit"), ("requestedResources.memory", "1G", "more than the limit"),
    ("requestedResources.cpu", "x", "quantity"), ("resources", "1", "object"),
    ("requiredRoles", "ROLE_A", "list"), ("requiredRoles", ["INVENTORY"], "role"), ("roles", ["ROLE_A", "ROLE_A"], "twice"), ("roles", [1], "text"),
    ("livenessProbe", {}, "exactly one"), ("livenessProbe.exec", {"command": ["a"]}, "exactly one"),
    ("livenessProbe.httpGet.path", "health", "begin with /"), ("livenessProbe.httpGet.port", 0, "65535"), ("livenessProbe.httpGet.port", "80", "whole number"),
    ("livenessProbe.httpGet.scheme", "FTP", "HTTP"), ("livenessProbe.periodSeconds", 0, "at least"), ("livenessProbe.delay", 1, "not known"),
    ("readinessProbe.tcpSocket.path", "/", "not known"), ("readinessProbe", {"exec": {"command": []}}, "list of words"),
    ("settings", [{"key": "a"}], "required"), ("settings", [{"key": "a", "defaultValue": " "}], "blank"),
    ("settings", [{"key": "a", "defaultValue": "b", "editable": "yes"}], "true or false"),
    ("settings", [{"key": "a", "defaultValue": "b"}, {"key": "a", "defaultValue": "c"}], "twice"), ("settings", {}, "list"),
    ("settingsCategory", "mqtt-mapper", "made of"), ("extensions", [{}], "required"), ("extensions", {}, "list"),
    ("buildSpec.target", "x", "not known"), ("buildSpec.targetBuildArchitectures", "amd64", "list"),
    ("requestResources", {}, "not a field"),
]


def with_change(path, value):
    changed = copy.deepcopy(GOOD)
    *way, last = path.split(".")
    place = changed
    for part in way:
        place = place[part]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return changed


class Manifest(unittest.TestCase):
    def test_a_full_and_a_least_manifest_pass(self):
        self.assertEqual(check_manifest.complaints_of_text(json.dumps(GOOD)), [])
        self.assertEqual(check_manifest.complaints_of_text('{"apiVersion":"2","version":"1.2.3","provider":"x"}'), [])

    def test_every_rule(self):
        for path, value, words in BAD:
            with self.subTest(path=path, value=value if value is not GONE else "absent"):
                complaints = check_manifest.complaints_of_text(json.dumps(with_change(path, value)))
                self.assertTrue(complaints)
                self.assertIn(words, complaints[0])

    def test_text_that_is_no_manifest(self):
        for text in ("", "[]", "{", '{"apiVersion":"v2","apiVersion":"v2"}'):
            with self.subTest(text):
                self.assertTrue(check_manifest.complaints_of_text(text))

    def test_our_programs(self):
        for program in ("broker", "messaging", "mapper"):
            made = check_manifest.make(program)
            self.assertEqual(check_manifest.complaints_of_text(json.dumps(made)), [])
            self.assertEqual(made["name"], f"mqtt-{program}")
        self.assertEqual(check_manifest.make("mapper", "1.0.0")["version"], "1.0.0")


class Package(unittest.TestCase):
    def zip_of(self, directory, **files):
        path = pathlib.Path(directory) / "a.zip"
        with zipfile.ZipFile(path, "w") as package:
            for name, content in files.items():
                package.writestr(name, content)
        return path

    def test_package_script_makes_a_good_zip(self):
        with tempfile.TemporaryDirectory() as directory:
            image = pathlib.Path(directory) / "some.tar"
            image.write_bytes(b"\0" * 10240)
            for program in ("broker", "messaging", "mapper"):
                made = pathlib.Path(directory) / f"{program}.zip"
                done = subprocess.run([str(ROOT / "deploy/package.sh"), program, "--image", str(image), "--output", str(made)],
                                      capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(check_manifest.complaints_of_zip(made), [])
                with zipfile.ZipFile(made) as package:
                    self.assertEqual(package.read("image.tar"), image.read_bytes())

    def test_package_script_refuses(self):
        for arguments in ([], ["platform"], ["broker", "--image", "/nowhere.tar"], ["broker", "--version", "1+2", "--image", "/dev/null"]):
            with self.subTest(arguments):
                done = subprocess.run([str(ROOT / "deploy/package.sh"), *arguments], capture_output=True, text=True, timeout=60, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assertTrue(done.stderr)

    def test_bad_zips(self):
        manifest = json.dumps(GOOD)
        with tempfile.TemporaryDirectory() as directory:
            for files in ({"cumulocity.json": manifest}, {"cumulocity.json": manifest, "image.tar": "x", "README": "x"},
                          {"a/cumulocity.json": manifest, "a/image.tar": "x"}, {"cumulocity.json": "{}", "image.tar": "x"}):
                with self.subTest(sorted(files)):
                    self.assertTrue(check_manifest.complaints_of_zip(self.zip_of(directory, **files)))
        self.assertTrue(check_manifest.complaints_of_zip("/nowhere.zip"))


if __name__ == "__main__":
    unittest.main()
